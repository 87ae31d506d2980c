"""The documents beside a file of questions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from websearch_agent.errors import InvalidRequest
from websearch_agent.evals.rows import read_rows
from websearch_agent.pages.passages import split_passages
from websearch_agent.pages.rank import PassageIndex
from websearch_agent.types import Page, Passage

QUESTIONS_SUFFIX = "_questions"
DOCUMENT_SUFFIXES = ("_corpus", "_passages", "_documents", "_wikipedia", "_distractors")


class DocumentRow(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    title: str = ""
    url: str = ""


class Collection:
    """Documents by id; passages and index are made when they are first asked for."""

    def __init__(self, rows: Sequence[DocumentRow]) -> None:
        self.documents = {row.id: row for row in rows}

    @cached_property
    def titles(self) -> dict[str, str]:
        return {row.id: row.title for row in self.documents.values()}

    @cached_property
    def passages(self) -> list[Passage]:
        """A passage's `url` is its document's id."""
        return [p for row in self.documents.values() for p in split_passages(as_page(row))]

    @cached_property
    def index(self) -> PassageIndex:
        return PassageIndex(self.passages, titles=self.titles)

    def ranked_ids(self, question: str) -> list[str]:
        """The documents that share a word with the question, by their best passage."""
        best: dict[str, float] = {}
        scores = self.index.scores([question])
        for passage, score in zip(self.passages, scores, strict=True):
            if score > best.get(passage.url, 0.0):
                best[passage.url] = score
        return sorted(best, key=lambda id_: -best[id_])


def read_collection(questions: Path) -> Collection:
    """Raises InvalidRequest."""
    return Collection(read_rows(document_paths(questions), DocumentRow))


def document_paths(questions: Path) -> list[Path]:
    """The files beside a question file that hold its documents. Raises InvalidRequest."""
    stem = questions.name.partition(".jsonl")[0]
    if stem.endswith(QUESTIONS_SUFFIX):
        stem = stem.removesuffix(QUESTIONS_SUFFIX)
        names = [
            f"{stem}{kind}{end}" for kind in DOCUMENT_SUFFIXES for end in (".jsonl", ".jsonl.gz")
        ]
        found = [questions.parent / name for name in names if (questions.parent / name).is_file()]
        if found:
            return found
    raise InvalidRequest(
        f"{questions}: its documents were not found. X_questions.jsonl needs X_corpus.jsonl or "
        "X_passages.jsonl (plain or .gz) beside it."
    )


def as_page(row: DocumentRow) -> Page:
    return Page(
        url=row.id,
        final_url=row.id,
        title=row.title,
        text=row.text,
        content_type="text/plain",
        fetched_at=datetime.now(UTC),
    )
