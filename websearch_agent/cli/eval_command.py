"""`eval decision` and `eval rewriting`: what the model does with labelled rows."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from websearch_agent.cli.eval_figures import tell_figures
from websearch_agent.config import Settings
from websearch_agent.evals.decision import (
    FAILED,
    read_earlier_run,
    run_decisions,
    sample_rows,
    summarise,
)
from websearch_agent.evals.result_file import (
    EarlierRun,
    ResultFile,
    fingerprint,
    prompts_fingerprint,
)
from websearch_agent.evals.rewriting import (
    RewritingRow,
    earlier_rewrites,
    run_rewriting,
    sample_rewriting_rows,
    summarise_rewriting,
)
from websearch_agent.evals.rows import read_decision_rows, read_rows
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.profile import configured_profile
from websearch_agent.protocols import ModelClient
from websearch_agent.wiring import AgentService, build_service


async def run_decision_eval(
    settings: Settings,
    paths: Sequence[Path],
    *,
    limit: int | None,
    as_json: bool,
    fresh: bool,
    today: date | None,
    parallel: int,
) -> bool:
    """Print the figures; False if a row failed. `today` None: the day of asking.

    `fresh`: the rows of this sample are asked again; what is known of others stays.
    Raises InvalidRequest, ConfigError, ModelError.
    """
    rows = sample_rows(read_decision_rows(paths), limit)
    async with _opened(settings, "decision", paths, today) as (service, described, results_file):
        if fresh:
            results_file.ask_anew([row.id for row in rows])
        _tell_earlier_run(len(rows), read_earlier_run(rows, results_file))
        try:
            with _Progress("Decisions", len(rows)) as progress:
                results = await run_decisions(
                    rows,
                    service.parts,
                    results_file,
                    today=today or date.today(),
                    parallel=parallel,
                    on_result=lambda result: progress.count(float(result.right), "right"),
                )
        except asyncio.CancelledError:
            done = len(read_earlier_run(rows, results_file).results)
            _tell_how_to_go_on(done, len(rows), fresh=fresh)
            raise
    summary = summarise(results, {**described, "limit": limit, "parallel": parallel})
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        _show(summary, results_file.path)
    return not any(result.decided == FAILED for result in results)


async def run_rewriting_eval(
    settings: Settings,
    paths: Sequence[Path],
    *,
    limit: int | None,
    as_json: bool,
    fresh: bool,
    today: date | None,
    parallel: int,
) -> bool:
    """Print the figures; False if a row failed. Raises InvalidRequest, ConfigError, ModelError."""
    rows = sample_rewriting_rows(read_rows(paths, RewritingRow), limit)
    async with _opened(settings, "rewriting", paths, today) as (service, described, results_file):
        if fresh:
            results_file.ask_anew([row.id for row in rows])
        _tell_earlier_run(len(rows), earlier_rewrites(rows, results_file))
        try:
            with _Progress("Queries", len(rows)) as progress:
                results = await run_rewriting(
                    rows,
                    service.parts,
                    results_file,
                    today=today or date.today(),
                    parallel=parallel,
                    on_result=lambda result: progress.count(result.rouge1_f, "ROUGE-1 F"),
                )
        except asyncio.CancelledError:
            done = len(earlier_rewrites(rows, results_file).results)
            _tell_how_to_go_on(done, len(rows), fresh=fresh)
            raise
    summary = summarise_rewriting(results, {**described, "limit": limit, "parallel": parallel})
    tell_figures(summary, as_json=as_json)
    return not any(result.failed for result in results)


@asynccontextmanager
async def _opened(
    settings: Settings, name: str, paths: Sequence[Path], today: date | None
) -> AsyncIterator[tuple[AgentService, dict[str, object], ResultFile]]:
    """The program with its model ready, what was set, and the file of results.

    The questions are asked as a person's are, in conversations that nobody wants to keep.
    """
    configured_profile(settings)
    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"database_url": f"sqlite:///{folder}/eval.db"})
        service = await build_service(own)
        try:
            await service.model.prepare()
            described = _settings(settings, service.model, paths, today)
            yield service, described, ResultFile(settings.data_dir / "evals", name, described)
        finally:
            await service.aclose()


def _tell_earlier_run(wanted: int, earlier: EarlierRun[Any]) -> None:
    """On stderr, so that nobody takes old results for those of this run."""
    if earlier.results:
        print(
            f"{len(earlier.results)} of {wanted} rows are taken from an earlier run of "
            f"{earlier.started}; --fresh asks them again.",
            file=sys.stderr,
        )


def _tell_how_to_go_on(done: int, wanted: int, *, fresh: bool) -> None:
    command = "the same command without --fresh" if fresh else "the same command"
    print(f"\n{done} of {wanted} rows are done; {command} goes on.", file=sys.stderr)


def _settings(
    settings: Settings, model: ModelClient, paths: Sequence[Path], today: date | None
) -> dict[str, object]:
    """All that the decisions depend on; part of the result file's name.

    Not the day, unless it was given: a run may go on after midnight.
    """
    profile = model.profile if isinstance(model, OpenAICompatibleModel) else None
    return {
        "model": model.name,
        "model_url": settings.model_url,
        "profile": None if profile is None else asdict(profile),
        "dialect": settings.model_dialect,
        "search_threshold": settings.search_threshold,
        "context_window": settings.context_window,
        "today": today.isoformat() if today else "the day of asking",
        "data": [path.name for path in paths],
        "data_sha256": fingerprint(paths),
        "prompts_sha256": prompts_fingerprint(),
    }


class _Progress:
    """A bar on stderr with the mean figure so far; nothing where stderr is no terminal."""

    def __init__(self, title: str, total: int) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(title, total=total)
        self._done, self._sum = 0, 0.0

    def __enter__(self) -> "_Progress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def count(self, figure: float, name: str) -> None:
        self._done += 1
        self._sum += figure
        mean_so_far = f"{self._sum / self._done:.3f} {name}"
        self._progress.update(self._task, advance=1, description=mean_so_far)


def _show(summary: dict[str, Any], path: Path) -> None:
    console = Console()
    table = Table(title="Decisions", title_justify="left")
    for title in ("", "rows", "accuracy", "95 % interval", "precision", "recall", "failed"):
        table.add_column(title, justify="right" if title else "left")
    table.add_row(*_line("all", summary["metrics"]), end_section=True)
    for group, title in (("lang", "language"), ("src", "source")):
        if set(summary["by"][group]) == {"?"}:
            continue
        for name, metrics in summary["by"][group].items():
            table.add_row(*_line(f"{title}: {name}", metrics))
        table.add_section()
    console.print(table)
    counts = Table(title="Label (down) and decision (across)", title_justify="left")
    decided = ("search", "no_search", FAILED)
    for title in ("", *decided):
        counts.add_column(title, justify="right" if title else "left")
    for label, row in summary["confusion"].items():
        counts.add_row(label, *(str(row[name]) for name in decided))
    console.print(counts)
    metrics = summary["metrics"]
    console.print(
        f"Seconds a decision: {metrics['seconds_p50']} (median), {metrics['seconds_p95']} (95 %)"
    )
    console.print(f"Row by row: {path}", soft_wrap=True)


def _line(name: str, metrics: dict[str, Any]) -> list[str]:
    low, high = metrics["accuracy_ci95"]
    figures = [f"{metrics[key]:.3f}" if key in metrics else "" for key in ("precision", "recall")]
    return [
        name,
        str(metrics["n"]),
        f"{metrics['accuracy']:.3f}",
        f"{low:.3f} – {high:.3f}",
        *figures,
        str(metrics["failed"]),
    ]
