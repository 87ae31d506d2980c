"""Does the model search when it should, and only then?"""

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.evals.metrics import (
    accuracy,
    auc,
    precision_recall_f1,
    quantile,
    wilson_interval,
)
from websearch_agent.evals.result_file import EarlierRun, ResultFile
from websearch_agent.evals.rows import DecisionRow, balanced_sample
from websearch_agent.evals.run_rows import run_rows
from websearch_agent.events import AnswerFailed, AnswerFinished, DecisionMade
from websearch_agent.types import AnswerRequest

FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """`decided` is `search`, `no_search`, or `failed` with the error's message as `reason`."""

    id: str
    label: str
    lang: str
    src: str
    decided: str
    seconds: float
    reason: str = ""
    queries: tuple[str, ...] = ()
    probability: float | None = None

    @property
    def right(self) -> bool:
        return self.decided == self.label


def sample_rows(rows: Sequence[DecisionRow], size: int | None) -> list[DecisionRow]:
    """All rows, or `size` of them, spread evenly over language, label and source."""
    if size is None:
        return list(rows)
    return balanced_sample(
        rows,
        size,
        row_id=lambda row: row.id,
        levels=(lambda row: (row.lang, row.label), lambda row: row.src),
    )


def read_earlier_run(
    rows: Sequence[DecisionRow], results: ResultFile
) -> EarlierRun[DecisionResult]:
    """What is there already of these rows. Failed rows are not: they are asked again."""
    kept = results.read()
    done = [kept[row.id] for row in rows if row.id in kept]
    done = [row for row in done if row.values["decided"] != FAILED]
    started = min((row.started for row in done), default="")
    return EarlierRun({row.values["id"]: _from_json(row.values) for row in done}, started)


async def run_decisions(
    rows: Sequence[DecisionRow],
    parts: AgentParts,
    results: ResultFile,
    *,
    today: date,
    parallel: int,
    on_result: Callable[[DecisionResult], None],
) -> list[DecisionResult]:
    """Ask every row that has no result yet; returns the results of all, in the rows' order.

    `today` is told for rows without a day of their own. Failed rows are asked again.
    """
    return await run_rows(
        rows,
        lambda row: decide(row, parts, today=row.asked_on or today),
        results,
        known=read_earlier_run(rows, results).results,
        parallel=parallel,
        on_result=on_result,
    )


async def decide(row: DecisionRow, parts: AgentParts, *, today: date) -> DecisionResult:
    """Ask the question as a person would, and leave as soon as the model has decided."""
    alone = replace(parts, today=lambda: today, engines=lambda: (), builtin_engine=lambda: None)
    started = time.perf_counter()
    request = AnswerRequest(question=row.question)

    def result(decided: str, **more: Any) -> DecisionResult:
        seconds = round(time.perf_counter() - started, 3)
        return DecisionResult(row.id, row.label, row.lang, row.src, decided, seconds, **more)

    async with aclosing(answer_question(request, alone)) as events:
        async for event in events:
            match event:
                case DecisionMade():
                    return result(
                        "search" if event.search else "no_search",
                        reason=event.reason,
                        queries=event.queries,
                        probability=event.probability,
                    )
                case AnswerFailed():
                    return result(FAILED, reason=f"{event.code}: {event.message}")
                case AnswerFinished():
                    break
    return result(FAILED, reason="the answer ended without a decision")


def _from_json(row: dict[str, Any]) -> DecisionResult:
    return DecisionResult(**{**row, "queries": tuple(row["queries"])})


def summarise(results: Sequence[DecisionResult], settings: dict[str, object]) -> dict[str, Any]:
    """The object that `--json` prints: figures over all, and by language and source.

    A source `a/b` is counted under its own name and under `a`. Failures count as wrong.
    """
    sources = {result.src for result in results}
    sources |= {source.partition("/")[0] for source in sources}
    return {
        "eval": "decision",
        "n": len(results),
        "metrics": {**_metrics(results), **_seconds(results)},
        "by": {
            "lang": {
                lang: _metrics([r for r in results if r.lang == lang])
                for lang in sorted({r.lang for r in results})
            },
            "src": {
                source: _metrics([r for r in results if _belongs(r.src, source)])
                for source in sorted(sources)
            },
        },
        "confusion": confusion(results),
        "settings": settings,
    }


def confusion(results: Sequence[DecisionResult]) -> dict[str, dict[str, int]]:
    """How often each label was decided how: `confusion[label][decided]`."""
    return {
        label: {
            decided: sum(r.label == label and r.decided == decided for r in results)
            for decided in ("search", "no_search", FAILED)
        }
        for label in ("search", "no_search")
    }


def _belongs(source: str, group: str) -> bool:
    return source == group or source.startswith(f"{group}/")


def _metrics(results: Sequence[DecisionResult]) -> dict[str, Any]:
    right = [result.right for result in results]
    wanted = [result.label == "search" for result in results]
    got = [result.decided == "search" for result in results]
    low, high = wilson_interval(sum(right), len(right))
    metrics: dict[str, Any] = {
        "accuracy": round(accuracy(right), 4),
        "accuracy_ci95": [round(low, 4), round(high, 4)],
        "n": len(results),
        "failed": sum(result.decided == FAILED for result in results),
    }
    if any(wanted) and not all(wanted):
        names = ("precision", "recall", "f1")
        figures = precision_recall_f1(wanted, got)
        metrics |= {name: round(value, 4) for name, value in zip(names, figures, strict=True)}
    known = [r for r in results if r.probability is not None]
    area = auc([r.label == "search" for r in known], [r.probability or 0.0 for r in known])
    if area is not None:
        metrics["auc"] = round(area, 4)
    return metrics


def _seconds(results: Sequence[DecisionResult]) -> dict[str, float]:
    seconds = [result.seconds for result in results if result.decided != FAILED]
    return {
        "seconds_p50": round(quantile(seconds, 0.5), 2),
        "seconds_p95": round(quantile(seconds, 0.95), 2),
    }
