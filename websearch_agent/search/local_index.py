"""A full-text index in a folder, replaced and extended so that a crash leaves the old one.

`FOLDER/CURRENT` holds the name of the sub-folder in use. A new index is built beside it and
`CURRENT` is then replaced in one step; additions are one commit of tantivy.
"""

import contextlib
import json
import logging
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import tantivy

from websearch_agent.errors import IndexUnusable
from websearch_agent.search import analysis
from websearch_agent.search.canonical_url import site_of
from websearch_agent.search.index_lock import lock_index

_logger = logging.getLogger(__name__)

# Part of a version folder's name: an index of another layout is never opened.
_LAYOUT = "v1"
# As in `Settings.builtin_index_dir`.
_BUILTIN_FOLDER = "builtin"
_LEFTOVER_AGE_S = 24 * 3600
MAX_DELETED_SHARE = 0.25
_WRITER_HEAP_BYTES = 50_000_000
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """A text for the local index. `site` names the set it belongs to, for people and filters;
    `date` is ISO 8601 as far as known."""

    url: str
    title: str
    text: str
    site: str = ""
    date: str | None = None
    content_type: str = "text/plain"


def document_key(url: str) -> str:
    """A short stable id of a document, made of its address."""
    return sha256(url.encode()).hexdigest()[:20]


class IndexUpdate:
    """Documents on their way into an index; `write_index` and `update_index` make it."""

    def __init__(self, writer: "tantivy.IndexWriter") -> None:
        self._writer = writer
        self._now_s = int(datetime.now(UTC).timestamp())
        self.document_count = 0

    def add(self, document: Document, indexed_at: datetime | None = None) -> None:
        """Add one, in place of a former one of the same address. Without a time: now."""
        now_s = self._now_s if indexed_at is None else int(indexed_at.timestamp())
        self._writer.delete_documents_by_term("key", document_key(document.url))
        self._writer.add_document(_to_index_form(document, now_s=now_s))
        self.document_count += 1


def write_index(folder: Path, documents: Iterable[Document]) -> int:
    """Replace the whole index; the old one stays in use until the new one is complete.

    Returns the number of documents. Raises IndexUnusable.
    """
    with replace_index(folder) as update:
        for document in documents:
            update.add(document)
    return update.document_count


@contextlib.contextmanager
def replace_index(folder: Path) -> Iterator[IndexUpdate]:
    """Build a new index; it takes the old one's place when the block ends well.

    Raises IndexUnusable, also if another run is writing.
    """
    with lock_index(folder), _replace(folder) as update:
        yield update


@contextlib.contextmanager
def _replace(folder: Path) -> Iterator[IndexUpdate]:
    name = f"{_LAYOUT}-{uuid.uuid4().hex[:12]}"
    try:
        (folder / name).mkdir(parents=True)
        index = tantivy.Index(_schema(), str(folder / name), reuse=False)
    except (OSError, ValueError) as error:
        raise _inaccessible(folder, error) from error
    try:
        with _commit(index, folder) as update:
            yield update
    except BaseException:
        shutil.rmtree(folder / name, ignore_errors=True)
        raise
    _switch_to(folder, name)


@contextlib.contextmanager
def update_index(folder: Path) -> Iterator[IndexUpdate]:
    """Add to the index (or start one); nothing is changed unless the block ends well.

    Raises IndexUnusable, also if another run is writing.
    """
    with lock_index(folder):
        current = current_version(folder)
        if current is None:
            with _replace(folder) as update:
                yield update
            return
        with _commit(open_index(current), folder) as update:
            yield update
        if _deleted_share(current) > MAX_DELETED_SHARE:
            _compact(folder, current)


def clear_index(folder: Path) -> None:
    """Remove the index with all its documents; no index is no error.

    Raises IndexUnusable if another run is writing.
    """
    with lock_index(folder):
        with contextlib.suppress(FileNotFoundError):
            (folder / "CURRENT").unlink()
        shutil.rmtree(folder, ignore_errors=True)


def current_version(folder: Path) -> Path | None:
    """The sub-folder in use, or None if there is no index of this layout."""
    # Twice: a swap may fall between reading the name and looking at the folder.
    return _named_version(folder) or _named_version(folder)


def _named_version(folder: Path) -> Path | None:
    try:
        name = (folder / "CURRENT").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _inaccessible(folder, error) from error
    usable = name.startswith(f"{_LAYOUT}-") and (folder / name / "meta.json").is_file()
    return folder / name if usable else None


def open_index(version: Path) -> "tantivy.Index":
    """Open what `current_version` named. Raises IndexUnusable."""
    try:
        index = tantivy.Index.open(str(version))
    except ValueError as error:
        if not os.access(version, os.R_OK | os.W_OK | os.X_OK):  # tantivy writes a lock file there
            raise _inaccessible(version.parent, PermissionError(str(version))) from error
        raise _damaged(version.parent, error) from error
    _register_analyzers(index)
    return index


def _damaged(folder: Path, error: Exception) -> IndexUnusable:
    """Which index, and the way out. Paths and tantivy's own words go to the log."""
    _logger.warning("the index in %s is damaged: %s", folder, error)
    again = "--builtin" if folder.name == _BUILTIN_FOLDER else "--clear PATH"
    return IndexUnusable(
        f"{_index_words(folder)} is damaged; `websearch-agent index {again}` makes it anew"
    )


