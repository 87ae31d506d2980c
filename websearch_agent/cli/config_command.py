"""`config`: every setting in force, and where it comes from."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from websearch_agent.cli.terminal import printable_json, printable_line
from websearch_agent.config import Settings
from websearch_agent.settings_in_force import SettingsInForce
from websearch_agent.settings_sources import PREFIX, default_config_file

MASK = "********"
DEFAULT = "default"
UNSET = "(unset)"

Plain = str | int | float | bool | list[str] | None


@dataclass(frozen=True, slots=True)
class SettingShown:
    """`value` is plain and masked: it can be shown to anybody."""

    name: str
    value: Plain
    origin: str


def shown_settings(settings: Settings, origins: Mapping[str, str]) -> list[SettingShown]:
    """All of them, in the order of the README's table."""
    return [
        SettingShown(name, masked_value(name, getattr(settings, name)), origins.get(name, DEFAULT))
        for name in Settings.model_fields
    ]


def masked_value(name: str, value: object) -> Plain:
    """The value without its secrets: keys whole, of a proxy who asks, of an address its query."""
    match value:
        case None | bool() | int() | float():
            return value
        case SecretStr():
            is_proxy = name.endswith("_proxy")
            return _masked_proxy(value.get_secret_value()) if is_proxy else MASK
        case tuple():
            return [str(part) for part in value]
        case _:
            return _masked_query(str(value))


def _masked_proxy(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return MASK
    user, at, place = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{MASK if user else ''}{at}{place}" if place else MASK


def _masked_query(text: str) -> str:
    """Some servers take their key there."""
    path, question_mark, _ = text.partition("?")
    is_address = text.startswith(("http://", "https://"))
    return f"{path}?{MASK}" if question_mark and is_address else text


def print_settings(found: SettingsInForce, *, as_json: bool) -> None:
    shown = shown_settings(found.settings, found.origins)
    if as_json:
        print(printable_json(_as_json(shown, found)))
        return
    names = max(len(setting.name) for setting in shown)
    values = [(setting, _as_text(setting.value)) for setting in shown]
    width = min(max(len(text) for _, text in values), 44)
    for setting, text in values:
        line = f"{setting.name:<{names}}  {text:<{width}}  {setting.origin}"
        print(printable_line(line))
    print(f"\n{_about_config_file(found.config_file)}")
    for warning in found.warnings:
        print(f"websearch-agent: {printable_line(warning)}", file=sys.stderr)


def _as_text(value: Plain) -> str:
    match value:
        case None:
            return UNSET
        case bool():
            return str(value).lower()
        case list():
            return ",".join(value) or "(none)"
        case _:
            return str(value)


def _about_config_file(path: Path | None) -> str:
    if path is not None:
        return printable_line(f"Settings file: {path}")
    usual = default_config_file()
    where = f" {usual} is read if there is one; any other is" if usual else " One is"
    return printable_line(
        f"No settings file.{where} named with --config FILE or {PREFIX}CONFIG_FILE."
    )


def _as_json(shown: list[SettingShown], found: SettingsInForce) -> dict[str, object]:
    return {
        "settings": [
            {
                "name": setting.name,
                "variable": f"{PREFIX}{setting.name.upper()}",
                "value": setting.value,
                "origin": setting.origin,
            }
            for setting in shown
        ],
        "config_file": str(found.config_file) if found.config_file else None,
        "warnings": list(found.warnings),
    }
