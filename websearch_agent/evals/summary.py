"""The object that `--json` prints: figures over all rows, and by language, source and the like."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from websearch_agent.evals.metrics import quantile
from websearch_agent.evals.rows import group_by

T = TypeVar("T")


def make_summary(
    name: str,
    results: Sequence[T],
    metrics: Callable[[Sequence[T]], dict[str, Any]],
    settings: Mapping[str, object],
    *,
    overall: Mapping[str, Any] | None = None,
    groups: Sequence[str] = ("lang", "src"),
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`overall`: figures that are not told of groups. A source `a/b` also counts under `a`."""
    return {
        "eval": name,
        "n": len(results),
        "metrics": {**metrics(results), **(overall or {})},
        "by": {
            group: {key: metrics(rows) for key, rows in group_by(results, group).items()}
            for group in groups
        },
        **(more or {}),
        "settings": dict(settings),
    }


def timing(seconds: Sequence[float], *, digits: int = 2) -> dict[str, float]:
    """Median and 95 % quantile."""
    return {
        "seconds_p50": round(quantile(seconds, 0.5), digits),
        "seconds_p95": round(quantile(seconds, 0.95), digits),
    }
