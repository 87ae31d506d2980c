"""Links by which anybody may read a conversation as it was when they were made."""

import datetime as dt
import secrets
from collections.abc import Sequence

from sqlalchemy import (
    JSON,
    ColumnElement,
    Delete,
    RowMapping,
    Select,
    delete,
    exists,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as insert_or_update

from websearch_agent.conversations import Conversation, Share
from websearch_agent.errors import ShareNotFound
from websearch_agent.store.database import Database
from websearch_agent.store.schema import conversations, shares, turns
from websearch_agent.store.turn_rows import IS_VISIBLE, TURN_COLUMNS, read_turn

# 192 bits: nobody finds one by trying.
_TOKEN_BYTES = 24

Conditions = Sequence[ColumnElement[bool]]

# A stopped answer may have no word.
_HAS_ENDED_WELL = (
    turns.c.status.in_(("finished", "stopped"))
    & turns.c.answer.is_not(None)
    & (type_coerce(turns.c.answer, JSON)["text"].as_string() != "")
)


class SqliteShared:
    """The `SharedConversations` of a database, whoever owns them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_shared(self, token: str) -> Conversation:
        """Without the conversation's id; its times are that at which it was shared."""
        known = token.isascii() and await self._database.read(
            select(shares.c.title, shares.c.created_at)
            .join(conversations)
            .where(shares.c.token == token, conversations.c.deleted_at.is_(None))
        )
        if not known:
            raise ShareNotFound("There is no such link, or it was revoked.")
        shown = (
            select(*TURN_COLUMNS)
            .join(shares, shares.c.conversation_id == turns.c.conversation_id)
            .where(shares.c.token == token, *_is_shown())
            .order_by(turns.c.position)
        )
        shared_at = dt.datetime.fromisoformat(known[0]["created_at"])
        return Conversation(
            id="",
            title=known[0]["title"],
            created_at=shared_at,
            updated_at=shared_at,
            turns=tuple(read_turn(row) for row in await self._database.read(shown)),
        )


def keep_share(wanted: Conditions, now: dt.datetime) -> Insert:
    """Make the link of a conversation, or move the one there is to now; none without an answer."""
    # What is being answered now ends after the sharing, and so do those behind it.
    unended = turns.alias("unended")
    is_behind_unended = exists().where(
        unended.c.conversation_id == turns.c.conversation_id,
        unended.c.status == "running",
        unended.c.position < turns.c.position,
    )
    is_shared = (_HAS_ENDED_WELL, IS_VISIBLE, ~is_behind_unended)
    last_position = (
        select(func.max(turns.c.position))
        .where(turns.c.conversation_id == conversations.c.id, *is_shared)
        .scalar_subquery()
    )
    row = {
        "token": literal(secrets.token_urlsafe(_TOKEN_BYTES)),
        "conversation_id": conversations.c.id,
        "title": conversations.c.title,
        "last_position": last_position,
        "created_at": literal(now.isoformat()),
    }
    source = select(*row.values()).where(*wanted, last_position.is_not(None))
    made = insert_or_update(shares).from_select([*row], source)
    renewed = {name: made.excluded[name] for name in ("title", "last_position", "created_at")}
    return made.on_conflict_do_update(index_elements=["conversation_id"], set_=renewed)


def share_of(wanted: Conditions) -> Select[tuple[str, str, int]]:
    """For `read_share`."""
    count = (
        select(func.count())
        .select_from(turns)
        .where(turns.c.conversation_id == shares.c.conversation_id, *_is_shown())
        .correlate(shares)
        .scalar_subquery()
    )
    columns = (shares.c.token, shares.c.created_at, count.label("turn_count"))
    return select(*columns).join(conversations).where(*wanted)


def read_share(row: RowMapping) -> Share:
    made = dt.datetime.fromisoformat(row["created_at"])
    return Share(row["token"], made, row["turn_count"])


def end_share(wanted: Conditions) -> Delete:
    its_conversation = select(conversations.c.id).where(*wanted)
    return delete(shares).where(shares.c.conversation_id.in_(its_conversation))


def _is_shown() -> Conditions:
    return turns.c.position <= shares.c.last_position, _HAS_ENDED_WELL, IS_VISIBLE
