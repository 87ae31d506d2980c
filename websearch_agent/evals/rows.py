"""Reads labelled rows and draws samples from them."""

import gzip
import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import date
from itertools import count
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from websearch_agent.errors import InvalidRequest

T = TypeVar("T")
Row = TypeVar("Row", bound=BaseModel)

LABELS = ("search", "no_search")


class DecisionRow(BaseModel):
    """A question, and whether it needs a search. `asked_on` is the day to tell the model."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: str
    question: str
    label: str
    lang: str = "?"
    src: str = "?"
    asked_on: date | None = Field(default=None, alias="date")

    @field_validator("question")
    @classmethod
    def _refuse_blank(cls, question: str) -> str:
        if not question.strip():
            raise ValueError("is empty")
        return question

    @field_validator("label", mode="before")
    @classmethod
    def _check_label(cls, label: object) -> object:
        if label not in LABELS:
            wanted = " or ".join(json.dumps(name) for name in LABELS)
            raise ValueError(f"must be {wanted}, not {str(label)[:40]!r}")
        return label

    @field_validator("asked_on", mode="before")
    @classmethod
    def _take_slashes(cls, value: object) -> object:
        return value.replace("/", "-") if isinstance(value, str) else value


def read_rows(paths: Sequence[Path], form: type[Row]) -> list[Row]:
    """All rows of JSON-lines files, plain or `.gz`. Raises InvalidRequest naming file and line.

    A row without an `id` gets one from its text.
    """
    _refuse_file_twice(paths)
    rows: dict[str, Row] = {}
    places: dict[str, str] = {}
    for path in paths:
        for number, line in _lines(path):
            id_, row = _parse(path, number, line, form)
            place = f"{path}, line {number}"
            if id_ in rows:
                what = "this row" if id_ == _id_of(line) else f"the id {id_!r}"
                raise InvalidRequest(f"{place}: {what} stands at {places[id_]} too.")
            rows[id_], places[id_] = row, place
    if not rows:
        raise InvalidRequest(f"{', '.join(str(path) for path in paths)}: no rows.")
    return list(rows.values())


def _read_file(path: Path, form: type[Row], *, number_repeated: bool = False) -> dict[str, Row]:
    """The rows of one file by their ids. `number_repeated`: a second row of one id is `ID#2`."""
    rows = {}
    for number, line in _lines(path):
        id_, row = _parse(path, number, line, form)
        if number_repeated:
            id_ = next(name for name in _numbered(id_) if name not in rows)
        if id_ in rows:
            what = "this row" if id_ == _id_of(line) else f"the id {id_!r}"
            raise InvalidRequest(f"{path}, line {number}: {what} stands in the file twice.")
        rows[id_] = row
    if not rows:
        raise InvalidRequest(f"{path}: no rows.")
    return rows


def _numbered(id_: str) -> Iterator[str]:
    yield id_
    yield from (f"{id_}#{number}" for number in count(2))


def read_files(
    paths: Sequence[Path], form: type[Row], *, number_repeated: bool = False
) -> list[tuple[Path, str, Row]]:
    """The rows with their file, and an id that is theirs alone. Raises InvalidRequest.

    Two files may use the same ids: questions and their translations do. With `number_repeated` a
    file may name two rows alike: their ids then tell nothing.
    """
    _refuse_file_twice(paths)
    rows: list[tuple[Path, str, Row]] = []
    taken: set[str] = set()
    for path in paths:
        for row_id, row in _read_file(path, form, number_repeated=number_repeated).items():
            id_ = row_id if row_id not in taken else f"{path.name}:{row_id}"
            taken.add(id_)
            rows.append((path, id_, row))
    return rows


def read_decision_rows(paths: Sequence[Path]) -> list[DecisionRow]:
    """Labelled questions. Raises InvalidRequest."""
    return read_rows(paths, DecisionRow)


def group_by(results: Iterable[T], field: str) -> dict[str, list[T]]:
    """The results by the text in their `field`, keys sorted; `a/b` also counts under `a`."""
    groups: dict[str, list[T]] = {}
    for result in results:
        key = str(getattr(result, field))
        for name in dict.fromkeys((key, key.partition("/")[0])):
            groups.setdefault(name, []).append(result)
    return dict(sorted(groups.items()))


def _refuse_file_twice(paths: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise InvalidRequest(f"The same file was given twice: {path}.")
        seen.add(path.resolve())


def _lines(path: Path) -> Iterable[tuple[int, str]]:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    except (OSError, EOFError, UnicodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}.") from error
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _parse(path: Path, number: int, line: str, form: type[Row]) -> tuple[str, Row]:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(line)
        row.setdefault("id", _id_of(line))
        return str(row["id"]), form.model_validate(row)
    except ValidationError as error:
        raise InvalidRequest(f"{path}, line {number}: {_explain(error)}.") from error
    except ValueError as error:
        raise InvalidRequest(f"{path}, line {number}: no JSON object.") from error


def _id_of(line: str) -> str:
    """The id of a row that names none."""
    return hashlib.sha256(line.encode()).hexdigest()[:12]


def _explain(error: ValidationError) -> str:
    """What is wrong with a row: its first wrong field."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{place} is missing"
    if first["type"] == "value_error":
        return f"{place} {first['msg'].removeprefix('Value error, ')}"
    return f"{place}: {first['msg'].replace('tuple', 'list')}"


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