def _inaccessible(folder: Path, error: Exception) -> IndexUnusable:
    _logger.warning("the index in %s cannot be read or written: %s", folder, error)
    return IndexUnusable(
        f"{_index_words(folder)} cannot be read or written; look at the rights and the free space "
        "of the folder index in WEBSEARCH_DATA_DIR (the log says more)"
    )


def _index_words(folder: Path) -> str:
    return "the built-in collection" if folder.name == _BUILTIN_FOLDER else "your own index"


def parse_day(text: str | None) -> int:
    """`2024-05-31…` as 20240531, for comparing; 0 if unknown. A bare year or month counts from
    its first day."""
    match = re.match(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?", text or "")
    if match is None:
        return 0
    year, month, day = (int(part or 1) for part in match.groups())
    try:
        return int(date(year, month, day).strftime("%Y%m%d"))
    except ValueError:
        return 0


def from_index_form(form: "tantivy.Document") -> tuple[Document, datetime]:
    """A document as it was added, and when that was."""
    content = form.get_first("stored")
    if not isinstance(content, bytes):
        raise IndexUnusable("the local index has a document without content; index it again")
    stored = json.loads(content)
    indexed_at = datetime.fromtimestamp(stored.pop("indexed_at_s"), UTC)
    return Document(**stored), indexed_at


@contextlib.contextmanager
def _commit(index: "tantivy.Index", folder: Path) -> Iterator[IndexUpdate]:
    _register_analyzers(index)
    try:
        writer = index.writer(heap_size=_WRITER_HEAP_BYTES, num_threads=1)
    except ValueError as error:
        raise _inaccessible(folder, error) from error
    update = IndexUpdate(writer)
    try:
        yield update
        writer.commit()
    except BaseException:
        writer.rollback()
        raise
    finally:
        writer.wait_merging_threads()


def _deleted_share(version: Path) -> float:
    """Replaced documents that are still counted, per live one."""
    segments = json.loads((version / "meta.json").read_bytes())["segments"]
    total = sum(segment["max_doc"] for segment in segments)
    deleted = sum((segment["deletes"] or {}).get("num_deleted_docs", 0) for segment in segments)
    return float(deleted / max(1, total - deleted))


def _compact(folder: Path, version: Path) -> None:
    """Write the live documents anew: tantivy goes on counting replaced ones as it weighs words."""
    searcher = open_index(version).searcher()
    everything = searcher.search(tantivy.Query.all_query(), max(1, searcher.num_docs), count=False)
    with _replace(folder) as update:
        for _, address in everything.hits:
            update.add(*from_index_form(searcher.doc(address)))


def _switch_to(folder: Path, name: str) -> None:
    former = current_version(folder)
    pointer = folder / f".current-{name}"
    pointer.write_text(name, encoding="utf-8")
    pointer.replace(folder / "CURRENT")
    oldest = time.time() - _LEFTOVER_AGE_S
    for version in folder.glob("v*-*"):
        # Leftovers of crashed runs; a younger one may be another process at work.
        if version == former or (version.name != name and version.stat().st_mtime < oldest):
            shutil.rmtree(version, ignore_errors=True)


def _schema() -> "tantivy.Schema":
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
    # Bytes, for a text field cannot be stored without being indexed.
    builder.add_bytes_field("stored", stored=True)
    builder.add_integer_field("day", indexed=True, fast=True)
    builder.add_text_field("domain", tokenizer_name="raw", index_option="basic")
    for part in ("title", "heading", "body"):
        builder.add_text_field(f"{part}_words", tokenizer_name=analysis.WORDS)
        builder.add_text_field(f"{part}_eastern", tokenizer_name=analysis.SPACED)
    builder.add_text_field("identifiers", tokenizer_name=analysis.IDENTIFIERS, index_option="freq")
    return builder.build()


def _register_analyzers(index: "tantivy.Index") -> None:
    index.register_tokenizer(analysis.WORDS, analysis.words_analyzer())
    index.register_tokenizer(analysis.IDENTIFIERS, analysis.identifiers_analyzer())


def _to_index_form(document: Document, *, now_s: int) -> "tantivy.Document":
    whole = f"{document.title}\n{document.text}"
    headings = "\n".join(_HEADING.findall(document.text))
    form = tantivy.Document()
    form.add_text("key", document_key(document.url))
    form.add_bytes("stored", json.dumps({**asdict(document), "indexed_at_s": now_s}).encode())
    form.add_integer("day", parse_day(document.date))
    for domain in domain_terms(document):
        form.add_text("domain", domain)
    for part, text in (("title", document.title), ("heading", headings), ("body", whole)):
        form.add_text(f"{part}_words", text)
        form.add_text(f"{part}_eastern", analysis.spaced_eastern_terms(text))
    form.add_text("identifiers", whole)
    return form


def domain_terms(document: Document) -> list[str]:
    """What a domain filter may name: the set's name, the host and all its parent domains."""
    labels = site_of(document.url).split(".")
    parents = {".".join(labels[start:]) for start in range(len(labels))}
    return sorted((parents | {document.site.lower()}) - {""})
