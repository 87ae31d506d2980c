"""How a command starts and ends: its settings, its log, its exit code."""

import asyncio
import logging
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import typer

from websearch_agent.config import Settings
from websearch_agent.errors import ConfigError, ConversationNotFound, InvalidRequest
from websearch_agent.settings_in_force import SettingsInForce, read_settings

T = TypeVar("T")

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
BAD_INPUT_CODES = (ConfigError.code, ConversationNotFound.code, InvalidRequest.code)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SettingsFlags:
    """What stood before the command: `--set NAME=VALUE` each, and `--config FILE`."""

    values: tuple[str, ...] = ()
    config_file: Path | None = None


_NO_FLAGS = SettingsFlags()
_flags: ContextVar[SettingsFlags] = ContextVar("settings_flags", default=_NO_FLAGS)


def remember_flags(flags: SettingsFlags) -> None:
    """For the command that follows: it reads the settings, if it needs any."""
    _flags.set(flags)


def settings_in_force() -> SettingsInForce:
    """Raises ConfigError."""
    flags = _flags.get()
    return read_settings(flags=flags.values, config_file=flags.config_file)


def command_settings() -> Settings:
    """The settings, with a log. A misspelt variable is told there: it would change nothing."""
    found = settings_in_force()
    _make_data_dir(found.settings)
    start_logging(found.settings)
    for warning in found.warnings:
        _logger.warning("%s", warning)
    return found.settings


def quiet_settings(found: SettingsInForce | None = None) -> Settings:
    """The settings; logs would disturb an answer, so only errors show unless a level is set.

    `found`: what the command has read already. A pipe that holds a secret can be read only once.
    """
    settings = (found or settings_in_force()).settings
    _make_data_dir(settings)
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "error"})
    start_logging(settings)
    return settings


def _make_data_dir(settings: Settings) -> None:
    """For its owner only, before anything is written.

    Where it cannot be made, the command that needs it says so in its own words.
    """
    with suppress(OSError):
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)


def start_logging(settings: Settings) -> None:
    from websearch_agent.log_secrets import keep_secrets_out_of_logs

    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # They log each request and statement, with what a person asked in it.
    for noisy in ("aiosqlite", "httpx", "httpcore", "mcp", "primp", "ddgs", "trafilatura"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    keep_secrets_out_of_logs(settings)


def run(work: Coroutine[object, object, T]) -> T:
    """Run a command's work; Ctrl-C has let it tidy up when this returns."""
    with interruptible():
        return asyncio.run(work)


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C ends the command in a word, with its own exit code."""
    try:
        yield
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def exit_code_of(code: str) -> int:
    """Of an error's code: was it the input, or did the work fail?"""
    return EXIT_BAD_INPUT if code in BAD_INPUT_CODES else EXIT_FAILED


def from_shell(text: str) -> str:
    """An argument as it was typed: Python keeps UTF-8 as surrogates where the locale is not."""
    with suppress(UnicodeError):
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    return text
