"""An answer on its way in the fake service, and how it is stopped."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from websearch_agent.conversations import Turn
from websearch_agent.events import AgentEvent, AnswerDelta, AnswerRestarted, SourcesSelected
from websearch_agent.types import AnswerRequest, Source


@dataclass
class FakeAnswer:
    """An answer on its way; `turn` is there once it has begun."""

    request: AnswerRequest
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    turn: Turn | None = None
    conversation_id: str = ""
    text: str = ""
    sources: tuple[Source, ...] = ()

    def observe(self, event: AgentEvent) -> None:
        if isinstance(event, AnswerDelta):
            self.text += event.text
        elif isinstance(event, AnswerRestarted):
            self.text = ""
        elif isinstance(event, SourcesSelected):
            self.sources = event.sources


async def until_stopped(
    script: AsyncIterator[AgentEvent], stop: asyncio.Event
) -> AsyncIterator[AgentEvent]:
    """The script's events until `stop` is set, even while it waits for ever."""
    stopping = asyncio.create_task(stop.wait())
    reading: asyncio.Future[AgentEvent | None] | None = None
    try:
        while not stop.is_set():
            reading = asyncio.ensure_future(anext(script, None))
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set() or (event := reading.result()) is None:
                return
            yield event
    finally:
        stopping.cancel()
        if reading is not None:
            reading.cancel()
            await asyncio.wait({reading})
        await script.aclose()  # type: ignore[attr-defined]
