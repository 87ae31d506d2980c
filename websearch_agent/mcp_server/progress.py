"""Tells a client how far an answer is, in words for the person who waits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerRestarted,
    AnswerStarted,
    DecisionMade,
    ModelWaiting,
    PageFinished,
    SearchFinished,
    SourcesSelected,
)
from websearch_agent.model_calls import ModelStatus

# Clients give up after a minute without a sign (a common default); a model on a CPU may read its
# sources for longer.
BEAT_S = 10.0
WRITING_STEP_CHARS = 400
MAX_MESSAGE_CHARS = 300

Report = Callable[[float, float | None, str | None], Awaitable[None]]
"""Progress, its total (never known here), a message."""


class ProgressTeller:
    """Sends a message for each event that is worth one; the numbers only count them."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._count = 0
        self._last = ""
        self._written_chars = 0
        self._told_chars = 0

    async def observe(self, event: AgentEvent) -> None:
        message = self._writing(event) if isinstance(event, AnswerDelta) else message_of(event)
        if isinstance(event, AnswerRestarted):
            self._written_chars = self._told_chars = 0
        if message:
            await self._tell(message)

    async def repeat(self, every_s: float) -> None:
        """The last message again and again, so that nobody takes the silence for the end."""
        while True:
            await asyncio.sleep(every_s)
            if self._last:
                await self._tell(self._last)

    def _writing(self, delta: AnswerDelta) -> str | None:
        is_first = self._written_chars == 0
        self._written_chars += len(delta.text)
        if not is_first and self._written_chars < self._told_chars + WRITING_STEP_CHARS:
            return None
        self._told_chars = self._written_chars
        return "Writing the answer" if is_first else f"Writing: {self._written_chars} characters"

    async def _tell(self, message: str) -> None:
        # Queries and addresses may hold anything; it is a line for a person to read.
        self._last = " ".join(message.encode(errors="replace").decode().split())[:MAX_MESSAGE_CHARS]
        self._count += 1
        await self._report(self._count, None, self._last)


@asynccontextmanager
async def telling(report: Report, *, every_s: float) -> AsyncIterator[ProgressTeller]:
    teller = ProgressTeller(report)
    beating = asyncio.create_task(teller.repeat(every_s))
    try:
        yield teller
    finally:
        beating.cancel()
        await asyncio.wait([beating])


def message_of(event: AgentEvent) -> str | None:
    """None for what is not worth a message."""
    match event:
        case AnswerStarted():
            return "Deciding what to do"
        case ModelWaiting(status=status):
            return _waiting(status)
        case DecisionMade(search=True, queries=queries):
            return "Searching: " + " | ".join(queries)
        case DecisionMade():
            return "Answering without a search"
        case SearchFinished(result_count=count):
            return f"{count} results; reading pages"
        case PageFinished(url=url, failure=None):
            return f"Read {url}"
        case PageFinished(url=url):
            return f"Could not read {url}"
        case SourcesSelected(sources=sources):
            return f"Reading {len(sources)} sources for the answer"
        case AnswerRestarted():
            return "Starting the answer anew"
        case _:
            return None


def _waiting(status: ModelStatus) -> str:
    if status.state == "downloading" and status.total_bytes:
        done, total = status.done_bytes // 1_000_000, status.total_bytes // 1_000_000
        return f"The model is being downloaded: {done} of {total} MB"
    return "The model is ready" if status.state == "ready" else "The model is being loaded"
