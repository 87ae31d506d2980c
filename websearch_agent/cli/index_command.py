"""`index`: fills the local index and says what went in and what did not."""

from collections.abc import Sequence

from rich.progress import Progress, TextColumn

from websearch_agent.cli.terminal import printable
from websearch_agent.config import Settings
from websearch_agent.errors import ConfigError
from websearch_agent.indexing import (
    IndexProgress,
    IndexReport,
    build_builtin_collection,
    index_targets,
)
from websearch_agent.search.local_index import clear_index

MAX_LISTED_FAILURES = 20


async def run_index(
    settings: Settings, targets: Sequence[str], *, clear: bool, builtin: bool
) -> None:
    """Index the targets. Raises ConfigError when there is nothing to do, IndexUnusable."""
    if builtin:
        count = await build_builtin_collection(settings)
        print(f"Built-in collection: {count} documents." if count else "Built-in: up to date.")
        return
    if not targets and not clear:
        raise ConfigError("Name what to index: a folder, a file or a URL. See index --help.")
    if clear:
        clear_index(settings.index_dir)
        print("The index is empty.")
    if targets:
        _print_report(await _index(settings, targets))


async def _index(settings: Settings, targets: Sequence[str]) -> IndexReport:
    with Progress(
        *Progress.get_default_columns(), TextColumn("{task.fields[name]}"), transient=True
    ) as progress:
        task = progress.add_task("Indexing", total=None, name="")

        def show(step: IndexProgress) -> None:
            name = printable(step.name)[-60:]
            progress.update(task, completed=step.done, total=step.total or None, name=name)

        return await index_targets(targets, settings=settings, on_progress=show)


def _print_report(report: IndexReport) -> None:
    print(f"Indexed {report.added} documents. Ask about them: the engine local is on by default.")
    for name, reason in report.failed[:MAX_LISTED_FAILURES]:
        print(printable(f"  left out  {name}: {reason}"))
    if len(report.failed) > MAX_LISTED_FAILURES:
        print(f"  … and {len(report.failed) - MAX_LISTED_FAILURES} more")
