"""`eval`: measure the model's decisions on labelled rows."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from websearch_agent.config import Settings
from websearch_agent.evals.decision import (
    FAILED,
    DecisionResult,
    read_earlier_run,
    run_decisions,
    sample_rows,
    summarise,
)
from websearch_agent.evals.result_file import ResultFile, fingerprint, prompts_fingerprint
from websearch_agent.evals.rows import DecisionRow, read_decision_rows
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.profile import configured_profile
from websearch_agent.protocols import ModelClient
from websearch_agent.wiring import build_service


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
    configured_profile(settings)
    # The questions are asked as a person's are, in conversations that nobody wants to keep.
    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"database_url": f"sqlite:///{folder}/eval.db"})
        service = await build_service(own)
        try:
            await service.model.prepare()
            described = _settings(settings, service.model, paths, today)
            results_file = ResultFile(settings.data_dir / "evals", "decision", described)
            if fresh:
                results_file.ask_anew([row.id for row in rows])
            _tell_earlier_run(rows, results_file)
            try:
                with _Progress(len(rows)) as progress:
                    results = await run_decisions(
                        rows,
                        service.parts,
                        results_file,
                        today=today or date.today(),
                        parallel=parallel,
                        on_result=progress.count,
                    )
            except asyncio.CancelledError:
                _tell_how_to_go_on(rows, results_file, fresh=fresh)
                raise
        finally:
            await service.aclose()
    summary = summarise(results, {**described, "limit": limit, "parallel": parallel})
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        _show(summary, results_file.path)
    return not any(result.decided == FAILED for result in results)


def _tell_earlier_run(rows: Sequence[DecisionRow], results_file: ResultFile) -> None:
    """On stderr, so that nobody takes old results for those of this run."""
    earlier = read_earlier_run(rows, results_file)
    if earlier.results:
        print(
            f"{len(earlier.results)} of {len(rows)} rows are taken from an earlier run of "
            f"{earlier.started}; --fresh asks them again.",
            file=sys.stderr,
        )


def _tell_how_to_go_on(
    rows: Sequence[DecisionRow], results_file: ResultFile, *, fresh: bool
) -> None:
    done = len(read_earlier_run(rows, results_file).results)
    command = "the same command without --fresh" if fresh else "the same command"
    print(f"\n{done} of {len(rows)} rows are done; {command} goes on.", file=sys.stderr)


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
    """A bar on stderr with the accuracy so far; nothing where stderr is no terminal."""

    def __init__(self, total: int) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("Decisions", total=total)
        self._done = self._right = 0

    def __enter__(self) -> "_Progress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def count(self, result: DecisionResult) -> None:
        self._done += 1
        self._right += result.right
        share = f"{self._right / self._done:.3f} right"
        self._progress.update(self._task, advance=1, description=share)


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
