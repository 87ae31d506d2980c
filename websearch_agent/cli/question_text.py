"""The question of `ask`: its argument, and what is piped in."""

import select
import sys
from contextlib import suppress

from websearch_agent.cli.running import from_shell
from websearch_agent.errors import InvalidRequest

FROM_STDIN = "-"
# A question may have 20,000; above this even its length is of no interest.
MAX_STDIN_CHARS = 2_000_000
SILENT_S = 2.0


def read_question(argument: str | None) -> str:
    """The argument, what is piped in, or both: the piped text is then what the question is about.

    Raises InvalidRequest if there is neither, or too much.
    """
    piped = argument == FROM_STDIN or not _stdin_is_terminal()
    text = _read_stdin(wait_for_it=argument in (None, FROM_STDIN)) if piped else ""
    if argument == FROM_STDIN or (argument is None and piped):
        return from_shell(text)
    if argument is None:
        raise InvalidRequest(
            'There is no question. Example: websearch-agent ask "What is httpx?"; `websearch-agent '
            "chat` asks again and again."
        )
    return (
        _with_material(from_shell(argument), from_shell(text))
        if text.strip()
        else from_shell(argument)
    )


def _with_material(question: str, material: str) -> str:
    from websearch_agent.agent.run import MAX_QUESTION_CHARS

    both = f"{question}\n\n{material}"
    if len(both) > MAX_QUESTION_CHARS:
        raise InvalidRequest(
            f"The piped text has {len(material):,} characters; with the question at most "
            f"{MAX_QUESTION_CHARS:,} are taken. Pipe a part of it (`head -c 15000 FILE | …`), or "
            "index it: websearch-agent index FILE"
        )
    return both


def _stdin_is_terminal() -> bool:
    return sys.stdin is None or sys.stdin.isatty()


def _read_stdin(*, wait_for_it: bool) -> str:
    if sys.stdin is None:
        return ""
    if not wait_for_it:
        _tell_if_it_waits()
    text = sys.stdin.read(MAX_STDIN_CHARS + 1)
    if len(text) > MAX_STDIN_CHARS:
        raise InvalidRequest(
            f"More than {MAX_STDIN_CHARS:,} characters were piped in. Pipe a part of it, or index "
            "it: websearch-agent index FILE"
        )
    return text


def _tell_if_it_waits() -> None:
    """A program that starts this one may have left it a pipe in which nothing ever comes."""
    with suppress(OSError, ValueError):  # no real file; no select on pipes (Windows)
        ready, _, _ = select.select([sys.stdin], [], [], SILENT_S)
        if not ready:
            print(
                "Waiting for the text that is piped in. If there is none, add: </dev/null",
                file=sys.stderr,
            )
