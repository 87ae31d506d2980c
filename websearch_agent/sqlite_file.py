"""A SQLite file that several processes may open at once, and that is for its owner alone."""

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600
FILE_SUFFIXES = ("", "-wal", "-shm")
_LOCK_POLL_S = 0.01


def make_private(path: Path) -> None:
    """Create the file for its owner alone, or close one that is there already.

    SQLite gives -wal and -shm the rights of the file that it finds. Raises OSError.
    """
    path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE_FILE))
    for suffix in FILE_SUFFIXES:
        # Not ours, gone, or on a disk without rights: no reason to do without the file.
        with suppress(OSError):
            path.with_name(path.name + suffix).chmod(_PRIVATE_FILE)


def write_ahead(connection: sqlite3.Connection, *, timeout_s: float) -> None:
    """Turn on the write-ahead log (https://www.sqlite.org/wal.html), waiting for other processes.

    SQLite's own waiting leaves the change of this mode out: it would fail at once.
    """
    give_up_at = time.monotonic() + timeout_s
    while True:
        cursor = connection.cursor()
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up_at:
                raise
        finally:
            cursor.close()
        time.sleep(_LOCK_POLL_S)
