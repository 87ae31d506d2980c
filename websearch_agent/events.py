"""What happens while a question is answered: every door reads these, in this order."""

from dataclasses import dataclass

from websearch_agent.model_calls import ModelStatus, ToolCall
from websearch_agent.types import (
    Answer,
    EngineFailure,
    PageFailure,
    Source,
    Statement,
    SupportLevel,
)


@dataclass(frozen=True, slots=True)
class AnswerStarted:
    """The question was accepted and stored."""

    conversation_id: str
    turn_id: str


@dataclass(frozen=True, slots=True)
class ModelWaiting:
    """The model is not ready yet (it downloads or loads); comes again as that goes on."""

    status: ModelStatus


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """The model decided. `reason` is its own short reason, empty if its dialect has none.

    `reuse`: it answers from the sources of an earlier turn. `probability` of searching, from
    its log probabilities, None where it gave none. `refused`: what its queries held that was not
    sent, and why, each in a few words.
    """

    search: bool
    queries: tuple[str, ...] = ()
    reason: str = ""
    reuse: bool = False
    probability: float | None = None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchFinished:
    """All engines have answered all queries, or failed."""

    queries: tuple[str, ...]
    result_count: int
    failures: tuple[EngineFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class PageFinished:
    """One page was read, or could not be (`failure`)."""

    url: str
    title: str = ""
    failure: PageFailure | None = None


@dataclass(frozen=True, slots=True)
class SourcesSelected:
    """The sources that the model is shown."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the reader must know, in plain words; also in `Answer.notices`."""

    message: str


@dataclass(frozen=True, slots=True)
class AnswerRestarted:
    """What was streamed so far was not the answer (the model went on to search): drop it."""


@dataclass(frozen=True, slots=True)
class ReasoningAdded:
    """Some more of the model's thoughts, for those who want to see them."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """Some more of the answer's text; the deltas since the last AnswerRestarted, joined, are
    `Answer.text`."""

    text: str


@dataclass(frozen=True, slots=True)
class CitationAdded:
    """A marker was recognised in the answer, or `added` behind a statement that named none."""

    source_number: int
    url: str
    start_index: int
    end_index: int
    added: bool = False


@dataclass(frozen=True, slots=True)
class StatementVerified:
    """A statement of the answer was checked; comes again if it is checked more closely.

    `citation_support` is what each source that it names says of it alone: number and level.
    """

    statement: Statement
    citation_support: tuple[tuple[int, SupportLevel], ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionsCalled:
    """The model wants the caller to carry out functions of his; the answer ends with it."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class AnswerFinished:
    """The last event of a stream that went well."""

    conversation_id: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class AnswerFailed:
    """The last event of a stream that went wrong. What to do stands in `message`."""

    code: str
    message: str
    retryable: bool


AgentEvent = (
    AnswerStarted
    | ModelWaiting
    | DecisionMade
    | SearchFinished
    | PageFinished
    | SourcesSelected
    | Notice
    | AnswerRestarted
    | ReasoningAdded
    | AnswerDelta
    | CitationAdded
    | StatementVerified
    | FunctionsCalled
    | AnswerFinished
    | AnswerFailed
)
