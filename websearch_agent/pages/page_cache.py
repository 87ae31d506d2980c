"""Cleaned pages in a SQLite file, so that none is fetched and parsed twice in its time.

Only a help: whatever is wrong with the file, pages are read without it. Shared by several
processes (the server, the command line) through SQLite's own locks.
"""

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from websearch_agent.errors import (
    PageError,
    PageMissing,
    PageTooLarge,
    PageWalled,
    RobotsDisallowed,
    UnsupportedContent,
)
from websearch_agent.sqlite_file import FILE_SUFFIXES, make_private, write_ahead
from websearch_agent.types import Page

# Raise it with every change of the tables or of what is made of a page: older files are emptied.
CACHE_VERSION = 4
# Evicting some more than needed spares the next pages the work.
_FILL_AFTER_EVICTION = 0.9
LOCK_TIMEOUT_S = 0.5
# In the data folder.
CACHE_FILE_NAME = "pages.db"
# A row takes whole blocks of the file, and its keys and indexes some more.
_BLOCK_BYTES = 4096
_ROW_BYTES = 600

_TABLES = """
CREATE TABLE pages (
    id INTEGER PRIMARY KEY,
    page TEXT,
    failure_code TEXT,
    failure_message TEXT,
    size_bytes INTEGER NOT NULL,
    stored_at REAL NOT NULL,
    expires_at REAL NOT NULL
);
CREATE INDEX pages_by_age ON pages (stored_at, size_bytes);
CREATE INDEX pages_by_expiry ON pages (expires_at);
CREATE TABLE addresses (
    address TEXT PRIMARY KEY,
    page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX addresses_by_page ON addresses (page_id);
"""

_PAGE_FORM = TypeAdapter(Page)
_FAILURES: dict[str, type[PageError]] = {
    error.code: error
    for error in (PageMissing, PageTooLarge, PageWalled, RobotsDisallowed, UnsupportedContent)
}
_log = logging.getLogger(__name__)
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class CacheSize:
    """What the cache holds, failures among it; `used_bytes` is nearly what its file takes."""

    page_count: int
    used_bytes: int


