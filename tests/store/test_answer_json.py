"""Stored answers: what went in comes out, also what an earlier version stored."""

import json

import pytest

from websearch_agent.store.answer_json import answer_from_json, answer_to_json
from websearch_agent.types import (
    ANSWER_SCHEMA_VERSION,
    Answer,
    Citation,
    Passage,
    Source,
    Statement,
    Support,
)

# As the program wrote them before statements were checked.
EARLIER = {
    "text": "So [1].",
    "statements": [
        {"text": "So [1].", "start_index": 0, "end_index": 7, "source_numbers": [1],
         "support": None}
    ],
    "citations": [
        {"source_number": 1, "url": "https://e.org", "title": "T", "start_index": 3,
         "end_index": 6, "quote": "so", "added": False}
    ],
    "sources": [
        {"number": 1, "url": "https://e.org", "title": "T", "site": "e.org", "date": None,
         "passages": [{"url": "https://e.org", "text": "so", "start_index": 0, "end_index": 2}],
         "kind": "page", "document_id": None}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "model_calls": 3},
    "timings": {"total": 1.5},
}  # fmt: skip


def test_answer_of_an_earlier_version_is_read_with_defaults() -> None:
    answer = answer_from_json(json.dumps(EARLIER))
    assert answer.schema_version == ANSWER_SCHEMA_VERSION
    assert answer.statements == (Statement("So [1].", 0, 7, (1,)),)
    assert answer.citations == (Citation(1, "https://e.org", "T", 3, 6, "so"),)
    assert answer.sources[0].passages == (Passage("https://e.org", "so", 0, 2),)
    assert (answer.verification, answer.unanswered, answer.repaired) == (None, False, False)


@pytest.mark.parametrize("name", ["statements", "citations", "sources", "usage", "timings"])
def test_any_later_field_may_be_missing(name: str) -> None:
    without = {key: value for key, value in EARLIER.items() if key != name}
    assert answer_from_json(json.dumps(without)).text == "So [1]."


def test_answer_is_read_in_the_form_of_today() -> None:
    stored = json.dumps({**EARLIER, "schema_version": "0.9", "gone_since": 1})
    assert answer_from_json(stored).schema_version == ANSWER_SCHEMA_VERSION


def test_checked_answer_comes_out_as_it_went_in() -> None:
    support = Support("partial", 0.4, 1, "so", ("1932",), "model")
    answer = Answer(
        "So [1].",
        statements=(Statement("So [1].", 0, 7, (1,), support),),
        citations=(
            Citation(1, "https://e.org", "T", 3, 6, "so", "https://e.org#x", True, "partial"),
        ),
        sources=(
            Source(1, "https://e.org", "T", "e", (Passage("u", "so", 0, 2, link="https://e.org"),)),
        ),
        verification="model",
        unanswered=True,
        repaired=True,
    )
    assert answer_from_json(answer_to_json(answer)) == answer
