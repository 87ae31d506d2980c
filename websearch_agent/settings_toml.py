"""Reads a TOML file of settings: plain `name = value` lines, lists as arrays."""

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from websearch_agent.errors import ConfigError

MAX_CONFIG_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class TomlEntry:
    """One line of the file. `value` is text as an environment variable would hold it, or a tuple of
    such; `place` names file and line."""

    name: str
    value: str | tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class TomlSettings:
    path: Path
    entries: tuple[TomlEntry, ...]


def read_toml(path: Path | None, *, must_exist: bool) -> TomlSettings | None:
    """None if there is no such file. Raises ConfigError that names file and line."""
    if path is None:
        return None
    try:
        text = _read_text(path.expanduser())
    except (FileNotFoundError, NotADirectoryError):
        if not must_exist:
            return None
        raise ConfigError(f"There is no file {path} to read settings from.") from None
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{path} cannot be read: {reason}") from None
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        last_line = f"at its end, line {len(text.splitlines())}"
        reason = str(error).replace("at end of document", last_line)
        raise ConfigError(f"{path} is no valid TOML: {reason}") from None
    return TomlSettings(path.expanduser(), tuple(_entries(path, text, table)))


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MAX_CONFIG_BYTES + 1)
    if len(content) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path} is larger than 1 MB: that is no file of settings.")
    return content.decode("utf-8-sig")


def _entries(path: Path, text: str, table: Mapping[str, object]) -> list[TomlEntry]:
    entries = []
    for name, value in table.items():
        line = _line_of(text, name)
        place = f"{path}, line {line}" if line else str(path)
        if isinstance(value, dict):
            raise ConfigError(f"{place}: settings stand in no table; write `name = value` lines")
        entries.append(TomlEntry(name, _plain(value, f"{place}: {name}"), place))
    return entries


def _line_of(text: str, name: str) -> int | None:
    """Where a key stands; the parser does not tell."""
    key = re.compile(rf"""\s*\[?\s*["']?{re.escape(name)}["']?\s*[].=]""")
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if key.match(line)), None)


def _plain(value: object, written_as: str) -> str | tuple[str, ...]:
    """As an environment variable would hold it, so that both are checked alike."""
    if isinstance(value, list):
        parts = [_plain(part, written_as) for part in value]
        if any(isinstance(part, tuple) or not part.strip() for part in parts):
            raise ConfigError(f"{written_as} holds a list or an empty text inside its list")
        return tuple(part.strip() for part in parts if isinstance(part, str))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | dt.date | dt.time):
        raise ConfigError(f"{written_as} takes a text, a number, true or false, or a list of texts")
    return str(value)
