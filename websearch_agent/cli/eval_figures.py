"""The figures of a measurement as one JSON object or as a table."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

_GROUP_TITLES = {"lang": "language", "src": "source"}


def tell_figures(summary: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a summary of the form {"eval", "n", "metrics", "by", "settings"}."""
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
        return
    console = Console()
    metrics = summary["metrics"]
    groups = summary["by"]
    compared = {name for rows in groups.values() for figures in rows.values() for name in figures}
    names = [name for name in metrics if name in compared]
    table = Table(title=f"eval {summary['eval']}", title_justify="left")
    for title in ("", *names):
        table.add_column(title.replace("_", " "), justify="right" if title else "left")
    table.add_row("all", *(_shown(metrics.get(name)) for name in names), end_section=True)
    for group, rows in groups.items():
        for key, figures in rows.items():
            if set(rows) != {"?"}:
                label = f"{_GROUP_TITLES.get(group, group)}: {key}"
                table.add_row(label, *(_shown(figures.get(name)) for name in names))
        table.add_section()
    console.print(table)
    for name, value in metrics.items():
        if name not in names:
            console.print(f"{name.replace('_', ' ')}: {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " – ".join(_shown(item) for item in value)
    if isinstance(value, float):
        return f"{value:.3f}"
    return "" if value is None else str(value)
