"""One run at a time may write an index; another process's run is told so."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from websearch_agent.errors import IndexUnusable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextlib.contextmanager
def lock_index(folder: Path) -> Iterator[None]:
    """Hold the index for writing. Raises IndexUnusable at once if another run holds it.

    The lock ends with the process that holds it, however that ends.
    """
    # Beside the folder: clearing the index removes the folder.
    path = folder.with_name(f".{folder.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise IndexUnusable(
            f"the index cannot be written ({error.strerror}); look at the folder index of "
            "WEBSEARCH_DATA_DIR"
        ) from error
    with file:
        if not _try_lock(file):
            raise IndexUnusable(
                "another index run is going on; wait until it is done and try again"
            )
        yield


def _try_lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
