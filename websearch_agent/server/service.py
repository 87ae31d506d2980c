"""What the server needs of the program behind it. `wiring` builds the real one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Literal, Protocol

from websearch_agent.chats import ChatRequest
from websearch_agent.events import (
    AgentEvent,
)
from websearch_agent.protocols import (
    AccountStore,
    ConversationStore,
    ModelClient,
    SharedConversations,
)
from websearch_agent.search.fan_out import SearchOutcome
from websearch_agent.types import AnswerRequest, EngineState, Page, SearchQuery


class AnswerService(Protocol):
    """Everything that a door can ask for. Conversations are those of one owner."""

    @property
    def store(self) -> ConversationStore: ...

    @property
    def accounts(self) -> AccountStore: ...

    @property
    def model(self) -> ModelClient: ...

    def for_owner(self, owner_id: str) -> "AnswerService":
        """The same service, whose conversations are those of this owner and no others."""
        ...

    @property
    def shared(self) -> SharedConversations:
        """What the links show that their owners gave away; whose they are does not matter."""
        ...

    def engine_names(self) -> tuple[str, ...]: ...

    def engine_states(self) -> tuple[EngineState, ...]: ...

    def answer_question(self, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
        """Yield events; exactly one AnswerFinished or AnswerFailed is the last.

        An async generator: closing it stops the work and saves what was written.
        """
        ...

    def answer_chat(self, chat: ChatRequest) -> AsyncIterator[AgentEvent]:
        """The same for a conversation that the caller keeps: nothing is stored.

        FunctionsCalled comes before the last event where functions of the caller are to be called.
        """
        ...

    async def search_web(
        self, query: SearchQuery, *, engines: Sequence[str] | None = None
    ) -> SearchOutcome:
        """Ask the engines, or those of these names, without a model.

        Raises InvalidRequest, UnknownEngine, UnsupportedFilter, NoEngineAnswered.
        """
        ...

    async def read_page(self, address: str, *, intranet: bool = False, fresh: bool = False) -> Page:
        """A page of the web, or a local document by its id. Raises PageError.

        `intranet`: what the operator opened is open to the address; `fresh`: not from the cache.
        """
        ...

    def stop_answer(self, turn_id: str) -> bool:
        """Let the answer end with what was written so far: its events end with an AnswerFinished.

        False if no such answer is being written.
        """
        ...

    async def suggest_follow_ups(self, conversation_id: str, turn_id: str) -> tuple[str, ...]:
        """Up to three questions that could come next, by the model; stored with the turn.

        None at all if the model is busy with a question, or says nothing that can be used.
        Raises ConversationNotFound, TurnNotFound, ModelError.
        """
        ...

    def suggest_questions(self, language: Literal["en", "zh"]) -> tuple[str, ...]:
        """First questions that what is searched can answer, and one that needs no search."""
        ...

    async def read_document(self, document_id: str) -> Page:
        """The whole text of a local document. Raises PageUnreachable for an unknown id."""
        ...

    async def prepare(self) -> None: ...

    async def aclose(self) -> None: ...


ServiceFactory = Callable[[], AnswerService | Awaitable[AnswerService]]
"""Makes the service inside the server's event loop. May be a plain or an async function."""
