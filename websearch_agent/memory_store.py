"""A conversation that lives as long as the object that holds it."""

import datetime as dt
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, cast

from websearch_agent.conversations import Conversation, ConversationSummary, Turn
from websearch_agent.errors import ConversationNotFound
from websearch_agent.events import AnswerFailed
from websearch_agent.types import Answer


class MemoryStore:
    """A `TurnStore` with one conversation, whose id is there from the start; nothing is written."""

    def __init__(self) -> None:
        now = dt.datetime.now(dt.UTC)
        self._conversation = Conversation(secrets.token_hex(8), "", now, now)

    @property
    def conversation(self) -> Conversation:
        return self._conversation

    async def create_conversation(self, title: str) -> str:
        self._conversation = replace(self._conversation, title=title)
        return self._conversation.id

    async def load_conversation(self, conversation_id: str) -> Conversation:
        if conversation_id != self._conversation.id:
            raise ConversationNotFound("There is no such conversation.")
        return self._conversation

    async def rename_conversation(self, conversation_id: str, title: str) -> ConversationSummary:
        self._conversation = replace(self._conversation, title=title)
        known = self._conversation
        return ConversationSummary(known.id, title, known.created_at, known.updated_at)

    async def begin_turn(
        self, conversation_id: str, question: str, *, replace_turn: str | None = None
    ) -> Turn:
        turn = Turn(secrets.token_hex(8), question, dt.datetime.now(dt.UTC), "running")
        turns = (*self._conversation.turns, turn)
        self._conversation = replace(self._conversation, turns=turns, updated_at=turn.created_at)
        return turn

    async def finish_turn(
        self,
        turn_id: str,
        *,
        status: str,
        answer: Answer | None,
        failure: AnswerFailed | None,
    ) -> None:
        known = cast('Literal["finished", "stopped", "failed"]', status)
        self._change(
            turn_id, lambda turn: replace(turn, status=known, answer=answer, failure=failure)
        )

    async def save_follow_ups(self, turn_id: str, questions: Sequence[str]) -> None:
        self._change(turn_id, lambda turn: replace(turn, follow_ups=tuple(questions)))

    def _change(self, turn_id: str, change: Callable[[Turn], Turn]) -> None:
        turns = [change(turn) if turn.id == turn_id else turn for turn in self._conversation.turns]
        self._conversation = replace(self._conversation, turns=tuple(turns))
