"""The settings that a command runs with, and where each comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from websearch_agent.config import Settings, checked_settings
from websearch_agent.settings_sources import find_settings


@dataclass(frozen=True, slots=True)
class SettingsInForce:
    """`origins` lacks the settings that have their default. `warnings` are sentences."""

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    config_file: Path | None = None


def read_settings(*, flags: Sequence[str] = (), config_file: Path | None = None) -> SettingsInForce:
    """Flags (`NAME=VALUE`) before environment, `.env` and TOML file. Raises ConfigError."""
    found = find_settings(Settings, flags=flags, config_file=config_file)
    settings = checked_settings(found, {})
    origins = {name: given.origin for name, given in found.values.items()}
    return SettingsInForce(settings, origins, found.warnings, found.config_file)
