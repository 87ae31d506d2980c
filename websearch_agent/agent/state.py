"""What travels through the graph, and what every node may use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypedDict

from websearch_agent.agent.plan import Plan
from websearch_agent.citations.markers import Marker
from websearch_agent.model_calls import Message, Usage
from websearch_agent.protocols import (
    Dialect,
    DocumentStore,
    ModelClient,
    PageReader,
    Reranker,
    SearchEngine,
)
from websearch_agent.search.canonical_url import canonical_url
from websearch_agent.search.resting import RestTable
from websearch_agent.types import (
    AnswerRequest,
    EvidenceForm,
    Page,
    Prompt,
    SearchResult,
    Source,
    SupportMethod,
    Verification,
    new_boundary,
)


@dataclass(frozen=True, slots=True)
class WrittenAnswer:
    """The answer as it went out, its markers, and what it was written from.

    `sources` are those that it could name, by number.
    """

    text: str
    markers: tuple[Marker, ...]
    prompt: Prompt
    sources: Mapping[int, Source]


class AgentState(TypedDict):
    """The graph's state. Page texts stay out of it: they lie in `AgentContext.pages`.

    `results` and `queries` are those of all searches so far; `numbers` holds every number that
    the conversation has given, by canonical address. `reused`: the sources are those in hand,
    of an earlier turn. `written` is the answer, once the model has written it.
    """

    queries: tuple[str, ...]
    new_queries: tuple[str, ...]
    searches_made: int
    results: tuple[SearchResult, ...]
    sources: tuple[Source, ...]
    numbers: dict[str, int]
    reused: bool
    written: "WrittenAnswer | None"


def initial_state(earlier_sources: Sequence[Source]) -> AgentState:
    return AgentState(
        queries=(),
        new_queries=(),
        searches_made=0,
        results=(),
        sources=(),
        numbers={canonical_url(source.url): source.number for source in earlier_sources},
        reused=False,
        written=None,
    )


@dataclass(frozen=True, slots=True)
class AgentContext:
    """One question and the tools to answer it.

    `earlier_sources` are the conversation's, whose numbers stay; `in_hand` those of its latest
    turn that had any, which a follow-up may be answered from. `addresses` are the web addresses
    that the person wrote into the question. `snippets` are what engines showed of pages that could
    not be read, as if they were pages, by the result's address. `builtin_engine` is asked
    only when no other engine could be. `notices_given` are those that a second search would say
    again. `boundary` is in the fences of this question's sources. `answer_by` is a time of the
    event loop's clock.
    """

    request: AnswerRequest
    today: date
    history: tuple[Message, ...]
    earlier_sources: tuple[Source, ...]
    in_hand: tuple[Source, ...]
    addresses: tuple[str, ...]
    plan: Plan
    model: ModelClient
    dialect: Dialect
    engines: Sequence[SearchEngine]
    builtin_engine: SearchEngine | None
    reader: PageReader
    documents: DocumentStore
    rests: RestTable
    search_deadline_s: float
    reading_deadline_s: float
    answer_by: float
    boundary: str = field(default_factory=new_boundary)
    evidence: EvidenceForm = "passages"
    verification: Verification = "fast"
    strict: bool = False
    reranker: Reranker | None = None
    pages: dict[str, Page] = field(default_factory=dict)
    snippets: dict[str, Page] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    notices_given: set[str] = field(default_factory=set)


# Events that stay inside: they complete the `Answer`, no door shows them.


@dataclass(frozen=True, slots=True)
class UsageCounted:
    """One model call has ended."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class TextEnded:
    """The answer's text is complete."""

    finish_reason: str
    dropped_markers: int
    removed_links: int = 0


@dataclass(frozen=True, slots=True)
class AnswerVerified:
    """All statements were checked, and perhaps the answer written anew."""

    method: SupportMethod | None
    unanswered: bool
    repaired: bool = False


InnerEvent = UsageCounted | TextEnded | AnswerVerified
