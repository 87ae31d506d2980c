"""Extraction is scored on pages beside their labels."""

import gzip
import json
from pathlib import Path

import pytest
from evals.eval_runs import summary_of

from websearch_agent.errors import InvalidRequest
from websearch_agent.evals.extraction import extraction_eval, read_extraction_cases
from websearch_agent.evals.extraction_metrics import (
    Scores,
    SegmentCounts,
    count_segments,
    mean_scores,
    plain_text,
    segment_scores,
    shingle_scores,
)

SENTENCE = "The harbour was built in 1904 and has been used by fishing boats ever since, they say."


def page(text: str, *, title: str = "Harbour") -> str:
    menu = "<nav><a href='/'>Home</a> <a href='/fish'>Fish of the day</a></nav>"
    head = f"<html><head><title>{title}</title></head><body>{menu}"
    return f"{head}<article><h1>{title}</h1>{text}</article></body></html>"


def write_cases(folder: Path, name: str, *cases: tuple[dict[str, object], str]) -> Path:
    (folder / "html").mkdir(exist_ok=True)
    for row, html in cases:
        (folder / "html" / f"{row['id']}.html.gz").write_bytes(gzip.compress(html.encode()))
    path = folder / name
    path.write_text("\n".join(json.dumps(row) for row, _ in cases))
    return path


def test_marks_of_markdown_do_not_count_as_words() -> None:
    markdown = "## Boats\n\n- **Red** boat\n1. `blue`\n\n| a | b |\n|---|---|\n> quoted"
    assert plain_text(markdown) == "Boats Red boat blue a b quoted"
    assert shingle_scores("## **Red** boat\n- is here", "Red boat is here", is_cjk=False).f1 == 1


def test_added_words_cost_precision_and_lost_ones_recall() -> None:
    truth = "one two three four five"
    assert shingle_scores(truth, truth, is_cjk=False) == (1, 1)
    assert shingle_scores(f"{truth} six", truth, is_cjk=False) == (2 / 3, 1)
    assert shingle_scores("one two three four", truth, is_cjk=False) == (1, 0.5)
    assert shingle_scores("", truth, is_cjk=False) == (0, 0)


def test_repeated_text_is_not_found_twice() -> None:
    assert shingle_scores("a b c d a b c d", "a b c d", is_cjk=False) == (1 / 5, 1)


def test_every_chinese_character_is_a_word() -> None:
    scores = shingle_scores("港口建于一九", "港口建于一九零四", is_cjk=True)
    assert scores == (1, 3 / 5)


def test_f1_of_pages_is_taken_of_the_mean_precision_and_recall() -> None:
    assert mean_scores([Scores(1, 0.5), Scores(0.5, 1)]).f1 == 0.75
    assert mean_scores([]).f1 == 0


def test_segments_are_found_whatever_their_white_space() -> None:
    counts = count_segments(
        "# One\n\n**two** three\nfour",
        wanted=["One two", "three  four", "five"],
        unwanted=["two", "six"],
    )
    assert counts == SegmentCounts(2, 3, 1)
    assert segment_scores([counts]) == (2 / 3, 2 / 3)
    assert segment_scores([]) == (0, 0)


@pytest.mark.anyio
async def test_both_forms_of_rows_are_measured(tmp_path: Path) -> None:
    whole = write_cases(
        tmp_path,
        "fulltext.jsonl",
        ({"id": "a", "truth": SENTENCE * 3, "lang": "en", "src": "x"}, page(f"<p>{SENTENCE * 3}")),
    )
    segments = write_cases(
        tmp_path,
        "segments.jsonl",
        (
            {
                "id": "b",
                "with": ["built in 1904", "not on the page"],
                "without": ["Fish of the day"],
                "title": "Harbour",
                "author": "Ann Lee",
                "lang": "de",
                "src": "y/z",
            },
            page(f"<p>{SENTENCE * 3}"),
        ),
    )
    report = await summary_of(extraction_eval(), whole, segments)
    assert (report["eval"], report["n"]) == ("extraction", 2)
    assert report["by"]["src"]["x"]["f1"] == 1
    assert report["by"]["src"]["y"]["precision"] == 1
    assert report["by"]["lang"]["de"]["recall"] == 0.5
    assert report["metrics"]["segments"] == {"n": 1, "f1": 0.6667, "precision": 1, "recall": 0.5}
    assert report["metrics"]["f1"] == round((1 + 2 / 3) / 2, 4)
    assert (report["metrics"]["title_accuracy"], report["metrics"]["author_accuracy"]) == (1, 0)
    assert report["metrics"]["slowest"]["id"] in ("a", "b")


@pytest.mark.anyio
async def test_refused_page_counts_as_empty(tmp_path: Path) -> None:
    row = {"id": "a", "with": ["built in 1904"], "without": []}
    path = write_cases(tmp_path, "s.jsonl", (row, "<html><body></body></html>"))
    report = await summary_of(extraction_eval(), path)
    assert (report["metrics"]["recall"], report["metrics"]["failed"]) == (0, 1)


def test_row_without_truth_or_page_is_refused(tmp_path: Path) -> None:
    path = write_cases(tmp_path, "s.jsonl", ({"id": "a", "lang": "en"}, ""))
    with pytest.raises(InvalidRequest, match='needs "truth" or "with"'):
        read_extraction_cases([path])
    path.write_text(json.dumps({"id": "b", "truth": "t"}))
    with pytest.raises(InvalidRequest, match="the page of 'b' is missing"):
        read_extraction_cases([path])
