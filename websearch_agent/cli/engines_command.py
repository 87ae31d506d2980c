"""`engines`: asks every engine one real query and says what came of it."""

from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from websearch_agent.cli.engine_probe import (
    EngineReport,
    probe_all,
    ready_engines,
    report_unused,
    what_to_do,
)
from websearch_agent.cli.terminal import printable_json, printable_line
from websearch_agent.config import Settings
from websearch_agent.types import SearchQuery
from websearch_agent.wiring import Engines

_COLOURS = {"ok": "green", "nothing found": "green", "not in use": "dim", "not set up": "dim"}
_TITLE_CHARACTERS = 60


async def run_engines(settings: Settings, query: str, *, as_json: bool) -> bool:
    """Print a line for each engine; True if at least one answered."""
    # One without its key is reported instead of ending the command.
    askable = settings.model_copy(update={"engines": ready_engines(settings)})
    engines = Engines(askable)
    try:
        asked = await probe_all(
            engines, SearchQuery(query, max_results=10), deadline_s=settings.search_deadline_s
        )
    finally:
        await engines.aclose()
    reports = [*asked, *report_unused(settings)]
    if as_json:
        print(printable_json([_to_json(report) for report in reports]))
    else:
        _print_table(reports)
    return any(report.answered for report in asked)


def _to_json(report: EngineReport) -> dict[str, object]:
    return asdict(report) | {
        "seconds": round(report.seconds, 3),
        "advice": what_to_do(report),
        "answered": report.answered,
    }


def _print_table(reports: list[EngineReport]) -> None:
    """One line for each engine, and below it why it did not answer and what to do."""
    console = Console(highlight=False, soft_wrap=True)
    names = max(len(report.engine) for report in reports)
    states = max(len(report.state) for report in reports)
    heading = f"{'engine':<{names}}  {'state':<{states}}  results  seconds  first result"
    console.print(Text(heading, style="bold"))
    for report in reports:
        console.print(_line(report, names=names, states=states))
        for words in (report.reason, what_to_do(report)):
            if words:
                console.print(Text(printable_line(f"    {words}")))


def _line(report: EngineReport, *, names: int, states: int) -> Text:
    was_asked = report.state not in ("not in use", "not set up", "empty index")
    results = str(report.result_count) if report.answered else "-"
    seconds = f"{report.seconds:.1f}" if was_asked else "-"
    title = printable_line(report.first_title)
    shown = title if len(title) <= _TITLE_CHARACTERS else title[: _TITLE_CHARACTERS - 1] + "…"
    line = Text(f"{report.engine:<{names}}  ")
    line.append(f"{report.state:<{states}}", style=_COLOURS.get(report.state, "yellow"))
    line.append(f"  {results:>7}  {seconds:>7}  {shown}")
    line.rstrip()
    return line
