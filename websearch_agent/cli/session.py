"""`ask` and `chat`: questions answered inside this process, without a server."""

import asyncio
import signal
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, replace
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

PROMPT = "\n> "


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
    load: Callable[[], Settings], request: AnswerRequest, open_service: ServiceOpener
) -> AnswerFinished | AnswerFailed:
    """Answer one question as one JSON object, whatever fails: a program reads it."""
    try:
        async with open_service(load()) as service:
            end = await last_event(service.answer_question(request))
    except AgentError as error:
        end = AnswerFailed(error.code, error.message, error.retryable)
    print(printable_json(_as_json(end)), flush=True)
    return end


async def chat_session(
    settings: Settings, request: AnswerRequest, open_service: ServiceOpener
) -> None:
    """Ask again and again in one conversation, until Ctrl-D or /exit."""
    view = TerminalView()
    try:
        async with open_service(settings) as service:
            loading = asyncio.create_task(_quietly_prepare(service))
            print("Ask anything. Ctrl-C stops an answer; Ctrl-D or /exit ends the chat.")
            while (question := await _read_line()) is not None:
                if question.startswith("/"):
                    print("The only command is /exit; anything else is a question.")
                elif question.strip():
                    await _answer_or_stop(service, replace(request, question=question), view)
                known_id = view.conversation_id or request.conversation_id
                request = replace(request, conversation_id=known_id)
            loading.cancel()
    finally:
        if view.conversation_id:
            print(f"\nTo go on later: websearch-agent chat --conversation {view.conversation_id}")


async def _answer_or_stop(
    service: AnsweringService, request: AnswerRequest, view: TerminalView
) -> None:
    """Ctrl-C ends this answer, not the chat."""
    loop = asyncio.get_running_loop()
    showing = asyncio.ensure_future(view.show(service.answer_question(request)))

    def stop(_signal: int, _frame: object) -> None:
        loop.call_soon_threadsafe(showing.cancel)

    before = signal.signal(signal.SIGINT, stop)
    try:
        await showing
    except asyncio.CancelledError:
        print("\nStopped. What was written is kept.")
    finally:
        signal.signal(signal.SIGINT, before)


async def _quietly_prepare(service: AnsweringService) -> None:
    # Its failure comes again, in words, with the first question.
    with suppress(Exception):
        await service.prepare()


async def _read_line() -> str | None:
    """One line from the person; None at the end of input or for /exit.

    In a daemon thread: a plain executor would keep the program alive until Enter after Ctrl-C.
    """
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str | None] = loop.create_future()

    def settle(value: str | None) -> None:
        if not line.done():
            line.set_result(value)

    def read() -> None:
        try:
            value: str | None = input(PROMPT)
        except (EOFError, ValueError):
            value = None
        with suppress(RuntimeError):  # The loop is gone: the person pressed Ctrl-C.
            loop.call_soon_threadsafe(settle, value)

    with _terminal_restored():
        threading.Thread(target=read, daemon=True).start()
        text = await line
    if text is None:
        print()
    return None if text is None or text.strip() in ("/exit", "/quit") else text


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """Line editing changes the terminal; a Ctrl-C in the middle must not leave it so."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield
        return
    import termios

    before = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


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
