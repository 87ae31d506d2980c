"""Reads labelled rows and draws samples from them."""

import gzip
import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from websearch_agent.errors import InvalidRequest

T = TypeVar("T")


class DecisionRow(BaseModel):
    """A question, and whether it needs a search. `asked_on` is the day to tell the model."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: str
    question: str = Field(min_length=1)
    label: str = Field(pattern="^(search|no_search)$")
    lang: str = "?"
    src: str = "?"
    asked_on: date | None = Field(default=None, alias="date")

    @field_validator("asked_on", mode="before")
    @classmethod
    def _take_slashes(cls, value: object) -> object:
        return value.replace("/", "-") if isinstance(value, str) else value


def read_decision_rows(paths: Sequence[Path]) -> list[DecisionRow]:
    """All rows of JSON-lines files, plain or `.gz`. Raises InvalidRequest naming file and line."""
    rows = [_parse(path, number, line) for path in paths for number, line in _lines(path)]
    if not rows:
        raise InvalidRequest(f"{', '.join(str(path) for path in paths)}: no rows.")
    doubled = len(rows) - len({row.id for row in rows})
    if doubled:
        raise InvalidRequest(f"{doubled} rows have an id that another row has too.")
    return rows


def _lines(path: Path) -> Iterable[tuple[int, str]]:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    except (OSError, EOFError, UnicodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}.") from error
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _parse(path: Path, number: int, line: str) -> DecisionRow:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(line)
        row.setdefault("id", hashlib.sha256(line.encode()).hexdigest()[:12])
        return DecisionRow.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"{path}, line {number}: {place}: {first['msg']}.") from error
    except ValueError as error:
        raise InvalidRequest(f"{path}, line {number}: no JSON object.") from error


def balanced_sample(
    rows: Sequence[T],
    size: int,
    *,
    row_id: Callable[[T], str],
    levels: Sequence[Callable[[T], Hashable]],
) -> list[T]:
    """`size` rows, the same ones every time, drawn in turn from the groups of the first level,
    within each in turn from those of the second, and so on.
    """
    return _interleave(sorted(rows, key=lambda row: _shuffled(row_id(row))), levels)[:size]


def _interleave(rows: Sequence[T], levels: Sequence[Callable[[T], Hashable]]) -> list[T]:
    if not levels:
        return list(rows)
    groups: dict[Hashable, list[T]] = {}
    for row in rows:
        groups.setdefault(levels[0](row), []).append(row)
    queues = [_interleave(groups[key], levels[1:]) for key in sorted(groups, key=str)]
    longest = max((len(queue) for queue in queues), default=0)
    return [queue[place] for place in range(longest) for queue in queues if place < len(queue)]


def _shuffled(row_id: str) -> str:
    return hashlib.sha256(row_id.encode()).hexdigest()
