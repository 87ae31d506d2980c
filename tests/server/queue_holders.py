"""A queue, and holders of its places that stay until they are told to leave."""

import asyncio

from websearch_agent.server.answer_queue import AnswerQueue, PlaceHolder


def make_queue(
    *, max_answers: int = 1, max_waiting: int = 4, deadline_s: float = 60
) -> AnswerQueue:
    return AnswerQueue(max_answers=max_answers, max_waiting=max_waiting, deadline_s=deadline_s)


class Holder:
    """Takes a place in a task of its own, and keeps it until `leave` is set."""

    def __init__(
        self, queue: AnswerQueue, name: str, order: list[str], *, may_take_all: bool = False
    ) -> None:
        self.place = PlaceHolder(name, may_take_all=may_take_all)
        self.leave = asyncio.Event()
        self.entered = asyncio.Event()
        self.task = asyncio.create_task(self._hold(queue, name, order))

    async def _hold(self, queue: AnswerQueue, name: str, order: list[str]) -> None:
        async with queue.place(self.place):
            order.append(name)
            self.entered.set()
            await self.leave.wait()

    async def end(self) -> None:
        self.leave.set()
        await self.task


async def let_tasks_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
