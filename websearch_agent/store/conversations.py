"""The conversations of one owner: every query names the owner."""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Sequence

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Update,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from websearch_agent.accounts import LOCAL_OWNER
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
    NotAuthenticated,
    TurnNotFound,
)
from websearch_agent.events import AnswerFailed
from websearch_agent.invisible_text import visible_text
from websearch_agent.store.database import Database
from websearch_agent.store.idempotency_keys import (
    erase_keys_of,
    erase_old_keys,
    keep_key,
    read_keyed_turn,
    turn_of_key,
)
from websearch_agent.store.schema import conversations, turns, users
from websearch_agent.store.search_words import fold, search_words
from websearch_agent.store.shares import end_share, keep_share, read_share, share_of
from websearch_agent.store.turn_rows import (
    IS_VISIBLE,
    TURN_COLUMNS,
    drop_replacement,
    end_running,
    finish_statements,
    position_to_replace,
    read_turn,
)
from websearch_agent.types import Answer

KEPT_AFTER_DELETION = dt.timedelta(hours=1)
MAX_TITLE_CHARS = 200
# More letters than anybody types; SQLite refuses a pattern of more than 50,000 bytes.
MAX_SEARCH_CHARS = 500

IS_LIVE = conversations.c.deleted_at.is_(None)


class OwnerConversations:
    """A `ConversationStore` that sees what `owner_id` owns, and nothing else.

    Somebody else's conversation, a deleted one and one that never was are the same to it.
    """

    def __init__(
        self, database: Database, owner_id: str, *, now: Callable[[], dt.datetime]
    ) -> None:
        self._database = database
        self._owner_id = owner_id
        self._now = now
        self._owned = conversations.c.owner_id == owner_id
        self._own = exists().where(
            conversations.c.id == turns.c.conversation_id, self._owned, IS_LIVE
        )

    async def create_conversation(self, title: str) -> str:
        """Raises NotAuthenticated if the user was removed since the question was sent."""
        conversation_id, now = str(uuid.uuid4()), self._now().isoformat()
        row = {
            "id": conversation_id,
            "owner_id": self._owner_id,
            "title": title,
            "folded_title": fold(title),
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
        summary = await self._load_summary(conversation_id)
        shown_turns = (
            select(*TURN_COLUMNS)
            .where(turns.c.conversation_id == conversation_id, self._own, IS_VISIBLE)
            .order_by(turns.c.position)
        )
        return Conversation(
            id=summary.id,
            title=summary.title,
            created_at=summary.created_at,
            updated_at=summary.updated_at,
            turns=tuple(read_turn(row) for row in await self._database.read(shown_turns)),
        )

    async def list_conversations(
        self, *, search: str = "", limit: int = 100
    ) -> list[ConversationSummary]:
        """Raises InvalidRequest for a search of more than MAX_SEARCH_CHARS."""
        if len(search) > MAX_SEARCH_CHARS:
            raise InvalidRequest(
                f"The search has {len(search):,} characters; at most {MAX_SEARCH_CHARS} are taken."
            )
        holds_all = [_holds(word) for word in search_words(search)]
        newest_first = conversations.c.updated_at.desc()
        query = select(conversations).where(self._owned, IS_LIVE, *holds_all)
        rows = await self._database.read(query.order_by(newest_first).limit(limit))
        return [_summary(row) for row in rows]

    async def rename_conversation(self, conversation_id: str, title: str) -> ConversationSummary:
        title = _check_title(title)
        values = {"title": title, "folded_title": fold(title)}
        wanted = self._wanted(conversation_id)
        await self._write_one(conversation_id, update(conversations).where(*wanted).values(values))
        return await self._load_summary(conversation_id)

    async def delete_conversation(self, conversation_id: str) -> None:
        _check_id(conversation_id)
        now = self._now().isoformat()
        wanted = self._wanted(conversation_id)
        # Whoever still writes one of its answers can store it no more.
        stopped = end_running((turns.c.conversation_id == conversation_id) & self._own)
        keys = erase_keys_of(conversation_id, self._own)
        marked = update(conversations).where(*wanted).values(deleted_at=now)
        *_, written = await self._database.write(*stopped, keys, marked)
        if not written:
            raise _not_found(conversation_id)
        await erase_deleted(self._database, self._now())

    async def restore_conversation(self, conversation_id: str) -> ConversationSummary:
        still_kept = conversations.c.deleted_at > _last_kept(self._now())
        restored = (
            update(conversations)
            .where(conversations.c.id == conversation_id, self._owned, still_kept)
            .values(deleted_at=None)
        )
        await self._write_one(conversation_id, restored)
        return await self._load_summary(conversation_id)

    async def delete_all(self) -> int:
        (count,) = await self._database.write(delete(conversations).where(self._owned))
        return count

    async def begin_turn(
        self, conversation_id: str, question: str, *, replace_turn: str | None = None
    ) -> Turn:
        _check_id(conversation_id)
        turn_id, now = str(uuid.uuid4()), self._now().isoformat()
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
            "folded_text": literal(fold(question)),
            "status": literal("running"),
            "created_at": literal(now),
        }
        wanted: list[ColumnElement[bool]] = [*self._wanted(conversation_id)]
        if replace_turn is not None:
            place = position_to_replace(conversation_id, _check_turn_id(replace_turn))
            row["replaces_from"] = place
            wanted.append(place.is_not(None))
        # The time first: once the turn is there, it is one that runs behind the replaced one.
        _, written = await self._database.write(
            update(conversations).where(*wanted).values(updated_at=now),
            insert(turns).from_select([*row], select(*row.values()).where(*wanted)),
        )
        if not written:
            await self._explain_refusal(conversation_id, replace_turn)
        return Turn(turn_id, question, dt.datetime.fromisoformat(now), "running")

    async def finish_turn(
        self, turn_id: str, *, status: str, answer: Answer | None, failure: AnswerFailed | None
    ) -> None:
        statements = finish_statements(
            turn_id, self._own, status=status, answer=answer, failure=failure
        )
        if not _is_answered(status, answer):
            replacing = (turns.c.id == turn_id) & self._own
            statements = (drop_replacement(replacing), *statements)
        counts = await self._database.write(*statements)
        if not any(counts):
            raise ConversationNotFound("The conversation was deleted while it was being answered.")

    async def save_follow_ups(self, turn_id: str, questions: Sequence[str]) -> None:
        """Raises TurnNotFound if it was replaced or deleted meanwhile."""
        text = json.dumps(list(questions), ensure_ascii=False)
        wanted = (turns.c.id == _check_turn_id(turn_id), self._own)
        (written,) = await self._database.write(
            update(turns).where(*wanted).values(follow_ups=text)
        )
        if not written:
            raise _turn_not_found(turn_id)

    async def share_conversation(self, conversation_id: str) -> Share:
        """Raises InvalidRequest if no question of it has been answered."""
        wanted = self._wanted(conversation_id)
        await self._load_summary(conversation_id)
        await self._database.write(keep_share(wanted, self._now()))
        share = await self.load_share(conversation_id)
        if share is None:
            raise InvalidRequest("There is nothing to share yet: no question has been answered.")
        return share

    async def load_share(self, conversation_id: str) -> Share | None:
        await self._load_summary(conversation_id)
        rows = await self._database.read(share_of(self._wanted(conversation_id)))
        return read_share(rows[0]) if rows else None

    async def end_share(self, conversation_id: str) -> None:
        await self._load_summary(conversation_id)
        await self._database.write(end_share(self._wanted(conversation_id)))

    async def remember_key(self, key: str, *, body_hash: str, turn_id: str) -> None:
        now = self._now()
        kept = keep_key(self._owner_id, key, body_hash=body_hash, turn_id=turn_id, now=now)
        await self._database.write(erase_old_keys(now), kept)

    async def find_key(self, key: str) -> KeyedTurn | None:
        query = turn_of_key(self._owner_id, key, self._own, self._now())
        rows = await self._database.read(query)
        return read_keyed_turn(rows[0]) if rows else None

    # ---- parts ---------------------------------------------------------------------------

    def _wanted(self, conversation_id: str) -> tuple[ColumnElement[bool], ...]:
        return conversations.c.id == conversation_id, self._owned, IS_LIVE

    async def _load_summary(self, conversation_id: str) -> ConversationSummary:
        _check_id(conversation_id)
        query = select(conversations).where(*self._wanted(conversation_id))
        rows = await self._database.read(query)
        if not rows:
            raise _not_found(conversation_id)
        return _summary(rows[0])

    async def _write_one(self, conversation_id: str, statement: Update) -> None:
        _check_id(conversation_id)
        (written,) = await self._database.write(statement)
        if not written:
            raise _not_found(conversation_id)

    async def _explain_refusal(self, conversation_id: str, replace_turn: str | None) -> None:
        """Always raises: why no turn could begin."""
        kept = await self.load_conversation(conversation_id)
        if replace_turn not in {turn.id for turn in kept.turns}:
            raise _turn_not_found(str(replace_turn))
        raise InvalidRequest(
            "This question, or one behind it, is still being answered. Stop it, then ask again."
        )


