# For type checkers: `__init__.py` finds these names when they are used. An import there, even one
# for type checkers alone, would lead from the lowest layer to the highest.

from websearch_agent.config import Settings
from websearch_agent.errors import AgentError
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerRestarted,
    AnswerStarted,
    CitationAdded,
    DecisionMade,
    FunctionsCalled,
    ModelWaiting,
    Notice,
    PageFinished,
    ReasoningAdded,
    SearchFinished,
    SourcesSelected,
    StatementVerified,
)
from websearch_agent.python_api import Agent, AgentConversation
from websearch_agent.python_options import AskOptions
from websearch_agent.search.fan_out import SearchOutcome
from websearch_agent.types import Answer, Citation, Page, SearchResult, Source, Statement, Support

__all__ = [
    "Agent",
    "AgentConversation",
    "AgentError",
    "AgentEvent",
    "Answer",
    "AnswerDelta",
    "AnswerFailed",
    "AnswerFinished",
    "AnswerRestarted",
    "AnswerStarted",
    "AskOptions",
    "Citation",
    "CitationAdded",
    "DecisionMade",
    "FunctionsCalled",
    "ModelWaiting",
    "Notice",
    "Page",
    "PageFinished",
    "ReasoningAdded",
    "SearchFinished",
    "SearchOutcome",
    "SearchResult",
    "Settings",
    "Source",
    "SourcesSelected",
    "Statement",
    "StatementVerified",
    "Support",
    "__version__",
]

__version__: str
