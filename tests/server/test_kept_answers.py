"""How long resumable answers are kept, and how they are all stopped."""

import asyncio
from contextlib import aclosing, suppress

import pytest
from queue_holders import Holder, let_tasks_run, make_queue
from server.event_streams import Gate, parse_numbered
from server.fake_service import FakeService

from websearch_agent.errors import AnswerNotFound, ServerBusy
from websearch_agent.server.answer_queue import AnswerQueue, PlaceHolder
from websearch_agent.server.event_log import EventLog
from websearch_agent.server.feed import OpenAnswers
from websearch_agent.server.live_answers import KEEP_S, LiveAnswers
from websearch_agent.server.open_answer import AnswerTurn
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def never_leaves() -> dict[str, object]:
    await asyncio.Event().wait()
    return {}


def make_turn(service: FakeService, queue: AnswerQueue | None = None) -> AnswerTurn:
    return AnswerTurn(
        begin=lambda: service.answer_question(AnswerRequest("q")),
        holder=PlaceHolder("ann", may_take_all=True),
        queue=queue or make_queue(max_answers=3),
        open_answers=OpenAnswers(),
    )


async def begin_live(
    answers: LiveAnswers, service: FakeService, queue: AnswerQueue | None = None
) -> EventLog:
    log = await answers.begin(
        make_turn(service, queue),
        never_leaves,  # type: ignore[arg-type]
        owner_id="ann",
        stop_answer=service.stop_answer,
    )
    assert log is not None
    return log


async def read_all(log: EventLog, after: int = 0) -> str:
    return b"".join([event async for event in log.follow(after)]).decode()


async def answer_and_end(answers: LiveAnswers, service: FakeService) -> str:
    """The turn's id, when the answer's task has ended."""
    begun = parse_numbered(await read_all(await begin_live(answers, service)))[0]
    turn_id = str(begun[2]["turn_id"])
    await answers.stop("ann", turn_id)
    return turn_id


async def test_ended_answer_is_forgotten_after_some_minutes() -> None:
    clock = Clock()
    answers = LiveAnswers(clock=clock)
    turn_id = await answer_and_end(answers, FakeService())
    clock.now_s += KEEP_S
    assert answers.find("ann", turn_id).ended
    clock.now_s += 1
    with pytest.raises(AnswerNotFound):
        answers.find("ann", turn_id)


async def test_ended_answers_are_bounded_in_number_and_bytes() -> None:
    service, all_kept = FakeService(), LiveAnswers()
    size_bytes = all_kept.find("ann", await answer_and_end(all_kept, service)).size_bytes
    for answers in (LiveAnswers(max_kept=2), LiveAnswers(max_kept_bytes=int(2.5 * size_bytes))):
        turn_ids = [await answer_and_end(answers, service) for _ in range(4)]
        assert known(answers, turn_ids) == turn_ids[2:]


def known(answers: LiveAnswers, turn_ids: list[str]) -> list[str]:
    found = []
    for turn_id in turn_ids:
        with suppress(AnswerNotFound):
            answers.find("ann", turn_id)
            found.append(turn_id)
    return found


async def test_stop_all_returns_when_all_are_stored_and_forgets_them() -> None:
    gate = Gate()
    service = FakeService(gate.script)
    answers = LiveAnswers()
    running = await begin_live(answers, service)
    gate.let(1)
    async with aclosing(running.follow()) as events:
        await anext(events)
    turn_id = service.store.conversations["c1"].turns[0].id
    await answers.stop_all("ben")
    await answers.stop_all("ann", "c2")
    assert not answers.find("ann", turn_id).ended
    await answers.stop_all("ann", "c1")
    assert service.store.conversations["c1"].turns[0].status == "stopped"
    assert '"finish_reason":"stopped"' in await read_all(running)
    with pytest.raises(AnswerNotFound):
        answers.find("ann", turn_id)


async def test_stop_all_withdraws_what_waits_for_its_turn() -> None:
    queue, service = make_queue(max_answers=1), FakeService()
    holder = Holder(queue, "ann", [], may_take_all=True)
    await holder.entered.wait()
    answers = LiveAnswers()
    waiting = asyncio.create_task(begin_live(answers, service, queue))
    await let_tasks_run()
    assert queue.waiting == 1
    await answers.stop_all("ann")
    with pytest.raises(AnswerNotFound, match="withdrawn"):
        await waiting
    assert queue.waiting == 0
    assert service.requests == []
    await holder.end()


async def test_closing_ends_what_nothing_else_ended() -> None:
    gate = Gate()
    service = FakeService(gate.script)
    queue = make_queue(max_answers=1)
    answers = LiveAnswers()
    turn = make_turn(service, queue)
    log = await answers.begin(
        turn,
        never_leaves,  # type: ignore[arg-type]
        owner_id="ann",
        stop_answer=service.stop_answer,
    )
    assert log is not None
    turn.open_answers.end_all()
    await answers.aclose()
    assert '"code":"shutting_down"' in await read_all(log)
    assert queue.free_places == 1


async def test_closed_queue_is_told_to_who_asks() -> None:
    queue = make_queue()
    queue.close()
    with pytest.raises(ServerBusy):
        await begin_live(LiveAnswers(), FakeService(), queue)
