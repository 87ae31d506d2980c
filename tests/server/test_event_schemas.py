"""Every event of a stream is in the OpenAPI description, with an example, and is as it says."""

from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from jsonschema import Draft202012Validator
from server.doors import serve_users
from server.event_streams import parse_numbered
from server.fake_service import FakeService, search_script, serve
from server.stored_service import open_stored_service

from websearch_agent.config import Settings
from websearch_agent.events import AgentEvent, FunctionsCalled
from websearch_agent.server.app import create_app
from websearch_agent.server.event_schemas import (
    HTML_EVENT,
    NOT_SENT,
    event_examples,
    example_stream,
)
from websearch_agent.server.wire import name_of_event

pytestmark = pytest.mark.anyio

KINDS = [kind for kind in get_args(AgentEvent) if kind is not FunctionsCalled]
NAMES = [*map(name_of_event, KINDS), HTML_EVENT]
STREAM = {"Accept": "text/event-stream"}


def description() -> dict[str, Any]:
    return create_app(FakeService, Settings()).openapi()


def validator(component: str) -> Draft202012Validator:
    """Of a component, whose references lead into the description."""
    components = description()["components"]
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{component}", "components": components}
    )


def faults(component: str, value: object) -> list[str]:
    return [error.message for error in validator(component).iter_errors(value)]


def test_every_event_but_those_for_functions_of_a_caller_is_described() -> None:
    union = description()["components"]["schemas"]["AnswerEvent"]
    mapping = union["discriminator"]["mapping"]
    assert (FunctionsCalled,) == NOT_SENT
    assert list(mapping) == NAMES
    assert [one["$ref"] for one in union["oneOf"]] == list(mapping.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_event_has_an_example_and_a_meaning(name: str) -> None:
    schemas = description()["components"]["schemas"]
    reference = schemas["AnswerEvent"]["discriminator"]["mapping"][name]
    event = schemas[reference.rpartition("/")[2]]
    data = schemas[event["properties"]["data"]["$ref"].rpartition("/")[2]]
    assert event["examples"]
    assert event["properties"]["event"] == {"const": name}
    assert event.get("description") or data.get("description") or data.get("allOf")


@pytest.mark.parametrize("example", event_examples(), ids=lambda example: example["event"])
def test_example_is_as_its_schema_says_and_is_no_other_event(example: dict[str, Any]) -> None:
    assert faults("AnswerEvent", example) == []
    others = [name for name in NAMES if name != example["event"]]
    assert all(faults("AnswerEvent", {**example, "event": name}) for name in others[:1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "unknown", "data": {}},
        {"event": "answer_delta", "data": {}},
        {"event": "answer_delta", "data": {"text": 1}},
        {"event": "answer_delta"},
    ],
)
def test_other_events_are_not_as_the_schema_says(wrong: dict[str, Any]) -> None:
    assert faults("AnswerEvent", wrong) != []


def test_example_of_a_stream_tells_the_story_of_a_searched_answer() -> None:
    lines = example_stream().split("\n")
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert (names[0], names[-1]) == ("answer_started", "answer_finished")
    assert "search_finished" in names
    content = description()["paths"]["/api/answers"]["post"]["responses"]["200"]["content"]
    stream = content["text/event-stream"]
    assert stream["example"] == example_stream()
    assert stream["schema"]["contentSchema"]["$ref"].endswith("/AnswerEvent")


def test_every_example_of_a_component_is_as_the_component_says() -> None:
    schemas = description()["components"]["schemas"]
    with_examples = {name: schema["examples"] for name, schema in schemas.items()
                     if "examples" in schema}  # fmt: skip
    assert {"Health", "EngineList", "SearchResults", "ReadPage", "ServedAnswer", "AskBody",
            "SearchBody", "ReadBody", "Problem"} <= set(with_examples)  # fmt: skip
    found = {
        name: [fault for example in examples for fault in faults(name, example)]
        for name, examples in with_examples.items()
    }
    assert {name: each for name, each in found.items() if each} == {}


async def streamed(address: str, **body: object) -> list[dict[str, Any]]:
    asked = {"question": "When was the red bridge opened?", "resumable": True, **body}
    async with httpx.AsyncClient(base_url=address) as client:
        response = await client.post("/api/answers", json=asked, headers=STREAM)
    return [
        {"id": number, "event": name, "data": data}
        for number, name, data in parse_numbered(response.text)
    ]


async def test_events_of_the_real_agent_are_as_described(tmp_path: Path) -> None:
    service = await open_stored_service(tmp_path / "conversations.db")
    async with serve(service) as address:  # type: ignore[arg-type]
        events = await streamed(address, search="always", render=True)
        failed = await streamed(address, conversation_id="unknown")
    names = {event["event"] for event in events}
    assert {"answer_started", "decision_made", "search_finished", "page_finished",
            "sources_selected", "answer_delta", "citation_added", "statement_verified",
            "answer_html", "answer_finished"} <= names  # fmt: skip
    assert [event["event"] for event in failed] == ["answer_failed"]
    of_answers = validator("AnswerEvent")
    for event in [*events, *failed]:
        assert [error.message for error in of_answers.iter_errors(event)] == []


async def test_events_of_a_scripted_search_are_as_described() -> None:
    async with serve(FakeService(search_script)) as address:
        events = await streamed(address)
    assert [fault for event in events for fault in faults("AnswerEvent", event)] == []


async def test_what_engines_and_health_say_is_as_described() -> None:
    async with serve_users() as doors, await doors.key_client("ann") as client:
        health = (await client.get("/api/health")).json()
        engines = (await client.get("/api/engines")).json()
    assert faults("Health", health) == []
    assert faults("EngineList", engines) == []
