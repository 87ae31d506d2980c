"""Results of a run, line by line on disk, so that an interrupted run goes on."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import websearch_agent
from websearch_agent.errors import ConfigError
from websearch_agent.resources import resource_dir

T = TypeVar("T")

PACKAGE = Path(websearch_agent.__file__).parent
DOORS_WITHOUT_EFFECT = ("cli", "server")


def fingerprint(paths: Sequence[Path]) -> str:
    """SHA-256 over the files' contents, in order."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def code_fingerprint(package: Path = PACKAGE) -> str:
    """SHA-256 over all code and prompts that a row's result depends on, that of judging too.

    A result of other code is none of this one's, also between two versions. The doors that are
    left out only ask and show.
    """
    files = [
        path
        for form in ("*.py", "*.toml")
        for path in sorted(package.rglob(form))
        if path.relative_to(package).parts[0] not in DOORS_WITHOUT_EFFECT
    ]
    return fingerprint([*files, *sorted(resource_dir("prompts").glob("*.jinja"))])


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row that is done, and when the run began that did it (ISO 8601)."""

    values: dict[str, Any]
    started: str


@dataclass(frozen=True, slots=True)
class EarlierRun(Generic[T]):
    """The results that need not be asked for again, by row id.

    `started`: when the first run began that one of them is from.
    """

    results: dict[str, T]
    started: str


class ResultFile:
    """JSON lines: first what was run on what, then one line for each row that is done.

    The name holds a hash of program version, code, prompts, data and settings: a run with any of
    them changed starts anew, one with all the same goes on, under a line with its own date.
    """

    def __init__(self, folder: Path, eval_name: str, settings: Mapping[str, object]) -> None:
        described = {"eval": eval_name, "version": websearch_agent.__version__, **settings}
        key = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
        self.path = folder / f"{eval_name}-{key}.jsonl"
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._header = {**described, "started": self._started}
        self._is_begun = False

    def read(self) -> dict[str, KeptRow]:
        """The rows that are done, by id; of two lines for one row the later one."""
        kept: dict[str, KeptRow] = {}
        started = "an unknown time"
        for line in self._read_lines():
            if "started" in line:
                started = str(line["started"])
                for id_ in line.get("asked_anew", ()):
                    kept.pop(id_, None)
            elif isinstance(line.get("id"), str):
                kept[line["id"]] = KeptRow(line, started)
        return kept

    def _read_lines(self) -> Iterator[dict[str, Any]]:
        """Every whole line. One that was cut off by a crash is left out."""
        if not self.path.exists():
            return
        for text in self.path.read_text(encoding="utf-8").split("\n"):
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line

    def clear(self) -> None:
        """Forget every row."""
        self.path.unlink(missing_ok=True)

    def ask_anew(self, ids: Sequence[str]) -> None:
        """From here on these rows are not done. The others stay as they are."""
        kept = self.read()
        known = [id_ for id_ in ids if id_ in kept]
        if known:
            self.append({"started": self._started, "asked_anew": known})

    def append(self, row: Mapping[str, object]) -> None:
        """Write one row at the end; behind a line that a crash cut off, on a line of its own."""
        try:
            self._write(row)
        except OSError as error:
            raise ConfigError(
                f"The results cannot be written to {self.path}: {error.strerror}. Set "
                "WEBSEARCH_DATA_DIR to a folder that can be."
            ) from error

    def _write(self, row: Mapping[str, object]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        told: list[Mapping[str, object]] = [row]
        if not self.path.exists():
            told.insert(0, self._header)
        elif not self._is_begun and "started" not in row:
            told.insert(0, {"started": self._started})
        lines = [json.dumps(line, ensure_ascii=False) + "\n" for line in told]
        if self.path.exists() and not _ends_with_line_break(self.path):
            lines.insert(0, "\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(lines)
        self._is_begun = True


def _ends_with_line_break(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        if file.tell() == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"
