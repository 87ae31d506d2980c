import gzip
import json
from pathlib import Path

import pytest

from websearch_agent.errors import InvalidRequest
from websearch_agent.evals.decision import decision_eval
from websearch_agent.evals.measurement import sample_rows
from websearch_agent.evals.rows import DecisionRow, read_decision_rows


def write(path: Path, *rows: object) -> Path:
    text = "\n".join(json.dumps(row) for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_rows_are_read_with_their_day(tmp_path: Path, name: str) -> None:
    row = {"id": "a", "question": "q", "label": "search", "lang": "en", "date": "2024/08/16"}
    (read,) = read_decision_rows([write(tmp_path / name, row)])
    assert (read.id, read.label, str(read.asked_on)) == ("a", "search", "2024-08-16")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"id": "a", "question": "q", "label": "chat"},
            'line 2: label must be "search" or "no_search", not \'chat\'.',
        ),
        ({"id": "a", "question": "q", "label": ["search"]}, "line 2: label must be"),
        ({"id": "a", "question": "q"}, "line 2: label is missing"),
        ({"id": "a", "label": "search"}, "line 2: question is missing"),
        ({"id": "a", "question": " ", "label": "search"}, "line 2: question is empty"),
        ([1, 2], "line 2: no JSON object"),
    ],
)
def test_wrong_row_is_named_with_its_line(tmp_path: Path, row: object, message: str) -> None:
    good = {"id": "b", "question": "q", "label": "search"}
    with pytest.raises(InvalidRequest, match=message):
        read_decision_rows([write(tmp_path / "rows.jsonl", good, row)])


def test_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello\n")
    with pytest.raises(InvalidRequest, match="line 1: no JSON object"):
        read_decision_rows([tmp_path / "a.txt"])
    (tmp_path / "a.gz").write_text("hello\n")
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_decision_rows([tmp_path / "a.gz"])


def test_two_rows_of_one_id_are_refused(tmp_path: Path) -> None:
    row = {"id": "a", "question": "q", "label": "search"}
    with pytest.raises(InvalidRequest, match=r"line 2: the id 'a' stands at .*line 1 too"):
        read_decision_rows([write(tmp_path / "rows.jsonl", row, row)])


def test_one_row_in_two_files_is_named_without_an_id(tmp_path: Path) -> None:
    row = {"question": "q", "label": "search"}
    files = [write(tmp_path / name, row) for name in ("a.jsonl", "b.jsonl")]
    with pytest.raises(InvalidRequest, match=r"b\.jsonl, line 1: this row stands at .*a\.jsonl"):
        read_decision_rows(files)


def test_file_given_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"question": "q", "label": "search"})
    with pytest.raises(InvalidRequest, match="same file was given twice"):
        read_decision_rows([path, tmp_path / "." / ".." / tmp_path.name / "a.jsonl"])


def test_sample_is_balanced_and_the_same_in_any_order() -> None:
    rows = [
        DecisionRow(id=f"{lang}{label}{src}{n}", question="q", label=label, lang=lang, src=src)
        for lang in ("en", "zh")
        for label in ("search", "no_search")
        for src, count in (("a", 50), ("b", 3))
        for n in range(count)
    ]
    sample = sample_rows(decision_eval(), rows, 16)
    assert sample == sample_rows(decision_eval(), rows[::-1], 16)
    for lang in ("en", "zh"):
        for label in ("search", "no_search"):
            cell = [row.src for row in sample if (row.lang, row.label) == (lang, label)]
            assert sorted(cell) == ["a", "a", "b", "b"]
    assert sample_rows(decision_eval(), rows, 8) == sample[:8]
    assert len(sample_rows(decision_eval(), rows, 10_000)) == len(rows)
