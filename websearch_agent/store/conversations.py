"""The conversations of one owner: every query names the owner."""

import datetime as dt
import uuid
from typing import Literal, cast

from sqlalchemy import RowMapping, delete, exists, func, insert, literal, or_, select, update

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.conversations import Conversation, ConversationSummary, Turn
from websearch_agent.errors import ConversationNotFound, NotAuthenticated
from websearch_agent.events import AnswerFailed
from websearch_agent.store.answer_json import (
    answer_from_json,
    answer_to_json,
    failure_from_json,
    failure_to_json,
)
from websearch_agent.store.database import Database
from websearch_agent.store.schema import conversations, turns, users
from websearch_agent.types import Answer

Status = Literal["running", "finished", "stopped", "failed"]


class OwnerConversations:
    """A `ConversationStore` that sees what `owner_id` owns, and nothing else.

    Somebody else's conversation and one that never was are the same to it.
    """

    def __init__(self, database: Database, owner_id: str) -> None:
        self._database = database
        self._owner_id = owner_id
        self._owned = conversations.c.owner_id == owner_id

    async def create_conversation(self, title: str) -> str:
        """Raises NotAuthenticated if the user was removed since the question was sent."""
        conversation_id, now = str(uuid.uuid4()), _now()
        row = {
            "id": conversation_id,
            "owner_id": self._owner_id,
            "title": title,
            "created_at": now,
            "updated_at": now,
        }
        # One statement: nothing may be left behind by a user who is removed at this moment.
        owner_is_there = or_(
            literal(self._owner_id) == LOCAL_OWNER, exists().where(users.c.id == self._owner_id)
        )
        source = select(*(literal(value) for value in row.values())).where(owner_is_there)
        (written,) = await self._database.write(insert(conversations).from_select([*row], source))
        if not written:
            raise NotAuthenticated("This user was removed. Log in as another one.")
        return conversation_id

    async def load_conversation(self, conversation_id: str) -> Conversation:
        rows = _may_be_id(conversation_id) and await self._database.read(
            select(conversations).where(conversations.c.id == conversation_id, self._owned)
        )
        if not rows:
            raise _not_found(conversation_id)
        owned_turns = (
            select(turns)
            .join(conversations)
            .where(turns.c.conversation_id == conversation_id, self._owned)
            .order_by(turns.c.position)
        )
        summary = _summary(rows[0])
        return Conversation(
            id=summary.id,
            title=summary.title,
            created_at=summary.created_at,
            updated_at=summary.updated_at,
            turns=tuple(_turn(row) for row in await self._database.read(owned_turns)),
        )

    async def list_conversations(self, *, limit: int = 100) -> list[ConversationSummary]:
        newest_first = conversations.c.updated_at.desc()
        query = select(conversations).where(self._owned).order_by(newest_first).limit(limit)
        return [_summary(row) for row in await self._database.read(query)]

    async def delete_conversation(self, conversation_id: str) -> None:
        removed = _may_be_id(conversation_id) and await self._database.write(
            delete(conversations).where(conversations.c.id == conversation_id, self._owned)
        )
        if not removed or not removed[0]:
            raise _not_found(conversation_id)

    async def begin_turn(self, conversation_id: str, question: str) -> Turn:
        if not _may_be_id(conversation_id):
            raise _not_found(conversation_id)
        turn_id, now = str(uuid.uuid4()), _now()
        next_position = (
            select(func.coalesce(func.max(turns.c.position), 0) + 1)
            .where(turns.c.conversation_id == conversation_id)
            .scalar_subquery()
        )
        row = {
            "id": literal(turn_id),
            "conversation_id": conversations.c.id,
            "position": next_position,
            "question": literal(question),
            "status": literal("running"),
            "created_at": literal(now),
        }
        wanted = (conversations.c.id == conversation_id, self._owned)
        written, _ = await self._database.write(
            insert(turns).from_select([*row], select(*row.values()).where(*wanted)),
            update(conversations).where(*wanted).values(updated_at=now),
        )
        if not written:
            raise _not_found(conversation_id)
        return Turn(turn_id, question, dt.datetime.fromisoformat(now), "running")

    async def finish_turn(
        self, turn_id: str, *, status: str, answer: Answer | None, failure: AnswerFailed | None
    ) -> None:
        values = {
            "status": status,
            "answer": answer_to_json(answer) if answer else None,
            "failure": failure_to_json(failure) if failure else None,
        }
        own = exists().where(conversations.c.id == turns.c.conversation_id, self._owned)
        wanted = (turns.c.id == turn_id, own)
        (written,) = await self._database.write(update(turns).where(*wanted).values(**values))
        if not written:
            raise ConversationNotFound("The conversation was deleted while it was being answered.")


def _may_be_id(conversation_id: str) -> bool:
    """Half a character (a lone surrogate) is an error to SQLite; ids are ASCII."""
    return conversation_id.isascii()


def _not_found(conversation_id: str) -> ConversationNotFound:
    return ConversationNotFound(f"There is no conversation {conversation_id[:64]!r}.")


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


def _summary(row: RowMapping) -> ConversationSummary:
    return ConversationSummary(
        id=row["id"],
        title=row["title"],
        created_at=dt.datetime.fromisoformat(row["created_at"]),
        updated_at=dt.datetime.fromisoformat(row["updated_at"]),
    )


def _turn(row: RowMapping) -> Turn:
    return Turn(
        id=row["id"],
        question=row["question"],
        created_at=dt.datetime.fromisoformat(row["created_at"]),
        status=cast(Status, row["status"]),
        answer=answer_from_json(row["answer"]) if row["answer"] else None,
        failure=failure_from_json(row["failure"]) if row["failure"] else None,
    )
