"""`eval ranking`: documents beside the questions, figures that can be checked by hand."""

import gzip
import json
from pathlib import Path

import pytest
from evals.eval_runs import summary_of

from websearch_agent.errors import InvalidRequest
from websearch_agent.evals.documents import document_paths
from websearch_agent.evals.metrics import bootstrap_interval, ndcg, recall_at, rouge1_f
from websearch_agent.evals.ranking import ranking_eval

DOCUMENTS = [
    {"id": "bridge", "title": "Bridges", "text": "The red bridge was opened in 1932."},
    {"id": "tower", "title": "Towers", "text": "The white tower was built by an architect."},
    {"id": "river", "title": "Rivers", "text": "The wide river flows to the sea."},
]


def write_lines(path: Path, rows: list[dict[str, object]]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def write_data(folder: Path, questions: list[dict[str, object]]) -> Path:
    write_lines(folder / "x_corpus.jsonl.gz", DOCUMENTS[:2])
    write_lines(folder / "x_distractors.jsonl", DOCUMENTS[2:])
    return write_lines(folder / "x_questions.jsonl", questions)


def test_documents_are_found_beside_the_questions(tmp_path: Path) -> None:
    questions = write_data(tmp_path, [])
    names = [path.name for path in document_paths(questions)]
    assert names == ["x_corpus.jsonl.gz", "x_distractors.jsonl"]


def test_missing_documents_are_named(tmp_path: Path) -> None:
    questions = write_lines(tmp_path / "y_questions.jsonl", [{"question": "?", "qrels": []}])
    with pytest.raises(InvalidRequest, match=r"X_corpus\.jsonl"):
        document_paths(questions)


@pytest.mark.anyio
async def test_figures_of_a_right_and_a_wrong_ranking(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {
            "id": "1",
            "question": "When was the red bridge opened?",
            "qrels": ["bridge"],
            "lang": "en",
        },
        {
            "id": "2",
            "question": "When was the red bridge opened?",
            "qrels": ["river"],
            "lang": "xx",
        },
        {"id": "3", "question": "Nobody judged this", "qrels": ["elsewhere"], "lang": "en"},
    ]
    summary = await summary_of(ranking_eval(), write_data(tmp_path, rows))
    assert summary["n"] == 2
    assert summary["by"]["lang"]["en"]["ndcg_at_10"] == 1.0
    assert summary["by"]["lang"]["xx"]["ndcg_at_10"] < 1.0
    assert summary["settings"]["documents"] == 3


@pytest.mark.anyio
async def test_unjudged_documents_are_skipped(tmp_path: Path) -> None:
    question = "white tower architect red bridge"
    row = {"id": "1", "question": question, "qrels": ["bridge"], "qrels_weak": ["tower"]}
    summary = await summary_of(ranking_eval(), write_data(tmp_path, [row]))
    assert summary["metrics"]["ndcg_at_10"] == 1.0


def test_ndcg_and_recall_of_known_rankings() -> None:
    assert ndcg(["a", "x", "b"], {"a", "b"}, depth=10) == pytest.approx(1.5 / 1.63093, abs=1e-4)
    assert ndcg(["x"], {"a"}, depth=10) == 0.0
    assert recall_at(list("xabcd"), set("abcdefg"), depth=5) == 0.8


def test_rouge_counts_shared_words_and_chinese_characters() -> None:
    assert rouge1_f("When was it opened?", "when was the bridge opened") == pytest.approx(2 * 3 / 9)
    assert rouge1_f("他是哪年出生的", "鲁迅是哪年出生的") == pytest.approx(2 * 6 / 15)
    assert rouge1_f("", "something") == 0.0


def test_bootstrap_interval_holds_the_mean_and_stays_the_same() -> None:
    values = [0.0, 1.0] * 50
    low, high = bootstrap_interval(values)
    assert low < 0.5 < high
    assert bootstrap_interval(values) == [low, high]
    assert bootstrap_interval([]) == [0.0, 0.0]
