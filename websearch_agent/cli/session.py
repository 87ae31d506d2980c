"""`ask`: one question answered inside this process, without a server."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from typing import Protocol

from websearch_agent.cli.terminal import TerminalView, printable_json
from websearch_agent.config import Settings
from websearch_agent.errors import AgentError
from websearch_agent.events import (
    AgentEvent,
    AnswerFailed,
    AnswerFinished,
)
from websearch_agent.types import AnswerRequest
from websearch_agent.wiring import AgentService, build_service


class AnsweringService(Protocol):
    """What the terminal needs of the program: `wiring.AgentService`, or a fake."""

    def answer_question(self, request: AnswerRequest) -> AsyncGenerator[AgentEvent, None]: ...

    async def prepare(self) -> None: ...


ServiceOpener = Callable[[Settings], AbstractAsyncContextManager[AnsweringService]]


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[AgentService]:
    """The program without a server; closed at the end, whatever happens."""
    service = await build_service(settings)
    try:
        await service.refresh_builtin_collection()
        yield service
    finally:
        await service.aclose()


async def ask_once(
    settings: Settings, request: AnswerRequest, open_service: ServiceOpener, *, quiet: bool
) -> AnswerFinished | AnswerFailed:
    """Answer one question: the answer and its sources on stdout, all else on stderr."""
    async with open_service(settings) as service:
        return await TerminalView(quiet=quiet).show(service.answer_question(request))


async def ask_for_json(
    settings: Settings, request: AnswerRequest, open_service: ServiceOpener
) -> AnswerFinished | AnswerFailed:
    """Answer one question as one JSON object, whatever fails: a program reads it."""
    try:
        async with open_service(settings) as service:
            end = await last_event(service.answer_question(request))
    except AgentError as error:
        end = AnswerFailed(error.code, error.message, error.retryable)
    print_as_json(end)
    return end


def print_as_json(end: AnswerFinished | AnswerFailed) -> None:
    print(printable_json(_as_json(end)), flush=True)


async def last_event(events: AsyncGenerator[AgentEvent, None]) -> AnswerFinished | AnswerFailed:
    end: AgentEvent | None = None
    async for event in events:
        end = event
    if not isinstance(end, AnswerFinished | AnswerFailed):
        raise TypeError("the stream ended without an end")
    return end


def _as_json(end: AnswerFinished | AnswerFailed) -> dict[str, object]:
    if isinstance(end, AnswerFinished):
        return {"conversation_id": end.conversation_id, **asdict(end.answer)}
    return {"code": end.code, "message": end.message, "retryable": end.retryable}
