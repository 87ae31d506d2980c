"""The values that travel through the program. Frozen, and free of behaviour.

Index unit everywhere: Unicode code points, from 0, end exclusive. (JavaScript counts UTF-16
units: the page must not slice by these numbers.)
"""

import datetime as dt
import secrets
from dataclasses import dataclass, field
from typing import Literal

from websearch_agent.model_calls import Message, ModelDelta, Usage

SearchSwitch = Literal["auto", "always", "never"]
Mode = Literal["quick", "balanced", "deep"]
TimeRange = Literal["day", "week", "month", "year"]
EvidenceForm = Literal["passages", "summaries"]
Verification = Literal["off", "fast", "model"]


# ---- the question ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """One question, as every door hands it in. `conversation_id=None` starts a conversation.

    `instructions`: what the caller wants of every answer (a system prompt of his). `evidence`: what
    the model is shown of the pages; `verification`: who checks the statements
    against them; `strict`: an answer with unsupported statements is written anew once. None is what
    the settings say. `replace_turn`: the question takes the place of this turn of the conversation
    and of those behind it, which are gone once it has an answer.
    """

    question: str
    conversation_id: str | None = None
    search: SearchSwitch = "auto"
    mode: Mode = "balanced"
    time_range: TimeRange | None = None
    include_domains: tuple[str, ...] = ()
    exclude_domains: tuple[str, ...] = ()
    language: str | None = None
    evidence: EvidenceForm | None = None
    verification: Verification | None = None
    strict: bool | None = None
    replace_turn: str | None = None
    instructions: str = ""
    max_answer_tokens: int | None = None


# ---- search ------------------------------------------------------------------------------

# What every door takes.
LANGUAGE_TAG_PATTERN = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
MAX_FILTER_DOMAINS = 50
MAX_DOMAIN_CHARS = 2000
"""An address is taken for its domain, and may be longer than one."""
MAX_SEARCH_RESULTS = 50


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What an engine is asked. `language` is a BCP 47 tag such as `en` or `zh-CN`."""

    query: str
    max_results: int = 10
    time_range: TimeRange | None = None
    include_domains: tuple[str, ...] = ()
    exclude_domains: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One hit of an engine. `rank` counts from 1; `date` is ISO 8601 as far as it is known.

    `document_id` is set when the hit is a document of the local index: its text is at hand
    and nothing is fetched.
    """

    url: str
    title: str
    snippet: str
    engine: str
    rank: int
    date: str | None = None
    document_id: str | None = None


@dataclass(frozen=True, slots=True)
class EngineFailure:
    """One engine that did not answer one query. `code` is the error's stable name."""

    engine: str
    query: str
    code: str
    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class EngineState:
    """An engine that questions are sent to. Where it rests: why, and for how many seconds more."""

    name: str
    rests_for_s: float | None = None
    code: str = ""
    reason: str = ""


# ---- pages -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filtered:
    """How much of a page was left out or changed before a model could see it.

    `hidden_parts`: elements, or pieces of a PDF, that the page holds but people do not see;
    comments, attributes and `noscript` are not counted. `invisible_characters`: control,
    zero-width, direction and tag characters. `forged_marks`: what looks like our own fence or like
    a role or call of a chat template; it is shown as plain text.
    """

    hidden_parts: int = 0
    invisible_characters: int = 0
    forged_marks: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read. `text` is clean Markdown; `truncated` says that there was more."""

    url: str
    final_url: str
    title: str
    text: str
    content_type: str
    fetched_at: dt.datetime
    site: str = ""
    date: str | None = None
    author: str | None = None
    truncated: bool = False
    filtered: Filtered = Filtered()


@dataclass(frozen=True, slots=True)
class PageFailure:
    """One page that could not be read. `code` is the error's stable name."""

    url: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a page: `page.text[start_index:end_index] == text`.

    `heading` is the path of headings above it, for the reader and for ranking. `link` opens the
    page at these words; empty until the answer is built.
    """

    url: str
    text: str
    start_index: int
    end_index: int
    heading: str = ""
    score: float = 0.0
    link: str = ""


# ---- the answer --------------------------------------------------------------------------


ANSWER_SCHEMA_VERSION = "1.1"
"""Rises with every change of `Answer`'s JSON: the first figure if a reader of it could break."""

SourceKind = Literal["page", "snippet", "document", "builtin"]
"""A page of the web that was read, what an engine showed of one that could not be read, a document
of one's own index, or one of the built-in collection."""


@dataclass(frozen=True, slots=True)
class Source:
    """A numbered page. The number is given once in a conversation and never reused.

    `summary`, if there is one, is what the model was shown instead of the passages: it wrote it
    for the question, from them.
    """

    number: int
    url: str
    title: str
    site: str
    passages: tuple[Passage, ...]
    date: str | None = None
    author: str | None = None
    kind: SourceKind = "page"
    document_id: str | None = None
    summary: str = ""
    filtered: Filtered = Filtered()


