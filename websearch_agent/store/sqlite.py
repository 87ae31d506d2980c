"""Conversations and accounts in one SQLite file, so that they survive a restart."""

import datetime as dt
import logging
from collections.abc import Callable
from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy import func, select

from websearch_agent.errors import StoreError
from websearch_agent.protocols import ConversationStore, SharedConversations
from websearch_agent.store.accounts import SqliteAccounts
from websearch_agent.store.conversations import IS_LIVE, OwnerConversations, erase_deleted
from websearch_agent.store.database import Database
from websearch_agent.store.schema import conversations
from websearch_agent.store.shares import SqliteShared
from websearch_agent.store.turn_rows import end_running

_log = logging.getLogger(__name__)


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class SqliteStore:
    """The whole file. `open()` before use, `close()` after."""

    def __init__(
        self,
        path: Path,
        *,
        hasher: PasswordHasher | None = None,
        now: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        self._database = Database(path)
        self._now = now
        self.accounts = SqliteAccounts(self._database, hasher=hasher, now=now)
        self.shared: SharedConversations = SqliteShared(self._database)

    async def open(self) -> None:
        """Create what is missing, and erase what was deleted more than an hour ago.

        Raises StoreError when the file cannot be used, or a newer program made it.
        """
        await self._database.open()
        try:
            await erase_deleted(self._database, self._now())
        except StoreError as error:  # a full disk: what is there can still be read
            _log.warning("Deleted conversations could not be erased: %s", error.message)

    def for_owner(self, owner_id: str) -> ConversationStore:
        """The conversations of one user (`User.id`), or of LOCAL_OWNER."""
        return OwnerConversations(self._database, owner_id, now=self._now)

    async def mark_abandoned_turns(self) -> None:
        """Turns still `running` belong to a process that died: the server says so at its start.

        One that was to take the place of others goes, and these are back.
        """
        await self._database.write(*end_running())

    async def count_conversations(self) -> int:
        """Of all owners together."""
        query = select(func.count().label("count")).select_from(conversations).where(IS_LIVE)
        (row,) = await self._database.read(query)
        return int(row["count"])

    async def close(self) -> None:
        await self._database.close()
