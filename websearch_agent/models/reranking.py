"""Texts scored for a question by a served model: a reranker, or embeddings."""

import asyncio
import logging
import math
import re
import time
from collections.abc import Callable, Sequence
from operator import mul

from websearch_agent.errors import ModelError, ModelUnavailable
from websearch_agent.models.ranking_server import RankingServer
from websearch_agent.protocols import Reranker

REST_S = 60.0

# (question, text) prefixes that a family was trained with and loses without, by the model's name.
_PREFIXES = (
    (
        re.compile(r"qwen3-embedding|e5-.*instruct|e5-mistral"),
        ("Instruct: Find the passages that answer the question\nQuery: ", ""),
    ),
    (re.compile(r"(?<![a-z])e5-"), ("query: ", "passage: ")),
    (re.compile(r"nomic-embed-text"), ("search_query: ", "search_document: ")),
)

_log = logging.getLogger(__name__)


class RerankServer:
    """A `Reranker` that asks a cross-encoder at `/rerank`."""

    weight = 1.0

    def __init__(self, server: RankingServer) -> None:
        self._server = server

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """0 to 1. Raises ModelError."""
        scores = await self._server.relevance(query, texts)
        if all(0 <= score <= 1 for score in scores):
            return scores
        # llama-server gives the model's raw output, others its sigmoid.
        return [1 / (1 + math.exp(-max(-50.0, min(50.0, score)))) for score in scores]

    async def close(self) -> None:
        await self._server.close()


class EmbeddingServer:
    """A `Reranker` that compares vectors of `/embeddings`: their cosine."""

    # nDCG@10 of 260 English news questions with all-MiniLM-L6-v2 (Nov 2026). On the pages that a
    # search engine gave for each: words alone 0.806, weight 0.3 0.817, 0.5 0.830, 0.7 0.836, cosine
    # alone 0.830, reciprocal ranks 0.837. In all 22,000 passages: 0.791; 0.797, 0.801, 0.793;
    # 0.744; 0.792. Half of each gains on the one; on the other its
    # gain is within chance, and recall@5 falls from 0.839 to 0.823.
    weight = 0.5

    def __init__(self, server: RankingServer) -> None:
        self._server = server
        self._prefixes = prefixes_for(server.asked.model)

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """-1 to 1. Raises ModelError."""
        before_query, before_text = self._prefixes
        asked = [before_query + query, *(before_text + text for text in texts)]
        question, *vectors = await self._server.embeddings(asked)
        return [sum(map(mul, question, vector)) for vector in vectors]

    async def close(self) -> None:
        await self._server.close()


class RestingReranker:
    """Leaves a server alone for a minute after it failed or took longer than `deadline_s`.

    Each answer would wait for it in vain otherwise. `clock` counts seconds, monotonic.
    """

    def __init__(
        self,
        inner: Reranker,
        *,
        deadline_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._deadline_s = deadline_s
        self._clock = clock
        self._rests_until = -math.inf
        self._failure: ModelError = ModelUnavailable("")

    @property
    def weight(self) -> float:
        return self._inner.weight

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """Raises ModelError, while it rests the last one again."""
        if self._clock() < self._rests_until:
            raise self._failure
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._inner.scores(query, texts)
        except TimeoutError as error:
            slow = ModelUnavailable(
                f"The ranking server took longer than {self._deadline_s:g} s for {len(texts)} "
                "passages (WEBSEARCH_RANKING_DEADLINE_S)."
            )
            self._rest(slow)
            raise slow from error
        except ModelError as error:
            self._rest(error)
            raise

    async def close(self) -> None:
        await self._inner.close()

    def _rest(self, failure: ModelError) -> None:
        self._failure = failure
        self._rests_until = self._clock() + REST_S
        _log.warning("Passages are ranked by words alone for %g s: %s", REST_S, failure.message)


def prefixes_for(model: str) -> tuple[str, str]:
    """What the model wants in front of a question and of a text; nothing for most."""
    for name, prefixes in _PREFIXES:
        if name.search(model.lower()):
            return prefixes
    return "", ""
