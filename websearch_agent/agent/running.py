"""What the model works at: the answers of all owners, and what gives way to them."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class RunningAnswer:
    """One answer that can still be stopped; `stop_asked` tells its task why it was cancelled."""

    conversation_id: str
    task: "asyncio.Task[object]"
    stop_asked: bool = False


class RunningAnswers:
    """The tasks of one process that keep its model busy."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._stoppable: dict[tuple[str, str], RunningAnswer] = {}
        self._yielding: set[asyncio.Task[object]] = set()
        self.aside = asyncio.Lock()
        """For those that give way: one of them at a time, whoever asked."""

    @property
    def busy(self) -> bool:
        """Whether an answer is being written, or waits to be."""
        return any(not task.done() for task in self._tasks)

    def start(self, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Run the work on an answer in a task of its own; what gives way is ended."""
        for yielding in self._yielding:
            yielding.cancel()
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def register(self, owner_id: str, conversation_id: str, turn_id: str) -> RunningAnswer:
        """Let the current task be stopped by `stop`, until `settle`."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
        answer = RunningAnswer(conversation_id, task)
        self._stoppable[owner_id, turn_id] = answer
        task.add_done_callback(lambda _: self.settle(owner_id, turn_id))
        return answer

    def settle(self, owner_id: str, turn_id: str) -> None:
        """From now on the answer is what it is: a stop would come too late."""
        self._stoppable.pop((owner_id, turn_id), None)

    def stop(self, owner_id: str, turn_id: str) -> bool:
        """Cancel the answer's task so that it ends as stopped. False if it is not being written."""
        answer = self._stoppable.get((owner_id, turn_id))
        if answer is None:
            return False
        if not answer.stop_asked:
            answer.stop_asked = True
            answer.task.cancel()
        return True

    def is_answering(self, owner_id: str, conversation_id: str) -> bool:
        """Whether a question of this conversation of theirs is being answered."""
        return any(
            owner == owner_id and answer.conversation_id == conversation_id
            for (owner, _), answer in self._stoppable.items()
        )

    async def run_while_idle(self, work: Coroutine[object, object, T]) -> T | None:
        """The work's result; None if an answer is being written, or begins before it is done."""
        if self.busy:
            work.close()
            return None
        task = asyncio.create_task(work)
        self._yielding.add(task)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            self._yielding.discard(task)
        return None if task.cancelled() else task.result()

    async def end_all(self) -> None:
        """Stop everything; each answer is stored as stopped."""
        tasks = [*self._tasks, *self._yielding]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
