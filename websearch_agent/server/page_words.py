"""The words of our pages in English and Chinese, from `web/words/*.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Literal

from websearch_agent.resources import resource_dir

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


@cache
def page_words(language: Language) -> Mapping[str, str]:
    """All texts by their key; `{name}` in them is for `str.format` or the page's `translate`."""
    words: dict[str, str] = {}
    for file in sorted((resource_dir("web") / "words").glob("*.toml")):
        for key, texts in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if key in words:
                raise ValueError(f"{key!r} of {file.name} is in another file too")
            # An empty one is not told: the server's own words stand for it.
            if texts[language]:
                words[key] = texts[language]
    return words


def counted(count: int, one_key: str, many_key: str, language: Language) -> str:
    """The words for so many: Chinese has none of its own for one."""
    words = page_words(language)
    return words[one_key if count == 1 and one_key in words else many_key].format(count=count)


def preferred_language(accept_language: str) -> Language:
    """`zh` if Chinese stands first in the header, else `en`."""
    first = accept_language.split(",")[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"
