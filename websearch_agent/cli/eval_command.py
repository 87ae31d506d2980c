"""Runs a measurement for a person: says what is known, shows a bar, prints the figures."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from websearch_agent.cli.eval_figures import tell_figures
from websearch_agent.config import Settings
from websearch_agent.evals.measurement import Measurement, Result, Row, RunOptions, measure
from websearch_agent.evals.result_file import EarlierRun


async def run_measurement(
    settings: Settings,
    measurement: Measurement[Row, Result],
    paths: Sequence[Path],
    options: RunOptions,
    *,
    as_json: bool,
) -> bool:
    """Print the figures; False if a row failed. Raises InvalidRequest, ConfigError, ModelError."""
    view = TerminalView(fresh=options.fresh)
    measured = await measure(measurement, settings, paths, options, view=view)
    tell_figures(measured.summary, as_json=as_json, columns=measurement.columns)
    if not as_json:
        Console().print(f"Row by row: {measured.path}", soft_wrap=True)
    return not measured.failed


class TerminalView:
    """Tells on stderr, so that stdout holds the figures alone."""

    def __init__(self, *, fresh: bool) -> None:
        self._fresh = fresh

    def tell_earlier_run(self, wanted: int, earlier: EarlierRun[Any]) -> None:
        """Nobody shall take old results for those of this run."""
        if earlier.results:
            print(
                f"{len(earlier.results)} of {wanted} rows are taken from an earlier run of "
                f"{earlier.started}; --fresh asks them again.",
                file=sys.stderr,
            )

    def tell_interrupted(self, done: int, wanted: int) -> None:
        command = "the same command without --fresh" if self._fresh else "the same command"
        print(f"\n{done} of {wanted} rows are done; {command} goes on.", file=sys.stderr)

    @contextmanager
    def progress(self, name: str, total: int) -> Iterator[Callable[[float | None], None]]:
        """A bar with the mean figure so far; nothing where stderr is no terminal."""
        console = Console(stderr=True)
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        task = bar.add_task(name, total=total)
        figures: list[float] = []

        def count(figure: float | None) -> None:
            if figure is not None:
                figures.append(figure)
            told = f"{sum(figures) / len(figures):.3f} {name}" if figures else name
            bar.update(task, advance=1, description=told)

        with bar:
            yield count
