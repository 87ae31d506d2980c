"""Asks the model about many rows, some at once, and keeps each result as soon as it is there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol, TypeVar

from websearch_agent.evals.result_file import ResultFile

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class WithId(Protocol):
    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=WithId)
Result = TypeVar("Result", bound="DataclassInstance")


async def run_rows(
    rows: Sequence[Row],
    ask: Callable[[Row], Awaitable[Result]],
    results: ResultFile,
    *,
    known: Mapping[str, Result],
    parallel: int,
    on_result: Callable[[Result], None],
) -> list[Result]:
    """Ask for every row that is not `known`; returns the results of all, in the rows' order."""
    done = dict(known)
    for result in done.values():
        on_result(result)
    turn = asyncio.Semaphore(parallel)

    async def work(row: Row) -> None:
        async with turn:
            result = await ask(row)
        results.append(asdict(result))
        done[row.id] = result
        on_result(result)

    async with asyncio.TaskGroup() as tasks:
        for row in rows:
            if row.id not in done:
                tasks.create_task(work(row))
    return [done[row.id] for row in rows]
