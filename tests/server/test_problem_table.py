"""Errors have one form and one table of codes; what is wrong with a request is told in it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from server.doors import serve_users
from server.fake_service import FakeService, serve

from websearch_agent import server, wiring
from websearch_agent.config import Settings
from websearch_agent.errors import AgentError
from websearch_agent.server.app import create_app
from websearch_agent.server.error_codes import ERROR_KINDS, KIND_OF_CODE, type_of_code

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}
Q: dict[str, Any] = {"question": "q"}
S: dict[str, Any] = {"query": "q"}
R: dict[str, Any] = {"address": "https://example.org/"}


assert wiring  # it loads every module that could define an error


def errors_below(kind: type[AgentError]) -> Iterator[type[AgentError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from errors_below(below)


@pytest.mark.parametrize("kind", list(errors_below(AgentError)), ids=lambda kind: kind.__name__)
def test_every_error_of_the_program_is_in_the_table(kind: type[AgentError]) -> None:
    assert kind.code in KIND_OF_CODE


def test_every_code_that_the_server_writes_is_in_the_table() -> None:
    """But those of `/v1`, which has a table of its own."""
    files = [file for file in Path(server.__file__).parent.glob("*.py")
             if not file.name.startswith(("openai_", "error_codes"))]  # fmt: skip
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    written = set(re.findall(r'\bcode="(\w+)"', source))
    written |= set(re.findall(r'AnswerFailed\(\s*(?:code=)?"(\w+)"', source))
    assert {"internal_error", "body_too_large", "shutting_down", "stopped"} <= written
    assert written <= set(KIND_OF_CODE)


def test_each_code_stands_once_and_says_what_to_do() -> None:
    assert len(KIND_OF_CODE) == len(ERROR_KINDS)
    for kind in ERROR_KINDS:
        assert kind.meaning.endswith(".")
        assert kind.advice.endswith(".")
        assert all(400 <= status < 600 for status in kind.statuses)


def test_openapi_lists_all_codes_with_their_meaning() -> None:
    schemas = create_app(FakeService, Settings()).openapi()["components"]["schemas"]
    code = schemas["Problem"]["properties"]["code"]
    assert code["enum"] == [kind.code for kind in ERROR_KINDS]
    assert all(kind.meaning in code["description"] for kind in ERROR_KINDS)


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == type_of_code(code)
    assert status in KIND_OF_CODE[code].statuses
    assert problem["title"]
    assert problem["detail"]
    return problem


WRONG_FIELDS = {
    "/api/answers": [
        ({}, "question"),
        ({"question": 3}, "question"),
        ({"question": None}, "question"),
        ({"question": ["q"]}, "question"),
        ({**Q, "conversation_id": 3}, "conversation_id"),
        ({**Q, "search": "maybe"}, "search"),
        ({**Q, "search": True}, "search"),
        ({**Q, "mode": "slow"}, "mode"),
        ({**Q, "time_range": "decade"}, "time_range"),
        ({**Q, "include_domains": "a.org"}, "include_domains"),
        ({**Q, "include_domains": [3]}, "include_domains.0"),
        ({**Q, "exclude_domains": ["no domain"]}, "exclude_domains.0"),
        ({**Q, "language": "english!"}, "language"),
        ({**Q, "evidence": "pages"}, "evidence"),
        ({**Q, "verification": "slow"}, "verification"),
        ({**Q, "strict": "perhaps"}, "strict"),
        ({**Q, "replace_turn": "t" * 65}, "replace_turn"),
        ({**Q, "render": 7}, "render"),
        ({**Q, "resumable": []}, "resumable"),
        ({**Q, "serach": "auto"}, "serach"),
        ([], "body"),
        (None, "body"),
        ("q", "body"),
    ],
    "/api/search": [
        ({}, "query"),
        ({"query": 3}, "query"),
        ({**S, "max_results": 0}, "max_results"),
        ({**S, "max_results": 51}, "max_results"),
        ({**S, "max_results": "3"}, "max_results"),
        ({**S, "time_range": "decade"}, "time_range"),
        ({**S, "include_domains": ["no domain"]}, "include_domains.0"),
        ({**S, "exclude_domains": {}}, "exclude_domains"),
        ({**S, "language": "x"}, "language"),
        ({**S, "engines": []}, "engines"),
        ({**S, "engines": "ddgs"}, "engines"),
        ({**S, "engines": [3]}, "engines.0"),
        ({**S, "limit": 3}, "limit"),
    ],
    "/api/read": [
        ({}, "address"),
        ({**R, "document_id": "local:1"}, "address"),
        ({"address": 3}, "address"),
        ({"document_id": ""}, "document_id"),
        ({**R, "fresh": "yes"}, "fresh"),
        ({**R, "start_index": -1}, "start_index"),
        ({**R, "max_chars": 0}, "max_chars"),
        ({**R, "url": "x"}, "url"),
    ],
}
ROUTES = list(WRONG_FIELDS)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [(path, body, field) for path, rows in WRONG_FIELDS.items() for body, field in rows],
)
async def test_wrong_field_is_named(path: str, body: object, field: str) -> None:
    service = FakeService()
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        response = await client.post(path, content=json.dumps(body), headers=JSON)
    problem = assert_problem(response, 422, "invalid_request")
    assert f"`{field}`" in problem["detail"]
    assert (service.requests, service.queries, service.addresses) == ([], [], [])


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b'{"question": ', JSON, 400, "invalid_request"),
        (b"", JSON, 422, "invalid_request"),
        (b'{"question": "\xff\xfe"}', JSON, 400, "invalid_request"),
        (b"question=q", {}, 415, "invalid_request"),
        (b'{"question": "q"}', {"Content-Type": "text/plain"}, 415, "invalid_request"),
        (b'{"question": "' + b"q" * 1_000_000 + b'"}', JSON, 413, "body_too_large"),
        (b"[" * 100_000, JSON, 400, "invalid_request"),
    ],
    ids=["broken JSON", "no body", "not UTF-8", "a form", "plain text", "1 MB", "deep"],
)
async def test_body_that_cannot_be_read_is_a_problem(
    path: str, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        response = await client.post(path, content=content, headers=headers)
    assert_problem(response, status, code)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/search", 405, "method_not_allowed"),
        ("PUT", "/api/answers", 405, "method_not_allowed"),
        ("DELETE", "/api/engines", 405, "method_not_allowed"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/api/conversations/unknown", 404, "conversation_not_found"),
        ("GET", "/api/answers/unknown", 404, "answer_not_found"),
        ("GET", "/api/shared/unknown", 404, "share_not_found"),
    ],
)
async def test_address_that_leads_nowhere_is_a_problem(
    method: str, path: str, status: int, code: str
) -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        response = await client.request(method, path)
    assert_problem(response, status, code)
    assert (status == 405) == ("allow" in response.headers)


@pytest.mark.parametrize("path", ROUTES)
async def test_wrong_key_and_missing_scope_are_problems(path: str) -> None:
    body = {"/api/answers": Q, "/api/search": S, "/api/read": R}[path]
    async with serve_users() as doors, await doors.key_client("ann", "read") as reader:
        async with doors.client(Authorization="Bearer wsa_wrong") as stranger:
            wrong = await stranger.post(path, json=body)
        scopeless = await reader.post(path, json=body)
    assert_problem(wrong, 401, "not_authenticated")
    assert_problem(scopeless, 403, "not_allowed")
