"""Answers that are written word by word as a test lets them, and their numbered events."""

import asyncio
import json
from collections.abc import AsyncIterator

from server.fake_service import FakeService, make_answer

from websearch_agent.events import AgentEvent, AnswerDelta
from websearch_agent.types import AnswerRequest

NumberedEvent = tuple[int, str, dict[str, object]]
"""Number, name and data."""


class Gate:
    """A script that says three words, each when it is let."""

    def __init__(self) -> None:
        self.words = asyncio.Semaphore(0)

    async def script(
        self, service: FakeService, request: AnswerRequest
    ) -> AsyncIterator[AgentEvent]:
        yield service.start(request)
        for word in ("One", " two", " three"):
            await self.words.acquire()
            yield AnswerDelta(word)
        yield service.finish(make_answer("One two three", sources=()))

    def let(self, count: int) -> None:
        for _ in range(count):
            self.words.release()


def parse_numbered(text: str) -> list[NumberedEvent]:
    events = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "event" in lines:
            events.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
    return events
