"""The events of one running answer, and the list of all that are running."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any, TypeVar

from starlette.types import Receive

from websearch_agent.events import (
    AgentEvent,
    AnswerFailed,
    AnswerFinished,
)
from websearch_agent.server.problems import INTERNAL_MESSAGE

logger = logging.getLogger(__name__)

T = TypeVar("T")

# A service saves its answer before its last event; this is only for what it tidies up after.
CLOSING_GRACE_S = 2.0

INTERNAL_FAILURE = AnswerFailed(code="internal_error", message=INTERNAL_MESSAGE, retryable=True)
SHUTTING_DOWN = AnswerFailed(
    code="shutting_down",
    message="The server is shutting down. Ask again when it is back.",
    retryable=True,
)


class AnswerFeed:
    """Reads a service's events in a task of its own, so that one can wait for the next with a
    time limit. Whatever happens in the service, the last event is a finish or a failure."""

    def __init__(self, events: AsyncIterator[AgentEvent]) -> None:
        # Unbounded: an answer's events are a few thousand at most, and the model must not
        # be held up by a slow reader.
        self._queue: asyncio.Queue[AgentEvent] = asyncio.Queue()
        self._ended = False
        self._task = asyncio.create_task(self._read_events(events))

    async def next_event(self, *, timeout_s: float | None = None) -> AgentEvent | None:
        """The next event, or None after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._queue.get()
        except TimeoutError:
            return None

    def fail(self, failure: AnswerFailed) -> None:
        """Stop the work and end the feed with this failure, unless it has ended."""
        self._put(failure)
        self._task.cancel()

    async def aclose(self) -> None:
        """Stop the work and wait until the service has put its things away."""
        if self._ended:
            await asyncio.wait([self._task], timeout=CLOSING_GRACE_S)
        self._ended = True
        self._task.cancel()
        await asyncio.wait([self._task])

    def _put(self, event: AgentEvent) -> None:
        if not self._ended:
            self._ended = isinstance(event, AnswerFinished | AnswerFailed)
            self._queue.put_nowait(event)

    async def _read_events(self, events: AsyncIterator[AgentEvent]) -> None:
        try:
            async with aclosing(events):  # type: ignore[type-var]  # an async generator
                async for event in events:
                    self._put(event)
            if not self._ended:
                logger.error("The answer service ended without a last event")
        except Exception:
            # A door: the reader gets a public message, the log the traceback.
            logger.exception("The answer service raised")
        finally:
            self._put(INTERNAL_FAILURE)


class OpenAnswers:
    """All feeds that are being read, so that a shutdown can end them in order."""

    def __init__(self) -> None:
        self._feeds: set[AnswerFeed] = set()
        self._closing = False

    @contextmanager
    def track(self, feed: AnswerFeed) -> Iterator[None]:
        self._feeds.add(feed)
        if self._closing:
            feed.fail(SHUTTING_DOWN)
        try:
            yield
        finally:
            self._feeds.discard(feed)

    def end_all(self) -> None:
        """End every feed, and each that opens later, with `shutting_down`."""
        self._closing = True
        for feed in self._feeds:
            feed.fail(SHUTTING_DOWN)


async def run_until_disconnect(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """Run `work`; if the client leaves first, cancel it, wait for its end and return None."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_wait_for_disconnect(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return None
    finally:
        leaving.cancel()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait({working, leaving})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
