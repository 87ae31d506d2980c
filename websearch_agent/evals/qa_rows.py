"""Reads questions with their documents, in all the forms in which they are published."""

import datetime as dt
import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from websearch_agent.evals.documents import DocumentRow
from websearch_agent.evals.gold_answers import Golds
from websearch_agent.evals.program import ContextTurn

Answerability = Literal["ANSWERABLE", "PARTIAL", "UNANSWERABLE", "UNDERSPECIFIED"]
Form = Literal["collection", "passages", "pages", "conversation", "counterfactual"]
NestedAnswers = tuple[str | tuple[str, ...], ...]

PAGES_FOLDER = "html"


def without_nulls(value: object) -> object:
    """A field that is null is not there."""
    if not isinstance(value, dict):
        return value
    return {key: held for key, held in value.items() if held is not None}


class Utterance(BaseModel):
    model_config = ConfigDict(frozen=True)

    role: str
    text: str


class EarlierQuestion(BaseModel):
    """A turn of `history`; of several wordings of its answer the first one was said."""

    model_config = ConfigDict(frozen=True)

    q: str
    a: str | tuple[str, ...] = ()


class PassageRow(BaseModel):
    """One of a row's own passages; a plain string is its text."""

    model_config = ConfigDict(frozen=True)

    text: str
    id: str = ""
    title: str = ""
    url: str = ""
    date: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_text(cls, value: object) -> object:
        return {"text": value} if isinstance(value, str) else without_nulls(value)


class PageRow(BaseModel):
    """A page that lies in html/PAGE.html.gz beside the file."""

    model_config = ConfigDict(frozen=True)

    page: str = Field(pattern=r"^[\w.-]+$")
    title: str = ""
    url: str = ""
    snippet: str = ""

    @model_validator(mode="before")
    @classmethod
    def _take_nulls(cls, value: object) -> object:
        return without_nulls(value)


class QaRow(BaseModel):
    """What a row may hold; which of it is there says what form it has."""

    model_config = ConfigDict(frozen=True)

    id: str
    lang: str = "?"
    src: str = "?"
    question: str = ""
    date: str | None = None
    query_time: str | None = None
    answers: NestedAnswers = ()
    qrels: tuple[str, ...] = ()
    qrels_weak: tuple[str, ...] = ()
    retrieved: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()
    docs: tuple[str, ...] = ()
    passages: tuple[PassageRow, ...] | None = None
    page: str | None = Field(default=None, pattern=r"^[\w.-]+$")
    url: str = ""
    pages: tuple[PageRow, ...] = ()
    history: tuple[EarlierQuestion, ...] = ()
    conversation: tuple[Utterance, ...] = ()
    answerability: Answerability = "ANSWERABLE"
    reference: str = ""
    answer: NestedAnswers = ()
    fake_answer: NestedAnswers = ()
    true_passages: tuple[PassageRow, ...] = ()
    counterfactual_passages: tuple[PassageRow, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _take_nulls(cls, value: object) -> object:
        return without_nulls(value)

    @field_validator("answer", "fake_answer", mode="before")
    @classmethod
    def _take_one(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _require_documents(self) -> "QaRow":
        if not (self.question.strip() or self.conversation):
            raise ValueError('needs "question" or "conversation"')
        if self.conversation and self.conversation[-1].role != "user":
            raise ValueError('"conversation" must end with the user')
        if self.form is None:
            raise ValueError(
                'brings no documents: it needs "qrels" or "docs" (documents beside the file), '
                '"passages", "page", "pages", or "true_passages" and "counterfactual_passages"'
            )
        return self

    @property
    def form(self) -> Form | None:
        """Told by the fields alone."""
        if self.counterfactual_passages and self.true_passages and self.fake_answer:
            return "counterfactual"
        if self.conversation and self.passages is not None:
            return "conversation"
        if self.page or self.pages:
            return "pages"
        if self.passages:
            return "passages"
        return "collection" if self.qrels or self.docs else None

    @property
    def asked(self) -> str:
        return self.conversation[-1].text if self.conversation else self.question

    @property
    def turns(self) -> tuple[ContextTurn, ...]:
        """What was said before the question."""
        told = [ContextTurn(user=turn.q, assistant=_first(turn.a)) for turn in self.history]
        for utterance in self.conversation[:-1]:
            if utterance.role == "user" or not told:
                told.append(ContextTurn(user=utterance.text))
            else:
                said = told[-1].assistant
                text = f"{said}\n{utterance.text}" if said else utterance.text
                told[-1] = told[-1].model_copy(update={"assistant": text})
        return tuple(told)

    @property
    def asked_on(self) -> dt.date | None:
        """The day of the question; of a year alone, its last day: then what it brought is known."""
        return parse_day(self.query_time or self.date or "")


def _first(answer: str | tuple[str, ...]) -> str | None:
    return answer if isinstance(answer, str) else next(iter(answer), None)


def parse_day(text: str) -> dt.date | None:
    """A day as ISO 8601, month first ("03/13/2024, 09:30"), or a year alone; None for others."""
    forms = (
        (r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", (1, 2, 3)),
        (r"(\d{1,2})/(\d{1,2})/(\d{4})", (3, 1, 2)),
    )
    for pattern, places in forms:
        if found := re.match(pattern, text):
            year, month, day = (int(found[place]) for place in places)
            try:
                return dt.date(year, month, day)
            except ValueError:
                return None
    return dt.date(int(text), 12, 31) if re.fullmatch(r"[12]\d{3}", text) else None


def any_of(answers: NestedAnswers) -> Golds:
    """Alternatives; a list among them is one alternative, all of which must be said."""
    return tuple((answer,) if isinstance(answer, str) else answer for answer in answers)


def any_wording(answers: NestedAnswers) -> Golds:
    """Strings are alternatives; lists are parts of the answer, each in several wordings.

    All parts must be said, in any wording.
    """
    parts = [answer for answer in answers if not isinstance(answer, str)]
    if not parts:
        return any_of(answers)
    wholes: list[tuple[str, ...]] = [()]
    for part in parts:
        wholes = [(*whole, wording) for whole in wholes for wording in part]
    plain = tuple(answer for answer in answers if isinstance(answer, str))
    return tuple((*whole, *plain) for whole in wholes)


def all_of(answers: NestedAnswers) -> Golds:
    """One answer of several parts, each a string or a list of its wordings."""
    lists = tuple((answer,) if isinstance(answer, str) else answer for answer in answers)
    return any_wording(lists)


def read_html(file: Path, page: str) -> bytes:
    """The bytes of a page as its server sent them. Raises OSError."""
    return gzip.decompress((file.parent / PAGES_FOLDER / f"{page}.html.gz").read_bytes())


def as_document_rows(passages: Sequence[PassageRow], prefix: str) -> list[DocumentRow]:
    """The passages as documents; one without an id gets one from its place."""
    return [
        DocumentRow(id=row.id or f"{prefix}#{n}", text=row.text, title=row.title, url=row.url)
        for n, row in enumerate(passages, 1)
    ]
