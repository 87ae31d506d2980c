"""The tools over stdin and stdout, with the whole program in this process."""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from websearch_agent.config import Settings
from websearch_agent.mcp_server.tools import ToolService, make_tool_server

ServiceOpener = Callable[[Settings], AbstractAsyncContextManager[ToolService]]


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[ToolService]:
    """The program without a server; closed at the end, whatever happens.

    The model is loaded by the first question: desktop clients start all their servers at once, and
    most days ask nothing.
    """
    # Here and not above: it loads all of the program, which no other opener needs.
    from websearch_agent.wiring import build_service

    service = await build_service(settings)
    try:
        await service.refresh_builtin_collection()
        yield service
    finally:
        await service.aclose()


async def serve_stdio(settings: Settings, opener: ServiceOpener = open_service) -> None:
    """Until stdin ends or a signal comes; what is being answered then is stopped.

    The SDK sends what anything else prints (file descriptor 1) to stderr meanwhile.
    """
    async with opener(settings) as service:
        with _stdin_ended_by_signals():
            await make_tool_server(lambda request: service).run_stdio_async()


@contextmanager
def _stdin_ended_by_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM look like the end of stdin, so that there is one way to end.

    The SDK reads in a thread that nothing can interrupt: without this Ctrl-C would wait for the
    next line, and SIGTERM would leave the answer unstopped. Stdin is copied by a thread that need
    not end, into a pair of sockets of which one side can be shut at any time.
    """
    if sys.platform == "win32":  # Sockets are no file descriptors there.
        yield
        return
    loop = asyncio.get_running_loop()
    source = os.dup(0)
    inlet, outlet = socket.socketpair()
    os.dup2(outlet.fileno(), 0)
    outlet.close()
    threading.Thread(target=_copy, args=(source, inlet), daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _shut, inlet)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        _shut(inlet)
        os.dup2(source, 0)


def _copy(source: int, inlet: socket.socket) -> None:
    try:
        while data := os.read(source, 65536):
            inlet.sendall(data)
    except OSError:  # shut meanwhile
        return
    _shut(inlet)


def _shut(inlet: socket.socket) -> None:
    try:
        inlet.shutdown(socket.SHUT_WR)
    except OSError:
        return  # It was shut before.
