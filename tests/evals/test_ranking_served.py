"""`eval ranking` with a served model: it measures what WEBSEARCH_RANKING sets."""

import json
from pathlib import Path

import pytest
from evals.eval_runs import summary_of
from fakes import FakeReranker

from websearch_agent.config import load_settings
from websearch_agent.errors import ConfigError, ModelUnavailable
from websearch_agent.evals.measurement import run_rows
from websearch_agent.evals.ranking import rank_case, ranking_eval, read_ranking_cases
from websearch_agent.evals.result_file import ResultFile

pytestmark = pytest.mark.anyio


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """One question: its words are those of the bridge, its answer is said of the span."""
    texts = {"bridge": "The red bridge was opened.", "span": "The red span dates from 1932."}
    row = {"id": "1", "question": "When was the red bridge opened?", "qrels": ["span"]}
    documents = [json.dumps({"id": name, "text": text}) for name, text in texts.items()]
    (tmp_path / "x_corpus.jsonl").write_text("\n".join(documents))
    path = tmp_path / "x_questions.jsonl"
    path.write_text(json.dumps(row))
    return path


async def test_served_model_changes_the_figures(questions: Path) -> None:
    (case,) = read_ranking_cases([questions])
    alone = await rank_case(case, None)
    served = await rank_case(case, FakeReranker({"1932": 1.0}))
    assert alone.ndcg_at_10 < served.ndcg_at_10 == 1.0


async def test_failing_server_is_an_error_and_no_figure(questions: Path) -> None:
    (case,) = read_ranking_cases([questions])
    file = ResultFile(questions.parent, "ranking", {})
    broken = FakeReranker(ModelUnavailable("down"))
    with pytest.raises(ModelUnavailable, match="down"):
        await run_rows([case], lambda row: rank_case(row, broken), file, known={})
    assert file.read() == {}


async def test_figures_say_how_was_ranked(questions: Path) -> None:
    summary = await summary_of(ranking_eval(), questions)
    assert summary["settings"]["ranking"] == "bm25"


async def test_ranking_without_its_server_is_refused(questions: Path) -> None:
    with pytest.raises(ConfigError, match="WEBSEARCH_RANKING_URL"):
        await summary_of(ranking_eval(), questions, settings=load_settings(ranking="rerank"))
