"""Shows an answer's events in a terminal: the answer on stdout, all else on stderr."""

import json
import re
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from rich.console import Console
from rich.status import Status
from rich.text import Text

from websearch_agent.cli.hyperlinks import can_colour, can_link, hyperlink, is_terminal
from websearch_agent.cli.markdown_stream import MarkdownStream
from websearch_agent.cli.support_lines import (
    doubt_lines,
    filtered_words,
    refusal_lines,
    summary_line,
)
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerRestarted,
    AnswerStarted,
    DecisionMade,
    ModelWaiting,
    Notice,
    PageFinished,
    SearchFinished,
    SourcesSelected,
)
from websearch_agent.model_calls import ModelStatus
from websearch_agent.types import Answer, Source

THINKING = "Thinking …"

# Control and format characters of pages and models could move the cursor, hide text or turn its
# direction: none of them reaches the terminal. The joiners U+200C and U+200D stay: Persian and
# emoji are written with them, and so is U+FE0F. Lone surrogates cannot be written at all.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0e\ufeff\uffa0"
    "\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LINE_BREAK = re.compile(r"[^\S ]+")


def printable(text: str) -> str:
    """Text that cannot steer the terminal; line ends and tabs stay."""
    return _UNSAFE.sub("", text)


def printable_line(text: str) -> str:
    """The same in one line: a title must not forge lines of ours."""
    return printable(_LINE_BREAK.sub(" ", text))


