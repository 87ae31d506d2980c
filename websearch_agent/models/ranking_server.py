"""Asks a server that ranks texts, in the forms that are spoken: `/rerank` and `/embeddings`."""

import math
import re
from collections.abc import Awaitable, Callable, Sequence
from operator import mul
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from websearch_agent.errors import (
    ConfigError,
    ContextTooLong,
    InvalidModelOutput,
    ModelError,
    ModelRejectedRequest,
    ModelUnavailable,
)
from websearch_agent.models.http_errors import Asked, mask_secrets, refusal

CONNECT_TIMEOUT_S = 2.0
# text-embeddings-inference takes no more in one request, unless it is told to.
MAX_BATCH = 32
# Tried one after another: many of these models have a window of 512 tokens, some of 256, and a
# Chinese character is often one token.
MAX_TEXT_CHARS = (2000, 800, 400, 200)
MAX_QUERY_CHARS = 300
MAX_SAID_CHARS = 200

# llama-server's words when a text does not fit its physical batch (11434, status 500).
_TOO_LARGE = "is too large to process"
_WANTS_TEXTS = re.compile(r"missing field .?texts")

T = TypeVar("T")


class _Ranked(BaseModel):
    """One text's score: `score` in the form of text-embeddings-inference."""

    model_config = ConfigDict(frozen=True)

    index: int
    relevance_score: float | None = None
    score: float | None = None


class _RankedList(BaseModel):
    results: list[_Ranked]


class _Embedded(BaseModel):
    model_config = ConfigDict(frozen=True)

    index: int
    embedding: list[float] = Field(min_length=1)


class _EmbeddedList(BaseModel):
    data: list[_Embedded]


_RANKED: TypeAdapter[list[_Ranked] | _RankedList] = TypeAdapter(list[_Ranked] | _RankedList)


