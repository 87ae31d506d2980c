"""The words of a text for lexical ranking: Latin words, parts of identifiers, CJK bigrams."""

import re
import unicodedata
from collections.abc import Iterator

from websearch_agent.function_words import CHINESE_FUNCTION_WORDS, ENGLISH_FUNCTION_WORDS

_CJK = r"\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = rf"[^\W_{_CJK}]+"
_RUN = re.compile(rf"(?P<cjk>[{_CJK}]+)|{_WORD}(?:[._'’]+{_WORD})*")
_PARTS = re.compile(r"[._'’]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_POSSESSIVE = re.compile(r"['’]s?$")
_COMBINING = re.compile(r"[\u0300-\u036f]")
_NUMBER = re.compile(r"[0-9.]+")

FUNCTION_WORD_WEIGHT = 0.25


def words_of(text: str) -> Iterator[str]:
    """Every word of the text, in order; identifiers come whole and in parts.

    `json.loads` gives json.loads, json, load; 天气预报 gives 天气, 气预, 预报.
    """
    for match in _RUN.finditer(text):
        run = match[0]
        if match.lastgroup == "cjk":
            yield from _bigrams(run)
        elif run.isascii() and run.isalpha() and (run[1:].islower() or run.isupper()):
            yield normal_form(run)
        else:
            yield from _identifier_words(run)


def query_words(query: str) -> dict[str, float]:
    """What a query looks for, with weights: an identifier and its parts count as one word.

    Without this, `LibreOffice` would weigh three times a plain word, and "which", which is rare
    in manuals, more than any subject.
    """
    content = CHINESE_FUNCTION_WORDS.sub(" ", query)
    weights: dict[str, float] = {}
    for match in _RUN.finditer(content):
        words = list(words_of(match[0]))
        share = 1.0 if match.lastgroup == "cjk" else 1.0 / max(1, len(words))
        for word in words:
            says_little = FUNCTION_WORD_WEIGHT if word in ENGLISH_FUNCTION_WORDS else 1.0
            weights[word] = max(weights.get(word, 0.0), share * says_little)
    return weights or dict.fromkeys(words_of(query), 1.0)


def _bigrams(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    for index in range(len(run) - 1):
        yield run[index : index + 2]


def _identifier_words(run: str) -> Iterator[str]:
    run = _POSSESSIVE.sub("", _folded(run))
    if _NUMBER.fullmatch(run):
        yield run
        return
    parts = [part for piece in _PARTS.split(run) for part in _CAMEL.split(piece) if part]
    if len(parts) != 1:
        yield run.lower()
    for part in parts:
        yield normal_form(part)


def _folded(run: str) -> str:
    """Without accents, and full-width letters as plain ones."""
    if run.isascii():
        return run
    return unicodedata.normalize("NFC", _COMBINING.sub("", unicodedata.normalize("NFKD", run)))


def normal_form(word: str) -> str:
    """Lower case, English plural endings taken off (Harman's S-stemmer, JASIS 1991)."""
    word = word.lower()
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    return word[:-1]
