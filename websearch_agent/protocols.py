"""What can be swapped. Each has a real one and a fake (`tests/fakes.py`)."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from websearch_agent.accounts import ApiKey, Identity, NewApiKey, Scope, User
from websearch_agent.conversations import (
    Conversation,
    ConversationSummary,
    KeyedTurn,
    Share,
    Turn,
)
from websearch_agent.events import (
    AnswerFailed,
)
from websearch_agent.model_calls import Message, ModelCall, ModelDelta, ModelStatus, Tool
from websearch_agent.types import Answer, DialectDelta, Page, Prompt, SearchQuery, SearchResult


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """Tokens: the whole window, what sources may take of it, what an answer may take.

    `source_tokens` is far below the window where reading is slow: on a laptop each thousand
    tokens of sources costs about five seconds before the first word.
    """

    context_window: int
    source_tokens: int
    answer_tokens: int


class ModelClient(Protocol):
    """A language model, wherever it runs."""

    @property
    def name(self) -> str: ...

    def stream(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        """Yield the reply as it comes, `ModelFinished` last. Closing it stops the model.

        Raises ModelUnavailable, ModelRejectedRequest, ContextTooLong, InvalidModelOutput.
        """
        ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; never fewer than the model will count."""
        ...

    async def limits(self) -> ModelLimits: ...

    def status(self) -> ModelStatus: ...

    async def prepare(self) -> None:
        """Make the model ready (download, load, warm up). Safe to call again and at once
        from several tasks; returns when ready. Raises ModelError."""
        ...

    async def close(self) -> None: ...


class Dialect(Protocol):
    """One way in which a model says that it wants to search.

    `min_reply_tokens` is the room that its shortest useful reply needs.
    """

    @property
    def min_reply_tokens(self) -> int: ...

    @property
    def takes_tools(self) -> bool:
        """Whether the model calls functions by OpenAI tool calls."""
        ...

    def build_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """The longest message list that `respond` will send for this prompt."""
        ...

    def offered_tools(self, prompt: Prompt) -> tuple[Tool, ...]:
        """The tools that `respond` will offer: they take room in the window too."""
        ...

    def respond(self, model: ModelClient, prompt: Prompt) -> AsyncGenerator[DialectDelta, None]:
        """Yield the model's decision (once, unless `prompt.search` is `never`) and, if it does
        not search, the answer's deltas. Each model call ends in one `ModelFinished`.

        Text may come before a decision to search: then it was not the answer.
        """
        ...


