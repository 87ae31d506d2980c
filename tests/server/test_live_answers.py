"""Resumable answers: they go on without their client, and any client of the owner follows them."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from server.doors import serve_users
from server.event_streams import Gate, NumberedEvent, parse_numbered
from server.fake_service import FakeService, make_server, search_script, serve

from websearch_agent.config import Settings
from websearch_agent.events import AgentEvent
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

STREAM = {"Accept": "text/event-stream"}


def body(question: str = "q", **more: object) -> dict[str, object]:
    return {"question": question, "resumable": True, **more}


def names(events: list[NumberedEvent]) -> list[str]:
    return [name for _, name, _ in events]


async def read_until(response: httpx.Response, name: str) -> list[NumberedEvent]:
    """The events up to the first of this name."""
    text = ""
    async for piece in response.aiter_text():
        text += piece
        if f"event: {name}\n" in text and text.endswith("\n\n"):
            break
    return parse_numbered(text)


async def begin(client: httpx.AsyncClient, **more: object) -> NumberedEvent:
    """The first event of an answer whose client leaves behind it."""
    async with client.stream("POST", "/api/answers", json=body(**more), headers=STREAM) as response:
        assert response.status_code == 200
        (started,) = (await read_until(response, "answer_started"))[:1]
    return started


async def follow(
    client: httpx.AsyncClient, turn_id: object, **options: object
) -> list[NumberedEvent]:
    response = await client.get(f"/api/answers/{turn_id}", **options)  # type: ignore[arg-type]
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    return parse_numbered(response.text)


async def test_events_are_numbered_from_one() -> None:
    async with (
        serve(FakeService(search_script)) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        response = await client.post("/api/answers", json=body(render=True), headers=STREAM)
    events = parse_numbered(response.text)
    numbers = [number for number, _, _ in events]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1
    assert (events[0][1], events[-1][1]) == ("answer_started", "answer_finished")
    assert "answer_html" in names(events)


async def test_answer_goes_on_when_its_client_leaves_and_is_stored_finished() -> None:
    gate = Gate()
    service = FakeService(gate.script)
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        _, _, started = await begin(client)
        gate.let(3)
        events = await follow(client, started["turn_id"])
    assert names(events) == ["answer_started", *["answer_delta"] * 3, "answer_finished"]
    (turn,) = service.store.conversations[str(started["conversation_id"])].turns
    assert (turn.id, turn.status) == (started["turn_id"], "finished")
    assert not service.stopped.is_set()


@pytest.mark.parametrize(
    "options", [{"headers": {"Last-Event-ID": "2"}}, {"params": {"after": "2"}}]
)
async def test_follower_gets_only_what_came_behind_the_number(options: dict[str, object]) -> None:
    gate = Gate()
    async with (
        serve(FakeService(gate.script)) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        _, _, started = await begin(client)
        gate.let(3)
        events = await follow(client, started["turn_id"], **options)
        again = await follow(client, started["turn_id"], **options)
    assert [(number, data.get("text")) for number, _, data in events] == [
        (3, " two"),
        (4, " three"),
        (5, "One two three"),
    ]
    assert again == events


async def test_two_followers_see_the_same_while_it_is_written() -> None:
    gate = Gate()
    async with (
        serve(FakeService(gate.script)) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        _, _, started = await begin(client)
        path = f"/api/answers/{started['turn_id']}"
        gate.let(1)
        async with client.stream("GET", path) as one, client.stream("GET", path) as other:
            first = [await read_until(each, "answer_delta") for each in (one, other)]
        gate.let(2)
        whole = await follow(client, started["turn_id"])
    assert first[0] == first[1] == whole[:2]


async def test_follower_of_the_last_event_gets_it_once_more() -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        _, _, started = await begin(client)
        last = (await follow(client, started["turn_id"]))[-1]
        again = await follow(client, started["turn_id"], params={"after": str(last[0] + 7)})
    assert again == [last]
    assert last[1] == "answer_finished"


async def test_stop_from_another_client_ends_all_streams_with_what_was_written() -> None:
    gate = Gate()
    service = FakeService(gate.script)
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        _, _, started = await begin(client)
        path = f"/api/answers/{started['turn_id']}"
        gate.let(1)
        async with client.stream("GET", path) as following:
            await read_line(following.aiter_lines(), "event: answer_delta")
            stopped = await client.post(f"{path}/stop")
        events = await follow(client, started["turn_id"])
        again = await client.post(f"{path}/stop")
    assert (stopped.status_code, again.status_code) == (204, 204)
    _, name, finished = events[-1]
    assert (name, finished["finish_reason"]) == ("answer_finished", "stopped")
    assert finished["text"] == "One"
    (turn,) = service.store.conversations["c1"].turns
    assert turn.status == "stopped"


async def read_line(lines: AsyncIterator[str], start: str) -> str:
    """The first line that begins so, without closing the stream."""
    line = await anext(lines)
    while not line.startswith(start):
        line = await anext(lines)
    return line


async def test_stop_ends_an_answer_that_only_its_client_follows() -> None:
    gate = Gate()
    async with (
        serve(FakeService(gate.script)) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        asked = client.stream("POST", "/api/answers", json={"question": "q"}, headers=STREAM)
        async with asked as response:
            lines = response.aiter_lines()
            line = await read_line(lines, "data: ")
            turn_id = json.loads(line.removeprefix("data: "))["turn_id"]
            stopped = await client.post(f"/api/answers/{turn_id}/stop")
            rest = "\n".join([line async for line in lines])
        unknown = await client.get(f"/api/answers/{turn_id}")
    assert stopped.status_code == 204
    assert "event: answer_finished" in rest
    assert "id: " not in rest
    assert (unknown.status_code, unknown.json()["code"]) == (404, "answer_not_found")


@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("POST", "/stop")])
async def test_answer_of_somebody_else_is_as_unknown(method: str, end: str) -> None:
    gate = Gate()
    async with (
        serve_users(FakeService(gate.script)) as doors,
        await doors.session_client("ann") as ann,
    ):
        _, _, started = await begin(ann)
        async with await doors.key_client("ben") as ben:
            foreign = await ben.request(method, f"/api/answers/{started['turn_id']}{end}")
            unknown = await ben.request(method, f"/api/answers/none{end}")
        gate.let(3)
        events = await follow(ann, started["turn_id"])
    assert (foreign.status_code, foreign.json()) == (404, unknown.json())
    assert foreign.json()["code"] == "answer_not_found"
    assert events[-1][2]["finish_reason"] == "stop"


async def test_client_that_leaves_while_it_waits_gives_its_place_up() -> None:
    gate = Gate()
    service = FakeService(gate.script)
    settings = Settings(_env_file=None, max_answers=1, max_waiting=2)  # type: ignore[call-arg]
    async with (
        serve(service, settings) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        _, _, started = await begin(client, question="first")
        waiting = asyncio.create_task(
            client.post("/api/answers", json=body("second"), headers=STREAM)
        )
        await wait_for_waiting(client)
        waiting.cancel()
        await asyncio.wait([waiting])
        gate.let(3)
        await follow(client, started["turn_id"])
        gate.let(3)
        third = await client.post("/api/answers", json=body("third"), headers=STREAM)
    assert parse_numbered(third.text)[-1][1] == "answer_finished"
    assert [request.question for request in service.requests] == ["first", "third"]


async def wait_for_waiting(client: httpx.AsyncClient) -> None:
    """Until the request that was sent before has reached the server: this one comes behind it."""
    for _ in range(3):
        await client.get("/api/health")


async def test_client_that_leaves_before_the_answer_has_begun_withdraws_it() -> None:
    """Nobody knows yet under which id it could be followed or stopped."""
    gate = Gate()

    async def late_script(
        service: FakeService, request: AnswerRequest
    ) -> AsyncIterator[AgentEvent]:
        await asyncio.Event().wait()
        yield service.start(request)

    service = FakeService(gate.script, late=late_script)
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        asking = client.stream("POST", "/api/answers", json=body("late"), headers=STREAM)
        async with asking as response:
            assert response.status_code == 200
            await service.asked.wait()
        await asyncio.wait_for(service.stopped.wait(), 10)
    assert service.store.conversations == {}


async def test_full_queue_is_a_problem_before_the_stream() -> None:
    gate = Gate()
    settings = Settings(_env_file=None, max_answers=1, max_waiting=0)  # type: ignore[call-arg]
    async with (
        serve(FakeService(gate.script), settings) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        _, _, started = await begin(client)
        refused = await client.post("/api/answers", json=body(), headers=STREAM)
        gate.let(3)
        await follow(client, started["turn_id"])
    assert (refused.status_code, refused.json()["code"]) == (503, "server_busy")
    assert "retry-after" in refused.headers


async def test_shutdown_ends_followers_and_stores_the_answer() -> None:
    gate = Gate()
    service = FakeService(gate.script)
    server = make_server(service)
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))  # type: ignore[attr-defined]
    async with httpx.AsyncClient(base_url=server.address) as client:
        _, _, started = await begin(client)
        path = f"/api/answers/{started['turn_id']}"
        gate.let(1)
        async with client.stream("GET", path) as following:
            lines = following.aiter_lines()
            await read_line(lines, "event: answer_delta")
            server.should_exit = True
            rest = "".join([line async for line in lines])
    await asyncio.wait_for(serving, timeout=5)
    assert '"code":"shutting_down"' in rest
    assert service.stopped.is_set()
    assert service.closed
    assert service.store.conversations["c1"].turns[0].status == "stopped"
