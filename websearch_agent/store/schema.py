"""The tables, and how an older database gets them. `PRAGMA user_version` tells its version."""

import json

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    select,
    update,
)

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.errors import StoreError
from websearch_agent.store.search_words import fold

SCHEMA_VERSION = 3
"""0: a database from before there were users, or a new file. 1: before deletions could be undone,
turns replaced, conversations searched and shared. 2: before requests could have keys."""

metadata = MetaData()

# `owner_id` is a user's id or LOCAL_OWNER, and so no foreign key. The database fills it in for
# an older program that knows no owners. `deleted_at`: it is gone, but can still be brought back.
# `folded_title`, `folded_text`: what is searched, see `store/search_words.py`.
conversations = Table(
    "conversations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("owner_id", String(36), nullable=False, server_default=LOCAL_OWNER),
    Column("title", Text, nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("updated_at", String(40), nullable=False),
    Column("deleted_at", String(40)),
    Column("folded_title", Text, nullable=False, server_default=""),
)
_by_owner = Index(
    "ix_conversations_owner", conversations.c.owner_id, conversations.c.updated_at.desc()
)

# `replaces_from`: of a running turn that takes the place of others, the position of the first of
# them. `follow_ups`: a list of questions as JSON.
turns = Table(
    "turns",
    metadata,
    Column("id", String(36), primary_key=True),
    Column(
        "conversation_id",
        ForeignKey("conversations.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("position", Integer, nullable=False),
    Column("question", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("answer", Text),
    Column("failure", Text),
    Column("created_at", String(40), nullable=False),
    Column("replaces_from", Integer),
    Column("follow_ups", Text),
    Column("folded_text", Text, nullable=False, server_default=""),
)

# The token as it is, and not its hash: it opens only what stands in this same file, and whoever
# shared a conversation is to see the link again. It shows the turns up to `last_position`.
shares = Table(
    "shares",
    metadata,
    Column("token", String(64), primary_key=True),
    Column(
        "conversation_id",
        ForeignKey("conversations.id", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    Column("title", Text, nullable=False),
    Column("last_position", Integer, nullable=False),
    Column("created_at", String(40), nullable=False),
)

# A request's key is its owner's own. It goes with its turn, and so with conversation and user.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner_id", String(36), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", String(40), nullable=False, index=True),
)

users = Table(
    "users",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("created_at", String(40), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("id", String(36), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", String(40), nullable=False),
    Column("expires_at", String(40), nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("last_used_at", String(40)),
    Column("revoked_at", String(40)),
)


def prepare_schema(connection: Connection) -> None:
    """Bring a database to SCHEMA_VERSION, all or nothing.

    Raises StoreError for the database of a newer program, and leaves it as it is.
    """
    if _version(connection) == SCHEMA_VERSION:
        return
    # Two programs may be started at once: the second waits here, and finds the work done.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    version = _version(connection)
    if version not in range(SCHEMA_VERSION + 1):
        raise StoreError(
            f"The conversation database is of version {version}; this program knows versions up "
            f"to {SCHEMA_VERSION}. Install a newer websearch-agent, or name another file in "
            "WEBSEARCH_DATABASE_URL."
        )
    if version < 1:
        _add_owners(connection)
    if version < 2:
        _add_columns_of_version_2(connection)
    metadata.create_all(connection)  # and with it the tables that are new in a version
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _add_owners(connection: Connection) -> None:
    """Give the conversations of a database from before the users to LOCAL_OWNER."""
    if not inspect(connection).has_table(conversations.name):
        return
    connection.exec_driver_sql(
        "ALTER TABLE conversations "
        f"ADD COLUMN owner_id VARCHAR(36) NOT NULL DEFAULT '{LOCAL_OWNER}'"
    )
    connection.exec_driver_sql("DROP INDEX IF EXISTS ix_conversations_updated_at")
    _by_owner.create(connection)


def _add_columns_of_version_2(connection: Connection) -> None:
    """With what is searched of the conversations that are there already."""
    if not inspect(connection).has_table(conversations.name):
        return
    for column in (
        "conversations ADD COLUMN deleted_at VARCHAR(40)",
        "conversations ADD COLUMN folded_title TEXT NOT NULL DEFAULT ''",
        "turns ADD COLUMN replaces_from INTEGER",
        "turns ADD COLUMN follow_ups TEXT",
        "turns ADD COLUMN folded_text TEXT NOT NULL DEFAULT ''",
    ):
        connection.exec_driver_sql(f"ALTER TABLE {column}")
    titles = connection.execute(select(conversations.c.id, conversations.c.title)).all()
    for conversation_id, title in titles:
        known = conversations.c.id == conversation_id
        connection.execute(update(conversations).where(known).values(folded_title=fold(title)))
    for (turn_id,) in connection.execute(select(turns.c.id)).all():
        _fold_turn(connection, turns.c.id == turn_id)


def _fold_turn(connection: Connection, known: ColumnElement[bool]) -> None:
    kept = select(turns.c.question, turns.c.answer).where(known)
    question, answer = connection.execute(kept).one()
    folded = fold(question, _answer_text(answer))
    connection.execute(update(turns).where(known).values(folded_text=folded))


def _answer_text(answer: str | None) -> str:
    try:
        return str(json.loads(answer or "{}").get("text", ""))
    except (ValueError, AttributeError):
        # One damaged answer must not keep the program from all others.
        return ""


def _version(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
