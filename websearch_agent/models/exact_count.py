"""Tokens as the served model's own tokenizer counts them, by the server's `/tokenize`."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import httpx

from websearch_agent.models.capabilities import TokenizeForm
from websearch_agent.models.http_errors import Asked
from websearch_agent.models.probe import Server, count_on_server

# One call a text: a prompt has few, the passages that might go into it many. Those are estimated,
# and the prompt that is made of them is counted.
MOST_TEXTS = 16
KEPT_COUNTS = 512
TIMEOUT_S = 2.0
REST_S = 60.0

_log = logging.getLogger(__name__)


class ExactCounter:
    """Asks the server, and keeps its last answers: a prompt is counted again and again while
    it is fitted into the window. After a failure the server is left alone for a minute.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._rests_until = 0.0

    async def count(
        self, http: httpx.AsyncClient, asked: Asked, form: TokenizeForm, texts: Sequence[str]
    ) -> list[int] | None:
        """Tokens of each text; None where there are too many texts, or the server cannot say."""
        if len(texts) > MOST_TEXTS or self._clock() < self._rests_until:
            return None
        unknown = [t for t in dict.fromkeys(texts) if t and (asked.model, t) not in self._counts]
        server = Server(http, asked)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                found = await asyncio.gather(*(count_on_server(server, form, t) for t in unknown))
        except TimeoutError:
            found = [None]
        if None in found:
            self._rests_until = self._clock() + REST_S
            _log.warning(
                "%s does not count tokens any more; they are estimated for %g s", asked.url, REST_S
            )
            return None
        for text, count in zip(unknown, found, strict=True):
            self._counts[asked.model, text] = count or 0
        counts = [self._known(asked.model, text) for text in texts]
        while len(self._counts) > KEPT_COUNTS:
            self._counts.popitem(last=False)
        return counts

    def _known(self, model: str, text: str) -> int:
        if not text:
            return 0
        self._counts.move_to_end((model, text))
        return self._counts[model, text]
