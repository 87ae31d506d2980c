"""The OpenAPI description tells what `/v1` takes, answers and refuses."""

from typing import Any

import pytest
from server.fake_service import FakeService
from server.openai_doors import openai_door

from websearch_agent.config import Settings
from websearch_agent.errors import AgentError
from websearch_agent.server.app import create_app
from websearch_agent.server.openai_chat_body import ChatBody
from websearch_agent.server.openai_chat_reply import CHAT_EXAMPLES, ChatCompletion
from websearch_agent.server.openai_responses_body import ResponsesBody
from websearch_agent.server.openai_responses_reply import RESPONSE_EXAMPLES, ResponseObject
from websearch_agent.server.problems import status_of_code


def operations() -> dict[str, dict[str, Any]]:
    paths = create_app(FakeService, Settings()).openapi()["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        if path.startswith("/v1/")
        for method, operation in methods.items()
    }


def test_every_error_has_openais_form() -> None:
    schemas = {
        (name, status): response.get("content", {}).get("application/json", {}).get("schema")
        for name, operation in operations().items()
        for status, response in operation["responses"].items()
        if not status.startswith("2")
    }
    wrong = [
        place
        for place, schema in schemas.items()
        if schema != {"$ref": "#/components/schemas/ErrorDocument"}
    ]
    assert len(schemas) > 50
    assert wrong == []


def errors_below(kind: type[AgentError]) -> list[type[AgentError]]:
    return [kind, *(one for below in kind.__subclasses__() for one in errors_below(below))]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_status_of_every_failure_is_described(path: str) -> None:
    described = operations()[f"POST {path}"]["responses"]
    codes = {kind.code for kind in errors_below(AgentError)}
    # Such keys are only known under /api.
    statuses = {str(status_of_code(code)) for code in codes if not code.startswith("idempotency")}
    assert statuses - described.keys() == set()


def test_examples_of_replies_are_such_replies() -> None:
    for examples, form in ((CHAT_EXAMPLES, ChatCompletion), (RESPONSE_EXAMPLES, ResponseObject)):
        reply = examples[0]["application/json"]["example"]
        assert form.model_validate(reply).model_dump(exclude_unset=True) == reply


@pytest.mark.anyio
async def test_examples_of_bodies_are_answered() -> None:
    bodies = [("/v1/chat/completions", ChatBody), ("/v1/responses", ResponsesBody)]
    async with openai_door() as door, door.http() as http:
        for path, body in bodies:
            examples = body.model_json_schema()["examples"]
            statuses = [(await http.post(path, json=one)).status_code for one in examples]
            assert statuses == [200, 200]


@pytest.mark.anyio
async def test_replies_have_the_described_form() -> None:
    asked = {"model": "websearch-agent", "messages": [{"role": "user", "content": "q"}]}
    async with openai_door() as door, door.http() as http:
        chat = (await http.post("/v1/chat/completions", json=asked)).json()
        response = (await http.post("/v1/responses", json={**asked, "input": "q"})).json()
    assert ChatCompletion.model_validate(chat).model_dump(exclude_unset=True) == chat
    described = ResponseObject.model_validate(response).model_dump(exclude_unset=True)
    assert described == {name: response[name] for name in ResponseObject.model_fields}
