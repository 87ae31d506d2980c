"""Is the text of a page read, and only that? Without network and model."""

import gzip
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from websearch_agent.config import Settings
from websearch_agent.errors import InvalidRequest, PageError
from websearch_agent.evals.extraction_metrics import (
    Scores,
    SegmentCounts,
    count_segments,
    mean_scores,
    plain_text,
    segment_scores,
    shingle_scores,
)
from websearch_agent.evals.measurement import Measurement, Opened
from websearch_agent.evals.metrics import accuracy, bootstrap_interval
from websearch_agent.evals.rows import read_files
from websearch_agent.evals.summary import make_summary, timing
from websearch_agent.pages.extract import ExtractedPage, extract_page

PAGES_FOLDER = "html"
_CJK_LANGUAGES = ("zh", "ja")
# For rows that do not tell the address of their page.
_UNKNOWN_URL = "https://page.example/"
_NAMED_FIELDS = ("title", "author", "date")


class ExtractionRow(BaseModel):
    """A page and its whole `truth`, or strings that must and must not stand in its text."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: str
    url: str | None = None
    lang: str = "?"
    src: str = "?"
    truth: str | None = None
    wanted: tuple[str, ...] = Field(default=(), alias="with")
    unwanted: tuple[str, ...] = Field(default=(), alias="without")
    title: str | None = None
    author: str | tuple[str, ...] | None = None
    date: str | None = None

    @model_validator(mode="after")
    def _require_truth(self) -> "ExtractionRow":
        if self.truth is None and not self.wanted:
            raise ValueError('needs "truth" or "with"')
        return self


@dataclass(frozen=True, slots=True)
class ExtractionCase:
    id: str
    row: ExtractionRow
    page: Path


@dataclass(frozen=True, slots=True)
class ExtractionResult:
    """Of one page. `seconds`: of a processor core.

    `named`: whether title, author and date are as the row states them, where it does.
    """

    id: str
    lang: str
    src: str
    seconds: float
    scores: Scores | None
    segments: SegmentCounts | None
    named: dict[str, bool]
    refused: str = ""

    @property
    def failed(self) -> str:
        """A refused page is a result: it has no text."""
        return ""


def extraction_eval() -> Measurement[ExtractionCase, ExtractionResult]:
    """The cleaning of pages as it is: no setting changes it."""

    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Opened[ExtractionCase, ExtractionResult]]:
        _load_parsers()
        # A page costs 15 ms, and speed is one of the figures: all are read in one run.
        yield Opened(ask, {}, resumes=False)

    async def ask(case: ExtractionCase) -> ExtractionResult:
        return read_page(case)

    return Measurement(
        name="extraction",
        read=read_extraction_cases,
        open=opened,
        restore=restore_extraction,
        summarise=summarise,
        figure=lambda result: (result.scores or segment_scores([_counts(result)])).f1,
        figure_name="F1",
        levels=(lambda case: case.row.src,),
        data_files=lambda paths: [*paths, *(case.page for case in read_extraction_cases(paths))],
        columns=("n", "f1", "mean_f1_ci95", "precision", "recall", "failed"),
    )


def read_extraction_cases(paths: Sequence[Path]) -> list[ExtractionCase]:
    """Rows with their pages, `html/ID.html.gz` beside each file. Raises InvalidRequest."""
    cases = []
    for path, id_, row in read_files(paths, ExtractionRow):
        page = path.parent / PAGES_FOLDER / f"{row.id}.html.gz"
        if not page.is_file():
            raise InvalidRequest(f"{path}: the page of {row.id!r} is missing: {page}.")
        cases.append(ExtractionCase(id_, row, page))
    return cases


def restore_extraction(values: dict[str, Any]) -> ExtractionResult:
    scores, segments = values["scores"], values["segments"]
    return ExtractionResult(
        **{
            **values,
            "scores": Scores(*scores) if scores else None,
            "segments": SegmentCounts(*segments) if segments else None,
        }
    )


def _load_parsers() -> None:
    """The first call would count them in its time."""
    with suppress(PageError):
        extract_page(b"<p>warm", url=_UNKNOWN_URL, content_type="text/html")


def _counts(result: ExtractionResult) -> SegmentCounts:
    return result.segments or SegmentCounts(0, 0, 0)


def read_page(case: ExtractionCase) -> ExtractionResult:
    """One page; a page that is refused has no text."""
    body = gzip.decompress(case.page.read_bytes())
    url = case.row.url or _UNKNOWN_URL
    page = ExtractedPage("", "", "text/html")
    failed = ""
    started = time.process_time()
    try:
        page = extract_page(body, url=url, content_type="text/html")
    except PageError as error:
        failed = str(error)
    return _measured(case, page, time.process_time() - started, failed)


def _measured(
    case: ExtractionCase, page: ExtractedPage, seconds: float, refused: str
) -> ExtractionResult:
    row = case.row
    scores = segments = None
    if row.truth is not None:
        is_cjk = row.lang.startswith(_CJK_LANGUAGES)
        scores = shingle_scores(page.text, row.truth, is_cjk=is_cjk)
    else:
        segments = count_segments(page.text, wanted=row.wanted, unwanted=row.unwanted)
    named = {
        name: _name(getattr(page, name)) == _name(stated)
        for name in _NAMED_FIELDS
        if (stated := getattr(row, name))
    }
    return ExtractionResult(case.id, row.lang, row.src, seconds, scores, segments, named, refused)


def _name(stated: str | tuple[str, ...] | None) -> str:
    """A title, day or list of names, however it is written."""
    text = stated if isinstance(stated, str) else ", ".join(stated or ())
    return " ".join(plain_text(text).casefold().replace(",", " ").replace(";", " ").split())


def summarise(
    results: Sequence[ExtractionResult], settings: Mapping[str, object]
) -> dict[str, Any]:
    seconds = [result.seconds for result in results]
    slowest = max(results, key=lambda result: result.seconds)
    speed = {
        "pages_per_second": round(len(seconds) / sum(seconds), 1),
        **timing(seconds, digits=4),
        "slowest": {"id": slowest.id, "seconds": round(slowest.seconds, 3)},
    }
    return make_summary("extraction", results, _metrics, settings, overall=speed)


def _metrics(results: Sequence[ExtractionResult]) -> dict[str, Any]:
    """F1, precision and recall; where both forms of rows are, weighted by their number.

    Of whole texts: F1 of the mean precision and recall of the pages. Of segments: over all.
    `mean_f1_ci95` is of the mean of the pages' own F1, which lies near.
    """
    texts = [result.scores for result in results if result.scores]
    counts = [result.segments for result in results if result.segments]
    forms = [
        (name, len(rows), scores)
        for name, rows, scores in (
            ("whole_texts", texts, mean_scores(texts)),
            ("segments", counts, segment_scores(counts)),
        )
        if rows
    ]
    metrics: dict[str, Any] = {
        figure: round(sum(n * getattr(scores, figure) for _, n, scores in forms) / len(results), 4)
        for figure in ("f1", "precision", "recall")
    }
    if len(forms) > 1:
        metrics |= {name: {"n": n, **_rounded(scores)} for name, n, scores in forms}
    for name in _NAMED_FIELDS:
        right = [result.named[name] for result in results if name in result.named]
        if right:
            metrics[f"{name}_accuracy"] = round(accuracy(right), 4)
    figures = [(result.scores or segment_scores([_counts(result)])).f1 for result in results]
    metrics["mean_f1_ci95"] = bootstrap_interval(figures)
    return metrics | {"n": len(results), "failed": sum(bool(r.refused) for r in results)}


def _rounded(scores: Scores) -> dict[str, float]:
    return {name: round(getattr(scores, name), 4) for name in ("f1", "precision", "recall")}