class RankingServer:
    """A server of one embedding model or reranker: vLLM, llama-server, a hosted one.

    Sends what it is given in batches, cut shorter where the model's window needs it. `asked`
    holds the base URL, usually ending in `/v1`, and the model, empty for whichever it serves.
    `http` is its own from now on: `close` closes it.
    """

    def __init__(self, asked: Asked, http: httpx.AsyncClient) -> None:
        """Raises ConfigError for an address or a key that cannot be one."""
        _check(asked)
        self.asked = asked
        self._wants_texts = False
        self._http = http
        self._headers = {"Authorization": f"Bearer {asked.key}"} if asked.key else {}

    async def close(self) -> None:
        await self._http.aclose()

    async def relevance(self, query: str, texts: Sequence[str]) -> list[float]:
        """What the model says of each text, higher is better; no scale. Raises ModelError."""

        async def ask(batch: list[str]) -> list[float]:
            if self._wants_texts:
                return await self._relevance_of_texts(query, batch)
            try:
                return await self._relevance_of_documents(query, batch)
            except ModelRejectedRequest as error:
                if not _WANTS_TEXTS.search(error.message):
                    raise
                self._wants_texts = True
                return await self._relevance_of_texts(query, batch)

        query = query[:MAX_QUERY_CHARS]
        return await _in_batches(texts, ask)

    async def embeddings(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector of length 1 for each text. Raises ModelError."""

        async def ask(batch: list[str]) -> list[list[float]]:
            reply = await self._post("/embeddings", {"input": batch})
            data = self._read(TypeAdapter(_EmbeddedList), reply).data
            vectors = self._in_order({item.index: item.embedding for item in data}, batch)
            return [self._normalised(vector) for vector in vectors]

        vectors = await _in_batches(texts, ask)
        if len({len(vector) for vector in vectors}) > 1:
            raise self._unusable("its vectors have different lengths")
        return vectors

    async def _relevance_of_documents(self, query: str, batch: list[str]) -> list[float]:
        body = {"query": query, "documents": batch, "top_n": len(batch)}
        return self._ranked(await self._post("/rerank", body), batch)

    async def _relevance_of_texts(self, query: str, batch: list[str]) -> list[float]:
        # text-embeddings-inference: its own field names, and a bare list in reply.
        body = {"query": query, "texts": batch, "truncate": True}
        return self._ranked(await self._post("/rerank", body), batch)

    def _ranked(self, reply: httpx.Response, batch: list[str]) -> list[float]:
        ranked = self._read(_RANKED, reply)
        items = ranked.results if isinstance(ranked, _RankedList) else ranked
        found = {
            item.index: score
            for item in items
            if (score := item.score if item.relevance_score is None else item.relevance_score)
            is not None
        }
        scores = self._in_order(found, batch)
        if not all(map(math.isfinite, scores)):
            raise self._unusable("a score is no number")
        return scores

    async def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        if self.asked.model:
            body = {"model": self.asked.model, **body}
        try:
            reply = await self._http.post(
                f"{self.asked.url}{path}",
                json=body,
                headers=self._headers,
                # How long all of it may take is the caller's to say.
                timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModelUnavailable(
                f"The ranking server at {self.asked.url} cannot be reached "
                f"({type(error).__name__}). Is it running? Check WEBSEARCH_RANKING_URL."
            ) from error
        if reply.status_code != 200:
            raise self._refused(reply)
        return reply

    def _refused(self, reply: httpx.Response) -> ModelError:
        status, body, url = reply.status_code, reply.text, self.asked.url
        printable = "".join(c if c.isprintable() else " " for c in body)
        said = mask_secrets(" ".join(printable.split()), self.asked.key)[:MAX_SAID_CHARS]
        known = refusal(status, body, self.asked, reply.headers)
        if isinstance(known, ContextTooLong) or _TOO_LARGE in body:
            return ContextTooLong(f"The ranking server at {url} finds the texts too long: {said}")
        if status in (401, 403):
            return ModelRejectedRequest(
                f"The ranking server at {url} refused the key ({status}). Check "
                "WEBSEARCH_RANKING_API_KEY."
            )
        if isinstance(known, ModelUnavailable):
            return ModelUnavailable(f"The ranking server at {url} failed ({status}: {said}).")
        return ModelRejectedRequest(
            f"The ranking server at {url} refused ({status}: {said}). Check WEBSEARCH_RANKING, "
            "WEBSEARCH_RANKING_URL (usually …/v1) and WEBSEARCH_RANKING_MODEL."
        )

    def _read(self, form: TypeAdapter[T], reply: httpx.Response) -> T:
        try:
            return form.validate_json(reply.content)
        except ValidationError as error:
            raise self._unusable("it is not of the expected form") from error

    def _in_order(self, found: dict[int, T], batch: list[str]) -> list[T]:
        """The items by their index: servers sort them as they like."""
        if found.keys() != set(range(len(batch))):
            raise self._unusable(f"it speaks of {len(found)} texts, not of the {len(batch)} sent")
        return [found[index] for index in range(len(batch))]

    def _normalised(self, vector: list[float]) -> list[float]:
        length = math.sqrt(sum(map(mul, vector, vector)))
        if not math.isfinite(length) or not length:
            raise self._unusable("a vector has no length")
        return [value / length for value in vector]

    def _unusable(self, why: str) -> InvalidModelOutput:
        return InvalidModelOutput(
            f"The reply of the ranking server at {self.asked.url} cannot be used: {why}. Check "
            "that WEBSEARCH_RANKING_URL leads to a server of this kind of model."
        )


def _check(asked: Asked) -> None:
    try:
        port = httpx.URL(asked.url).port or 0
    except httpx.InvalidURL as error:
        raise ConfigError(f"WEBSEARCH_RANKING_URL is not a usable address: {error}.") from error
    if port > 65535:  # ends in an OverflowError deep inside
        raise ConfigError(f"WEBSEARCH_RANKING_URL names port {port}; the highest is 65535.")
    if asked.key and not (asked.key.isascii() and asked.key.isprintable()):
        # A header cannot hold it, and the error of the HTTP library would show it.
        raise ConfigError(
            "WEBSEARCH_RANKING_API_KEY holds characters that no key has: paste it anew."
        )


async def _in_batches(
    texts: Sequence[str], ask: Callable[[list[str]], Awaitable[list[T]]]
) -> list[T]:
    """One batch after another: a server works through them one by one anyway."""
    found: list[T] = []
    for start in range(0, len(texts), MAX_BATCH):
        found += await _ask_shorter(texts[start : start + MAX_BATCH], ask)
    return found


async def _ask_shorter(
    texts: Sequence[str], ask: Callable[[list[str]], Awaitable[list[T]]]
) -> list[T]:
    """Each text as long as the model's window lets it be, which only refusals tell for sure."""
    *longer, shortest = MAX_TEXT_CHARS
    for max_chars in longer:
        try:
            return await ask([text[:max_chars] for text in texts])
        except ContextTooLong:
            continue
    return await ask([text[:shortest] for text in texts])
