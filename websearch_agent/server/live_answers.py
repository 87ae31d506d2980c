"""Answers that go on when their client leaves, and that any of their owner's clients can follow."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

from starlette.types import Receive

from websearch_agent.errors import AnswerNotFound
from websearch_agent.events import AnswerFailed, AnswerStarted
from websearch_agent.server.event_log import EventLog
from websearch_agent.server.feed import INTERNAL_FAILURE, SHUTTING_DOWN
from websearch_agent.server.open_answer import AnswerTurn
from websearch_agent.server.streaming import StreamEvent, streamed_events

logger = logging.getLogger(__name__)

# How long an answer can be followed after its end; then, at the next question, it is forgotten.
KEEP_S = 300.0
MAX_KEPT = 200
MAX_KEPT_BYTES = 32_000_000
# Storing takes milliseconds. Far above it, so that whoever deletes does not wait for ever.
STOPPING_S = 10.0

OnStarted = Callable[[str], Awaitable[None]]

STOPPED = AnswerFailed("stopped", "The answer was stopped before it began.", retryable=True)


@dataclass(eq=False, slots=True)
class LiveAnswer:
    """One answer in a task of its own. `turn_id` is known once it was stored as running.

    `stop_answer` is its owner's; `has_place` is settled when the waiting for a place has ended.
    """

    owner_id: str
    stop_answer: Callable[[str], bool]
    conversation_id: str | None
    has_place: "asyncio.Future[bool]"
    on_started: OnStarted | None = None
    log: EventLog = field(default_factory=EventLog)
    turn_id: str | None = None
    ended_at: float | None = None
    task: "asyncio.Task[None] | None" = None

    def stop(self) -> None:
        """Let it end with what was written; without a place, give the waiting up."""
        if self.log.ended or self.task is None:
            return
        if self.turn_id is None:
            if not self.has_place.done():
                message = "The question was withdrawn while it waited for its turn."
                self.has_place.set_exception(AnswerNotFound(message))
            self.log.add(STOPPED)
            self.task.cancel()
        else:
            # False: it is just being stored, and ends by itself.
            self.stop_answer(self.turn_id)


class LiveAnswers:
    """The resumable answers of all owners; those that ended are kept for some minutes."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_kept: int = MAX_KEPT,
        max_kept_bytes: int = MAX_KEPT_BYTES,
    ) -> None:
        self._clock = clock
        self._max_kept = max_kept
        self._max_kept_bytes = max_kept_bytes
        self._answers: dict[LiveAnswer, None] = {}
        self._by_turn: dict[tuple[str, str], LiveAnswer] = {}

    async def begin(
        self,
        turn: AnswerTurn,
        receive: Receive,
        *,
        owner_id: str,
        stop_answer: Callable[[str], bool],
        conversation_id: str | None = None,
        render: bool = False,
        on_started: OnStarted | None = None,
    ) -> EventLog | None:
        """The log of a new answer once it has its place; None if the client left before.

        `on_started` is awaited with its turn's id before anybody is told of it.

        Raises ServerBusy, TooManyRequests; AnswerNotFound if the owner stopped it meanwhile.
        """
        self._forget_old()
        has_place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        live = LiveAnswer(owner_id, stop_answer, conversation_id, has_place, on_started=on_started)
        self._answers[live] = None
        live.task = asyncio.create_task(self._run(live, turn, receive, render=render))
        try:
            return live.log if await has_place else None
        except asyncio.CancelledError:
            live.task.cancel()
            raise

    async def first_client(self, log: EventLog) -> AsyncGenerator[bytes, None]:
        """The log's events for whoever asked. Leaving before the answer has begun withdraws it:
        nobody knows yet under which id it could be followed or stopped."""
        try:
            async with aclosing(log.follow()) as events:
                async for event in events:
                    yield event
        finally:
            for live in self._answers:
                if live.log is log and live.turn_id is None:
                    live.stop()

    def find(self, owner_id: str, turn_id: str) -> EventLog:
        """Raises AnswerNotFound, also for what is somebody else's."""
        return self._find(owner_id, turn_id).log

    async def stop(self, owner_id: str, turn_id: str) -> None:
        """Returns when it is stored; nothing happens to one that has ended.

        Raises AnswerNotFound.
        """
        await _stop([self._find(owner_id, turn_id)])

    async def stop_all(self, owner_id: str, conversation_id: str | None = None) -> None:
        """Stop and forget the owner's answers, or those of one conversation; returns when they
        are stored."""
        chosen = [
            live
            for live in self._answers
            if live.owner_id == owner_id
            and (conversation_id is None or live.conversation_id == conversation_id)
        ]
        await _stop(chosen)
        for live in chosen:
            self._forget(live)

    async def aclose(self) -> None:
        """Wait until all are stored; `OpenAnswers.end_all` has ended them before."""
        for live in await _still_running(self._answers):
            live.log.add(SHUTTING_DOWN)
            await _cancel(live)
        self._answers.clear()
        self._by_turn.clear()

    async def _run(
        self, live: LiveAnswer, turn: AnswerTurn, receive: Receive, *, render: bool
    ) -> None:
        try:
            async with turn.open(receive) as feed:
                if not live.has_place.done():
                    live.has_place.set_result(feed is not None)
                if feed is not None:
                    async with aclosing(streamed_events(feed, render=render)) as events:
                        async for event in events:
                            if event is not None:
                                await self._note(live, event)
        except Exception as error:
            if live.has_place.done():
                logger.exception("A resumable answer broke off")
            else:  # No place: the client is told before its stream begins.
                live.has_place.set_exception(error)
        finally:
            live.log.add(INTERNAL_FAILURE)  # Does nothing behind a last event.
            live.ended_at = self._clock()
            if live.turn_id is None:
                self._forget(live)
            self._forget_old()

    async def _note(self, live: LiveAnswer, event: StreamEvent) -> None:
        if isinstance(event, AnswerStarted):
            live.turn_id, live.conversation_id = event.turn_id, event.conversation_id
            self._by_turn[live.owner_id, event.turn_id] = live
            if live.on_started is not None:
                await live.on_started(event.turn_id)
        live.log.add(event)

    def _find(self, owner_id: str, turn_id: str) -> LiveAnswer:
        self._forget_old()
        live = self._by_turn.get((owner_id, turn_id))
        if live is None:
            raise AnswerNotFound(
                "No answer of this id is being written or has just ended. What was stored is in "
                "its conversation."
            )
        return live

    def _forget_old(self) -> None:
        """Those that ended long ago, and the oldest ones where there are too many."""
        ended = [live for live in self._answers if live.ended_at is not None]
        ended.sort(key=lambda live: live.ended_at or 0.0)
        size_bytes = sum(live.log.size_bytes for live in ended)
        for position, live in enumerate(ended):
            is_old = self._clock() - (live.ended_at or 0.0) > KEEP_S
            too_many = len(ended) - position > self._max_kept
            if is_old or too_many or size_bytes > self._max_kept_bytes:
                size_bytes -= live.log.size_bytes
                self._forget(live)

    def _forget(self, live: LiveAnswer) -> None:
        self._answers.pop(live, None)
        if live.turn_id is not None:
            self._by_turn.pop((live.owner_id, live.turn_id), None)


async def _stop(answers: Iterable[LiveAnswer]) -> None:
    chosen = list(answers)
    for live in chosen:
        live.stop()
    for live in await _still_running(chosen):
        await _cancel(live)


async def _still_running(answers: Iterable[LiveAnswer]) -> list[LiveAnswer]:
    """Those whose task has not ended after `STOPPING_S`."""
    tasks = {live.task: live for live in answers if live.task is not None}
    if not tasks:
        return []
    _, pending = await asyncio.wait(tasks, timeout=STOPPING_S)
    return [tasks[task] for task in pending]


async def _cancel(live: LiveAnswer) -> None:
    if live.task is not None:
        live.task.cancel()
        await asyncio.wait([live.task])
