"""The figures of a measurement as one JSON object or as a table."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

_GROUP_TITLES = {"lang": "language", "src": "source"}


def tell_figures(summary: Mapping[str, Any], *, as_json: bool, columns: Sequence[str] = ()) -> None:
    """Print a summary of the form {"eval", "n", "metrics", "by", "settings"}.

    `columns` are the figures that are compared; by default all that groups have.
    """
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
        return
    console = Console()
    metrics = summary["metrics"]
    groups = summary["by"]
    compared = {name for rows in groups.values() for figures in rows.values() for name in figures}
    names = [name for name in (columns or metrics) if name in compared and name in metrics]
    table = Table(title=f"eval {summary['eval']}", title_justify="left")
    for title in ("", *names):
        justify: Literal["left", "right"] = "right" if title else "left"
        table.add_column(
            title.replace("_", "\n"), justify=justify, no_wrap=bool(title), overflow="fold"
        )
    table.add_row("all", *(_shown(metrics.get(name)) for name in names), end_section=True)
    for group, rows in groups.items():
        for key, figures in rows.items():
            if set(rows) != {"?"}:
                label = f"{_GROUP_TITLES.get(group, group)}: {key}"
                table.add_row(label, *(_shown(figures.get(name)) for name in names))
        table.add_section()
    console.print(table)
    if "confusion" in summary:
        console.print(_confusion(summary["confusion"]))
    for name, value in metrics.items():
        if name not in names:
            console.print(f"{name.replace('_', ' ')}: {_shown(value)}")


def _confusion(counts: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table(title="Label (down) and decision (across)", title_justify="left")
    decided = list(next(iter(counts.values())))
    for title in ("", *decided):
        table.add_column(title, justify="right" if title else "left")
    for label, row in counts.items():
        table.add_row(label, *(str(row[name]) for name in decided))
    return table


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " – ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, float):
        return f"{value:.3f}"
    return "" if value is None else str(value)
