"""Shows an answer's events in a terminal: the answer on stdout, all else on stderr."""

import re
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from websearch_agent.types import (
    AgentEvent,
    Answer,
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerRestarted,
    AnswerStarted,
    DecisionMade,
    ModelStatus,
    ModelWaiting,
    Notice,
    PageFinished,
    SearchFinished,
    Source,
    SourcesSelected,
)

# Control and format characters of pages and models could move the cursor, hide text or turn its
# direction: none of them reaches the terminal.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f­​-‏‪-‮⁠-⁤⁦-⁩﻿]|[\U000e0000-\U000e007f]")


def printable(text: str) -> str:
    """Text that cannot steer the terminal; line ends and tabs stay."""
    return _UNSAFE.sub("", text)


class TerminalView:
    """Prints events as they come. `quiet` leaves only the answer, its sources and errors."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self.conversation_id: str | None = None

    async def show(self, events: AsyncGenerator[AgentEvent, None]) -> AnswerFinished | AnswerFailed:
        """Print until the end and return how it ended."""
        try:
            async with aclosing(events) as stream:
                async for event in stream:
                    self._show_event(event)
                    if isinstance(event, AnswerFinished | AnswerFailed):
                        return event
        finally:
            self._clear_status()
        raise AssertionError("the stream ended without an end")

    def _show_event(self, event: AgentEvent) -> None:
        match event:
            case AnswerStarted():
                self.conversation_id = event.conversation_id
                self._set_status("Thinking …")
            case ModelWaiting():
                self._set_status(describe_status(event.status))
            case DecisionMade(search=True):
                why = f"  ({event.reason})" if event.reason else ""
                self._note(f"Searching: {'; '.join(event.queries)}{why}")
                self._set_status("Searching …")
            case SearchFinished():
                for line in dict.fromkeys(f"  {f.engine}: {f.reason}" for f in event.failures):
                    self._note(line)
                self._set_status(f"Reading {event.result_count} results …")
            case PageFinished(failure=None):
                self._note(f"  read  {event.title}  {event.url}")
            case PageFinished(failure=failure) if failure is not None:
                self._note(f"  not read  {event.url}: {failure.reason}")
            case SourcesSelected():
                self._set_status("Writing …")
            case Notice():
                self._clear_status()
                self._err.print(f"[yellow]{escape(printable(event.message))}[/]")
            case AnswerRestarted():
                self._out.print()
            case AnswerDelta():
                self._clear_status()
                sys.stdout.write(printable(event.text))
                sys.stdout.flush()
            case AnswerFinished():
                self._show_end(event.answer)
            case AnswerFailed():
                self._clear_status()
                self._err.print(f"[red]{escape(printable(event.message))}[/]")

    def _show_end(self, answer: Answer) -> None:
        self._clear_status()
        sys.stdout.write("\n")
        sys.stdout.flush()
        if answer.finish_reason == "length":
            self._err.print("[yellow]The answer was cut: it reached WEBSEARCH_ANSWER_TOKENS.[/]")
        if answer.sources:
            self._out.print("\n[bold]Sources[/]")
        for source in sorted(answer.sources, key=lambda source: source.number):
            self._out.print(escape(describe_source(source)))

    def _note(self, line: str) -> None:
        if not self._quiet:
            self._clear_status()
            self._err.print(f"[dim]{escape(printable(line))}[/]")

    def _set_status(self, text: str) -> None:
        if self._quiet or not self._err.is_terminal:
            return
        if self._status is None:
            self._status = self._err.status(escape(text))
            self._status.start()
        else:
            self._status.update(escape(text))

    def _clear_status(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def describe_source(source: Source) -> str:
    """One source as a line: number, title, site, date, address."""
    facts = [part for part in (source.site, source.date) if part]
    about = f" ({', '.join(facts)})" if facts else ""
    return printable(f"[{source.number}] {' '.join(source.title.split())}{about}  {source.url}")


def describe_status(status: ModelStatus) -> str:
    """A model's status in words, with megabytes while it downloads."""
    if status.state == "downloading" and status.total_bytes:
        done, total = status.done_bytes / 1e6, status.total_bytes / 1e6
        return f"Downloading the model, once: {done:,.0f} of {total:,.0f} MB …"
    if status.state in ("idle", "loading", "downloading"):
        return f"Loading the model … {status.detail}".rstrip()
    return status.detail or status.state
