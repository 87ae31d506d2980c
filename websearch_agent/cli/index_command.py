"""`index`: fills the local index and says what went in and what did not."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TextColumn

from websearch_agent.cli.terminal import printable_line
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
    settings: Settings, targets: Sequence[str], *, clear: bool, builtin: bool, crawl_pages: int = 0
) -> bool:
    """Index the targets; False if none of them could be. Raises ConfigError, IndexUnusable."""
    if builtin:
        count = await build_builtin_collection(settings)
        print(f"Built-in collection: {count} documents." if count else "Built-in: up to date.")
        return True
    if not targets and not clear:
        raise ConfigError(
            "Name what to index: a folder, a file or a URL, or @FILE with one of these a line. "
            "See index --help."
        )
    if clear:
        clear_index(settings.index_dir)
        print("The index is empty.")
    if not targets:
        return True
    report = await _index(settings, targets, crawl_pages)
    _print_report(report)
    return report.added > 0


async def _index(settings: Settings, targets: Sequence[str], crawl_pages: int) -> IndexReport:
    console = Console(stderr=True)
    with Progress(
        *Progress.get_default_columns(),
        TextColumn("{task.fields[name]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("Indexing", total=None, name="")

        def show(step: IndexProgress) -> None:
            name = escape(printable_line(step.name)[-60:])
            progress.update(task, completed=step.done, total=step.total or None, name=name)

        return await index_targets(
            targets, settings=settings, crawl_pages=crawl_pages, on_progress=show
        )


def _print_report(report: IndexReport) -> None:
    ask = " Ask about them: the engine local is on by default." if report.added else ""
    print(f"Indexed {report.added} documents.{ask}")
    for name, reason in report.failed[:MAX_LISTED_FAILURES]:
        print(f"  left out  {printable_line(f'{name}: {reason}')}")
    if len(report.failed) > MAX_LISTED_FAILURES:
        print(f"  … and {len(report.failed) - MAX_LISTED_FAILURES} more")
