"""One holder's flood leaves places to the others, running and waiting."""

import asyncio

import pytest
from server.queue_holders import Holder, let_tasks_run, make_queue

from websearch_agent.errors import ServerBusy, TooManyRequests
from websearch_agent.server.answer_queue import PlaceHolder

pytestmark = pytest.mark.anyio


async def test_nobody_holds_more_than_half_of_the_waiting_places() -> None:
    queue, order = make_queue(max_waiting=4), []  # type: ignore[var-annotated]
    flood = [Holder(queue, "flood", order) for _ in range(3)]
    await let_tasks_run()
    with pytest.raises(TooManyRequests) as refused:
        async with queue.place(PlaceHolder("flood")):
            raise AssertionError("a third waiting place")
    assert not isinstance(refused.value, ServerBusy)
    other = Holder(queue, "other", order)
    await let_tasks_run()
    assert queue.waiting == 3
    for holder in (*flood, other):
        holder.leave.set()
    await asyncio.gather(*(holder.task for holder in (*flood, other)))
    assert order == ["flood", "other", "flood", "flood"]


@pytest.mark.parametrize(("max_answers", "each"), [(1, 1), (2, 1), (5, 3), (16, 8)])
async def test_nobody_runs_more_than_half_of_the_places(max_answers: int, each: int) -> None:
    queue, order = make_queue(max_answers=max_answers, max_waiting=40), []  # type: ignore[var-annotated]
    flood = [Holder(queue, "flood", order) for _ in range(max_answers + 1)]
    await let_tasks_run()
    assert order == ["flood"] * each
    assert (queue.waiting, queue.free_places) == (max_answers + 1 - each, max_answers - each)
    if max_answers > 1:
        other = Holder(queue, "other", order)
        await let_tasks_run()
        assert order[-1] == "other"
        await other.end()
    for holder in flood:
        holder.leave.set()
    await asyncio.gather(*(holder.task for holder in flood))
    assert order.count("flood") == max_answers + 1
    assert (queue.waiting, queue.free_places) == (0, max_answers)


async def test_a_person_alone_on_the_machine_takes_all_places_and_others_come_next() -> None:
    queue, order = make_queue(max_answers=4, max_waiting=8), []  # type: ignore[var-annotated]
    alone = [Holder(queue, "alone", order, may_take_all=True) for _ in range(6)]
    await let_tasks_run()
    assert (order, queue.waiting) == (["alone"] * 4, 2)
    other = Holder(queue, "other", order)
    await let_tasks_run()
    await alone[0].end()
    await let_tasks_run()
    assert order[4:] == ["other"]
    for holder in (*alone[1:], other):
        await holder.end()


async def test_next_place_goes_to_the_holder_with_the_fewest_running_answers() -> None:
    queue, order = make_queue(max_answers=4, max_waiting=12), []  # type: ignore[var-annotated]
    running = {name: Holder(queue, name, order) for name in ("a", "b", "c")}
    running["a2"] = Holder(queue, "a", order)
    await let_tasks_run()
    waiting = {}
    for name in ("a", "b", "d", "e"):
        waiting[name] = Holder(queue, name, order)
        await let_tasks_run()
    del order[:]
    # d and e run none; then b one; a two, which is all it may until one of them ends.
    for name in ("c", "a", "a2"):
        await running[name].end()
        await let_tasks_run()
    assert order == ["d", "e", "a"]
    for holder in (running["b"], waiting["d"]):
        await holder.end()
        await let_tasks_run()
    assert order == ["d", "e", "a", "b"]
    for name in ("e", "a", "b"):
        await waiting[name].end()
    assert (queue.waiting, queue.free_places) == (0, 4)


async def test_one_place_goes_round_among_those_who_wait() -> None:
    queue, order = make_queue(max_waiting=8), []  # type: ignore[var-annotated]
    holders = [Holder(queue, name, order) for name in ("a", "a", "a", "b", "b", "c")]
    await let_tasks_run()
    for holder in holders:
        holder.leave.set()
    await asyncio.gather(*(holder.task for holder in holders))
    assert order == ["a", "b", "c", "a", "b", "a"]


async def test_one_who_runs_all_it_may_and_cannot_wait_is_told_so() -> None:
    queue, order = make_queue(max_answers=2, max_waiting=0), []  # type: ignore[var-annotated]
    first = Holder(queue, "a", order)
    await let_tasks_run()
    with pytest.raises(TooManyRequests, match="1 of your questions") as refused:
        async with queue.place(PlaceHolder("a")):
            raise AssertionError("a second place")
    assert not isinstance(refused.value, ServerBusy)
    await first.end()
    assert queue.free_places == 2


async def test_who_has_left_is_forgotten() -> None:
    queue, order = make_queue(deadline_s=0.01), []  # type: ignore[var-annotated]
    first = Holder(queue, "a", order)
    await let_tasks_run()
    with pytest.raises(ServerBusy):
        async with queue.place(PlaceHolder("b")):
            raise AssertionError("a place that is not there")
    assert queue.known_holders == {"a"}
    await first.end()
    assert queue.known_holders == set()
