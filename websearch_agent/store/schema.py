"""The tables, and how an older database gets them. `PRAGMA user_version` tells its version."""

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
)

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.errors import StoreError

SCHEMA_VERSION = 1
"""0: a database from before there were users, or a new file."""

metadata = MetaData()

# `owner_id` is a user's id or LOCAL_OWNER, and so no foreign key. The database fills it in for
# an older program that knows no owners.
conversations = Table(
    "conversations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("owner_id", String(36), nullable=False, server_default=LOCAL_OWNER),
    Column("title", Text, nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("updated_at", String(40), nullable=False),
)
_by_owner = Index(
    "ix_conversations_owner", conversations.c.owner_id, conversations.c.updated_at.desc()
)

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
    metadata.create_all(connection)
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


def _version(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
