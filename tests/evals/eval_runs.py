"""A whole measurement with nobody watching."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websearch_agent.config import Settings, load_settings
from websearch_agent.evals.measurement import Measured, Measurement, RunOptions, measure
from websearch_agent.evals.result_file import EarlierRun


class Silence:
    """Keeps how many results were known already."""

    def __init__(self) -> None:
        self.earlier = 0

    def tell_earlier_run(self, wanted: int, earlier: EarlierRun[Any]) -> None:
        self.earlier = len(earlier.results)

    def tell_interrupted(self, done: int, wanted: int) -> None: ...

    @contextmanager
    def progress(self, name: str, total: int) -> Iterator[Callable[[float | None], None]]:
        yield lambda _: None


async def run_whole(
    measurement: Measurement[Any, Any],
    *paths: Path,
    settings: Settings | None = None,
    options: RunOptions | None = None,
    view: Silence | None = None,
) -> Measured:
    return await measure(
        measurement,
        settings or load_settings(),
        list(paths),
        options or RunOptions(),
        view=view or Silence(),
    )


async def summary_of(
    measurement: Measurement[Any, Any], *paths: Path, settings: Settings | None = None
) -> dict[str, Any]:
    return (await run_whole(measurement, *paths, settings=settings)).summary
