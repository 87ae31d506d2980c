"""`POST /api/answers`: JSON, event stream, errors, and what happens when someone leaves."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from server.fake_service import (
    ENGINE_FAILURE,
    FakeService,
    chat_script,
    make_answer,
    make_server,
    search_script,
    serve,
)

from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    AnswerRestarted,
)
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

STREAM = {"Accept": "text/event-stream"}


async def hanging_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield AnswerDelta("Half")
    await asyncio.Event().wait()


async def raising_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    raise RuntimeError("secret detail")


async def silent_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)


async def restarting_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield AnswerDelta("Let me look.")
    yield AnswerRestarted()
    yield AnswerDelta("Found [2] and [7].\n\n- one")
    yield service.finish(make_answer("Found [2] and [7].\n\n- one"))


def failing_script(code: str, *, retryable: bool = False):  # type: ignore[no-untyped-def]
    async def script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
        yield AnswerFailed(code, f"This is {code}.", retryable)

    return script


async def ask_for_events(address: str, **body: object) -> list[tuple[str, dict[str, object]]]:
    async with httpx.AsyncClient(base_url=address) as client:
        response = await client.post("/api/answers", json=body, headers=STREAM)
    assert response.headers["content-type"].startswith("text/event-stream")
    return parse_events(response.text)


def parse_events(text: str) -> list[tuple[str, dict[str, object]]]:
    events = []
    for block in text.split("\n\n"):
        if block.startswith("event: "):
            name, data = block.split("\n")
            events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


async def post(address: str, **options: object) -> httpx.Response:
    async with httpx.AsyncClient(base_url=address) as client:
        return await client.post("/api/answers", **options)  # type: ignore[arg-type]


async def test_stream_carries_the_events_in_order() -> None:
    async with serve(FakeService(search_script)) as address:
        events = await ask_for_events(address, question="What?")
    names = [name for name, _ in events]
    assert names[:7] == [
        "answer_started",
        "decision_made",
        "search_finished",
        "page_finished",
        "page_finished",
        "sources_selected",
        "notice",
    ]
    assert names.count("answer_delta") == 3
    assert names[-1] == "answer_finished"


async def test_stream_ends_with_the_answer_field_by_field() -> None:
    async with serve(FakeService(search_script)) as address:
        events = await ask_for_events(address, question="What?")
    finished = events[-1][1]
    deltas = "".join(str(data["text"]) for name, data in events if name == "answer_delta")
    assert finished["text"] == deltas
    assert finished["conversation_id"] == "c1"
    assert [source["number"] for source in finished["sources"]] == [1, 2]  # type: ignore[attr-defined]
    assert finished["engine_failures"][0]["code"] == ENGINE_FAILURE.code  # type: ignore[index]
    assert finished["finish_reason"] == "stop"


async def test_json_answer_is_the_last_event_of_the_stream() -> None:
    async with serve(FakeService(search_script)) as address:
        response = await post(address, json={"question": "What?"})
        events = await ask_for_events(address, question="What?", conversation_id="c1")
    assert response.status_code == 200
    assert response.json() == events[-1][1]


async def test_all_fields_of_the_request_reach_the_service() -> None:
    service = FakeService()
    asked = {
        "question": "q",
        "conversation_id": "c9",
        "search": "always",
        "mode": "quick",
        "time_range": "week",
        "include_domains": ["a.org"],
        "exclude_domains": ["b.org"],
        "language": "zh-CN",
        "evidence": "summaries",
        "verification": "model",
        "strict": True,
    }
    async with serve(service) as address:
        await post(address, json=asked)
    domains = (("a.org",), ("b.org",))
    checks = ("summaries", "model", True)
    expected = AnswerRequest("q", "c9", "always", "quick", "week", *domains, "zh-CN", *checks)
    assert service.requests == [expected]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("invalid_request", 400),
        ("conversation_not_found", 404),
        ("model_unavailable", 503),
        ("no_engine_answered", 503),
        ("deadline_exceeded", 504),
        ("model_rejected_request", 502),
    ],
)
async def test_failure_is_a_problem_with_a_fitting_status(code: str, status: int) -> None:
    async with serve(FakeService(failing_script(code, retryable=True))) as address:
        response = await post(address, json={"question": "q"})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["code"], problem["retryable"]) == (code, True)
    assert problem["detail"] == f"This is {code}."


@pytest.mark.parametrize("script", [raising_script, silent_script])
async def test_stream_ends_with_internal_error_whatever_the_service_does(script) -> None:  # type: ignore[no-untyped-def]
    async with serve(FakeService(script)) as address:
        events = await ask_for_events(address, question="q")
        response = await post(address, json={"question": "q"})
    assert events[-1][0] == "answer_failed"
    assert events[-1][1]["code"] == "internal_error"
    assert response.status_code == 500
    assert "secret" not in json.dumps(events) + response.text


@pytest.mark.parametrize("headers", [STREAM, {}])
async def test_leaving_client_stops_the_work(headers: dict[str, str]) -> None:
    service = FakeService(hanging_script)
    async with serve(service) as address:
        asking = asyncio.create_task(post(address, json={"question": "q"}, headers=headers))
        await asyncio.wait_for(service.asked.wait(), timeout=5)
        asking.cancel()
        await asyncio.wait_for(service.stopped.wait(), timeout=5)


async def test_shutdown_ends_open_streams_with_a_last_event() -> None:
    service = FakeService(hanging_script)
    server = make_server(service)
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))  # type: ignore[attr-defined]
    asking = asyncio.create_task(ask_for_events(server.address, question="q"))
    await asyncio.wait_for(service.asked.wait(), timeout=5)
    server.should_exit = True
    events = await asyncio.wait_for(asking, timeout=5)
    await asyncio.wait_for(serving, timeout=5)
    assert events[-1][0] == "answer_failed"
    assert events[-1][1]["code"] == "shutting_down"
    assert service.stopped.is_set()
    assert service.closed


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "`question` is missing"),
        ({"question": 3}, "`question`"),
        ({"question": "q", "search": "maybe"}, "`search`"),
        ({"question": "q", "serach": "auto"}, "`serach` is not a known field"),
        ({"question": "q", "include_domains": ["a"] * 51}, "`include_domains`"),
        (
            {"question": "q", "include_domains": "a.org"},
            "`include_domains`: Input should be a valid list",
        ),
        (
            {"question": "q", "exclude_domains": ["a.org", "no such domain"]},
            "`exclude_domains.1`: 'no such domain' is no domain; example: docs.python.org.",
        ),
        (
            {"question": "q", "exclude_domains": {}},
            "`exclude_domains`: Input should be a valid list",
        ),
    ],
)
async def test_invalid_body_names_the_field(body: dict[str, object], named: str) -> None:
    async with serve(FakeService()) as address:
        response = await post(address, json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert named in response.json()["detail"]


async def test_domains_may_be_written_as_addresses() -> None:
    service = FakeService()
    body = {
        "question": "q",
        "include_domains": ["https://Docs.Python.org/3/", "*.münchen.de"],
        "exclude_domains": ["bugs.python.org."],
    }
    async with serve(service) as address:
        response = await post(address, json=body)
    assert response.status_code == 200
    (request,) = service.requests
    assert request.include_domains == ("docs.python.org", "xn--mnchen-3ya.de")
    assert request.exclude_domains == ("bugs.python.org",)


async def test_broken_json_is_400() -> None:
    async with serve(FakeService()) as address:
        headers = {"Content-Type": "application/json"}
        response = await post(address, content=b'{"question": ', headers=headers)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", ""])
async def test_body_that_is_not_sent_as_json_names_the_header(content_type: str) -> None:
    service = FakeService()
    async with serve(service) as address:
        headers = {"Content-Type": content_type} if content_type else {}
        response = await post(address, content=b'{"question": "q"}', headers=headers)
    assert response.status_code == 415
    assert response.json()["code"] == "invalid_request"
    assert "Content-Type: application/json" in response.json()["detail"]
    assert service.requests == []


async def stream_bytes() -> AsyncIterator[bytes]:
    for _ in range(300):
        yield b" " * 1024


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_over_256_kb_is_413(chunked: bool) -> None:
    async with serve(FakeService()) as address:
        content = stream_bytes() if chunked else b" " * (256 * 1024 + 1)
        headers = {"Content-Type": "application/json"}
        response = await post(address, content=content, headers=headers)
    assert response.status_code == 413
    assert response.json()["code"] == "body_too_large"


async def test_rendered_stream_is_complete_before_the_last_event() -> None:
    async with serve(FakeService(search_script)) as address:
        events = await ask_for_events(address, question="q", render=True)
    blocks = {data["block"]: data["html"] for name, data in events if name == "answer_html"}
    chip = '<a class="citation" href="#source-2" data-source="2">2</a>'
    assert blocks == {
        0: f"<p>HTTPX supports <strong>HTTP/2</strong> {chip}, off by default.</p>",
        1: f"<p>Pass <code>http2=True</code> {chip.replace('2', '1')}.</p>",
    }
    assert events[-1][0] == "answer_finished"


async def test_restart_drops_what_was_rendered() -> None:
    async with serve(FakeService(restarting_script)) as address:
        events = await ask_for_events(address, question="q", render=True)
    restart = [name for name, _ in events].index("answer_restarted")
    after = "".join(str(data["html"]) for name, data in events[restart:] if name == "answer_html")
    assert "Let me look" not in after
    assert "[7]" in after
    assert 'data-source="2"' in after


async def test_stream_without_render_has_no_html() -> None:
    async with serve(FakeService(chat_script)) as address:
        events = await ask_for_events(address, question="q")
    assert "answer_html" not in [name for name, _ in events]
