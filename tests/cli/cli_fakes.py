"""The command line with a scripted program behind it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from typer.testing import CliRunner, Result

from websearch_agent.cli.app import app
from websearch_agent.cli.session import ServiceOpener
from websearch_agent.config import Settings
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFinished,
    AnswerStarted,
)
from websearch_agent.types import Answer, AnswerRequest, Citation, Source

SOURCES = (
    Source(2, "https://b.example/two", "Second page", "b.example", ()),
    Source(1, "https://a.example/one", "First page", "a.example", (), date="2026-10-02"),
)
ANSWER = Answer(
    text="Quokkas live on Rottnest Island [1].",
    citations=(Citation(1, "https://a.example/one", "First page", 32, 35),),
    sources=SOURCES,
    search_queries=("quokka habitat",),
)


class ScriptedService:
    """Yields the same events for every question; keeps the requests."""

    def __init__(self, events: Sequence[AgentEvent]) -> None:
        self._events = events
        self.requests: list[AnswerRequest] = []
        self.closed = False

    async def answer_question(self, request: AnswerRequest) -> AsyncGenerator[AgentEvent, None]:
        self.requests.append(request)
        for event in self._events:
            yield event

    async def prepare(self) -> None: ...


def opener_of(service: ScriptedService) -> ServiceOpener:
    @asynccontextmanager
    async def open_fake(_settings: Settings) -> AsyncIterator[ScriptedService]:
        yield service
        service.closed = True

    return open_fake


def run_cli(
    *args: str, service: ScriptedService | None = None, stdin: str | bytes | None = None
) -> Result:
    """Run the command line; without a service it is the real program."""
    opener = opener_of(service) if service else None
    return CliRunner().invoke(app, args, obj=opener, input=stdin)


def answering(*events: AgentEvent, answer: Answer = ANSWER) -> ScriptedService:
    """A service that answers, with `events` before the text."""
    middle = len(answer.text) // 2
    return ScriptedService(
        [
            AnswerStarted("c1", "t1"),
            *events,
            AnswerDelta(answer.text[:middle]),
            AnswerDelta(answer.text[middle:]),
            AnswerFinished("c1", answer),
        ]
    )
