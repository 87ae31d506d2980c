"""Which files of a folder are documents, and their bytes."""

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 20_000_000
# What is looked at to tell whether a text lies beside its own HTML page; a word is a run of bytes
# without white space and marks.
MAX_COMPARED_BYTES = 4000
MIN_SHARED_WORDS = 0.6
_WORD = re.compile(rb"[^\s!-/:-@\[-`{-~]{4,60}")

CONTENT_TYPES = {
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".rst": "text/x-rst",
    ".adoc": "text/plain",
    ".org": "text/plain",
    ".pdf": "application/pdf",
}
_PAGE_SUFFIXES = (".html", ".htm", ".xhtml")
# The sources that Sphinx puts beside its pages: the same text twice.
_SKIPPED_FOLDERS = frozenset({"_sources", "node_modules", "__pycache__"})


class FileUnreadable(Exception):
    """A file that cannot become a document; the text says why."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to index. `site` is the name of the folder that was asked for."""

    path: Path
    content_type: str
    site: str


def find_files(target: Path) -> Iterator[FoundFile]:
    """The documents of a folder, in a fixed order, or the file itself.

    Follows links; each file comes once however many links lead to it. Hidden names, folders of
    sources and a text whose HTML page lies beside it are left out.
    """
    if target.is_file():
        yield FoundFile(target, content_type_of(target) or "", target.resolve().parent.name)
        return
    site = target.resolve().name
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(target, followlinks=True):
        folders[:] = sorted(name for name in folders if _is_wanted(Path(folder, name), seen))
        pages = {document_stem(name): name for name in names if name.endswith(_PAGE_SUFFIXES)}
        for name in sorted(names):
            path = Path(folder, name)
            content_type = content_type_of(path)
            if content_type is None or name.startswith("."):
                continue
            is_text = content_type not in ("text/html", "application/pdf")
            page = pages.get(document_stem(name)) if is_text else None
            if page is not None and _is_copy(path, Path(folder, page)):
                continue
            if _is_new(path, seen):
                yield FoundFile(path, content_type, site)


def content_type_of(path: Path) -> str | None:
    """By the name's ending, `.gz` aside; None if it is not a document."""
    name = path.name.lower().removesuffix(".gz")
    return CONTENT_TYPES.get(Path(name).suffix)


def document_stem(name: str) -> str:
    """The name without its endings: `git-rebase` of `git-rebase.txt.gz`."""
    return Path(name.removesuffix(".gz")).stem


def read_document_bytes(path: Path) -> bytes:
    """The bytes, unpacked if it ends in `.gz`; never more than `MAX_FILE_BYTES`.

    Raises FileUnreadable.
    """
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileUnreadable(f"cannot be read: {error}") from error
    if len(body) > MAX_FILE_BYTES:
        raise FileUnreadable(f"larger than {MAX_FILE_BYTES // 1_000_000} MB")
    if not body.strip():
        raise FileUnreadable("is empty")
    return body


def _is_copy(text: Path, page: Path) -> bool:
    """Whether the HTML page holds most words of the text: then it is the text's better form."""
    try:
        words = set(_WORD.findall(read_document_bytes(text)[:MAX_COMPARED_BYTES]))
        markup = read_document_bytes(page)
    except FileUnreadable:
        return False
    return sum(word in markup for word in words) >= MIN_SHARED_WORDS * max(1, len(words))


def _is_wanted(folder: Path, seen: set[tuple[int, int]]) -> bool:
    """Not hidden and not been in yet: a link back up would go on for ever."""
    if folder.name.startswith(".") or folder.name in _SKIPPED_FOLDERS:
        return False
    return _is_new(folder, seen)


def _is_new(path: Path, seen: set[tuple[int, int]]) -> bool:
    try:
        status = path.stat()
    except OSError:
        # A broken link: as a file it is listed as unreadable, as a folder it is empty.
        return True
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return False
    seen.add(identity)
    return True
