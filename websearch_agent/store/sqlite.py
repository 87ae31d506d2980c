"""Conversations and accounts in one SQLite file, so that they survive a restart."""

from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from websearch_agent.protocols import ConversationStore
from websearch_agent.store.accounts import SqliteAccounts
from websearch_agent.store.conversations import OwnerConversations
from websearch_agent.store.database import Database
from websearch_agent.store.schema import conversations, turns


class SqliteStore:
    """The whole file. `open()` before use, `close()` after."""

    def __init__(self, path: Path, *, hasher: PasswordHasher | None = None) -> None:
        self._database = Database(path)
        self.accounts = SqliteAccounts(self._database, hasher=hasher)

    async def open(self) -> None:
        """Create what is missing.

        Raises StoreError when the file cannot be used, or a newer program made it.
        """
        await self._database.open()

    def for_owner(self, owner_id: str) -> ConversationStore:
        """The conversations of one user (`User.id`), or of LOCAL_OWNER."""
        return OwnerConversations(self._database, owner_id)

    async def mark_abandoned_turns(self) -> None:
        """Turns still `running` belong to a process that died: the server says so at its start."""
        running = turns.c.status == "running"
        await self._database.write(update(turns).where(running).values(status="stopped"))

    async def count_conversations(self) -> int:
        """Of all owners together."""
        query = select(func.count().label("count")).select_from(conversations)
        (row,) = await self._database.read(query)
        return int(row["count"])

    async def close(self) -> None:
        await self._database.close()
