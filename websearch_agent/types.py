"""The values that travel through the program. Frozen, and free of behaviour.

Index unit everywhere: Unicode code points, from 0, end exclusive. (JavaScript counts UTF-16
units: the page must not slice by these numbers.)
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant", "tool", "observation"]
SearchSwitch = Literal["auto", "always", "never"]
Mode = Literal["quick", "balanced", "deep"]
TimeRange = Literal["day", "week", "month", "year"]
EvidenceForm = Literal["passages", "summaries"]


# ---- what is asked of a model ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function call that a model wrote. `arguments` is JSON text, not yet checked."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat. `tool_call_id` is set on `tool` messages only.

    `observation` is how Megrez calls the role that brings a function's result.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function offered to a model. `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, object]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One request to a model. `json_schema` constrains the whole reply to that schema.

    `purpose` picks the sampling of the model's profile: `chat` for free talk, `agent` for
    deciding and for answering from sources. `logprobs` asks for `TextDelta.tokens`, which stay
    empty where the server has none.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    purpose: Literal["agent", "chat"] = "agent"
    tools: tuple[Tool, ...] = ()
    force_tool: bool = False
    json_schema: dict[str, object] | None = None
    stop: tuple[str, ...] = ()
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and calls that one answer cost, as the model server counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token that the model wrote, and the likeliest ones at its place (natural logarithms)."""

    text: str
    logprob: float
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some more of the model's reply; `tokens` only where the call asked for logprobs."""

    text: str
    tokens: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """Some more of the model's thoughts: never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ModelFinished:
    """The reply's end.

    `finish_reason` is `stop`, `length` (cut short), `repetition` (cut because the model went
    round in circles) or `tool_calls`.
    """

    finish_reason: str
    usage: Usage
    tool_calls: tuple[ToolCall, ...] = ()


ModelDelta = TextDelta | ReasoningDelta | ModelFinished


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """How far a model is from answering. `done_bytes` of `total_bytes` while downloading."""

    state: Literal["idle", "downloading", "loading", "ready", "failed"]
    detail: str = ""
    done_bytes: int = 0
    total_bytes: int = 0


# ---- the question ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """One question, as every door hands it in. `conversation_id=None` starts a conversation.

    `evidence`: what the model is shown of the pages; None is what the settings say.
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


# ---- search ------------------------------------------------------------------------------


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


# ---- pages -------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class PageFailure:
    """One page that could not be read. `code` is the error's stable name."""

    url: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a page: `page.text[start_index:end_index] == text`.

    `heading` is the path of headings above it, for the reader and for ranking.
    """

    url: str
    text: str
    start_index: int
    end_index: int
    heading: str = ""
    score: float = 0.0


# ---- the answer --------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in the answer that names a source.

    `start_index`/`end_index` enclose the marker `[n]`. `quote` is the sentence of the source
    that is nearest to the statement, empty if none is near. `added`: the model wrote no marker,
    and this source was found to say the statement. `support` stays None until a verification
    has been made.
    """

    source_number: int
    url: str
    title: str
    start_index: int
    end_index: int
    quote: str = ""
    added: bool = False
    support: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence or list item of the answer and the sources it names."""

    text: str
    start_index: int
    end_index: int
    source_numbers: tuple[int, ...] = ()
    support: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. `timings` are seconds since the question came in.

    `notices` are things the reader must know about how the answer came to be, for example
    that no web engine could be reached. `finish_reason` is `stop`, `length` (cut at its most
    tokens), `repetition` (cut because the model went round in circles), `stopped` (by the
    person), `failed` (a part, kept with its turn), or what else the model server said.
    """

    text: str
    statements: tuple[Statement, ...] = ()
    citations: tuple[Citation, ...] = ()
    sources: tuple[Source, ...] = ()
    search_queries: tuple[str, ...] = ()
    engine_failures: tuple[EngineFailure, ...] = ()
    page_failures: tuple[PageFailure, ...] = ()
    dropped_markers: int = 0
    usage: Usage = Usage()
    timings: dict[str, float] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    finish_reason: str = "stop"


# ---- what a dialect is given, and what it says ----------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one or more searches brought: the queries, and the sources that fit the window."""

    queries: tuple[str, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that one call may show the model, before a dialect has put it into its form.

    `search` is what the model may do in this call: `never` leaves no trace of searching in
    the prompt, unless `evidence` is there to be answered from. `in_hand` are the sources of an
    earlier turn, which a follow-up may be answered from; `addresses` the web addresses that
    the person wrote in the question: a search opens them.
    """

    today: dt.date
    question: str
    history: tuple[Message, ...] = ()
    evidence: Evidence | None = None
    search: SearchSwitch = "auto"
    max_tokens: int = 512
    in_hand: tuple[Source, ...] = ()
    addresses: tuple[str, ...] = ()


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
