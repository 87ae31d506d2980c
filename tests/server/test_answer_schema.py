"""The published schema of an answer, and that real answers are as it says."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from agent_parts import A, answer_of, ask, failed, make_parts
from fakes import FakeModel
from server.fake_service import FakeService, search_script, serve
from server.json_schema import violations

from websearch_agent.agent.answer_builder import AnswerBuilder
from websearch_agent.citations.markers import CitationStream
from websearch_agent.citations.statements import split_statements
from websearch_agent.citations.support import SupportChecker
from websearch_agent.errors import ModelUnavailable
from websearch_agent.events import AnswerDelta, CitationAdded, SourcesSelected, StatementVerified
from websearch_agent.protocols import ConversationStore
from websearch_agent.server.schemas import answer_schema
from websearch_agent.server.wire import answer_to_json, to_json_object
from websearch_agent.types import (
    ANSWER_SCHEMA_VERSION,
    Answer,
    Citation,
    Passage,
    Source,
    Statement,
    Support,
)

pytestmark = pytest.mark.anyio

COMMITTED = Path(__file__).parents[2] / "docs" / "answer.schema.json"
DOCUMENTATION = COMMITTED.with_name("answer.md")
# What the example in the documentation answers.
QUESTION = "How long was the Harrow Point lighthouse in use?"


def check(answer: Any) -> list[str]:
    return violations(answer, answer_schema(), answer_schema())


def test_committed_schema_is_the_one_of_the_program() -> None:
    assert json.loads(COMMITTED.read_text("utf-8")) == answer_schema(), (
        f"Write what GET /api/schemas/answer.json says into {COMMITTED.name}; if a reader of the "
        "old form could break, raise the first figure of ANSWER_SCHEMA_VERSION."
    )


def test_schema_says_what_fields_mean_in_the_words_of_json() -> None:
    schema = answer_schema()
    assert "`finish_reason` is `stop`" in schema["description"]
    assert "null until" in schema["$defs"]["Citation"]["description"]


@pytest.mark.parametrize(
    ("version", "fits"),
    [(ANSWER_SCHEMA_VERSION, True), ("1.1", True), ("1.12", True), ("2.0", False), ("11.0", False)],
)
def test_schema_takes_answers_of_later_programs_that_have_more_fields(
    version: str, fits: bool
) -> None:
    answer = {**to_json_object(Answer("It.")), "schema_version": version}
    assert (check(answer) == []) is fits


async def test_schema_is_served_and_a_served_answer_is_as_it_says() -> None:
    async with serve(FakeService(search_script)) as address, httpx.AsyncClient() as client:
        schema = await client.get(f"{address}/api/schemas/answer.json")
        answer = await client.post(f"{address}/api/answers", json={"question": "q"})
        conversation = await client.get(f"{address}/api/conversations/c1")
    assert schema.headers["content-type"] == "application/schema+json"
    assert violations(answer.json(), schema.json(), schema.json()) == []
    stored = conversation.json()["turns"][0]["answer"]
    assert violations(stored, schema.json(), schema.json()) == []


async def test_searched_answer_is_as_the_schema_says(store: ConversationStore) -> None:
    call = '<tool_call>{"name": "search_web", "arguments": {"query": "bridge"}}</tool_call>'
    answer = answer_of(await ask(make_parts(store, [call, "It was opened in 1932 [1]. [9]"])))
    assert answer.citations
    assert answer.dropped_markers == 1
    assert check(answer_to_json("c1", answer)) == []


async def test_chat_without_sources_is_as_the_schema_says(store: ConversationStore) -> None:
    answer = answer_of(await ask(make_parts(store, ["Hello."]), search="never"))
    assert answer.sources == ()
    assert check(to_json_object(answer)) == []


async def test_part_of_a_failed_answer_is_as_the_schema_says(store: ConversationStore) -> None:
    model = FakeModel([ModelUnavailable("The model server does not answer.")])
    parts = make_parts(store, model, pages={A: "x"})
    failed(await ask(parts))
    (summary,) = await store.list_conversations()
    (turn,) = (await store.load_conversation(summary.id)).turns
    assert turn.answer is not None
    assert turn.answer.finish_reason == "failed"
    assert check(to_json_object(turn.answer)) == []


def test_checked_answer_is_as_the_schema_says() -> None:
    support = Support("partial", 0.5, 1, "words", ("1932",), "model")
    citation = Citation(1, "https://e.org", "T", 3, 6, "words", "https://e.org", True, "partial")
    answer = Answer(
        "It [1].",
        statements=(Statement("It [1].", 0, 7, (1,), support),),
        citations=(citation,),
        timings={"total": 1.5},
        verification="model",
        unanswered=True,
        repaired=True,
    )
    assert check(to_json_object(answer)) == []


@pytest.mark.parametrize(
    "wrong",
    [{"text": 1}, {"timings": {"total": "1"}}, {"sources": [{}]}, {"schema_version": "0.1"},
     {"verification": "slow"}, {"unanswered": 0}, {"unknown": 1}],
)  # fmt: skip
def test_other_forms_are_not_as_the_schema_says(wrong: dict[str, Any]) -> None:
    assert check({**to_json_object(Answer("It.")), **wrong}) != []


def test_every_field_is_required() -> None:
    whole = to_json_object(replace(Answer("It.")))
    assert all(check({n: v for n, v in whole.items() if n != name}) for name in whole)


def documented_example() -> Any:
    block = DOCUMENTATION.read_text("utf-8").split("```json\n")[1].split("```")[0]
    return json.loads(block)


def test_example_in_the_documentation_is_as_the_schema_says() -> None:
    assert check(documented_example()) == []


def test_example_in_the_documentation_is_what_the_program_finds() -> None:
    example = documented_example()
    found = to_json_object(build_answer(example["text"], example["sources"], QUESTION))
    assert [level_of(one) for one in found["statements"]] == [
        level_of(one) for one in example["statements"]
    ]
    assert {one["support"]["level"] for one in example["statements"]} >= {
        "supported",
        "unsupported",
    }
    assert found["citations"] == example["citations"]
    assert found["sources"] == example["sources"]


def level_of(statement: Any) -> tuple[object, ...]:
    support = statement["support"]
    told = [support[name] for name in ("level", "source_number", "quote", "contradicted")]
    return (statement["text"], statement["start_index"], *told)


def build_answer(text: str, sources: list[Any], question: str) -> Answer:
    """The text and its sources as the program folds and checks them."""
    read = [source_of(source) for source in sources]
    stream, builder = CitationStream([source.number for source in read]), AnswerBuilder(float)
    builder.observe(SourcesSelected(tuple(read)))
    builder.observe(AnswerDelta(stream.feed(text) + stream.finish()))
    for marker in stream.markers:
        place = (marker.start_index, marker.end_index)
        builder.observe(CitationAdded(marker.source_number, "", *place, added=marker.added))
    checker = SupportChecker(read)
    for statement in split_statements(stream.text, stream.markers):
        cited = statement.source_numbers
        support = checker.check(statement.text, cited=cited, question=question)
        each = tuple(
            (n, checker.check(statement.text, cited=(n,), question=question).level) for n in cited
        )
        builder.observe(StatementVerified(replace(statement, support=support), each))
    return builder.build()


def source_of(source: Any) -> Source:
    passages = tuple(Passage(**passage) for passage in source["passages"])
    return Source(**{**source, "passages": passages})
