"""Every published form of questions becomes the same case; told by its fields alone."""

import datetime as dt
import gzip
import json
from pathlib import Path

import pytest

from websearch_agent.errors import InvalidRequest
from websearch_agent.evals.qa_cases import qa_files, read_qa_cases
from websearch_agent.evals.qa_rows import any_of, any_wording, parse_day

COLLECTION = [
    {"id": "bridge", "text": "The red bridge was opened in 1932.", "title": "Bridges"},
    {"id": "tower", "text": "The red tower was opened in 1950."},
    {"id": "river", "text": "The river flows below the red bridge."},
    *({"id": f"other{n}", "text": f"The red door number {n} was opened."} for n in range(6)),
]


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def with_collection(folder: Path, *rows: object) -> Path:
    write(folder / "x_corpus.jsonl", *COLLECTION)
    return write(folder / "x_questions.jsonl", *rows)


def test_collection_shows_gold_documents_among_others_in_a_fixed_order(tmp_path: Path) -> None:
    row = {"question": "When was the red bridge opened?", "answers": ["1932"], "qrels": ["bridge"]}
    path = with_collection(tmp_path, {"id": "1", **row}, {"id": "2", **row})
    first, second = read_qa_cases([path])
    shown = [page.id for page in first.pages()]
    assert len(shown) == 5
    assert "bridge" in shown
    assert shown == [page.id for page in first.pages()]
    assert set(shown) == {page.id for page in second.pages()}
    assert shown != [page.id for page in second.pages()]
    assert (first.form, first.gold_ids, first.golds) == (
        "collection",
        frozenset({"bridge"}),
        (("1932",),),
    )
    assert qa_files([path]) == [path, tmp_path / "x_corpus.jsonl"]


def test_documents_that_were_found_at_the_time_come_before_others(tmp_path: Path) -> None:
    row = {
        "id": "1",
        "question": "When was the bridge opened?",
        "answers": ["1932"],
        "qrels": ["bridge"],
        "qrels_weak": ["river"],
        "retrieved": ["bridge", "river", "tower"],
    }
    (case,) = read_qa_cases([with_collection(tmp_path, row)])
    assert {page.id for page in case.pages()} == {"bridge", "river", "tower"}
    assert case.unjudged_ids == {"river"}


def test_at_most_two_gold_documents_are_shown(tmp_path: Path) -> None:
    row = {
        "id": "1",
        "question": "red?",
        "answers": ["x"],
        "docs": ["bridge", "tower", "river"],
        "negatives": ["other1"],
    }
    (case,) = read_qa_cases([with_collection(tmp_path, row)])
    assert {page.id for page in case.pages()} == {"bridge", "tower", "other1"}


def test_counterfactual_row_is_asked_twice(tmp_path: Path) -> None:
    row = {
        "id": "c",
        "question": "Who built it?",
        "answer": [["Ann Lee", "A. Lee"]],
        "fake_answer": "Bob Ray",
        "true_passages": ["Ann Lee built it."],
        "counterfactual_passages": ["Bob Ray built it.", "It was Bob Ray."],
    }
    fake, true = read_qa_cases([write(tmp_path / "c.jsonl", row)])
    assert (fake.id, fake.form) == ("c/counterfactual", "counterfactual")
    assert fake.golds == (("Bob Ray",),)
    assert fake.wrong == (("Ann Lee",), ("A. Lee",))
    assert {page.text for page in fake.pages()} == {"Bob Ray built it.", "It was Bob Ray."}
    assert (true.form, true.wrong) == ("true_passages", ())
    assert [page.text for page in true.pages()] == ["Ann Lee built it."]


def test_true_answer_inside_the_invented_one_says_nothing_against_it(tmp_path: Path) -> None:
    row = {
        "id": "c",
        "question": "Who?",
        "answer": [["Lee"]],
        "fake_answer": "Ann Lee",
        "true_passages": ["Lee."],
        "counterfactual_passages": ["Ann Lee."],
    }
    fake, _ = read_qa_cases([write(tmp_path / "c.jsonl", row)])
    assert fake.wrong == ()


