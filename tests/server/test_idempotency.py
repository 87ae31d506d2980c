"""A request with an Idempotency-Key is answered once, whenever and however it is sent again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from server.doors import serve_users
from server.event_streams import Gate, parse_numbered
from server.fake_service import FakeService, make_answer, search_script, serve
from server.fake_store import FakeStore
from server.stored_service import open_stored_service

from websearch_agent.config import Settings
from websearch_agent.events import AgentEvent, AnswerDelta, AnswerFailed
from websearch_agent.server.event_log import EventLog
from websearch_agent.server.idempotency import KeyedAnswers, keyed_request
from websearch_agent.server.live_answers import OnStarted
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

STREAM = {"Accept": "text/event-stream"}
KEY = {"Idempotency-Key": "order-66"}
BODY = {"question": "When was it opened?"}
REPLAYED = "idempotency-replayed"
# It breaks lines for some readers, and is no line break of JSON.
SEPARATED = "One\u2028two\x85three"


async def separated_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield AnswerDelta(SEPARATED)
    yield service.finish(make_answer(SEPARATED, sources=()))


def failing_once() -> FakeService:
    async def script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
        yield service.start(request)
        if len(service.requests) == 1:
            yield AnswerFailed("model_unavailable", "Not now.", retryable=True)
        else:
            yield AnswerDelta("Now.")
            yield service.finish(make_answer("Now.", sources=()))

    return FakeService(script)


@asynccontextmanager
async def client_of(
    service: FakeService, settings: Settings | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve(service, settings) as address,
        httpx.AsyncClient(base_url=address, headers=KEY) as client,
    ):
        yield client


async def post(client: httpx.AsyncClient, **options: object) -> httpx.Response:
    return await client.post("/api/answers", **{"json": BODY, **options})  # type: ignore[arg-type]


async def read_until(pieces: AsyncIterator[str], words: str) -> str:
    """What came up to the words, without closing the stream."""
    text = ""
    while words not in text:
        text += await anext(pieces)
    return text


async def test_finished_answer_is_replayed_and_nothing_is_asked_again() -> None:
    service = FakeService(search_script)
    async with client_of(service) as client:
        first = await post(client)
        again = await post(client)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    assert len(service.requests) == 1


async def test_answer_is_replayed_in_the_form_that_is_asked_for() -> None:
    service = FakeService(search_script)
    body = {**BODY, "render": True}
    async with client_of(service) as client:
        first = await post(client, json=body)
        stream = await post(client, json=body, headers=STREAM)
    events = parse_numbered(stream.text)
    names = [name for _, name, _ in events]
    assert stream.headers[REPLAYED] == "true"
    assert (names[0], names[-1]) == ("answer_started", "answer_finished")
    assert {"sources_selected", "answer_html"} <= set(names)
    text = "".join(str(data["text"]) for _, name, data in events if name == "answer_delta")
    assert text == first.json()["text"]
    assert events[-1][2] == first.json()
    assert len(service.requests) == 1


async def test_stream_with_a_key_is_numbered_and_replayed_as_json() -> None:
    service = FakeService(separated_script)
    async with client_of(service) as client:
        stream = await post(client, headers=STREAM)
        again = await post(client)
    events = parse_numbered(stream.text)
    assert [number for number, _, _ in events] == [1, 2, 3]
    assert again.json() == events[-1][2]
    assert again.json()["text"] == SEPARATED


async def test_two_requests_at_once_make_one_answer() -> None:
    gate = Gate()
    service = FakeService(gate.script)
    async with client_of(service) as client:
        asking = [asyncio.create_task(post(client)) for _ in range(3)]
        await service.asked.wait()
        gate.let(3)
        answers = await asyncio.gather(*asking)
    assert [answer.json()["text"] for answer in answers] == ["One two three"] * 3
    assert sorted(answer.headers.get(REPLAYED, "") for answer in answers) == ["", "true", "true"]
    assert len(service.requests) == 1
    assert len(service.store.conversations) == 1


@pytest.mark.parametrize("headers", [STREAM, {}])
async def test_answer_goes_on_without_its_client_and_the_retry_finds_it(
    headers: dict[str, str],
) -> None:
    gate = Gate()
    service = FakeService(gate.script)
    async with client_of(service) as client:
        asking = asyncio.create_task(post(client, headers=headers))
        await service.asked.wait()
        asking.cancel()
        await asyncio.wait([asking])
        retry = asyncio.create_task(post(client))
        gate.let(3)
        answer = await retry
    assert answer.json()["finish_reason"] == "stop"
    assert answer.headers[REPLAYED] == "true"
    assert len(service.requests) == 1
    assert not service.stopped.is_set()


async def test_running_answer_is_joined_as_a_stream_from_its_first_event() -> None:
    gate = Gate()
    service = FakeService(gate.script)
    async with client_of(service) as client:
        gate.let(1)
        asking = [
            client.stream("POST", "/api/answers", json=BODY, headers=STREAM) for _ in range(2)
        ]
        async with asking[0] as first:
            await read_until(first.aiter_text(), "One")
        async with asking[1] as joined:
            pieces = joined.aiter_text()
            text = await read_until(pieces, "One")
            gate.let(2)
            text += "".join([piece async for piece in pieces])
    assert joined.headers[REPLAYED] == "true"
    texts = [data.get("text") for _, _, data in parse_numbered(text)]
    assert texts == [None, "One", " two", " three", "One two three"]
    assert len(service.requests) == 1


@pytest.mark.parametrize("when", ["while it is answered", "afterwards"])
async def test_key_with_another_body_is_refused(when: str) -> None:
    gate = Gate()
    service = FakeService(gate.script)
    async with client_of(service) as client:
        asking = asyncio.create_task(post(client))
        await service.asked.wait()
        if when == "afterwards":
            gate.let(3)
            await asking
        other = await post(client, json={**BODY, "search": "never"})
        gate.let(3)
        await asking
    assert other.status_code == 422
    assert other.headers["content-type"] == "application/problem+json"
    assert other.json()["code"] == "idempotency_key_reused"
    assert len(service.requests) == 1


async def test_order_of_the_fields_and_written_defaults_are_the_same_body() -> None:
    service = FakeService()
    async with client_of(service) as client:
        await post(client, json={"question": "q", "mode": "quick"})
        again = await post(client, json={"mode": "quick", "search": "auto", "question": "q"})
    assert again.headers[REPLAYED] == "true"


async def test_failed_answer_is_asked_anew() -> None:
    service = failing_once()
    async with client_of(service) as client:
        failed = await post(client)
        again = await post(client)
        third = await post(client)
    assert (failed.status_code, failed.json()["code"]) == (503, "model_unavailable")
    assert (again.status_code, again.json()["text"]) == (200, "Now.")
    assert REPLAYED not in again.headers
    assert third.json() == again.json()
    assert len(service.requests) == 2


async def test_stopped_answer_is_asked_anew() -> None:
    gate = Gate()
    service = FakeService(gate.script)
    async with client_of(service) as client:
        gate.let(1)
        async with client.stream("POST", "/api/answers", json=BODY, headers=STREAM) as first:
            await read_until(first.aiter_text(), "One")
        (kept,) = service.store.conversations.values()
        await client.post(f"/api/answers/{kept.turns[0].id}/stop")
        gate.let(3)
        again = await post(client)
    assert again.json()["finish_reason"] == "stop"
    assert REPLAYED not in again.headers


async def test_key_of_another_user_is_another_key() -> None:
    async with (
        serve_users() as doors,
        await doors.key_client("ann") as ann,
        await doors.key_client("ben") as ben,
    ):
        of_ann = await ann.post("/api/answers", json={"question": "ann asks"}, headers=KEY)
        of_ben = await ben.post("/api/answers", json={"question": "ben asks"}, headers=KEY)
    assert (of_ann.status_code, of_ben.status_code) == (200, 200)
    assert REPLAYED not in of_ben.headers
    assert [request.question for request in doors.service.requests] == ["ann asks", "ben asks"]


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "ключ".encode(), "tab\there"])
async def test_key_that_is_none_is_400(key: str | bytes) -> None:
    service = FakeService()
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        response = await post(client, headers={"Idempotency-Key": key})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "Idempotency-Key" in response.json()["detail"]
    assert service.requests == []


async def test_only_a_new_answer_is_counted() -> None:
    settings = Settings(_env_file=None, questions_per_minute=2)  # type: ignore[call-arg]
    service = FakeService()
    async with client_of(service, settings) as client:
        statuses = [(await post(client)).status_code for _ in range(5)]
        others = [
            await post(client, headers={"Idempotency-Key": f"other-{number}"})
            for number in range(2)
        ]
    assert statuses == [200] * 5
    assert [response.status_code for response in others] == [200, 429]


async def test_full_queue_is_told_and_the_key_stays_free() -> None:
    gate = Gate()
    settings = Settings(_env_file=None, max_answers=1, max_waiting=0)  # type: ignore[call-arg]
    service = FakeService(gate.script)
    async with client_of(service, settings) as client:
        other = asyncio.create_task(post(client, headers={"Idempotency-Key": "other"}))
        await service.asked.wait()
        refused = await post(client)
        gate.let(6)
        await other
        again = await post(client)
    assert (refused.status_code, refused.json()["code"]) == (503, "server_busy")
    assert "retry-after" in refused.headers
    assert again.status_code == 200


async def test_answer_that_another_process_writes_is_no_second_one() -> None:
    service = FakeService()
    conversation_id = await service.store.create_conversation("q")
    turn = await service.store.begin_turn(conversation_id, BODY["question"])
    async with client_of(service) as client:
        await post(client, headers={"Idempotency-Key": "for-its-hash"})
        body_hash, _ = service.store.keys["for-its-hash"]
        await service.store.remember_key("order-66", body_hash=body_hash, turn_id=turn.id)
        response = await post(client)
    assert (response.status_code, response.json()["code"]) == (409, "idempotency_key_in_use")
    assert response.json()["retryable"] is True
    assert len(service.requests) == 1


async def test_key_outlives_the_server_and_goes_with_its_conversation(tmp_path: Path) -> None:
    """On the real store."""
    answers = []
    for _ in range(2):
        service = await open_stored_service(tmp_path / "conversations.db")
        async with client_of(service) as client:  # type: ignore[arg-type]
            answers.append(await post(client))
            if len(answers) == 2:
                await client.delete(f"/api/conversations/{answers[0].json()['conversation_id']}")
                answers.append(await post(client))
    first, replayed, anew = answers
    assert replayed.json() == first.json()
    assert replayed.headers[REPLAYED] == "true"
    assert REPLAYED not in anew.headers
    assert anew.json()["conversation_id"] != first.json()["conversation_id"]


async def test_nothing_of_an_answer_is_kept_beside_the_database_once_it_has_ended() -> None:
    keyed, log = KeyedAnswers(), EventLog()

    async def begin(on_started: OnStarted) -> EventLog:
        return log

    request = keyed_request("ann", "k", {"question": "q"})
    made, replayed = await keyed.answer_once(request, FakeStore(), begin, render=False)
    assert (made, replayed, len(keyed)) == (log, False, 1)
    log.add(AnswerFailed("model_error", "It failed.", retryable=False))
    for _ in range(10):  # Turns of the loop that those who wait for the end may take.
        await asyncio.sleep(0)
    assert len(keyed) == 0
