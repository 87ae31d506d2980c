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

from websearch_agent.errors import ModelUnavailable
from websearch_agent.server.schemas import answer_schema
from websearch_agent.server.wire import answer_to_json, to_json_object
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import ANSWER_SCHEMA_VERSION, Answer, Citation, Statement, Support

pytestmark = pytest.mark.anyio

COMMITTED = Path(__file__).parents[2] / "docs" / "answer.schema.json"
DOCUMENTATION = COMMITTED.with_name("answer.md")


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
    assert schema["properties"]["schema_version"]["const"] == ANSWER_SCHEMA_VERSION


async def test_schema_is_served_and_a_served_answer_is_as_it_says() -> None:
    async with serve(FakeService(search_script)) as address, httpx.AsyncClient() as client:
        schema = await client.get(f"{address}/api/schemas/answer.json")
        answer = await client.post(f"{address}/api/answers", json={"question": "q"})
        conversation = await client.get(f"{address}/api/conversations/c1")
    assert schema.headers["content-type"] == "application/schema+json"
    assert violations(answer.json(), schema.json(), schema.json()) == []
    stored = conversation.json()["turns"][0]["answer"]
    assert violations(stored, schema.json(), schema.json()) == []


async def test_searched_answer_is_as_the_schema_says(store: SqliteStore) -> None:
    call = '<tool_call>{"name": "search_web", "arguments": {"query": "bridge"}}</tool_call>'
    answer = answer_of(await ask(make_parts(store, [call, "It was opened in 1932 [1]. [9]"])))
    assert answer.citations
    assert answer.dropped_markers == 1
    assert check(answer_to_json("c1", answer)) == []


async def test_chat_without_sources_is_as_the_schema_says(store: SqliteStore) -> None:
    answer = answer_of(await ask(make_parts(store, ["Hello."]), search="never"))
    assert answer.sources == ()
    assert check(to_json_object(answer)) == []


async def test_part_of_a_failed_answer_is_as_the_schema_says(store: SqliteStore) -> None:
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


def test_example_in_the_documentation_is_as_the_schema_says() -> None:
    block = DOCUMENTATION.read_text("utf-8").split("```json\n")[1].split("```")[0]
    assert check(json.loads(block)) == []
