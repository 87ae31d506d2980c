"""README's table of engines says what the engines declare."""

import re
from pathlib import Path

import pytest

from websearch_agent.config_checks import ENGINE_NAMES
from websearch_agent.search.engines import HTTP_ENGINES, local
from websearch_agent.search.engines.ddgs import DDGS_ENGINES
from websearch_agent.search.filters import Filters

README = Path(__file__).resolve().parents[2] / "README.md"
ROW = re.compile(
    r"^\| `([a-z]+)` \|[^|]+\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE
)


def rows() -> dict[str, tuple[str, ...]]:
    section = README.read_text(encoding="utf-8").partition("## Engines")[2].partition("\n## ")[0]
    return {match[0]: match[1:] for match in ROW.findall(section)}


def declared_filters(name: str) -> list[Filters]:
    if name == "local":
        return [local.FILTERS]
    if name in DDGS_ENGINES:
        return list(DDGS_ENGINES[name].filters.values())
    return [HTTP_ENGINES[name].filters]


def test_every_engine_is_listed_in_its_order() -> None:
    assert tuple(rows()) == ENGINE_NAMES


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_filters_are_those_that_the_engine_honours(name: str) -> None:
    filters = declared_filters(name)
    by_domain = any(f.include_domains for f in filters)
    own_site = all(f.own_site for f in filters)
    words = {True: "yes", False: "no"}

    assert rows()[name][1:] == (
        words[any(f.time_ranges for f in filters)],
        "own site" if own_site else words[by_domain],
        words[any(f.language for f in filters)],
    )


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_needed_setting_is_the_one_that_the_engine_asks_for(name: str) -> None:
    spec = HTTP_ENGINES.get(name)
    setting = spec.setting if spec is not None else None
    needed = setting is not None and not setting.optional

    assert rows()[name][0] == (f"`{setting.variable}`" if needed and setting else "–")
