"""The `country-language` codes that the backends of `ddgs` take."""

from websearch_agent.search.languages import (
    is_traditional_chinese,
    primary_language,
    question_language,
)
from websearch_agent.types import SearchQuery

# DuckDuckGo's regions whose pages are in the language asked for; Thailand's, Vietnam's,
# Indonesia's and Israel's are in English.
_REGIONS = {
    "zh": "cn-zh", "zh-cn": "cn-zh", "zh-tw": "tw-tzh", "zh-hk": "hk-tzh", "ja": "jp-jp",
    "ko": "kr-kr", "en": "us-en", "en-gb": "uk-en", "en-au": "au-en", "en-ca": "ca-en",
    "en-in": "in-en", "de": "de-de", "de-at": "at-de", "de-ch": "ch-de", "fr": "fr-fr",
    "fr-ca": "ca-fr", "fr-ch": "ch-fr", "es": "es-es", "es-mx": "mx-es", "it": "it-it",
    "pt": "pt-pt", "pt-br": "br-pt", "ru": "ru-ru", "nl": "nl-nl", "pl": "pl-pl", "tr": "tr-tr",
    "sv": "se-sv", "da": "dk-da", "fi": "fi-fi", "nb": "no-no", "no": "no-no", "cs": "cz-cs",
    "sk": "sk-sk", "sl": "sl-sl", "hu": "hu-hu", "ro": "ro-ro", "bg": "bg-bg", "hr": "hr-hr",
    "el": "gr-el", "ar": "xa-ar", "uk": "ua-uk", "et": "ee-et", "lv": "lv-lv",
    "lt": "lt-lt", "ca": "ct-ca",
}  # fmt: skip


# DuckDuckGo's own names for languages, and those of ISO 639 that the others read.
_OWN_LANGUAGES = {"jp": "ja", "kr": "ko", "tzh": "zh"}


def backend_region(backend: str, query: SearchQuery) -> str:
    """The region as the backend reads it; of DuckDuckGo's `jp-jp`, Wikipedia would make the host
    `jp.wikipedia.org`."""
    region = region_for(query) or "wt-wt"
    country, _, language = region.partition("-")
    if backend == "duckduckgo":
        return region
    return f"{country}-{_OWN_LANGUAGES.get(language, language)}"


def region_for(query: SearchQuery) -> str | None:
    """From the language asked for, else from the question's script, else the United States,
    which is the library's own choice. None for a language without a region."""
    tag = question_language(query)
    if is_traditional_chinese(tag) and tag not in _REGIONS:
        tag = "zh-tw"
    return _REGIONS.get(tag) or _REGIONS.get(primary_language(tag) or "")