class Reranker(Protocol):
    """A served model that says how well texts answer a question."""

    @property
    def weight(self) -> float:
        """Its share in the ranking beside BM25, 0 to 1; 1 is its order alone."""
        ...

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One for each text, higher is better. Raises ModelError."""
        ...

    async def close(self) -> None: ...


class SearchEngine(Protocol):
    """A search engine. Raises SearchError subclasses; an empty list means: nothing found."""

    @property
    def name(self) -> str: ...

    async def search(self, query: SearchQuery) -> list[SearchResult]: ...


class PageReader(Protocol):
    """Fetches and cleans a foreign page. Raises PageError subclasses.

    `fresh`: as it is now, not from a cache. `intranet`: the person named the address, or an engine
    of one's own, so networks and hosts that the operator opened are open to it.
    """

    async def read(self, url: str, *, fresh: bool = False, intranet: bool = False) -> Page: ...


class DocumentStore(Protocol):
    """The texts of the local index. Raises PageUnreachable for an unknown id."""

    async def read_document(self, document_id: str) -> Page: ...


class TurnStore(Protocol):
    """What answering needs of the conversation. Raises ConversationNotFound, StoreError."""

    async def create_conversation(self, title: str) -> str: ...

    async def load_conversation(self, conversation_id: str) -> Conversation: ...

    async def rename_conversation(self, conversation_id: str, title: str) -> ConversationSummary:
        """Raises InvalidRequest for a title that is empty or overlong."""
        ...

    async def begin_turn(
        self, conversation_id: str, question: str, *, replace_turn: str | None = None
    ) -> Turn:
        """Store the question before any work, so that a crash does not lose it.

        With `replace_turn` that turn and those behind it are hidden while this one runs: they are
        erased when it has an answer, and are back if it fails or is stopped before its first word.
        Raises TurnNotFound.
        """
        ...

    async def finish_turn(
        self, turn_id: str, *, status: str, answer: Answer | None, failure: AnswerFailed | None
    ) -> None: ...

    async def save_follow_ups(self, turn_id: str, questions: Sequence[str]) -> None: ...


class ConversationStore(TurnStore, Protocol):
    """Conversations that survive a restart."""

    async def list_conversations(
        self, *, search: str = "", limit: int = 100
    ) -> list[ConversationSummary]:
        """The one used last first; with `search` those that hold these words in any case."""
        ...

    async def delete_conversation(self, conversation_id: str) -> None:
        """It is gone for everybody, but can be restored for an hour; then it is erased."""
        ...

    async def restore_conversation(self, conversation_id: str) -> ConversationSummary:
        """Undo a deletion. Raises ConversationNotFound for one that was not deleted, or erased."""
        ...

    async def delete_all(self) -> int:
        """Erase everything of the owner at once, deleted ones too; returns how many there were."""
        ...

    async def share_conversation(self, conversation_id: str) -> Share:
        """Make the link, or let the one there is show the conversation as it is now."""
        ...

    async def load_share(self, conversation_id: str) -> Share | None: ...

    async def end_share(self, conversation_id: str) -> None:
        """Revoke the link: nobody gets in by it again. Nothing happens without one."""
        ...

    async def remember_key(self, key: str, *, body_hash: str, turn_id: str) -> None:
        """Note which turn a request with this idempotency key made; it takes an older one's place.

        Forgotten after a day, and with the turn or its conversation.
        """
        ...

    async def find_key(self, key: str) -> KeyedTurn | None:
        """What the owner's request with this key made, of the last day."""
        ...


class SharedConversations(Protocol):
    """What anybody may read who has a link."""

    async def load_shared(self, token: str) -> Conversation:
        """The finished turns that the link shows. Raises ShareNotFound."""
        ...


class AccountStore(Protocol):
    """Users, API keys and sessions. Secrets are kept as hashes only. Raises StoreError."""

    async def has_users(self) -> bool: ...

    async def add_user(self, name: str, password: str) -> User:
        """Raises InvalidRequest for a name that is taken or not allowed, or a weak password."""
        ...

    async def list_users(self) -> list[User]: ...

    async def set_password(self, name: str, password: str) -> None:
        """Also ends all sessions of the user. Raises InvalidRequest."""
        ...

    async def remove_user(self, name: str) -> None:
        """With keys, sessions and conversations. Raises InvalidRequest for an unknown one."""
        ...

    async def check_password(self, name: str, password: str) -> User | None:
        """None for an unknown name or a wrong password; both take the same time."""
        ...

    async def create_session(self, user: User, *, days: int) -> str:
        """A new session's token, which only the browser keeps.

        Raises NotAuthenticated if the user was removed meanwhile.
        """
        ...

    async def identify_session(self, token: str) -> Identity | None:
        """None for an unknown, ended or expired session."""
        ...

    async def end_session(self, token: str) -> None: ...

    async def create_key(self, user_name: str, name: str, scopes: Sequence[Scope]) -> NewApiKey:
        """Raises InvalidRequest for an unknown user, or without a scope."""
        ...

    async def list_keys(self) -> list[ApiKey]:
        """All, the revoked ones too, the newest first."""
        ...

    async def revoke_key(self, key_id: str) -> None:
        """From the next request on. Raises InvalidRequest for an unknown or revoked one."""
        ...

    async def identify_key(self, secret: str) -> Identity | None:
        """None for an unknown or revoked key."""
        ...
