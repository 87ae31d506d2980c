"""Does the check of statements know which ones the sources say?"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from websearch_agent.agent.judging import judge_support
from websearch_agent.agent.verification import judged_support
from websearch_agent.citations.checkable import has_something_to_check
from websearch_agent.citations.claims import parse_claim
from websearch_agent.citations.support import SupportChecker
from websearch_agent.config import Settings
from websearch_agent.errors import ModelError
from websearch_agent.evals.documents import DocumentRow, as_page
from websearch_agent.evals.measurement import Measurement, Opened
from websearch_agent.evals.metrics import (
    accuracy,
    auc,
    auc_interval,
    macro_f1,
    quantile,
    share_interval,
)
from websearch_agent.evals.program import describe_program, opened_program
from websearch_agent.evals.rows import read_rows
from websearch_agent.evals.summary import make_summary
from websearch_agent.pages.passages import split_passages
from websearch_agent.protocols import ModelClient
from websearch_agent.types import Source, Support, SupportMethod, new_boundary

Label = Literal["supported", "not_supported", "partial"]
# From here on the model's "yes" is the likelier word.
MODEL_SUPPORTED_FROM = 0.5
# Of fewer rows the normal approximation is no interval: of 2 right ones it would be 1 to 1.
MIN_FOR_INTERVAL = 10
LEVELS = ("supported", "partial", "unsupported", "not_checkable")


class SupportRow(BaseModel):
    """A statement, and whether the passages say it. `verbatim`: it was copied from them."""

    model_config = ConfigDict(frozen=True)

    id: str
    claim: str = Field(min_length=1)
    passages: tuple[str, ...] = Field(min_length=1)
    label: Label
    question: str | None = None
    lang: str = "?"
    src: str = "?"
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class SupportResult:
    """`score` and `level` are what the program makes of the measured method: with `model` the words
    and the model together. `fast_...` are those of the words alone, `model_...` of the model alone.
    """

    id: str
    lang: str
    src: str
    label: Label
    verbatim: bool
    score: float
    level: str
    fast_score: float
    fast_level: str
    model_score: float
    model_level: str
    contradicted: bool
    ms: float
    failed: str = ""


def support_eval(*, method: SupportMethod = "fast") -> Measurement[SupportRow, SupportResult]:
    """`fast`: by the words of the sources. `model`: the served model is asked, row by row."""
    return Measurement(
        name="support",
        read=lambda paths: read_rows(paths, SupportRow),
        open=_opened_model if method == "model" else _opened_fast,
        restore=lambda values: SupportResult(**values),
        summarise=summarise_support,
        figure=lambda result: (
            None if result.label == "partial" else float(_is_accepted(result) == _is_true(result))
        ),
        figure_name="right",
        levels=(lambda row: (row.lang, row.label), lambda row: row.src),
        columns=("n", "auc", "macro_f1", "accuracy", "false_accepts", "auc_fast", "auc_model"),
    )


@asynccontextmanager
async def _opened_fast(settings: Settings) -> AsyncIterator[Opened[SupportRow, SupportResult]]:
    async def ask(row: SupportRow) -> SupportResult:
        return check_row(row)

    # Milliseconds a row, and these are one of the figures: all are checked in one run.
    yield Opened(ask, {"method": "fast"}, resumes=False)


@asynccontextmanager
async def _opened_model(settings: Settings) -> AsyncIterator[Opened[SupportRow, SupportResult]]:
    async with opened_program(settings) as service:
        described = {**describe_program(settings, service.model, None), "method": "model"}
        yield Opened(lambda row: judge_row(row, service.model), described)


Judge = Callable[..., Awaitable[float]]
"""`judge_support(model, statement, sources, *, boundary, question)`: the probability of yes."""


def as_sources(passages: Sequence[str]) -> tuple[Source, ...]:
    """Each passage as a source, split into parts as a page is."""
    return tuple(
        Source(number, url, "", f"s{number}.example", tuple(split_passages(page)))
        for number, text in enumerate(passages, 1)
        for url in [f"https://s{number}.example/"]
        for page in [as_page(DocumentRow(id=url, text=text))]
    )


def check_row(row: SupportRow) -> SupportResult:
    """By the words alone; the time holds the counting of the sources too."""
    started = time.perf_counter()
    said = _check(row)
    return _result(row, said, ms=1000 * (time.perf_counter() - started))


def _check(row: SupportRow) -> Support:
    return SupportChecker(as_sources(row.passages)).check(row.claim, question=row.question or "")


def _result(row: SupportRow, said: Support, *, ms: float) -> SupportResult:
    return SupportResult(
        row.id,
        row.lang,
        row.src,
        row.label,
        row.verbatim,
        said.score,
        said.level,
        said.score,
        said.level,
        said.score,
        said.level,
        bool(said.contradicted),
        round(ms, 3),
    )


async def judge_row(
    row: SupportRow, model: ModelClient, judge: Judge = judge_support
) -> SupportResult:
    """By words and model together, as the program does with a statement that names its sources (one
    that nothing could say is left as the words have it), and by each alone.
    """
    said = _check(row)
    fast = _result(row, said, ms=0.0)
    question = row.question or ""
    started = time.perf_counter()
    try:
        probability = await judge(
            model,
            row.claim,
            as_sources(row.passages),
            boundary=new_boundary(),
            question=question,
        )
    except ModelError as error:
        return replace(fast, failed=f"{error.code}: {error.message}")
    ms = round(1000 * (time.perf_counter() - started), 3)
    is_judged = has_something_to_check(parse_claim(row.claim, question))
    both = judged_support(said, probability) if is_judged else said
    return replace(
        fast,
        score=both.score,
        level=both.level,
        model_score=round(probability, 6),
        model_level="supported" if probability >= MODEL_SUPPORTED_FROM else "unsupported",
        ms=ms,
    )


def _is_true(result: SupportResult) -> bool:
    return result.label == "supported"


def _is_accepted(result: SupportResult) -> bool:
    return result.level == "supported"


def easy_sources(results: Sequence[SupportResult]) -> list[str]:
    """Sources whose true statements were all copied from their passages: any check finds these."""
    true = [result for result in results if _is_true(result)]
    sources = {result.src for result in true}
    return sorted(sources - {result.src for result in true if not result.verbatim})


def summarise_support(
    results: Sequence[SupportResult], settings: Mapping[str, object]
) -> dict[str, Any]:
    """`partial` rows and easy sources are in no figure but the counts and `false_accepts`."""
    easy = easy_sources(results)
    with_model = settings.get("method") == "model"
    ms = [result.ms for result in results if not result.failed]
    return make_summary(
        "support",
        results,
        lambda rows: _metrics(rows, easy=easy, with_model=with_model),
        {**settings, "left_out_of_auc": easy},
        overall={
            "ms_p50": round(quantile(ms, 0.5), 2),
            "ms_p95": round(quantile(ms, 0.95), 2),
            "levels": count_levels(results),
        },
    )


def count_levels(results: Sequence[SupportResult]) -> dict[str, dict[str, int]]:
    """How many rows of each label got which level."""
    return {
        label: {
            level: sum(r.level == level for r in results if r.label == label) for level in LEVELS
        }
        for label in ("supported", "not_supported", "partial")
    }


def _metrics(
    results: Sequence[SupportResult], *, easy: Collection[str], with_model: bool
) -> dict[str, Any]:
    known = [result for result in results if not result.failed]
    negatives = [result for result in known if result.label == "not_supported"]
    accepted = sum(map(_is_accepted, negatives))
    metrics: dict[str, Any] = {"n": len(results), "failed": len(results) - len(known)}
    scored = [r for r in known if r.label != "partial" and r.src not in easy]
    if scored:
        metrics |= _scored_metrics(scored, with_model=with_model)
    if negatives:
        metrics["false_accepts"] = round(accepted / len(negatives), 4)
        metrics["false_accepts_ci95"] = share_interval(accepted, len(negatives))
    partial = [result for result in known if result.label == "partial"]
    if partial:
        metrics["partial"] = len(partial)
        metrics["partial_accepted"] = round(accuracy([_is_accepted(r) for r in partial]), 4)
    return metrics


def _scored_metrics(results: Sequence[SupportResult], *, with_model: bool) -> dict[str, Any]:
    wanted = [_is_true(result) for result in results]
    got = [_is_accepted(result) for result in results]
    right = sum(w == g for w, g in zip(wanted, got, strict=True))
    metrics: dict[str, Any] = {
        "n_scored": len(results),
        "accuracy": round(right / len(results), 4),
        "accuracy_ci95": share_interval(right, len(results)),
    }
    area = auc(wanted, [result.score for result in results])
    if area is None:
        return metrics
    metrics |= {
        "auc": round(area, 4),
        "macro_f1": round(macro_f1(wanted, got), 4),
    }
    positives = sum(wanted)
    if min(positives, len(wanted) - positives) >= MIN_FOR_INTERVAL:
        metrics["auc_ci95"] = auc_interval(area, positives, len(wanted) - positives)
    if with_model:
        metrics |= _compared(results, wanted)
    return metrics


def _compared(results: Sequence[SupportResult], wanted: Sequence[bool]) -> dict[str, float]:
    """The words alone and the model alone, on the same rows."""
    ways = {
        "fast": ([r.fast_score for r in results], [r.fast_level for r in results]),
        "model": ([r.model_score for r in results], [r.model_level for r in results]),
    }
    metrics = {}
    for name, (scores, levels) in ways.items():
        accepted = [level == "supported" for level in levels]
        false = [a for a, w in zip(accepted, wanted, strict=True) if not w]
        metrics[f"auc_{name}"] = round(auc(wanted, scores) or 0.0, 4)
        metrics[f"macro_f1_{name}"] = round(macro_f1(wanted, accepted), 4)
        metrics[f"false_accepts_{name}"] = round(accuracy(false), 4)
    return metrics
