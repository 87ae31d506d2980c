"""The log of an answer's events: what is kept, and who follows it how."""

import asyncio
from contextlib import aclosing

import pytest
from server.event_streams import parse_numbered

from websearch_agent.events import (
    AnswerDelta,
    AnswerFailed,
    AnswerRestarted,
    AnswerStarted,
    ModelWaiting,
    StatementVerified,
)
from websearch_agent.model_calls import ModelStatus
from websearch_agent.server.event_log import EventLog
from websearch_agent.server.render import BlockChange
from websearch_agent.server.streaming import EventStream
from websearch_agent.types import Statement

pytestmark = pytest.mark.anyio


async def never_leaves() -> dict[str, object]:
    await asyncio.Event().wait()
    return {}


async def read_all(log: EventLog) -> str:
    return b"".join([event async for event in log.follow()]).decode()


def texts(encoded: str) -> list[str]:
    return [line for line in encoded.split("\n") if line.startswith("data: ")]


FAILED = AnswerFailed("stopped", "Stopped.", True)


async def test_only_the_newest_look_of_a_block_is_kept() -> None:
    log = EventLog()
    for number in range(1000):
        log.add(BlockChange(0, f"<p>{number}</p>"))
        log.add(BlockChange(1, f"<p>{number}</p>"))
    log.add(FAILED)
    assert len(log) == 3
    sent = await read_all(log)
    assert len(sent.encode()) == log.size_bytes
    assert "id: 1999\n" in sent
    assert "<p>998</p>" not in sent


async def test_restart_drops_what_was_said_before_it_but_not_how_it_came_about() -> None:
    log = EventLog()
    log.add(AnswerStarted("c", "t"))
    log.add(ModelWaiting(ModelStatus("downloading", "", 1, 9)))
    log.add(ModelWaiting(ModelStatus("downloading", "", 2, 9)))
    for _ in range(2):
        log.add(AnswerDelta("Let me look."))
        log.add(StatementVerified(Statement("Let me look.", 0, 12)))
        log.add(BlockChange(0, "<p>Let me look.</p>"))
        log.add(AnswerRestarted())
    log.add(AnswerDelta("Found."))
    log.add(FAILED)
    kept = [event[1] for event in parse_numbered(await read_all(log))]
    assert kept == [
        "answer_started",
        "model_waiting",
        "answer_restarted",
        "answer_delta",
        "answer_failed",
    ]
    assert '"done_bytes":2' in await read_all(log)


async def test_nothing_comes_behind_the_last_event() -> None:
    log = EventLog()
    log.add(FAILED)
    log.add(AnswerDelta("late"))
    assert len(log) == 1


async def test_silence_is_filled_with_pings() -> None:
    log = EventLog(ping_interval_s=0.001)
    async with aclosing(log.follow()) as events:
        assert await anext(events) == b": still here\n\n"
        log.add(FAILED)
        rest = [event async for event in events if not event.startswith(b":")]
    assert rest == [b"id: 1\n" + rest[0].split(b"\n", 1)[1]]


async def test_slow_follower_holds_nothing_up_and_is_cut_off() -> None:
    log = EventLog()
    taken = 0

    async def take_nothing(message: object) -> None:
        nonlocal taken
        taken += 1
        await asyncio.Event().wait()

    stream = EventStream(log.follow(), send_deadline_s=0.01)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    sending = asyncio.create_task(stream(scope, never_leaves, take_nothing))  # type: ignore[arg-type]
    for number in range(100):
        log.add(AnswerDelta(str(number)))
    log.add(FAILED)
    assert len(texts(await read_all(log))) == 101
    await asyncio.wait_for(sending, timeout=5)
    assert taken == 1
