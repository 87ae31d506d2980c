"""A database with cheap password hashes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from websearch_agent.store.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@pytest.fixture
def fast_hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
async def database(path: Path, fast_hasher: PasswordHasher) -> AsyncIterator[SqliteStore]:
    database = SqliteStore(path, hasher=fast_hasher)
    await database.open()
    yield database
    await database.close()
