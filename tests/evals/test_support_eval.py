"""`eval support`: figures that can be checked by hand, and both methods on the same rows."""

import json
from pathlib import Path

import pytest
from evals.eval_runs import run_whole, summary_of
from fakes import FakeModel

from websearch_agent.agent.verification import judged_support
from websearch_agent.errors import InvalidRequest, ModelUnavailable
from websearch_agent.evals.metrics import macro_f1
from websearch_agent.evals.support import (
    SupportResult,
    SupportRow,
    as_sources,
    check_row,
    easy_sources,
    judge_row,
    summarise_support,
    support_eval,
)
from websearch_agent.types import Source, Support

pytestmark = pytest.mark.anyio

BRIDGE = "The red bridge over the wide river was opened in 1932 by the mayor of the town."
ROW = SupportRow(
    id="1",
    claim="The red bridge was opened in 1932 by the mayor.",
    passages=(BRIDGE, "Bakers start their work at four in the morning."),
    label="supported",
)


def result(id_: str, label: str, level: str, score: float, **more: object) -> SupportResult:
    values = {"lang": "en", "src": "a", "verbatim": False, "ms": 1.0, "contradicted": False, **more}
    values = {"fast_score": score, "fast_level": level, **values}
    values = {"model_score": score, "model_level": level, **values}
    return SupportResult(id=id_, label=label, level=level, score=score, **values)  # type: ignore[arg-type]


RESULTS = [
    result("1", "supported", "supported", 0.9),
    result("2", "supported", "partial", 0.4),
    result("3", "not_supported", "supported", 0.6),
    result("4", "not_supported", "unsupported", 0.1),
    result("5", "partial", "supported", 0.8),
    result("6", "supported", "supported", 0.9, src="easy", verbatim=True),
    result("7", "not_supported", "supported", 0.9, src="easy"),
    result("8", "supported", "unsupported", 0.0, failed="model_unavailable: down"),
]


def test_figures_of_known_results() -> None:
    summary = summarise_support(RESULTS, {})
    metrics = summary["metrics"]
    assert summary["n"] == 8
    assert (metrics["n_scored"], metrics["failed"]) == (4, 1)
    # Scores .9 and .4 against .6 and .1: three of four pairs are in order.
    assert metrics["auc"] == 0.75
    assert metrics["accuracy"] == metrics["macro_f1"] == 0.5
    assert metrics["false_accepts"] == 0.6667
    assert (metrics["partial"], metrics["partial_accepted"]) == (1, 1.0)
    assert metrics["levels"]["not_supported"]["supported"] == 2
    assert summary["settings"]["left_out_of_auc"] == ["easy"]
    assert "auc" not in summary["by"]["src"]["easy"]
    assert summary["by"]["src"]["easy"]["false_accepts"] == 1.0


def test_a_source_is_easy_only_if_every_true_row_was_copied() -> None:
    assert easy_sources(RESULTS) == ["easy"]
    assert easy_sources([*RESULTS, result("9", "supported", "supported", 0.9, src="easy")]) == []


def test_methods_are_compared_on_the_same_rows() -> None:
    rows = [
        result("1", "supported", "supported", 0.4, fast_score=0.9, model_score=0.65),
        result("2", "not_supported", "supported", 0.6, fast_score=0.2, model_level="unsupported"),
    ]
    metrics = summarise_support(rows, {"method": "model"})["metrics"]
    assert (metrics["auc"], metrics["auc_fast"], metrics["auc_model"]) == (0.0, 1.0, 1.0)
    assert (metrics["false_accepts_fast"], metrics["false_accepts_model"]) == (1.0, 0.0)
    assert metrics["macro_f1_model"] == 1.0
    assert "auc_ci95" not in metrics


def test_macro_f1_is_the_mean_of_both_classes() -> None:
    # Positive: precision 1, recall 1/2. Negative: precision 1/2, recall 1. Both F1 are 2/3.
    assert macro_f1([True, True, False], [True, False, False]) == pytest.approx(2 / 3)


async def test_words_are_checked_against_numbered_sources() -> None:
    assert [source.number for source in as_sources(ROW.passages)] == [1, 2]
    said = check_row(ROW)
    other = check_row(ROW.model_copy(update={"claim": "The white tower fell down in a storm."}))
    assert said.score > other.score


async def test_model_is_asked_and_a_failure_is_told() -> None:
    async def judge(
        model: object, statement: str, sources: tuple[Source, ...], *, boundary: str, question: str
    ) -> float:
        if statement == "fail":
            raise ModelUnavailable("down")
        return 0.9 if sources[0].passages[0].text == BRIDGE else 0.0

    model = FakeModel([])
    judged = await judge_row(ROW, model, judge)
    fast = check_row(ROW).score
    both = judged_support(Support("supported", fast), 0.9)
    assert (judged.score, judged.level) == (both.score, both.level)
    alone = (judged.model_score, judged.model_level, judged.fast_score)
    assert alone == (0.9, "supported", fast)
    failed = await judge_row(ROW.model_copy(update={"claim": "fail"}), model, judge)
    assert failed.failed == "model_unavailable: down"


@pytest.mark.parametrize(
    ("claim", "passage", "level"),
    [
        # The words cannot tell what a Chinese text says: the model decides alone.
        ("The mayor likes boats.", "这座桥于1932年建成。", "supported"),
        ("I hope this helps!", BRIDGE, "not_checkable"),
        # What a source says otherwise stays, whatever the model thinks.
        ("The red bridge over the river was opened in 1975.", BRIDGE, "unsupported"),
    ],
)
async def test_both_judge_as_the_program_does(claim: str, passage: str, level: str) -> None:
    async def says_yes(*_: object, boundary: str, question: str) -> float:
        return 0.99

    row = ROW.model_copy(update={"claim": claim, "passages": (passage,)})
    assert (await judge_row(row, FakeModel([]), says_yes)).level == level


async def test_rows_of_a_file_are_measured(tmp_path: Path) -> None:
    false = {**ROW.model_dump(), "id": "2", "claim": "Bakers sleep.", "label": "not_supported"}
    path = tmp_path / "s.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in (ROW.model_dump(), false)))
    summary = await summary_of(support_eval(), path)
    assert (summary["eval"], summary["n"]) == ("support", 2)
    assert summary["metrics"]["auc"] == 1.0


async def test_row_without_passages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps({"claim": "c", "passages": [], "label": "supported"}))
    with pytest.raises(InvalidRequest, match="line 1: passages"):
        await run_whole(support_eval(), path)