def test_conversation_ends_with_its_question(tmp_path: Path) -> None:
    row = {
        "id": "m",
        "conversation": [
            {"role": "user", "text": "Tell me of the bridge."},
            {"role": "agent", "text": "It is red."},
            {"role": "user", "text": "When was it opened?"},
        ],
        "passages": [{"id": "p", "text": "It was opened in 1932.", "title": None}],
        "reference": "It was opened in 1932.",
        "answerability": "ANSWERABLE",
    }
    (case,) = read_qa_cases([write(tmp_path / "m.jsonl", row)])
    assert (case.question, case.reference, case.golds) == (
        "When was it opened?",
        "It was opened in 1932.",
        (),
    )
    assert [(turn.user, turn.assistant) for turn in case.turns] == [
        ("Tell me of the bridge.", "It is red.")
    ]


def test_question_that_nothing_answers_is_asked_over_look_alikes(tmp_path: Path) -> None:
    asked = {"conversation": [{"role": "user", "text": "Which colour has the old bridge?"}]}
    texts = ("The old bridge is long.", "Bread is sold at seven.", "A bridge was old.")
    rows = [
        {**asked, "id": "u", "src": "s", "passages": [], "answerability": "UNANSWERABLE"},
        {**asked, "id": "a", "src": "s", "passages": list(texts)},
        {**asked, "id": "b", "src": "other", "passages": ["The old bridge of others."]},
    ]
    unanswerable, _, _ = read_qa_cases([write(tmp_path / "m.jsonl", *rows)])
    assert {page.text for page in unanswerable.pages()} == {texts[0], texts[2]}


def test_history_comes_before_the_question(tmp_path: Path) -> None:
    row = {
        "id": "h",
        "history": [{"q": "Who?", "a": ["Ann", "Ann Lee"]}],
        "question": "When?",
        "answers": [["1932", "May"], ["in spring"]],
        "passages": [{"text": "In May 1932."}],
    }
    (case,) = read_qa_cases([write(tmp_path / "h.jsonl", row)])
    assert [(turn.user, turn.assistant) for turn in case.turns] == [("Who?", "Ann")]
    assert case.golds == (("1932", "May"), ("in spring",))
    assert case.gold_ids is None


def test_pages_lie_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "p1.html.gz").write_bytes(gzip.compress(b"<p>The page"))
    row = {"id": "h", "question": "When?", "answers": ["1932"], "page": "p1", "url": "https://a.b/"}
    path = write(tmp_path / "h.jsonl", row)
    (case,) = read_qa_cases([path])
    assert [(page.html, page.url) for page in case.pages()] == [(b"<p>The page", "https://a.b/")]
    assert qa_files([path]) == [path, tmp_path / "html" / "p1.html.gz"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "1", "question": "When?", "answers": ["1932"]}, "brings no documents"),
        ({"id": "1", "answers": ["1932"], "passages": ["t"]}, 'needs "question"'),
        (
            {"id": "1", "question": "When?", "page": "../secret", "answers": ["1932"]},
            "line 1: page",
        ),
        ({"id": "1", "question": "When?", "page": "gone", "answers": ["x"]}, "is missing"),
    ],
)
def test_row_without_what_it_needs_is_refused(
    tmp_path: Path, row: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        read_qa_cases([write(tmp_path / "x.jsonl", row)])


def test_row_whose_documents_are_not_in_the_collection_is_refused(tmp_path: Path) -> None:
    row = {"id": "1", "question": "When?", "answers": ["1932"], "qrels": ["nowhere"]}
    with pytest.raises(InvalidRequest, match="none of the documents of '1'"):
        read_qa_cases([with_collection(tmp_path, row)])


def test_translations_may_share_their_ids(tmp_path: Path) -> None:
    row = {"id": "1", "question": "When?", "answers": ["1932"], "passages": ["In 1932."]}
    files = [write(tmp_path / name, row) for name in ("a.jsonl", "b.jsonl")]
    assert [case.id for case in read_qa_cases(files)] == ["1", "b.jsonl:1"]


def test_nested_answers() -> None:
    assert any_of(("a", ("b", "c"))) == (("a",), ("b", "c"))
    assert any_wording(("a", "b")) == (("a",), ("b",))
    assert any_wording((("a", "b"), ("c",))) == (("a", "c"), ("b", "c"))


def test_days_of_questions() -> None:
    assert parse_day("2024-06-07") == dt.date(2024, 6, 7)
    assert parse_day("03/13/2024, 09:30:59 PT") == dt.date(2024, 3, 13)
    assert parse_day("2015") == dt.date(2015, 12, 31)
    assert parse_day("2024-99-07") is None
    assert parse_day("") is None
