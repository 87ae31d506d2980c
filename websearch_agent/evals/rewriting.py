"""Do the queries of a follow-up say what it means without its conversation?"""

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.evals.metrics import bootstrap_interval, mean, quantile, rouge1_f
from websearch_agent.evals.result_file import EarlierRun, ResultFile
from websearch_agent.evals.rows import balanced_sample, group_by
from websearch_agent.evals.run_rows import run_rows
from websearch_agent.events import AnswerFailed, DecisionMade
from websearch_agent.types import Answer, AnswerRequest

# A published conversation may lack the assistant's words; a conversation never does.
UNKNOWN_ANSWER = "…"


class ContextTurn(BaseModel):
    model_config = ConfigDict(frozen=True)

    user: str
    assistant: str | None = None


class RewritingRow(BaseModel):
    """A follow-up in its conversation; `gold` says the same without it."""

    model_config = ConfigDict(frozen=True)

    id: str
    question: str
    gold: str
    context: tuple[ContextTurn, ...] = ()
    lang: str = "?"
    src: str = "?"


@dataclass(frozen=True, slots=True)
class RewritingResult:
    """`rewrite` is the first query, empty if it `failed`; F of ROUGE-1 against the gold one."""

    id: str
    lang: str
    src: str
    rewrite: str
    rouge1_f: float
    copied_f: float
    seconds: float
    failed: str = ""


def sample_rewriting_rows(rows: Sequence[RewritingRow], size: int | None) -> list[RewritingRow]:
    """All rows, or `size` of them, spread evenly over language and source."""
    if size is None:
        return list(rows)
    levels = (lambda row: row.lang, lambda row: row.src)
    return balanced_sample(rows, size, row_id=lambda row: row.id, levels=levels)


def earlier_rewrites(
    rows: Sequence[RewritingRow], results: ResultFile
) -> EarlierRun[RewritingResult]:
    """What is there already of these rows; failed ones are asked again."""
    kept = results.read()
    done = [kept[row.id] for row in rows if row.id in kept and not kept[row.id].values["failed"]]
    started = min((row.started for row in done), default="")
    return EarlierRun({row.values["id"]: RewritingResult(**row.values) for row in done}, started)


async def run_rewriting(
    rows: Sequence[RewritingRow],
    parts: AgentParts,
    results: ResultFile,
    *,
    today: date,
    parallel: int,
    on_result: Callable[[RewritingResult], None],
) -> list[RewritingResult]:
    """Let the model write queries for every row that has no result yet; failed ones again."""
    return await run_rows(
        rows,
        lambda row: rewrite(row, parts, today=today),
        results,
        known=earlier_rewrites(rows, results).results,
        parallel=parallel,
        on_result=on_result,
    )


async def rewrite(row: RewritingRow, parts: AgentParts, *, today: date) -> RewritingResult:
    """Ask the follow-up in its conversation, made to search, and leave with the queries."""
    alone = replace(parts, today=lambda: today, engines=lambda: (), builtin_engine=lambda: None)
    conversation_id = await _store_conversation(row, parts)
    request = AnswerRequest(row.question, conversation_id=conversation_id, search="always")
    started = time.perf_counter()

    def result(text: str, failed: str = "") -> RewritingResult:
        figures = (rouge1_f(text, row.gold), rouge1_f(row.question, row.gold))
        seconds = round(time.perf_counter() - started, 3)
        return RewritingResult(row.id, row.lang, row.src, text, *figures, seconds, failed)

    async with aclosing(answer_question(request, alone)) as events:
        async for event in events:
            if isinstance(event, DecisionMade):
                queries = event.queries
                return result(queries[0]) if queries else result("", "no query was written")
            if isinstance(event, AnswerFailed):
                return result("", f"{event.code}: {event.message}")
    return result("", "the answer ended without a search")


async def _store_conversation(row: RewritingRow, parts: AgentParts) -> str:
    conversation_id = await parts.store.create_conversation(row.id)
    for turn in row.context:
        stored = await parts.store.begin_turn(conversation_id, turn.user)
        answer = Answer(text=turn.assistant or UNKNOWN_ANSWER)
        await parts.store.finish_turn(stored.id, status="finished", answer=answer, failure=None)
    return conversation_id


def summarise_rewriting(
    results: Sequence[RewritingResult], settings: dict[str, object]
) -> dict[str, Any]:
    """The object that `--json` prints. `copied_rouge1_f`: what the bare question would have."""
    seconds = [result.seconds for result in results if not result.failed]
    return {
        "eval": "rewriting",
        "n": len(results),
        "metrics": {
            **_metrics(results),
            "seconds_p50": round(quantile(seconds, 0.5), 2),
            "seconds_p95": round(quantile(seconds, 0.95), 2),
        },
        "by": {
            name: {key: _metrics(rows) for key, rows in group_by(results, name).items()}
            for name in ("lang", "src")
        },
        "settings": settings,
    }


def _metrics(results: Sequence[RewritingResult]) -> dict[str, Any]:
    figures = [result.rouge1_f for result in results]
    return {
        "rouge1_f": round(mean(figures), 4),
        "rouge1_f_ci95": bootstrap_interval(figures),
        "copied_rouge1_f": round(mean([result.copied_f for result in results]), 4),
        "n": len(results),
        "failed": sum(bool(result.failed) for result in results),
    }
