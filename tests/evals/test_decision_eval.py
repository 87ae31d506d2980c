"""`eval decision`: the real agent with a model that decides by its script."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from agent_parts import make_parts
from fakes import FakeModel, search_call

from websearch_agent.agent.run import AgentParts
from websearch_agent.errors import ModelUnavailable
from websearch_agent.evals.decision import (
    DecisionResult,
    decide,
    restore_decision,
    summarise,
)
from websearch_agent.evals.measurement import read_earlier_run, run_rows
from websearch_agent.evals.result_file import EarlierRun, ResultFile
from websearch_agent.evals.rows import DecisionRow
from websearch_agent.model_calls import ModelCall
from websearch_agent.protocols import ConversationStore

pytestmark = pytest.mark.anyio

ROWS = [
    DecisionRow(id="1", question="news?", label="search", lang="en", src="own/a"),
    DecisionRow(id="2", question="hello", label="no_search", lang="zh", src="own/b"),
    DecisionRow(
        id="3", question="news of then?", label="search", lang="en", src="b", date="2024-08-16"
    ),
]


def deciding_parts(store: ConversationStore, *, fail_on: str = "") -> tuple[AgentParts, FakeModel]:
    """Searches when the question holds `news`."""

    def reply(call: ModelCall) -> object:
        question = call.messages[-1].content
        if fail_on and fail_on in question:
            return ModelUnavailable("down")
        return search_call("q") if "news" in question else "Hello!"

    model = FakeModel([reply] * 10)  # type: ignore[list-item]
    return make_parts(store, model), model


async def run(parts: AgentParts, file: ResultFile) -> list[DecisionResult]:
    today = dt.date(2026, 1, 1)
    return await run_rows(
        ROWS,
        lambda row: decide(row, parts, today=row.asked_on or today),
        file,
        known=earlier_run(file).results,
    )


def earlier_run(file: ResultFile, rows: list[DecisionRow] = ROWS) -> EarlierRun[DecisionResult]:
    return read_earlier_run(rows, file, restore_decision)


async def test_decisions_are_counted_by_language_and_source(
    store: ConversationStore, tmp_path: Path
) -> None:
    parts, model = deciding_parts(store)
    results = await run(parts, ResultFile(tmp_path, "decision", {}))
    assert [result.decided for result in results] == ["search", "no_search", "search"]
    wrong = replace(results[1], decided="search")
    summary = summarise([results[0], wrong, results[2]], {"model": "fake"})
    assert summary["eval"] == "decision"
    assert summary["n"] == 3
    assert summary["metrics"]["accuracy"] == 0.6667
    assert summary["by"]["lang"]["en"]["accuracy"] == 1.0
    assert summary["by"]["lang"]["zh"]["accuracy"] == 0.0
    assert summary["by"]["src"]["own"]["accuracy"] == 0.5
    assert summary["by"]["src"]["own/a"]["accuracy"] == 1.0
    assert summary["confusion"]["no_search"] == {"search": 1, "no_search": 0, "failed": 0}
    assert summary["settings"] == {"model": "fake"}
    systems = [call.messages[0].content for call in model.calls]
    assert "2026-01-01" in systems[0]
    assert "2024-08-16" in systems[2]


async def test_engines_are_never_asked(store: ConversationStore, tmp_path: Path) -> None:
    parts, _ = deciding_parts(store)
    (engine,) = parts.engines()
    await run(parts, ResultFile(tmp_path, "decision", {}))
    assert engine.queries == []  # type: ignore[attr-defined]


async def test_interrupted_run_goes_on_and_failed_rows_are_asked_again(
    store: ConversationStore, tmp_path: Path
) -> None:
    file = ResultFile(tmp_path, "decision", {"model": "a"})
    parts, _ = deciding_parts(store, fail_on="hello")
    first = await run(parts, file)
    assert [result.decided for result in first] == ["search", "failed", "search"]
    with file.path.open("a") as cut:
        cut.write('{"id": "1", "label": ')  # as a crash leaves it
    parts, model = deciding_parts(store)
    second = await run(parts, ResultFile(tmp_path, "decision", {"model": "a"}))
    assert [result.decided for result in second] == ["search", "no_search", "search"]
    assert len(model.calls) == 1
    parts, model = deciding_parts(store)
    await run(parts, ResultFile(tmp_path, "decision", {"model": "a"}))
    assert model.calls == []


async def test_other_settings_begin_anew(store: ConversationStore, tmp_path: Path) -> None:
    parts, _ = deciding_parts(store)
    await run(parts, ResultFile(tmp_path, "decision", {"model": "a"}))
    parts, model = deciding_parts(store)
    await run(parts, ResultFile(tmp_path, "decision", {"model": "b"}))
    assert len(model.calls) == 3


async def test_asking_a_sample_anew_keeps_the_other_rows(
    store: ConversationStore, tmp_path: Path
) -> None:
    file = ResultFile(tmp_path, "decision", {})
    parts, _ = deciding_parts(store)
    await run(parts, file)
    file.ask_anew(["1", "nowhere"])
    assert set(earlier_run(file).results) == {"2", "3"}
    parts, model = deciding_parts(store)
    assert len(await run(parts, file)) == 3
    assert len(model.calls) == 1
    assert set(earlier_run(file).results) == {"1", "2", "3"}


async def test_earlier_run_is_known_by_when_it_began(
    store: ConversationStore, tmp_path: Path
) -> None:
    file = ResultFile(tmp_path, "decision", {})
    assert earlier_run(file).started == ""
    parts, _ = deciding_parts(store)
    await run(parts, file)
    begun = earlier_run(file).started
    assert dt.datetime.fromisoformat(begun).tzinfo is not None
    later = {"started": "9999-01-01T00:00:00+00:00", "asked_anew": ["1"]}
    file.append(later)
    parts, _ = deciding_parts(store)
    await run(parts, file)
    assert earlier_run(file, ROWS[:1]).started == later["started"]
    assert earlier_run(file).started == begun
