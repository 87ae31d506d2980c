"""One piece of work for all who want its result at the same time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Generic, TypeVar

Result = TypeVar("Result")


class SingleFlight(Generic[Result]):
    """Runs the work for a key once, however many ask for it meanwhile; keeps no results.

    One who leaves (is cancelled) takes the work from nobody else; the last one ends it.
    """

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Task[Result], int] = {}
        self._flights: dict[str, asyncio.Task[Result]] = {}

    async def run(self, key: str, work: Callable[[], Coroutine[object, object, Result]]) -> Result:
        """The result, or the error, of the work under way for `key`; else of a new one.

        Raises asyncio.CancelledError also when `aclose` ended the work.
        """
        task = self._flights.get(key)
        if task is None:
            task = asyncio.create_task(work())
            self._flights[key] = task
            self._waiting[task] = 0
            task.add_done_callback(lambda ended: self._land(key, ended))
        self._waiting[task] += 1
        try:
            # Awaiting the task itself would cancel it together with this caller.
            await asyncio.wait({task})
        except asyncio.CancelledError:
            self._leave(key, task)
            raise
        return task.result()

    async def aclose(self) -> None:
        """End all work that is under way."""
        tasks = list(self._waiting)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _leave(self, key: str, task: asyncio.Task[Result]) -> None:
        if task.done():
            return
        self._waiting[task] -= 1
        if self._waiting[task] == 0:
            # Whoever asks from now on begins anew: this one is ending.
            if self._flights.get(key) is task:
                del self._flights[key]
            task.cancel()

    def _land(self, key: str, task: asyncio.Task[Result]) -> None:
        self._waiting.pop(task, None)
        if self._flights.get(key) is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # seen here, because all callers may have left