async def erase_deleted(database: Database, now: dt.datetime) -> None:
    """Of all owners, what was deleted so long ago that it can no longer be restored, and the keys
    of requests that are too old."""
    too_old = conversations.c.deleted_at <= _last_kept(now)
    await database.write(delete(conversations).where(too_old), erase_old_keys(now))


def _last_kept(now: dt.datetime) -> str:
    return (now - KEPT_AFTER_DELETION).isoformat()


def _is_answered(status: str, answer: Answer | None) -> bool:
    if status == "finished":
        return True
    return status == "stopped" and answer is not None and bool(answer.text.strip())


def _holds(word: str) -> ColumnElement[bool]:
    """Whether a conversation's title or a turn of it that is to be seen has the word."""
    in_turns = exists().where(
        turns.c.conversation_id == conversations.c.id,
        turns.c.folded_text.contains(word, autoescape=True),
        IS_VISIBLE,
    )
    return conversations.c.folded_title.contains(word, autoescape=True) | in_turns


def _check_title(title: str) -> str:
    title = " ".join(visible_text(title).split())
    if not title:
        raise InvalidRequest("The title is empty. Write how the conversation is to be called.")
    if len(title) > MAX_TITLE_CHARS:
        raise InvalidRequest(
            f"The title has {len(title):,} characters; at most {MAX_TITLE_CHARS} are taken."
        )
    return title


def _check_id(conversation_id: str) -> None:
    """Half a character (a lone surrogate) is an error to SQLite; ids are ASCII."""
    if not conversation_id.isascii():
        raise _not_found(conversation_id)


def _check_turn_id(turn_id: str) -> str:
    if not turn_id.isascii():
        raise _turn_not_found(turn_id)
    return turn_id


def _not_found(conversation_id: str) -> ConversationNotFound:
    return ConversationNotFound(f"There is no conversation {conversation_id[:64]!r}.")


def _turn_not_found(turn_id: str) -> TurnNotFound:
    return TurnNotFound(f"The conversation has no turn {turn_id[:64]!r} (any more).")


def _summary(row: RowMapping) -> ConversationSummary:
    return ConversationSummary(
        id=row["id"],
        title=row["title"],
        created_at=dt.datetime.fromisoformat(row["created_at"]),
        updated_at=dt.datetime.fromisoformat(row["updated_at"]),
    )
