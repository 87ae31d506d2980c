"""`ask` and `chat`: questions answered inside this process, without a server."""

import asyncio
import json
import signal
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, replace

from websearch_agent.cli.terminal import TerminalView, printable
from websearch_agent.config import Settings
from websearch_agent.indexing import build_builtin_collection
from websearch_agent.types import AgentEvent, AnswerFailed, AnswerFinished, AnswerRequest
from websearch_agent.wiring import AgentService, build_service

PROMPT = "\n> "


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[AgentService]:
    """The program without a server; closed at the end, whatever happens."""
    await build_builtin_collection(settings)
    service = await build_service(settings)
    try:
        yield service
    finally:
        await service.aclose()


async def ask_once(
    settings: Settings, request: AnswerRequest, *, quiet: bool, as_json: bool
) -> AnswerFinished | AnswerFailed:
    """Answer one question on stdout, as text or as the `Answer` in JSON."""
    async with open_service(settings) as service:
        if not as_json:
            return await TerminalView(quiet=quiet).show(service.answer_question(request))
        end = await last_event(service.answer_question(request))
    print(json.dumps(_as_json(end), ensure_ascii=False, indent=2))
    return end


async def chat_session(settings: Settings, request: AnswerRequest) -> None:
    """Ask again and again in one conversation, until Ctrl-D or /exit."""
    async with open_service(settings) as service:
        loading = asyncio.create_task(_quietly_prepare(service))
        print("Ask anything. Ctrl-C stops an answer; Ctrl-D or /exit ends the chat.")
        view = TerminalView()
        while (question := await _read_line()) is not None:
            if not question.strip():
                continue
            await _answer_or_stop(service, replace(request, question=question), view)
            request = replace(
                request, conversation_id=view.conversation_id or request.conversation_id
            )
        loading.cancel()
    if view.conversation_id:
        print(f"To go on later: websearch-agent chat --conversation {view.conversation_id}")


async def _answer_or_stop(
    service: AgentService, request: AnswerRequest, view: TerminalView
) -> None:
    """Ctrl-C ends this answer, not the chat."""
    loop = asyncio.get_running_loop()
    showing = asyncio.ensure_future(view.show(service.answer_question(request)))
    loop.add_signal_handler(signal.SIGINT, showing.cancel)
    try:
        await showing
    except asyncio.CancelledError:
        print("\nStopped. What was written is kept.")
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _quietly_prepare(service: AgentService) -> None:
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
    return {"code": end.code, "message": printable(end.message), "retryable": end.retryable}
