"""`eval rewriting`: follow-ups are asked in their conversation, and their first query is scored."""

import datetime as dt
from pathlib import Path

import pytest
from agent_parts import make_parts
from fakes import FakeModel, Reply, search_call

from websearch_agent.errors import ModelUnavailable
from websearch_agent.evals.measurement import read_earlier_run, run_rows
from websearch_agent.evals.program import ContextTurn
from websearch_agent.evals.result_file import ResultFile
from websearch_agent.evals.rewriting import (
    RewritingResult,
    RewritingRow,
    rewrite,
    summarise_rewriting,
)
from websearch_agent.protocols import ConversationStore

pytestmark = pytest.mark.anyio

TODAY = dt.date(2026, 11, 23)
ROW = RewritingRow(
    id="1",
    question="When was it opened?",
    gold="When was the red bridge opened?",
    context=(ContextTurn(user="Tell me about the red bridge."),),
    lang="en",
)


async def run(
    store: ConversationStore, folder: Path, *replies: Reply
) -> tuple[list[RewritingResult], FakeModel]:
    model = FakeModel(replies)
    results_file = ResultFile(folder, "rewriting", {"model": "fake"})
    parts = make_parts(store, model)
    results = await run_rows(
        [ROW],
        lambda row: rewrite(row, parts, today=TODAY),
        results_file,
        known=read_earlier_run([ROW], results_file, lambda row: RewritingResult(**row)).results,
    )
    return results, model


async def test_first_query_is_compared_with_the_gold_one(
    store: ConversationStore, tmp_path: Path
) -> None:
    query = search_call("When was the red bridge opened?", "red bridge")
    (result,), model = await run(store, tmp_path, query)
    assert (result.rouge1_f, result.failed) == (1.0, "")
    assert 0 < result.copied_f < 1
    shown = [message.content for message in model.calls[0].messages]
    assert "Tell me about the red bridge." in shown


async def test_done_rows_are_not_asked_again_and_failed_ones_are(
    store: ConversationStore, tmp_path: Path
) -> None:
    (failed,), _ = await run(store, tmp_path, ModelUnavailable("busy"))
    assert failed.failed.startswith("model_unavailable")
    (right,), _ = await run(store, tmp_path, search_call("red bridge opened"))
    (again,), model = await run(store, tmp_path)
    assert again == right
    assert model.calls == []


async def test_summary_names_what_copying_the_question_would_have(
    store: ConversationStore, tmp_path: Path
) -> None:
    results, _ = await run(store, tmp_path, search_call("When was the red bridge opened?"))
    summary = summarise_rewriting(results, {})
    assert summary["metrics"]["rouge1_f"] == 1.0
    assert summary["metrics"]["copied_rouge1_f"] == round(results[0].copied_f, 4)
    assert summary["by"]["lang"]["en"]["n"] == 1
