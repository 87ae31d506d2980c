"""Reads questions from the person, of one line or several."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from websearch_agent.cli.question_history import QuestionHistory

PROMPT = "> "
NEXT_LINE_PROMPT = ". "
BLOCK_MARK = '"""'


class LineEditor:
    """With a history, the arrow keys bring back the questions of this and earlier chats."""

    def __init__(self, history: QuestionHistory | None) -> None:
        self._history = history
        if history is not None:
            history.load()

    async def read_question(self) -> str | None:
        """A question, its lines joined; None at the end of input."""
        print()
        first = await _read_line(PROMPT)
        if first is None:
            return None
        block = first.strip().startswith(BLOCK_MARK)
        text = await _read_block(first) if block else await _read_continued(first)
        if self._history is not None:
            self._history.add(text)
        return text


async def _read_continued(first: str) -> str:
    r"""Lines that end in `\`, and the one after them."""
    lines = [first]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1].removesuffix("\\")
        following = await _read_line(NEXT_LINE_PROMPT)
        if following is None:
            break
        lines.append(following)
    return "\n".join(lines)


async def _read_block(first: str) -> str:
    """All up to a line that ends in the mark, or to the end of input."""
    lines = [first.strip().removeprefix(BLOCK_MARK)]
    while not lines[-1].rstrip().endswith(BLOCK_MARK):
        following = await _read_line(NEXT_LINE_PROMPT)
        if following is None:
            return "\n".join(lines).strip("\n")
        lines.append(following)
    lines[-1] = lines[-1].rstrip().removesuffix(BLOCK_MARK)
    return "\n".join(lines).strip("\n")


async def _read_line(prompt: str) -> str | None:
    """One line; None at the end of input.

    In a daemon thread: a plain executor would keep the program alive until Enter after Ctrl-C.
    """
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str | None] = loop.create_future()

    def settle(value: str | None) -> None:
        if not line.done():
            line.set_result(value)

    def read() -> None:
        try:
            value: str | None = input(prompt)
        except (EOFError, ValueError):
            value = None
        with suppress(RuntimeError):  # The loop is gone: the person pressed Ctrl-C.
            loop.call_soon_threadsafe(settle, value)

    with _terminal_restored():
        threading.Thread(target=read, daemon=True).start()
        text = await line
    if text is None:
        print()
    return text


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
