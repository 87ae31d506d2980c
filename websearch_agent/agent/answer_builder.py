"""Folds the event stream into an `Answer`: what was shown is what is stored."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from websearch_agent.agent.state import AnswerVerified, TextEnded, UsageCounted
from websearch_agent.citations.anchors import passage_link, quote_link
from websearch_agent.citations.markers import Marker
from websearch_agent.citations.statements import split_statements
from websearch_agent.citations.support import SupportChecker
from websearch_agent.events import (
    AnswerDelta,
    AnswerRestarted,
    CitationAdded,
    DecisionMade,
    Notice,
    PageFinished,
    SearchFinished,
    SourcesSelected,
    StatementVerified,
)
from websearch_agent.model_calls import Usage
from websearch_agent.types import Answer, Citation, Source, Statement, SupportLevel


class AnswerBuilder:
    """Observes events in their order; `build` can be called at any time, also for a part."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = clock()
        self._earlier: dict[int, Source] = {}
        self._text: list[str] = []
        self._markers: list[Marker] = []
        self._verified: dict[tuple[int, int], StatementVerified] = {}
        self._answer = Answer(text="")

    def know(self, earlier_sources: Iterable[Source]) -> None:
        """The conversation's sources: an answer may cite them again."""
        self._earlier = {source.number: source for source in earlier_sources}

    def observe(self, event: object) -> None:
        answer = self._answer
        match event:
            case DecisionMade():
                self._note_time("decided")
                refused = dict.fromkeys((*answer.refused_queries, *event.refused))
                self._answer = replace(answer, refused_queries=tuple(refused))
            case SearchFinished():
                self._note_time("searched")
                self._answer = replace(
                    answer,
                    search_queries=(*answer.search_queries, *event.queries),
                    engine_failures=(*answer.engine_failures, *event.failures),
                )
            case PageFinished(failure=failure) if failure is not None:
                self._answer = replace(answer, page_failures=(*answer.page_failures, failure))
            case SourcesSelected():
                self._note_time("read")
                self._answer = replace(answer, sources=event.sources)
            case Notice():
                self._answer = replace(answer, notices=(*answer.notices, event.message))
            case AnswerDelta():
                self._note_time("first_word")
                self._text.append(event.text)
            case AnswerRestarted():
                self._text, self._markers, self._verified = [], [], {}
                self._answer.timings.pop("first_word", None)
            case CitationAdded():
                self._markers.append(
                    Marker(event.source_number, event.start_index, event.end_index, event.added)
                )
            case StatementVerified(statement=statement):
                self._verified[statement.start_index, statement.end_index] = event
            case AnswerVerified():
                self._answer = replace(
                    answer,
                    verification=event.method,
                    unanswered=event.unanswered,
                    repaired=event.repaired,
                )
            case UsageCounted():
                self._answer = replace(answer, usage=_add(answer.usage, event.usage))
            case TextEnded():
                self._answer = replace(
                    answer,
                    finish_reason=event.finish_reason,
                    dropped_markers=event.dropped_markers,
                    removed_links=event.removed_links,
                )

    def build(self, *, finish_reason: str | None = None) -> Answer:
        """The answer so far, with its statements and citations."""
        text = "".join(self._text)
        statements = tuple(
            self._with_support(statement) for statement in split_statements(text, self._markers)
        )
        sources = self._all_sources()
        cited = {marker.source_number for marker in self._markers}
        checker = SupportChecker([sources[number] for number in sorted(cited)])
        self._note_time("total")
        return replace(
            self._answer,
            text=text,
            statements=statements,
            citations=tuple(
                self._citation(marker, statements, sources[marker.source_number], checker)
                for marker in self._markers
            ),
            sources=tuple(_with_links(source) for source in self._cited_and_selected(sources)),
            finish_reason=finish_reason or self._answer.finish_reason,
            timings={name: round(s, 3) for name, s in self._answer.timings.items()},
        )

    def _with_support(self, statement: Statement) -> Statement:
        verified = self._verification(statement)
        return (
            statement
            if verified is None
            else replace(statement, support=verified.statement.support)
        )

    def _citation(
        self,
        marker: Marker,
        statements: tuple[Statement, ...],
        source: Source,
        checker: SupportChecker,
    ) -> Citation:
        inside = [s for s in statements if s.start_index <= marker.start_index < s.end_index]
        quote = _quote(inside[0], source, checker) if inside else ""
        return Citation(
            source_number=source.number,
            url=source.url,
            title=source.title,
            start_index=marker.start_index,
            end_index=marker.end_index,
            quote=quote,
            link=quote_link(source, quote),
            added=marker.added,
            support=self._citation_support(inside[0], source.number) if inside else None,
        )

    def _citation_support(self, statement: Statement, source_number: int) -> SupportLevel | None:
        verified = self._verification(statement)
        return None if verified is None else dict(verified.citation_support).get(source_number)

    def _verification(self, statement: Statement) -> StatementVerified | None:
        """The latest check of this very statement."""
        verified = self._verified.get((statement.start_index, statement.end_index))
        return verified if verified and verified.statement.text == statement.text else None

    def _all_sources(self) -> dict[int, Source]:
        return {**self._earlier, **{s.number: s for s in self._answer.sources}}

    def _cited_and_selected(self, sources: dict[int, Source]) -> tuple[Source, ...]:
        """This question's sources, and those of earlier turns that the answer cites again."""
        numbers = {source.number for source in self._answer.sources}
        again = sorted({m.source_number for m in self._markers} - numbers)
        return (*self._answer.sources, *(sources[number] for number in again))

    def _note_time(self, name: str) -> None:
        if name == "total" or name not in self._answer.timings:
            self._answer.timings[name] = self._clock() - self._started


def _quote(statement: Statement, source: Source, checker: SupportChecker) -> str:
    """The source's words that were found when the statement was checked, else the nearest ones."""
    support = statement.support
    if support is not None and support.source_number == source.number and support.quote:
        return support.quote
    return checker.check(statement.text, cited=(source.number,)).quote


def _with_links(source: Source) -> Source:
    passages = (replace(p, link=passage_link(source, p)) for p in source.passages)
    return replace(source, passages=tuple(passages))


def _add(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        one.model_calls + other.model_calls,
    )