SupportLevel = Literal["supported", "partial", "unsupported", "not_checkable"]
"""`partial`: some of the statement is said. `not_checkable`: nothing in it that a source could say,
such as "I hope this helps.", or no source to check it with."""

SupportMethod = Literal["fast", "model"]
"""Who said so: the words themselves, or the served model."""


@dataclass(frozen=True, slots=True)
class Support:
    """How well the sources say a statement.

    `score` from 0 to 1 rises with the likelihood that they do. `source_number` and `quote` are the
    source that comes nearest and its very words, empty if none is near. `contradicted` are the
    statement's numbers, dates or names that the source has otherwise, or a negation.
    """

    level: SupportLevel
    score: float
    source_number: int | None = None
    quote: str = ""
    contradicted: tuple[str, ...] = ()
    method: SupportMethod = "fast"


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in the answer that names a source.

    `start_index`/`end_index` enclose the marker `[n]`. `quote` is the words of the source that are
    nearest to the statement, empty if none is near; `link` opens the page at them, or at its top
    where no words are known. `added`: the model wrote no marker, and this source was found to say
    the statement. `support`: whether this source alone says the statement, None until it has been
    checked.
    """

    source_number: int
    url: str
    title: str
    start_index: int
    end_index: int
    quote: str = ""
    link: str = ""
    added: bool = False
    support: SupportLevel | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence or list item of the answer and the sources it names.

    `support`: what those sources say of it, or if it names none, all; None until checked.
    """

    text: str
    start_index: int
    end_index: int
    source_numbers: tuple[int, ...] = ()
    support: Support | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. `timings` are seconds since the question came in.

    `notices` are things the reader must know about how the answer came to be, for example
    that no web engine could be reached. `finish_reason` is `stop`, `length` (cut at its most
    tokens), `repetition` (cut because the model went round in circles), `stopped` (by the
    person), `failed` (a part, kept with its turn), or what else the model server said.
    `dropped_markers`: numbers without a source, and such that name a source which does not say the
    statement where another one does. `verification`: how the statements were checked, None if they
    were not. `unanswered`: the answer says that the sources do not say. `repaired`: it was written
    anew because statements of the first one were unsupported. `refused_queries`: why queries of the
    model were not sent. `removed_links`: links and images of the answer that lead to no source and
    became text.
    """

    text: str
    schema_version: str = ANSWER_SCHEMA_VERSION
    statements: tuple[Statement, ...] = ()
    citations: tuple[Citation, ...] = ()
    sources: tuple[Source, ...] = ()
    search_queries: tuple[str, ...] = ()
    engine_failures: tuple[EngineFailure, ...] = ()
    page_failures: tuple[PageFailure, ...] = ()
    dropped_markers: int = 0
    usage: Usage = field(default_factory=Usage)
    timings: dict[str, float] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    finish_reason: str = "stop"
    verification: SupportMethod | None = None
    unanswered: bool = False
    repaired: bool = False
    refused_queries: tuple[str, ...] = ()
    removed_links: int = 0


# ---- what a dialect is given, and what it says ----------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one or more searches brought: the queries, and the sources that fit the window."""

    queries: tuple[str, ...]
    sources: tuple[Source, ...]


def new_boundary() -> str:
    """A word for the fences round the sources of one question, which no page can know."""
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that one call may show the model, before a dialect has put it into its form.

    `search` is what the model may do in this call: `never` leaves no trace of searching in
    the prompt, unless `evidence` is there to be answered from. `instructions` are the caller's, for
    every answer, and `answer_limit` the most tokens that he wants of one (deciding may take more).
    `in_hand` are the sources of an
    earlier turn, which a follow-up may be answered from; `addresses` the web addresses that
    the person wrote in the question: a search opens them. `boundary` is the word in the fences
    round its sources, another one for each question.
    """

    today: dt.date
    question: str
    history: tuple[Message, ...] = ()
    evidence: Evidence | None = None
    search: SearchSwitch = "auto"
    max_tokens: int = 512
    in_hand: tuple[Source, ...] = ()
    addresses: tuple[str, ...] = ()
    boundary: str = field(default_factory=new_boundary)
    instructions: str = ""
    answer_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the model decided: `search` with its queries, or not; `reason` in its own words.

    `reuse`: answer from the sources in hand (`Prompt.in_hand`). `probability` is that of
    searching, from the model's log probabilities, None where it gave none.
    """

    search: bool
    queries: tuple[str, ...] = ()
    reason: str = ""
    reuse: bool = False
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class SourceNamed:
    """The source that the model named when it was asked what its answer rests on.

    It stands for the answer as a whole; nothing has been checked.
    """

    number: int


DialectDelta = Decision | SourceNamed | ModelDelta
