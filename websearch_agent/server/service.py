"""What the server needs of the program behind it. `wiring` builds the real one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from websearch_agent.events import (
    AgentEvent,
)
from websearch_agent.protocols import AccountStore, ConversationStore, ModelClient
from websearch_agent.types import AnswerRequest, Page


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

    def engine_names(self) -> tuple[str, ...]: ...

    def answer_question(self, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
        """Yield events; exactly one AnswerFinished or AnswerFailed is the last.

        An async generator: closing it stops the work and saves what was written.
        """
        ...

    async def read_document(self, document_id: str) -> Page:
        """The whole text of a local document. Raises PageUnreachable for an unknown id."""
        ...

    async def prepare(self) -> None: ...

    async def aclose(self) -> None: ...


ServiceFactory = Callable[[], AnswerService | Awaitable[AnswerService]]
"""Makes the service inside the server's event loop. May be a plain or an async function."""
