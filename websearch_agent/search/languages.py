"""The language of a question, as engines ask for it."""

import re

from websearch_agent.types import SearchQuery

_SCRIPTS = (
    (re.compile("[\u3040-\u30ff]"), "ja"),
    (re.compile("[\uac00-\ud7af]"), "ko"),
    (re.compile("[\u4e00-\u9fff]"), "zh"),
)
_TAG = re.compile(r"(?P<language>[a-z]{2,3})(?:-[a-z]{4})?(?:-(?P<region>[a-z]{2}))?(?:-.*)?")


def question_language(query: SearchQuery) -> str:
    """The tag asked for, in lower case, else what the question's script says, else `en`."""
    if query.language:
        return query.language.lower()
    return next((tag for pattern, tag in _SCRIPTS if pattern.search(query.query)), "en")


def primary_language(tag: str) -> str | None:
    """`zh` of `zh-Hant-TW`; None for what is no language tag."""
    match = _TAG.fullmatch(tag.lower())
    return match["language"] if match else None


def region_of(tag: str) -> str | None:
    """`tw` of `zh-Hant-TW`; None if the tag names no country."""
    match = _TAG.fullmatch(tag.lower())
    return match["region"] if match else None


def is_traditional_chinese(tag: str) -> bool:
    """Whether a tag of Chinese names the traditional script, or a place that writes it."""
    parts = tag.lower().split("-")
    return parts[0] == "zh" and bool({"hant", "tw", "hk", "mo"} & set(parts[1:]))
