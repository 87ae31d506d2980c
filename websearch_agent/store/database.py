"""One SQLite file: opened, read and written, its errors turned into ours."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL, Executable, RowMapping, event
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from websearch_agent.errors import StoreError
from websearch_agent.store.schema import prepare_schema

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


class Database:
    """`open()` before use, `close()` after. Everything raises StoreError."""

    def __init__(self, path: Path) -> None:
        # Absolute: ":memory:" and "file:…" are no special words here, but files of that name.
        self._path = path.absolute()
        self._engine: AsyncEngine | None = None

    async def open(self) -> None:
        """Create what is missing, and bring an older database to today's tables."""
        try:
            await self._connect()
        except (SQLAlchemyError, OSError) as error:
            await self.close()
            raise self._unusable(error) from error
        except StoreError:
            await self.close()  # a connection that stays open would keep the process alive
            raise

    async def _connect(self) -> None:
        _create_private(self._path)
        _make_private(self._path)
        url = URL.create("sqlite+aiosqlite", database=str(self._path))
        self._engine = create_async_engine(url)
        event.listen(self._engine.sync_engine, "connect", _set_pragmas)
        async with self._engine.begin() as connection:
            await connection.run_sync(prepare_schema)

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def read(self, query: Executable) -> list[RowMapping]:
        try:
            async with self._opened().connect() as connection:
                result = await connection.execute(query)
                return list(result.mappings())
        except SQLAlchemyError as error:
            raise self._unusable(error) from error

    async def write(self, *statements: Executable) -> list[int]:
        """Run all in one transaction; return how many rows each one touched."""
        counts = []
        try:
            async with self._opened().begin() as connection:
                for statement in statements:
                    result = await connection.execute(statement)
                    counts.append(result.rowcount if isinstance(result, CursorResult) else 0)
        except SQLAlchemyError as error:
            raise self._unusable(error) from error
        return counts

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            raise StoreError("The conversation database is not open.")
        return self._engine

    def _unusable(self, error: Exception) -> StoreError:
        # The driver's words alone: SQLAlchemy's hold the statement with its values.
        cause = getattr(error, "orig", None) or error
        return StoreError(
            f"The conversation database {self._path.name} cannot be used: {cause}. "
            "Check WEBSEARCH_DATA_DIR or WEBSEARCH_DATABASE_URL, its rights and the free space."
        )


def _create_private(path: Path) -> None:
    """SQLite gives -wal and -shm the rights of the file that it finds."""
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))


def _make_private(path: Path) -> None:
    """For a file that a backup or another program brought: it holds hashes of passwords."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        # Not ours, gone, or on a disk without rights: no reason to refuse the conversations.
        with suppress(OSError):
            path.with_name(name).chmod(PRIVATE_FILE)


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    # WAL with NORMAL: a commit costs 0.8 ms instead of 2-8, and readers do not wait.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()
