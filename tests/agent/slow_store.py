"""A database that is as slow as a test wants."""

import asyncio
import datetime as dt
from pathlib import Path

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.store.conversations import OwnerConversations
from websearch_agent.store.database import Database


class SlowStore(OwnerConversations):
    """Says when it has begun to store, and waits for the word to go on."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        super().__init__(self.database, LOCAL_OWNER, now=lambda: dt.datetime.now(dt.UTC))
        self.storing, self.go_on = asyncio.Event(), asyncio.Event()

    async def finish_turn(self, *args: object, **kwargs: object) -> None:
        self.storing.set()
        await self.go_on.wait()
        await super().finish_turn(*args, **kwargs)  # type: ignore[arg-type]
