"""The events of one answer, numbered and kept, for any number of clients to follow."""

import asyncio
from collections.abc import AsyncGenerator

from websearch_agent.events import (
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerRestarted,
    CitationAdded,
    ModelWaiting,
    StatementVerified,
)
from websearch_agent.server.render import BlockChange
from websearch_agent.server.streaming import PING, PING_INTERVAL_S, StreamEvent, encode_event
from websearch_agent.server.wire import JsonObject, decode_server_sent_event

# What was said of a text that is dropped.
_OF_THE_TEXT = (AnswerDelta, CitationAdded, StatementVerified, BlockChange, AnswerRestarted)


class EventLog:
    """Events encoded with their numbers, from 1. Those that a later one makes needless are gone.

    These are: how a block looked before, how far the model was before it was ready, and all of a
    text that was dropped. Whoever reads on from any number still has everything that counts.
    Readers wait for the log and never the log for them.
    """

    def __init__(self, *, ping_interval_s: float = PING_INTERVAL_S) -> None:
        self.ended = False
        self.size_bytes = 0
        self._ping_interval_s = ping_interval_s
        self._last_number = 0
        self._encoded: dict[int, bytes] = {}
        # Numbers of the events that a later one can make needless, by what they are about.
        self._replaceable: dict[object, list[int]] = {}
        self._grown = asyncio.Event()

    def __len__(self) -> int:
        return len(self._encoded)

    def add(self, event: StreamEvent) -> None:
        """Nothing comes behind an AnswerFinished or AnswerFailed."""
        if self.ended:
            return
        self._drop_needless(event)
        self._last_number += 1
        encoded = b"id: %d\n%b" % (self._last_number, encode_event(event))
        self._encoded[self._last_number] = encoded
        self.size_bytes += len(encoded)
        self._note_replaceable(event)
        self.ended = isinstance(event, AnswerFinished | AnswerFailed)
        self._grown.set()
        self._grown = asyncio.Event()

    async def follow(self, after: int = 0) -> AsyncGenerator[bytes, None]:
        """What came behind the event of this number and what comes, with pings while it is silent.

        The last event always comes, even if `after` is its number: every stream ends with it.
        """
        while True:
            if self.ended:
                after = min(after, self._last_number - 1)
            number = self._next_number(after)
            if number is not None:
                yield self._encoded[number]
                after = number
                if self.ended and number == self._last_number:
                    return
            elif not await self._wait_for_more():
                yield PING

    async def last_event(self) -> tuple[str, JsonObject]:
        """Name and data of the event that ends the log, once it is there."""
        while not self.ended:
            await self._grown.wait()
        return decode_server_sent_event(self._encoded[self._last_number])

    def _next_number(self, after: int) -> int | None:
        numbers = range(after + 1, self._last_number + 1)
        return next((number for number in numbers if number in self._encoded), None)

    async def _wait_for_more(self) -> bool:
        """False after `ping_interval_s` of silence."""
        grown = self._grown
        try:
            async with asyncio.timeout(self._ping_interval_s):
                return await grown.wait()
        except TimeoutError:
            return False

    def _drop_needless(self, event: StreamEvent) -> None:
        if isinstance(event, AnswerRestarted):
            about = [key for key in self._replaceable if key is not ModelWaiting]
        else:
            about = [_kind(event)] if isinstance(event, BlockChange | ModelWaiting) else []
        for key in about:
            for number in self._replaceable.pop(key, ()):
                self.size_bytes -= len(self._encoded.pop(number))

    def _note_replaceable(self, event: StreamEvent) -> None:
        if isinstance(event, (*_OF_THE_TEXT, ModelWaiting)):
            self._replaceable.setdefault(_kind(event), []).append(self._last_number)


def _kind(event: StreamEvent) -> object:
    """What a later event of the same is about."""
    return event.index if isinstance(event, BlockChange) else type(event)
