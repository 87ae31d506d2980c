"""The conversations of one owner in dicts, and what their links show."""

import datetime as dt
import itertools
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from websearch_agent.conversations import (
    Conversation,
    ConversationSummary,
    KeyedTurn,
    Share,
    Turn,
)
from websearch_agent.errors import (
    ConversationNotFound,
    InvalidRequest,
    ShareNotFound,
    TurnNotFound,
)
from websearch_agent.events import AnswerFailed
from websearch_agent.types import Answer

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
SHOWN_TO_ALL = ("finished", "stopped")


def summary_of(kept: Conversation) -> ConversationSummary:
    return ConversationSummary(kept.id, kept.title, kept.created_at, kept.updated_at)


class FakeStore:
    """A ConversationStore. Tests may put what they need into `conversations`."""

    def __init__(self) -> None:
        self.conversations: dict[str, Conversation] = {}
        self.deleted: dict[str, Conversation] = {}
        self.shares: dict[str, Share] = {}
        # What a running turn hides, by its id.
        self.hidden: dict[str, tuple[Turn, ...]] = {}
        self._numbers = itertools.count(1)
        # Hash of the body and turn's id, by the idempotency key.
        self.keys: dict[str, tuple[str, str]] = {}

    async def create_conversation(self, title: str) -> str:
        conversation_id = f"made{next(self._numbers)}"
        self.conversations[conversation_id] = Conversation(conversation_id, title, NOW, NOW)
        return conversation_id

    async def load_conversation(self, conversation_id: str) -> Conversation:
        if conversation_id not in self.conversations:
            raise ConversationNotFound("There is no such conversation.")
        return self.conversations[conversation_id]

    async def list_conversations(
        self, *, search: str = "", limit: int = 100
    ) -> list[ConversationSummary]:
        words = search.casefold().split()
        summaries = [
            summary_of(kept)
            for kept in reversed(self.conversations.values())
            if all(word in _searched_text(kept) for word in words)
        ]
        return summaries[:limit]

    async def rename_conversation(self, conversation_id: str, title: str) -> ConversationSummary:
        kept = await self.load_conversation(conversation_id)
        title = " ".join(title.split())
        if not title:
            raise InvalidRequest("The title is empty.")
        self.conversations[conversation_id] = replace(kept, title=title)
        return summary_of(self.conversations[conversation_id])

    async def delete_conversation(self, conversation_id: str) -> None:
        self.deleted[conversation_id] = await self.load_conversation(conversation_id)
        del self.conversations[conversation_id]

    async def restore_conversation(self, conversation_id: str) -> ConversationSummary:
        if conversation_id not in self.deleted:
            raise ConversationNotFound("There is no such conversation.")
        self.conversations[conversation_id] = self.deleted.pop(conversation_id)
        return summary_of(self.conversations[conversation_id])

    async def delete_all(self) -> int:
        count = len(self.conversations) + len(self.deleted)
        for kept in (self.conversations, self.deleted, self.shares, self.hidden):
            kept.clear()
        return count

    async def begin_turn(
        self, conversation_id: str, question: str, *, replace_turn: str | None = None
    ) -> Turn:
        kept = await self.load_conversation(conversation_id)
        turn = Turn(f"turn{next(self._numbers)}", question, NOW, "running")
        turns = kept.turns
        if replace_turn is not None:
            ids = [each.id for each in turns]
            if replace_turn not in ids:
                raise TurnNotFound("There is no such turn.")
            place = ids.index(replace_turn)
            if any(each.status == "running" for each in turns[place:]):
                raise InvalidRequest("It is still being answered.")
            turns, self.hidden[turn.id] = turns[:place], turns[place:]
        self._keep(kept, (*turns, turn))
        return turn

    async def finish_turn(
        self, turn_id: str, *, status: str, answer: Answer | None, failure: AnswerFailed | None
    ) -> None:
        kept, turn = self._find(turn_id)
        hidden = self.hidden.pop(turn_id, ())
        is_answered = status == "finished" or (status == "stopped" and answer and answer.text)
        if hidden and not is_answered:
            others = tuple(each for each in kept.turns if each.id != turn_id)
            self._keep(kept, (*others, *hidden))
            return
        done = replace(turn, status=status, answer=answer, failure=failure)  # type: ignore[arg-type]
        self._keep(kept, tuple(done if each.id == turn_id else each for each in kept.turns))

    async def save_follow_ups(self, turn_id: str, questions: Sequence[str]) -> None:
        kept, turn = self._find(turn_id)
        done = replace(turn, follow_ups=tuple(questions))
        self._keep(kept, tuple(done if each.id == turn_id else each for each in kept.turns))

    async def share_conversation(self, conversation_id: str) -> Share:
        kept = await self.load_conversation(conversation_id)
        count = sum(turn.status in SHOWN_TO_ALL for turn in kept.turns)
        if not count:
            raise InvalidRequest("There is nothing to share yet.")
        known = self.shares.get(conversation_id)
        token = known.token if known else secrets.token_urlsafe(18)
        self.shares[conversation_id] = Share(token, NOW, count)
        return self.shares[conversation_id]

    async def load_share(self, conversation_id: str) -> Share | None:
        await self.load_conversation(conversation_id)
        return self.shares.get(conversation_id)

    async def end_share(self, conversation_id: str) -> None:
        await self.load_conversation(conversation_id)
        self.shares.pop(conversation_id, None)

    async def remember_key(self, key: str, *, body_hash: str, turn_id: str) -> None:
        self.keys[key] = (body_hash, turn_id)

    async def find_key(self, key: str) -> KeyedTurn | None:
        body_hash, turn_id = self.keys.get(key, ("", ""))
        try:
            kept, turn = self._find(turn_id)
        except TurnNotFound:
            return None
        return KeyedTurn(body_hash, kept.id, turn)

    def _keep(self, kept: Conversation, turns: tuple[Turn, ...]) -> None:
        self.conversations[kept.id] = replace(kept, turns=turns)

    def _find(self, turn_id: str) -> tuple[Conversation, Turn]:
        for kept in self.conversations.values():
            for turn in kept.turns:
                if turn.id == turn_id:
                    return kept, turn
        raise TurnNotFound("There is no such turn.")


class FakeShared:
    """SharedConversations of all the stores that `stores` gives."""

    def __init__(self, stores: Callable[[], Iterable[FakeStore]]) -> None:
        self._stores = stores

    async def load_shared(self, token: str) -> Conversation:
        for store in self._stores():
            for conversation_id, share in store.shares.items():
                if share.token == token and conversation_id in store.conversations:
                    kept = store.conversations[conversation_id]
                    shown = [turn for turn in kept.turns if turn.status in SHOWN_TO_ALL]
                    return replace(kept, turns=tuple(shown[: share.turn_count]))
        raise ShareNotFound("There is no such link, or it was revoked.")


def _searched_text(kept: Conversation) -> str:
    parts = [kept.title, *(turn.question for turn in kept.turns)]
    parts += [turn.answer.text for turn in kept.turns if turn.answer is not None]
    return "\n".join(parts).casefold()