class PageCache:
    """Pages by address. `variant` tells apart what other settings would have read differently."""

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        variant: str = "",
        version: int = CACHE_VERSION,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._variant = variant
        self._version = version
        self._lock_timeout_s = lock_timeout_s
        self._seconds = seconds
        self._connection: sqlite3.Connection | None = None
        self._is_broken = False
        self._was_damaged = False
        self._is_closed = False
        # One thread: SQLite takes one writer anyway, and the event loop must not wait for a disk.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="page-cache")

    async def find(self, address: str, *, way: str = "") -> Page | PageError | None:
        """What was kept for the address and has not run out; a failure is given, not raised.

        `way`: in which the page was asked for; what was kept for one is not found in another.
        """
        key = self._key(address, way)
        return await self._run(lambda connection: self._find(connection, address, key), None)

    async def keep_page(self, page: Page, *, lifetime_s: float, way: str = "") -> None:
        """Keep it under its address and the one that it was redirected to."""
        keys = tuple(self._key(address, way) for address in (page.url, page.final_url))
        if lifetime_s > 0:
            await self._run(lambda c: self._keep_page(c, page, keys, lifetime_s), None)

    async def keep_failure(
        self, address: str, error: PageError, *, lifetime_s: float, way: str = ""
    ) -> None:
        if lifetime_s > 0:
            row = (None, error.code, error.message)
            keys = (self._key(address, way),)
            await self._run(lambda c: self._keep(c, keys, row, lifetime_s), None)

    async def size(self) -> CacheSize | None:
        """None if the file cannot be used."""
        return await self._run(_size, None)

    async def aclose(self) -> None:
        """Close the file. What is read from now on is not kept."""
        if not self._is_closed:
            self._is_closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], _Found], default: _Found) -> _Found:
        if self._is_broken or self._is_closed:
            return default
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._guarded, work, default)

    def _guarded(self, work: Callable[[sqlite3.Connection], _Found], default: _Found) -> _Found:
        """In the cache's thread. No error of SQLite gets out of here."""
        try:
            if self._connection is None:
                self._connection = self._open()
            return work(self._connection)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):  # else another process writes: this page is not kept
                self._give_up(error)
        except sqlite3.DatabaseError as error:
            if self._begin_anew(error):
                return self._guarded(work, default)
        except OSError as error:
            self._give_up(error)
        return default

    def _open(self) -> sqlite3.Connection:
        make_private(self._path)  # pages of the intranet may be in it
        connection = sqlite3.connect(self._path, timeout=self._lock_timeout_s, isolation_level=None)
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table
            write_ahead(connection, timeout_s=self._lock_timeout_s)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            if not _is_made(connection, self._version):
                _make_tables(connection, self._version)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _begin_anew(self, error: Exception) -> bool:
        """Whether the damaged file is gone, which is no loss; it happens once."""
        if self._was_damaged:
            self._give_up(error)
            return False
        self._was_damaged = True
        self._close()
        try:
            _remove(self._path)
        except OSError as removing:
            self._give_up(removing)
            return False
        return True

    def _give_up(self, error: Exception) -> None:
        self._is_broken = True
        self._close()
        _log.warning("Pages are not cached: %s cannot be used (%s)", self._path.name, error)

    def _close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _key(self, address: str, way: str) -> str:
        return f"{self._variant} {way} {address}"

    def _find(
        self, connection: sqlite3.Connection, address: str, key: str
    ) -> Page | PageError | None:
        row = connection.execute(
            "SELECT page, failure_code, failure_message FROM pages"
            " JOIN addresses ON page_id = id WHERE address = ? AND expires_at > ?",
            (key, self._seconds()),
        ).fetchone()
        if row is None:
            return None
        text, code, message = row
        if text is None:
            return _FAILURES.get(code, PageError)(message)
        try:
            return replace(_PAGE_FORM.validate_json(text), url=address)
        except ValidationError:
            return None

    def _keep_page(
        self,
        connection: sqlite3.Connection,
        page: Page,
        keys: tuple[str, ...],
        lifetime_s: float,
    ) -> None:
        try:
            text = _PAGE_FORM.dump_json(page).decode()
        except ValueError:  # half a character in what a server called its page
            return
        self._keep(connection, keys, (text, None, None), lifetime_s)

    def _keep(
        self,
        connection: sqlite3.Connection,
        keys: tuple[str, ...],
        row: tuple[str | None, str | None, str | None],
        lifetime_s: float,
    ) -> None:
        now = self._seconds()
        blocks = (sum(len(text.encode()) for text in row if text) + _ROW_BYTES) // _BLOCK_BYTES + 1
        size_bytes = blocks * _BLOCK_BYTES
        if size_bytes > self._max_bytes:
            return
        keys = tuple(dict.fromkeys(keys))
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM pages WHERE expires_at <= ?", (now,))
            replaced = _pages_of(connection, keys)
            cursor = connection.execute(
                "INSERT INTO pages (page, failure_code, failure_message, size_bytes, stored_at,"
                " expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                (*row, size_bytes, now, now + lifetime_s),
            )
            connection.executemany(
                "INSERT OR REPLACE INTO addresses VALUES (?, ?)",
                [(key, cursor.lastrowid) for key in keys],
            )
            connection.executemany(
                "DELETE FROM pages WHERE id = ?1"
                " AND NOT EXISTS (SELECT 1 FROM addresses WHERE page_id = ?1)",
                replaced,
            )
            evicted = _evict_oldest(connection, self._max_bytes)
        if evicted:
            connection.execute("PRAGMA incremental_vacuum").fetchall()


def _pages_of(connection: sqlite3.Connection, keys: tuple[str, ...]) -> list[tuple[int]]:
    """The pages that the keys lead to so far."""
    rows = [
        connection.execute("SELECT page_id FROM addresses WHERE address = ?", (key,)).fetchone()
        for key in keys
    ]
    return [row for row in rows if row]


def _evict_oldest(connection: sqlite3.Connection, max_bytes: int) -> int:
    """Delete the oldest pages beyond the bound; how many these were."""
    surplus = _size(connection).used_bytes - max_bytes
    if surplus <= 0:
        return 0
    surplus += int((1 - _FILL_AFTER_EVICTION) * max_bytes)
    gone = []
    for page_id, size_bytes in connection.execute(
        "SELECT id, size_bytes FROM pages ORDER BY stored_at"
    ):
        gone.append((page_id,))
        surplus -= size_bytes
        if surplus <= 0:
            break
    connection.executemany("DELETE FROM pages WHERE id = ?", gone)
    return len(gone)


def _is_made(connection: sqlite3.Connection, version: int) -> bool:
    """Whether the tables are there and of this version; a copy may have lost its `-wal`."""
    (tables,) = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('pages', 'addresses')"
    ).fetchone()
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return bool(tables == 2 and found == version)


def _make_tables(connection: sqlite3.Connection, version: int) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if _is_made(connection, version):  # by another process, which may have pages in them
            return
        connection.execute("DROP TABLE IF EXISTS addresses")
        connection.execute("DROP TABLE IF EXISTS pages")
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version:d}")


def _remove(path: Path) -> None:
    for suffix in FILE_SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _size(connection: sqlite3.Connection) -> CacheSize:
    count, total = connection.execute(
        "SELECT count(*), coalesce(sum(size_bytes), 0) FROM pages"
    ).fetchone()
    return CacheSize(count, total)
