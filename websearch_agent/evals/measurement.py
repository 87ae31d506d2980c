"""The frame of every measurement: rows are read and drawn, asked one by one, kept and summed up."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from websearch_agent.config import Settings
from websearch_agent.errors import AgentError
from websearch_agent.evals.result_file import EarlierRun, ResultFile, code_fingerprint, fingerprint
from websearch_agent.evals.rows import balanced_sample


class WithId(Protocol):
    @property
    def id(self) -> str: ...


class RowResult(WithId, Protocol):
    """A dataclass. `failed` says why there is no result, empty if there is one."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def failed(self) -> str: ...


Row = TypeVar("Row", bound=WithId)
Result = TypeVar("Result", bound=RowResult)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What every measurement can be told. `fresh`: the sample's rows are asked again, what is
    known of others stays.
    """

    limit: int | None = None
    fresh: bool = False
    parallel: int = 1


@dataclass(frozen=True, slots=True)
class Opened(Generic[Row, Result]):
    """What asks for one row, and all that its result depends on besides code and data.

    `resumes`: a row costs enough that an interrupted run goes on; else all are asked again.
    """

    ask: Callable[[Row], Awaitable[Result]]
    described: Mapping[str, object]
    resumes: bool = True


@dataclass(frozen=True, slots=True)
class Measurement(Generic[Row, Result]):
    """One eval.

    `levels`: what a sample is spread over, the first one first. `data_files`: all files that the
    rows are made of. `restore` makes a result of its JSON. `summarise` makes the object that
    `--json` prints, of results and settings. `figure` is shown as a running mean, None where a row
    has none; `columns` are the figures of the table, all that are grouped if empty. `describe` adds
    to the settings what is told of the sample.
    """

    name: str
    read: Callable[[Sequence[Path]], Sequence[Row]]
    open: Callable[[Settings], AbstractAsyncContextManager[Opened[Row, Result]]]
    restore: Callable[[dict[str, Any]], Result]
    summarise: Callable[[Sequence[Result], Mapping[str, object]], dict[str, Any]]
    figure: Callable[[Result], float | None]
    figure_name: str
    levels: Sequence[Callable[[Row], Hashable]]
    data_files: Callable[[Sequence[Path]], Sequence[Path]] = tuple
    columns: tuple[str, ...] = ()
    describe: Callable[[Sequence[Row]], Mapping[str, object]] = lambda _: {}


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures, where the rows stand, and how many of them failed."""

    summary: dict[str, Any]
    path: Path
    failed: int


class View(Protocol):
    """Who is told how a run goes."""

    def tell_earlier_run(self, wanted: int, earlier: EarlierRun[Any]) -> None: ...

    def tell_interrupted(self, done: int, wanted: int) -> None: ...

    def progress(
        self, name: str, total: int
    ) -> AbstractContextManager[Callable[[float | None], None]]:
        """Takes the figure of each row that is done."""
        ...


async def measure(
    measurement: Measurement[Row, Result],
    settings: Settings,
    paths: Sequence[Path],
    options: RunOptions,
    *,
    view: View,
) -> Measured:
    """Ask for every row of the sample that has no result yet, failed ones again.

    Raises InvalidRequest, ConfigError, and what asking raises.
    """
    rows = sample_rows(measurement, measurement.read(paths), options.limit)
    async with measurement.open(settings) as opened:
        described = {
            **opened.described,
            "code_sha256": code_fingerprint(),
            "data": [path.name for path in paths],
            "data_sha256": fingerprint(measurement.data_files(paths)),
        }
        file = ResultFile(settings.data_dir / "evals", measurement.name, described)
        _forget(rows, file, options, resumes=opened.resumes)
        earlier = read_earlier_run(rows, file, measurement.restore)
        view.tell_earlier_run(len(rows), earlier)
        try:
            with view.progress(measurement.figure_name, len(rows)) as count:
                results = await run_rows(
                    rows,
                    opened.ask,
                    file,
                    known=earlier.results,
                    parallel=options.parallel,
                    on_result=lambda result: count(measurement.figure(result)),
                )
        except asyncio.CancelledError:
            if opened.resumes:
                done = read_earlier_run(rows, file, measurement.restore)
                view.tell_interrupted(len(done.results), len(rows))
            raise
    asked = {"limit": options.limit, "parallel": options.parallel}
    told = {**described, **asked, **measurement.describe(rows)}
    failed = sum(bool(result.failed) for result in results)
    return Measured(measurement.summarise(results, told), file.path, failed)


def _forget(
    rows: Sequence[WithId], file: ResultFile, options: RunOptions, *, resumes: bool
) -> None:
    if not resumes:
        file.clear()
    elif options.fresh:
        file.ask_anew([row.id for row in rows])


def sample_rows(
    measurement: Measurement[Row, Result], rows: Sequence[Row], size: int | None
) -> list[Row]:
    """All rows, or `size` of them, the same ones every time."""
    if size is None:
        return list(rows)
    return balanced_sample(rows, size, row_id=lambda row: row.id, levels=measurement.levels)


def read_earlier_run(
    rows: Sequence[Row], file: ResultFile, restore: Callable[[dict[str, Any]], Result]
) -> EarlierRun[Result]:
    """What is there already of these rows. Failed rows are not: they are asked again."""
    kept = file.read()
    good: dict[str, Result] = {}
    started: list[str] = []
    for line in (kept[row.id] for row in rows if row.id in kept):
        # Written by code whose results held other fields, or by hand: asked again.
        with suppress(KeyError, TypeError, ValueError):
            result = restore(line.values)
            if not result.failed:
                good[result.id] = result
                started.append(line.started)
    return EarlierRun(good, min(started, default=""))


async def run_rows(
    rows: Sequence[Row],
    ask: Callable[[Row], Awaitable[Result]],
    file: ResultFile,
    *,
    known: Mapping[str, Result],
    parallel: int = 1,
    on_result: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Ask for every row that is not `known`; returns the results of all, in the rows' order.

    Each result is kept as soon as it is there.
    """
    done = dict(known)
    for result in done.values():
        on_result(result)
    turn = asyncio.Semaphore(parallel)

    async def work(row: Row) -> None:
        async with turn:
            result = await ask(row)
            file.append(asdict(result))
            done[row.id] = result
            on_result(result)

    try:
        async with asyncio.TaskGroup() as tasks:
            for row in rows:
                if row.id not in done:
                    tasks.create_task(work(row))
    except BaseExceptionGroup as group:
        first = group.exceptions[0]
        if isinstance(first, AgentError):
            raise first from None  # a person reads this one; a group says nothing
        raise
    return [done[row.id] for row in rows]