def printable_json(value: object) -> str:
    """JSON that cannot steer the terminal: such characters are escaped, so nothing is lost."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _why(decision: DecisionMade) -> str:
    """Why the model searches, and how sure it was where it tells that."""
    sure = "" if decision.probability is None else f"{decision.probability:.0%} sure"
    words = ", ".join(word for word in (decision.reason, sure) if word)
    return f"  ({words})" if words else ""


class TerminalView:
    """Prints events as they come. `quiet` leaves only the answer, its sources, errors, and
    what a reader of the answer must know.

    Where stdout is no terminal, the answer is written at its end: what a model said before it
    went on to search cannot be taken back from a file or pipe. On a terminal its Markdown is
    coloured, and numbers and addresses of sources are links.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._streams = is_terminal(sys.stdout)
        self._links = can_link(sys.stdout)
        self._answer = MarkdownStream(
            colours=can_colour(sys.stdout), address_of=self._address_of, link=hyperlink
        )
        self._addresses: dict[int, str] = {}
        self._shows_status = is_terminal(sys.stderr) and not self._err.is_dumb_terminal
        self._status: Status | None = None
        self._held: list[str] = []
        self._line_open = False
        self._told = ""
        self.conversation_id: str | None = None
        self.sources: tuple[Source, ...] = ()
        self._cited: frozenset[int] = frozenset()

    def start_conversation(self) -> None:
        """Forget the one that was shown: its numbers of sources mean others from now on."""
        self.conversation_id, self.sources = None, ()
        self._addresses.clear()

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
            self._write_held()
        raise AssertionError("the stream ended without an end")

    def _show_event(self, event: AgentEvent) -> None:
        match event:
            case AnswerDelta():
                self._show_text(event.text)
            case AnswerRestarted():
                self._drop_text()
            case Notice():
                self._told += event.message
                self._say(event.message, style="yellow")
            case AnswerFinished():
                self._show_end(event.answer)
            case AnswerFailed():
                self._write_held()
                self._say(event.message, style="red")
            case AnswerStarted():
                self.conversation_id = event.conversation_id
                self._set_status(THINKING)
            case _:
                self._show_work(event)

    def _show_work(self, event: AgentEvent) -> None:
        match event:
            case ModelWaiting():
                self._set_status(describe_status(event.status))
            case DecisionMade(search=True):
                self._note(f"Searching: {'; '.join(event.queries)}{_why(event)}")
                self._set_status("Searching …")
            case DecisionMade(reuse=True):
                self._note("Answering from the sources of an earlier answer")
            case SearchFinished():
                for line in dict.fromkeys(f"{f.engine}: {f.reason}" for f in event.failures):
                    if line not in self._told:
                        self._note(line, indent="  ")
                self._set_status(f"Reading {event.result_count} results …")
            case PageFinished(failure=None):
                self._note(f"read  {event.title}  {event.url}", indent="  ")
            case PageFinished(failure=failure) if failure is not None:
                self._note(f"not read  {event.url}: {failure.reason}", indent="  ")
            case SourcesSelected():
                self._addresses |= {source.number: source.url for source in event.sources}
                self._set_status("Writing …")

    def _show_text(self, text: str) -> None:
        if not self._streams:
            self._held.append(text)
            return
        self._clear_status()
        self._put(self._answer.feed(printable(text)))

    def _drop_text(self) -> None:
        if self._held:
            self._held.clear()
        self._put(self._answer.finish())
        if self._line_open:
            self._note("(That was not the answer yet.)")

    def _show_end(self, answer: Answer) -> None:
        self._clear_status()
        self._addresses |= {source.number: source.url for source in answer.sources}
        self._write_held()
        self._end_line()
        self._show_support(answer)
        self.sources = answer.sources
        self._cited = frozenset(citation.source_number for citation in answer.citations)
        self.show_sources()

    def show_sources(self) -> None:
        """Those of the last answer, the cited ones first."""
        cited = self._cited
        self._list("Sources", [s for s in self.sources if s.number in cited])
        self._list("Also read, not cited", [s for s in self.sources if s.number not in cited])

    def _show_support(self, answer: Answer) -> None:
        if summary := summary_line(answer):
            self._note(summary)
        for line in refusal_lines(answer):
            self._note(line)
        # With the answer, wherever it is written: in a file it would look clean without them.
        if lines := doubt_lines(answer):
            self._write("\n" + "".join(f"{printable_line(line)}\n" for line in lines))

    def _list(self, title: str, sources: Sequence[Source]) -> None:
        if sources:
            self._write(f"\n{title}\n")
        for source in sorted(sources, key=lambda source: source.number):
            self._put(describe_source(source, link=self._link) + "\n")

    def _write_held(self) -> None:
        """What is written so far, also when the answer is broken off."""
        text = printable("".join(self._held))
        self._held.clear()
        self._put(self._answer.feed(text) + self._answer.finish())
        self._end_line()

    def _write(self, text: str) -> None:
        self._put(printable(text))

    def _put(self, text: str) -> None:
        """Write what is harmless: it may hold colours and links of ours."""
        if text:
            print(text, end="", flush=True)
            self._line_open = not text.endswith("\n")

    def _address_of(self, number: int) -> str | None:
        return self._addresses.get(number) if self._links else None

    def _link(self, text: str, address: str) -> str:
        return hyperlink(text, address) if self._links else text

    def _end_line(self) -> None:
        if self._line_open:
            self._write("\n")

    def _note(self, line: str, *, indent: str = "") -> None:
        if not self._quiet:
            self._say(line, style="dim", indent=indent)

    def _say(self, line: str, *, style: str, indent: str = "") -> None:
        self._clear_status()
        self._end_line()
        # As Text: no markup, emoji codes or links can come from what pages and models say.
        self._err.print(Text(indent + printable_line(line), style=style))

    def _set_status(self, text: str) -> None:
        if self._quiet or not self._shows_status:
            return
        label = Text(printable_line(text))
        if self._status is None:
            self._end_line()
            self._status = self._err.status(label)
            self._status.start()
        else:
            self._status.update(label)

    def _clear_status(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


_KINDS = {
    "page": "",
    "snippet": "search snippet, page not read",
    "document": "local document",
    "builtin": "built-in documentation",
}


def _as_text(text: str, _address: str) -> str:
    return text


def describe_source(source: Source, *, link: Callable[[str, str], str] = _as_text) -> str:
    """One source: number, title, site, date, address; in a second line what was left out of it.

    `link` makes links of the number and the address; the title is foreign words and stays text.
    """
    known = (source.site, source.author, source.date, _KINDS[source.kind])
    facts = [part for part in known if part]
    about = f" ({', '.join(facts)})" if facts else ""
    number, url = link(f"[{source.number}]", source.url), printable_line(source.url)
    line = f"{number} {printable_line(f'{source.title}{about}')}  {link(url, source.url)}"
    left_out = filtered_words(source.filtered)
    return f"{line}\n    {left_out}" if left_out else line


def describe_status(status: ModelStatus) -> str:
    """A model's status in words, with megabytes while it downloads."""
    if status.state == "ready":
        return THINKING
    if status.state == "downloading" and status.total_bytes:
        done, total = status.done_bytes / 1e6, status.total_bytes / 1e6
        return f"Downloading the model, once: {done:,.0f} of {total:,.0f} MB …"
    if status.state in ("idle", "loading", "downloading"):
        return f"{status.detail or 'Loading the model'} …"
    return status.detail or status.state
