"""One answer as server-sent events, with rendered HTML if the client wants it."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerRestarted,
    SourcesSelected,
    StatementVerified,
)
from websearch_agent.server.feed import AnswerFeed, run_until_disconnect
from websearch_agent.server.open_answer import AnswerTurn
from websearch_agent.server.render import BlockChange, IncrementalRenderer
from websearch_agent.server.wire import (
    JsonValue,
    encode_server_sent_event,
    event_name,
    event_to_json,
)
from websearch_agent.types import Statement

PING_INTERVAL_S = 15.0
# Smooth to the eye; a step of a long answer takes a millisecond (bench/rendering.py).
RENDER_INTERVAL_S = 1 / 20
# A table of 500 × 500 cells takes a second to render: never more than a fifth of the time.
PAUSE_PER_RENDER_S = 4.0
PING = b": still here\n\n"
# A reader who takes nothing for so long has left: he would keep a place for ever.
SEND_DEADLINE_S = 60.0

StreamEvent = AgentEvent | BlockChange
"""What a client is sent; a change of a rendered block goes out as `answer_html`."""


@dataclass
class HtmlUpdates:
    """Decides when the answer so far is rendered, and gives what changed.

    `clock` counts seconds, monotonic.
    """

    renderer: IncrementalRenderer = field(default_factory=IncrementalRenderer)
    clock: Callable[[], float] = time.monotonic
    _text: str = ""
    _dirty: bool = False
    _next_at: float = 0.0

    def observe(self, event: AgentEvent) -> None:
        if isinstance(event, AnswerDelta):
            self._text += event.text
            # "##" alone shows nothing: the pause after it would hold the first word back.
            self._dirty = self._dirty or any(map(str.isalnum, self._text))
        elif isinstance(event, SourcesSelected):
            self.renderer.sources = event.sources
            self._dirty = bool(self._text)
        elif isinstance(event, StatementVerified):
            self._add_statement(event.statement)
        elif isinstance(event, AnswerRestarted):
            self._text, self._dirty = "", False
            self.renderer.restart()
        elif isinstance(event, AnswerFinished):
            self._text, self._dirty = event.answer.text, True
            self.renderer.sources = event.answer.sources
            self.renderer.statements = event.answer.statements
        elif isinstance(event, AnswerFailed):
            self._next_at = 0.0

    def _add_statement(self, statement: Statement) -> None:
        """A later check of a statement takes the place of the earlier one."""
        others = (s for s in self.renderer.statements if s.start_index != statement.start_index)
        in_order = sorted((*others, statement), key=lambda one: one.start_index)
        self.renderer.statements = tuple(in_order)
        self._dirty = True

    def wait_s(self) -> float | None:
        """Seconds until the next rendering is allowed; None if nothing waits for one."""
        if not self._dirty:
            return None
        return max(0.0, self._next_at - self.clock())

    async def render(self) -> list[BlockChange]:
        """In a thread, for others wait for the event loop; the slower, the later the next."""
        self._dirty, began_at = False, self.clock()
        changes = await asyncio.to_thread(self.renderer.render_changes, self._text)
        ended_at = self.clock()
        pause_s = max(RENDER_INTERVAL_S, PAUSE_PER_RENDER_S * (ended_at - began_at))
        self._next_at = ended_at + pause_s
        return changes


async def streamed_events(
    feed: AnswerFeed, *, render: bool
) -> AsyncGenerator[StreamEvent | None, None]:
    """The feed's events, with the changes of the rendered answer between them if `render`.

    None each time that it was silent for `PING_INTERVAL_S`.
    """
    updates = HtmlUpdates() if render else None
    while True:
        wait_s = updates.wait_s() if updates else None
        event = await feed.next_event(timeout_s=PING_INTERVAL_S if wait_s is None else wait_s)
        if event is None and wait_s is None:
            yield None
        is_last = isinstance(event, AnswerFinished | AnswerFailed)
        if updates:
            if event is not None:
                updates.observe(event)
            if is_last or updates.wait_s() == 0.0:
                for change in await updates.render():
                    yield change
        if event is not None:
            yield event
        if is_last:
            return


def encode_event(event: StreamEvent) -> bytes:
    if isinstance(event, BlockChange):
        data: JsonValue = {"block": event.index, "html": event.html}
        return encode_server_sent_event("answer_html", data)
    return encode_server_sent_event(event_name(event), event_to_json(event))


async def _encode_all(feed: AnswerFeed, *, render: bool) -> AsyncGenerator[bytes, None]:
    async with aclosing(streamed_events(feed, render=render)) as events:
        async for event in events:
            yield PING if event is None else encode_event(event)


class EventStream(StreamingResponse):
    """Sends events until they end or the client leaves, which closes `events`."""

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncIterator[bytes] | None = None,
        *,
        send_deadline_s: float = SEND_DEADLINE_S,
    ) -> None:
        self.send_deadline_s = send_deadline_s
        # X-Accel-Buffering: nginx would otherwise keep events back.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events or (), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The client left between two sends, or takes nothing (TimeoutError is an OSError).
        with suppress(OSError):
            await run_until_disconnect(receive, self._send_all(send))

    async def _send_all(self, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self.send_deadline_s):
                await send(message)

        async with aclosing(self.body_iterator):  # type: ignore[type-var]
            await self.stream_response(send_in_time)


class AnswerStream(EventStream):
    """Waits for its turn and streams the answer; ends it, and with it the model, as soon as the
    client leaves."""

    def __init__(
        self, turn: AnswerTurn, *, render: bool, send_deadline_s: float = SEND_DEADLINE_S
    ) -> None:
        self.turn = turn
        self.render_html = render
        super().__init__(send_deadline_s=send_deadline_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self.turn.open(receive) as feed:
            if feed is not None:
                self.body_iterator = _encode_all(feed, render=self.render_html)
                await super().__call__(scope, receive, send)
