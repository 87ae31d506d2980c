"""One SQLite file: opened, read and written, its errors turned into ours."""

import sqlite3
from pathlib import Path

from sqlalchemy import URL, Executable, RowMapping, event
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from websearch_agent.errors import StoreError
from websearch_agent.sqlite_file import make_private, write_ahead
from websearch_agent.store.schema import prepare_schema

_LOCK_TIMEOUT_S = 5


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
        make_private(self._path)  # it holds hashes of passwords
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


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    # WAL with NORMAL: a commit costs 0.8 ms instead of 2-8, and readers do not wait.
    write_ahead(connection, timeout_s=_LOCK_TIMEOUT_S)
    cursor = connection.cursor()
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute(f"PRAGMA busy_timeout={_LOCK_TIMEOUT_S * 1000}")
    cursor.close()
