"""The `country-language` codes that the backends of `ddgs` take."""

import re

from websearch_agent.types import (
    SearchQuery,
)

_REGIONS = {
    "zh": "cn-zh", "zh-cn": "cn-zh", "zh-tw": "tw-tzh", "zh-hk": "hk-tzh", "ja": "jp-jp",
    "ko": "kr-kr", "en": "us-en", "en-gb": "uk-en", "de": "de-de", "fr": "fr-fr", "es": "es-es",
    "it": "it-it", "pt": "pt-pt", "pt-br": "br-pt", "ru": "ru-ru", "nl": "nl-nl", "pl": "pl-pl",
    "tr": "tr-tr", "sv": "se-sv", "da": "dk-da", "fi": "fi-fi", "cs": "cz-cs", "uk": "ua-uk",
}  # fmt: skip
_SCRIPTS = (
    (re.compile("[\u3040-\u30ff]"), "ja"),
    (re.compile("[\uac00-\ud7af]"), "ko"),
    (re.compile("[\u4e00-\u9fff]"), "zh"),
)


def region_for(query: SearchQuery) -> str:
    """From the language asked for, else from the question's script, else the United States,
    which is the library's own choice."""
    language = (query.language or "").lower()
    if not language:
        language = next((tag for pattern, tag in _SCRIPTS if pattern.search(query.query)), "en")
    return _REGIONS.get(language) or _REGIONS.get(language.split("-")[0]) or "wt-wt"
