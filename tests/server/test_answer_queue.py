"""Places are given in order and always given back; too many who wait are refused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import httpx
import pytest
from server.fake_service import FakeService, make_server, serve
from server.queue_holders import Holder, let_tasks_run, make_queue

from websearch_agent.config import Settings
from websearch_agent.errors import ServerBusy
from websearch_agent.events import AgentEvent, AnswerDelta
from websearch_agent.server.answer_queue import AnswerQueue, PlaceHolder
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

STREAM = {"Accept": "text/event-stream"}


async def test_places_are_given_in_the_order_of_asking() -> None:
    queue, order = make_queue(), []  # type: ignore[var-annotated]
    holders = []
    for name in ("a", "b", "c"):
        holders.append(Holder(queue, name, order))
        await let_tasks_run()
    assert (order, queue.waiting, queue.free_places) == (["a"], 2, 0)
    for holder in holders:
        await asyncio.wait_for(holder.entered.wait(), 5)
        await holder.end()
    assert order == ["a", "b", "c"]
    assert (queue.waiting, queue.free_places) == (0, 1)


async def test_one_more_than_may_wait_is_refused_at_once() -> None:
    queue, order = make_queue(max_waiting=1), []  # type: ignore[var-annotated]
    first = Holder(queue, "a", order)
    await let_tasks_run()
    second = Holder(queue, "b", order)
    await let_tasks_run()
    with pytest.raises(ServerBusy) as refused:
        async with queue.place(PlaceHolder("c")):
            raise AssertionError("a place that is not there")
    assert refused.value.retry_after_s > 0
    await first.end()
    await second.end()
    assert queue.free_places == 1


async def test_without_waiting_places_the_next_is_refused() -> None:
    queue, order = make_queue(max_waiting=0), []  # type: ignore[var-annotated]
    first = Holder(queue, "a", order)
    await let_tasks_run()
    with pytest.raises(ServerBusy):
        async with queue.place(PlaceHolder("b")):
            raise AssertionError("a place that is not there")
    await first.end()
    assert queue.free_places == 1


async def test_waiting_ends_at_its_deadline() -> None:
    queue, order = make_queue(deadline_s=0.01), []  # type: ignore[var-annotated]
    first = Holder(queue, "a", order)
    await let_tasks_run()
    with pytest.raises(ServerBusy, match=r"0\.01 seconds"):
        async with queue.place(PlaceHolder("b")):
            raise AssertionError("a place that is not there")
    assert queue.waiting == 0
    await first.end()
    assert queue.free_places == 1


async def test_who_leaves_while_waiting_is_skipped() -> None:
    queue, order = make_queue(), []  # type: ignore[var-annotated]
    holders = []
    for name in ("a", "b", "c"):
        holders.append(Holder(queue, name, order))
        await let_tasks_run()
    holders[1].task.cancel()
    with suppress(asyncio.CancelledError):
        await holders[1].task
    await holders[0].end()
    await asyncio.wait_for(holders[2].entered.wait(), 5)
    await holders[2].end()
    assert order == ["a", "c"]
    assert (queue.waiting, queue.free_places) == (0, 1)


async def test_place_given_to_one_who_leaves_in_the_same_moment_is_not_lost() -> None:
    queue, order = make_queue(), []  # type: ignore[var-annotated]
    async with queue.place(PlaceHolder("a")):
        second = Holder(queue, "b", order)
        await let_tasks_run()
    # The place is given to the second, which is cancelled before it runs again.
    second.task.cancel()
    with suppress(asyncio.CancelledError):
        await second.task
    assert order == []
    assert (queue.waiting, queue.free_places) == (0, 1)


async def test_failure_inside_gives_the_place_back() -> None:
    queue = make_queue()
    with pytest.raises(RuntimeError, match="inside"):
        async with queue.place(PlaceHolder("a")):
            raise RuntimeError("inside")
    assert queue.free_places == 1


async def test_closing_refuses_those_who_wait_and_all_later_ones() -> None:
    queue, order = make_queue(), []  # type: ignore[var-annotated]
    first = Holder(queue, "a", order)
    await let_tasks_run()
    second = Holder(queue, "b", order)
    await let_tasks_run()
    queue.close()
    with pytest.raises(ServerBusy, match="shutting down"):
        await second.task
    with pytest.raises(ServerBusy, match="shutting down"):
        async with queue.place(PlaceHolder("c")):
            raise AssertionError("a place in a closed queue")
    await first.end()


# ---- the same through the door -------------------------------------------------------------------

ONE_PLACE = Settings(max_answers=1, max_waiting=2, waiting_deadline_s=60)
NO_WAITING = Settings(max_answers=1, max_waiting=0)


async def hanging_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield AnswerDelta("Half")
    await asyncio.Event().wait()


async def raising_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    raise RuntimeError("broken")


def queue_of(server: object) -> AnswerQueue:
    queue: AnswerQueue = server.config.app.state.answer_queue  # type: ignore[attr-defined]
    return queue


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # the queue tells nobody of its changes
            await asyncio.sleep(0)


async def ask(address: str, question: str = "q", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=address) as client:
        return await client.post("/api/answers", json={"question": question}, headers=headers)


@pytest.mark.parametrize("headers", [{}, STREAM])
async def test_full_server_is_503_with_retry_after_before_any_work(headers: dict[str, str]) -> None:
    service = FakeService(hanging_script)
    async with serve(service, NO_WAITING) as address:
        asking = asyncio.create_task(ask(address))
        await asyncio.wait_for(service.asked.wait(), 5)
        refused = await ask(address, "second", **headers)
        asking.cancel()
    assert (refused.status_code, refused.json()["code"]) == (503, "server_busy")
    assert refused.json()["retryable"] is True
    assert int(refused.headers["retry-after"]) >= 1
    assert [request.question for request in service.requests] == ["q"]


@pytest.mark.parametrize("headers", [{}, STREAM])
@pytest.mark.parametrize("question", ["finish", "fail", "hang"])
async def test_place_is_free_again_however_an_answer_ends(
    question: str, headers: dict[str, str]
) -> None:
    service = FakeService(fail=raising_script, hang=hanging_script)
    async with serve(service, NO_WAITING) as address:
        asking = asyncio.create_task(ask(address, question, **headers))
        if question == "hang":
            await asyncio.wait_for(service.asked.wait(), 5)
            asking.cancel()
            await asyncio.wait_for(service.stopped.wait(), 5)
            async with asyncio.timeout(5):
                while (again := await ask(address, "after")).status_code == 503:
                    pass
        else:
            await asking
            again = await ask(address, "after")
    assert again.status_code == 200


@pytest.mark.parametrize("headers", [{}, STREAM])
async def test_client_that_leaves_while_waiting_gives_its_waiting_place_back(
    headers: dict[str, str],
) -> None:
    service = FakeService(hanging_script)
    server = make_server(service, ONE_PLACE)
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))  # type: ignore[attr-defined]
    queue = queue_of(server)
    first = asyncio.create_task(ask(server.address))
    await asyncio.wait_for(service.asked.wait(), 5)
    waiting = asyncio.create_task(ask(server.address, "second", **headers))
    await until(lambda: queue.waiting == 1)
    waiting.cancel()
    await until(lambda: queue.waiting == 0)
    first.cancel()
    await until(lambda: queue.free_places == 1)
    server.should_exit = True
    await serving
    assert [request.question for request in service.requests] == ["q"]


async def test_shutdown_answers_those_who_wait() -> None:
    service = FakeService(hanging_script)
    server = make_server(service, ONE_PLACE)
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))  # type: ignore[attr-defined]
    first = asyncio.create_task(ask(server.address))
    await asyncio.wait_for(service.asked.wait(), 5)
    waiting = asyncio.create_task(ask(server.address, "second"))
    await until(lambda: queue_of(server).waiting == 1)
    server.should_exit = True
    answers = await asyncio.wait_for(asyncio.gather(first, waiting), 5)
    await serving
    assert [answer.status_code for answer in answers] == [503, 503]
    assert [answer.json()["code"] for answer in answers] == ["shutting_down", "server_busy"]


async def test_invalid_question_takes_no_place() -> None:
    service = FakeService(hanging_script)
    async with serve(service, NO_WAITING) as address:
        asking = asyncio.create_task(ask(address))
        await asyncio.wait_for(service.asked.wait(), 5)
        async with httpx.AsyncClient(base_url=address) as client:
            response = await client.post("/api/answers", json={"wrong": 1})
        asking.cancel()
    assert response.status_code == 422


async def test_one_user_cannot_fill_the_queue_with_several_keys() -> None:
    service = FakeService(hanging_script)
    await service.accounts.add_user("ann", "a long password")
    keys = [await service.accounts.create_key("ann", "test", ["ask"]) for _ in range(3)]
    server = make_server(service, ONE_PLACE)
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))  # type: ignore[attr-defined]
    asking = [
        asyncio.create_task(ask(server.address, Authorization=f"Bearer {key.secret}"))
        for key in keys[:2]
    ]
    await until(lambda: queue_of(server).waiting == 1)
    refused = await ask(server.address, Authorization=f"Bearer {keys[2].secret}")
    server.should_exit = True
    await asyncio.gather(*asking)
    await serving
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert int(refused.headers["retry-after"]) >= 1
