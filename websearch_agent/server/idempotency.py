"""Requests with an `Idempotency-Key`: one answer for each key, however often it is asked for."""

import asyncio
import hashlib
import json
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header
from starlette.types import Message

from websearch_agent.conversations import KeyedTurn
from websearch_agent.errors import (
    AgentError,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidRequest,
)
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFinished,
    AnswerStarted,
    SourcesSelected,
)
from websearch_agent.protocols import ConversationStore
from websearch_agent.server.event_log import EventLog
from websearch_agent.server.feed import AnswerFeed
from websearch_agent.server.live_answers import OnStarted
from websearch_agent.server.streaming import streamed_events
from websearch_agent.server.wire import JsonValue

logger = logging.getLogger(__name__)


_KEY = re.compile(r"[!-~]{1,255}")

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A name of your choice for this request, of 1 to 255 visible ASCII characters. "
        "Sent again within 24 hours with the same body, it gets the same answer: joined while it "
        "is written, replayed afterwards. The answer goes on if the client leaves. After an answer "
        "that failed or was stopped the key is free again: the same request is answered anew.",
        json_schema_extra={"pattern": r"^[!-~]{1,255}$"},
    ),
]

Begin = Callable[[OnStarted], Awaitable[EventLog]]
"""Starts the one answer, and awaits the given function once its turn is known."""


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """What makes two requests of an owner the same one."""

    owner_id: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class _OpenAnswer:
    body_hash: str
    log: "asyncio.Future[EventLog]"

    @property
    def has_ended(self) -> bool:
        return self.log.done() and self.log.result().ended


def keyed_request(owner_id: str, key: str, body: JsonValue) -> KeyedRequest:
    """Raises InvalidRequest for a key that is none. The order of the body's fields is no matter."""
    if not _KEY.fullmatch(key):
        raise InvalidRequest(
            "The header Idempotency-Key must hold 1 to 255 visible ASCII characters, without "
            "spaces; a UUID is a good one."
        )
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return KeyedRequest(owner_id, key, hashlib.sha256(canonical.encode()).hexdigest())


class KeyedAnswers:
    """The answers with a key that are being written now; those that ended are in the database."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], _OpenAnswer] = {}
        self._forgetting: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    async def answer_once(
        self, request: KeyedRequest, store: ConversationStore, begin: Begin, *, render: bool
    ) -> tuple[EventLog, bool]:
        """The events of the one answer for the key, and whether it had been asked for before.

        Raises IdempotencyKeyReused, IdempotencyKeyInUse, and what `begin` raises.
        """
        place = (request.owner_id, request.key)
        known = self._open.get(place)
        if known is not None and not known.has_ended:
            _check_body(known.body_hash, request)
            # Shielded: one who leaves must not cancel it for the others.
            return await asyncio.shield(known.log), True
        answer = _OpenAnswer(request.body_hash, asyncio.get_running_loop().create_future())
        # Before the first await, so that of two at once the second finds it.
        self._open[place] = answer
        try:
            log, replayed = await _find_or_begin(request, store, begin, render=render)
        except BaseException as error:
            del self._open[place]
            _fail(answer.log, error)
            raise
        answer.log.set_result(log)
        forgetting = asyncio.create_task(self._forget_at_end(place, answer, log))
        self._forgetting.add(forgetting)
        forgetting.add_done_callback(self._forgetting.discard)
        return log, replayed

    async def _forget_at_end(
        self, place: tuple[str, str], answer: _OpenAnswer, log: EventLog
    ) -> None:
        """Else the text of a deleted conversation would be kept here."""
        await log.last_event()
        if self._open.get(place) is answer:
            del self._open[place]


async def client_stays() -> Message:
    """For a request whose client may leave: its answer goes on, as its key finds it again."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def _find_or_begin(
    request: KeyedRequest, store: ConversationStore, begin: Begin, *, render: bool
) -> tuple[EventLog, bool]:
    kept = await store.find_key(request.key)
    if kept is None or kept.turn.status in ("failed", "stopped"):
        return await begin(_remember(request, store)), False
    _check_body(kept.body_hash, request)
    if kept.turn.status == "running":
        raise IdempotencyKeyInUse(
            "The answer of this Idempotency-Key is being written by another process. Send the "
            "same request again when it is done."
        )
    return await _replay(kept, render=render), True


def _remember(request: KeyedRequest, store: ConversationStore) -> OnStarted:
    async def remember(turn_id: str) -> None:
        try:
            await store.remember_key(request.key, body_hash=request.body_hash, turn_id=turn_id)
        except AgentError as error:  # the answer is worth more than its replay
            logger.warning("An idempotency key could not be stored: %s", error.message)

    return remember


def _check_body(body_hash: str, request: KeyedRequest) -> None:
    if body_hash != request.body_hash:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was sent with another body in the last 24 hours. Use a new key "
            "for a new request."
        )


def _fail(log: "asyncio.Future[EventLog]", error: BaseException) -> None:
    """Tell whoever waits for the same answer, if anybody does."""
    if isinstance(error, Exception):
        log.set_exception(error)
        log.exception()  # else asyncio complains where nobody waits
    else:
        log.cancel()


async def _replay(kept: KeyedTurn, *, render: bool) -> EventLog:
    """A stored answer as a short stream: its start, sources, text and end."""
    log = EventLog()
    feed = AnswerFeed(_events_of(kept))
    try:
        async with aclosing(streamed_events(feed, render=render)) as events:
            async for event in events:
                if event is not None:
                    log.add(event)
    finally:
        await feed.aclose()
    return log


async def _events_of(kept: KeyedTurn) -> AsyncGenerator[AgentEvent, None]:
    yield AnswerStarted(kept.conversation_id, kept.turn.id)
    answer = kept.turn.answer
    if answer is not None:
        yield SourcesSelected(answer.sources)
        yield AnswerDelta(answer.text)
        yield AnswerFinished(kept.conversation_id, answer)
