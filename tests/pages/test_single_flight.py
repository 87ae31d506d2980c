"""Work that several want at the same time is done once."""

import asyncio

import pytest

from websearch_agent.pages.single_flight import SingleFlight

pytestmark = pytest.mark.anyio


class Work:
    """Runs until the test lets it end; counts how often it began and was cancelled."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.may_end = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure:
            raise self.failure
        return number


async def start(flights: SingleFlight[int], key: str, work: Work) -> asyncio.Task[int]:
    task = asyncio.create_task(flights.run(key, work))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the caller, then the work it began
    return task


async def test_all_get_the_result_of_one_run() -> None:
    flights, work = SingleFlight[int](), Work()
    callers = [await start(flights, "a", work) for _ in range(3)]
    other = await start(flights, "b", work)
    work.may_end.set()
    assert await asyncio.gather(*callers) == [1, 1, 1]
    assert await other == 2
    assert await flights.run("a", work) == 3


async def test_all_get_the_error_of_one_run() -> None:
    flights, work = SingleFlight[int](), Work()
    work.failure = ValueError("no page")
    callers = [await start(flights, "a", work) for _ in range(2)]
    work.may_end.set()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert outcomes == [work.failure, work.failure]
    assert work.begun == 1


async def test_one_who_leaves_takes_the_work_from_nobody() -> None:
    flights, work = SingleFlight[int](), Work()
    first, second = [await start(flights, "a", work) for _ in range(2)]
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.may_end.set()
    assert await second == 1
    assert work.cancelled == 0


async def test_last_one_to_leave_ends_the_work_and_the_next_begins_anew() -> None:
    flights, work = SingleFlight[int](), Work()
    callers = [await start(flights, "a", work) for _ in range(2)]
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    again = await start(flights, "a", work)
    assert (work.begun, work.cancelled) == (2, 1)
    work.may_end.set()
    assert await again == 2


async def test_closing_ends_what_is_under_way() -> None:
    flights, work = SingleFlight[int](), Work()
    caller = await start(flights, "a", work)
    await flights.aclose()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert work.cancelled == 1
