"""Does the model search when it should, and only then?"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.config import Settings
from websearch_agent.evals.measurement import Measurement, Opened
from websearch_agent.evals.metrics import accuracy, auc, precision_recall_f1, wilson_interval
from websearch_agent.evals.program import describe_program, opened_program
from websearch_agent.evals.rows import DecisionRow, read_decision_rows
from websearch_agent.evals.summary import make_summary, timing
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

    @property
    def failed(self) -> str:
        return self.reason if self.decided == FAILED else ""


def decision_eval(*, today: date | None = None) -> Measurement[DecisionRow, DecisionResult]:
    """`today` is told for rows without a day of their own; None: the day of asking."""

    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Opened[DecisionRow, DecisionResult]]:
        async with opened_program(settings) as service:
            yield Opened(
                lambda row: decide(row, service.parts, today=row.asked_on or today or date.today()),
                describe_program(settings, service.model, today),
            )

    return Measurement(
        name="decision",
        read=read_decision_rows,
        open=opened,
        restore=restore_decision,
        summarise=summarise,
        figure=lambda result: float(result.right),
        figure_name="right",
        levels=(lambda row: (row.lang, row.label), lambda row: row.src),
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


def restore_decision(row: dict[str, Any]) -> DecisionResult:
    return DecisionResult(**{**row, "queries": tuple(row["queries"])})


def summarise(results: Sequence[DecisionResult], settings: Mapping[str, object]) -> dict[str, Any]:
    """Failures count as wrong."""
    answered = [result.seconds for result in results if not result.failed]
    return make_summary(
        "decision",
        results,
        _metrics,
        settings,
        overall=timing(answered),
        more={"confusion": confusion(results)},
    )


def confusion(results: Sequence[DecisionResult]) -> dict[str, dict[str, int]]:
    """How often each label was decided how: `confusion[label][decided]`."""
    return {
        label: {
            decided: sum(r.label == label and r.decided == decided for r in results)
            for decided in ("search", "no_search", FAILED)
        }
        for label in ("search", "no_search")
    }


def _metrics(results: Sequence[DecisionResult]) -> dict[str, Any]:
    right = [result.right for result in results]
    wanted = [result.label == "search" for result in results]
    got = [result.decided == "search" for result in results]
    low, high = wilson_interval(sum(right), len(right))
    metrics: dict[str, Any] = {
        "accuracy": round(accuracy(right), 4),
        "accuracy_ci95": [round(low, 4), round(high, 4)],
        "n": len(results),
        "failed": sum(bool(result.failed) for result in results),
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
