"""Sends the answer's text out, and its citations, as the model writes it."""

import re
from collections.abc import Callable, Collection, Sequence
from functools import cached_property

from websearch_agent.agent.fence_echo import FenceEchoFilter
from websearch_agent.agent.link_filter import LinkFilter
from websearch_agent.agent.notices import cut_notice, nothing_found_notice, uncited_notice
from websearch_agent.agent.state import TextEnded, WrittenAnswer
from websearch_agent.citations.markers import CitationStream
from websearch_agent.citations.refusals import says_not_said
from websearch_agent.citations.support import SupportChecker
from websearch_agent.errors import InvalidModelOutput
from websearch_agent.events import AnswerDelta, AnswerRestarted, CitationAdded, Notice
from websearch_agent.types import Prompt, Source

Emit = Callable[[object], None]

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_LATIN_WORD = re.compile(r"[a-z][a-z0-9_]{2,}")
# Each is checked in the event loop, 1 to 5 ms; a statement seldom names more than three.
_MAX_CHECKED_NUMBERS = 6


class EmptyReply(InvalidModelOutput):
    """The model ended without a word."""


def _nothing_written(finish_reason: str) -> InvalidModelOutput:
    if finish_reason == "length":
        # Again, it would think just as long.
        return InvalidModelOutput(
            "The model used up its tokens before it wrote an answer, most likely on thinking. "
            "Raise WEBSEARCH_ANSWER_TOKENS, or switch its thinking off in its profile."
        )
    if finish_reason == "repetition":
        return InvalidModelOutput("The model went round in circles. Ask in other words.")
    return EmptyReply("The model wrote nothing. Ask again, or in other words.")


class StatementSources:
    """Which source a statement of the answer may name; nothing is counted or checked twice."""

    def __init__(self, sources: Sequence[Source], question: str, *, shown: Collection[int]) -> None:
        self._sources = sources
        self._shown = shown
        self._question = question
        self._found: dict[str, int | None] = {}
        self._resolved: dict[tuple[str, int], int | None] = {}
        self._statement = ""
        self._checked = 0

    @cached_property
    def checker(self) -> SupportChecker:
        """Made when the first statement needs it: counting the sources takes longest."""
        return SupportChecker(self._sources)

    def find(self, statement: str) -> int | None:
        """The shown source that surely says it, None if none does."""
        if not self._shown:
            return None
        if statement not in self._found:
            found = self.checker.find_source(statement, question=self._question)
            self._found[statement] = found if found in self._shown else None
        return self._found[statement]

    def resolve(self, statement: str, number: int) -> int | None:
        """This number, or another source's that surely says the statement while this one does not.

        None for a source of an earlier turn that this call did not show and that does not say it:
        its number is a guess. `statement` is what it says so far; a number behind the sixth is
        taken as it is.
        """
        if not statement.startswith(self._statement):
            self._checked = 0
        self._statement = statement
        if (statement, number) not in self._resolved:
            if self._checked == _MAX_CHECKED_NUMBERS:
                return number
            self._checked += 1
            self._resolved[statement, number] = self._resolve(statement, number)
        return self._resolved[statement, number]

    def _resolve(self, statement: str, number: int) -> int | None:
        alone = self.checker.check(statement, cited=(number,), question=self._question)
        guessed = bool(self._shown) and number not in self._shown
        says_it = alone.level in ("supported", "partial")
        if says_it or (alone.level == "not_checkable" and not guessed):
            return number
        found = self.find(statement)
        return None if found is None and guessed else found or number


class AnswerWriter:
    """Sends the answer's text out through the citation stream."""

    def __init__(
        self,
        emit: Emit,
        sources: dict[int, Source],
        shown: Sequence[Source],
        question: str,
        *,
        boundary: str,
        searched: bool,
    ) -> None:
        """`boundary` is the one of the prompt that is answered."""
        self._emit = emit
        self._boundary = boundary
        self._searched = searched
        self._question = question
        self._sources = sources
        self._shown = shown
        self._statement_sources = StatementSources(
            list(sources.values()), question, shown={source.number for source in shown}
        )
        self._begin()

    def _begin(self) -> None:
        self._stream = self._new_stream()
        self._fence_echo = FenceEchoFilter(self._boundary)
        self._links = LinkFilter([source.url for source in self._sources.values()])
        self._sent_markers = 0

    @property
    def started(self) -> bool:
        return self._stream.length > 0

    def written(self, prompt: Prompt) -> WrittenAnswer:
        """What has gone out so far."""
        return WrittenAnswer(self._stream.text, tuple(self._stream.markers), prompt, self._sources)

    def write(self, text: str) -> None:
        self._show(self._links.feed(self._fence_echo.feed(text)))

    def _show(self, text: str) -> None:
        # Models like to begin with blank lines.
        self._send(self._stream.feed(text if self.started else text.lstrip()))

    def name_source(self, number: int) -> None:
        """Put the source that the model named behind its answer, unless nothing speaks for it.

        A sentence of the source must come near the answer: asked for a source, a small model
        names one for anything. Where the two are in different scripts, the source must hold at
        least half of the answer's Latin words, such as names and commands.
        """
        source = next((source for source in self._shown if source.number == number), None)
        text = self._stream.text
        if source is None:
            return
        said = " ".join(passage.text for passage in source.passages)
        if bool(_CJK.search(text)) == bool(_CJK.search(said)):
            checker = self._statement_sources.checker
            near = bool(checker.check(text, cited=(number,), question=self._question).quote)
        else:
            words = set(_LATIN_WORD.findall(text.casefold()))
            shared = words & set(_LATIN_WORD.findall(said.casefold()))
            near = bool(words) and 2 * len(shared) >= len(words)
        if near:
            self.write(f" [{number}]")

    def restart(self) -> None:
        if self.started:
            self._emit(AnswerRestarted())
        self._begin()

    def _new_stream(self) -> CitationStream:
        chosen = self._statement_sources
        return CitationStream(self._sources, find_source=chosen.find, resolve=chosen.resolve)

    def end(self, finish_reason: str) -> None:
        self._show(self._links.feed(self._fence_echo.finish()) + self._links.finish())
        self._send(self._stream.finish())
        if not self._stream.text.strip():
            raise _nothing_written(finish_reason)
        if self._searched and not self._stream.markers and not says_not_said(self._stream.text):
            notice = uncited_notice if self._shown else nothing_found_notice
            self._emit(Notice(notice(self._question)))
        if cut := cut_notice(self._question, finish_reason):
            self._emit(Notice(cut))
        self._emit(TextEnded(finish_reason, self._stream.dropped_markers, self._links.removed))

    def _send(self, text: str) -> None:
        if text:
            self._emit(AnswerDelta(text))
        for marker in self._stream.markers[self._sent_markers :]:
            url = self._sources[marker.source_number].url
            place = (marker.start_index, marker.end_index)
            self._emit(CitationAdded(marker.source_number, url, *place, added=marker.added))
        self._sent_markers = len(self._stream.markers)
