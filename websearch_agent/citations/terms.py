"""The words of a text for comparing statements with sources: stems, Chinese by characters."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from websearch_agent.function_words import ENGLISH_FUNCTION_WORDS

_CJK = r"\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:[.'’][^\W_{_CJK}]+)*")
_COMBINING = re.compile(r"[\u0300-\u036f]")
_VOWEL = re.compile(r"[aeiouy]")
_MAX_WORD_CHARS = 40
FUNCTION_WORD_WEIGHT = 0.12
_NUMBER_WEIGHT = 1.0
# Characters that tie Chinese words together; a pair that holds one says little.
CHINESE_PARTICLES = frozenset(
    "的了吗呢吧是在和与及或也都就而且并被把对从到以于为其之等这那一个上中下里有"
)
_CHINESE_PAIR_WITH_PARTICLE = 0.3
# The list for questions leaves out what questions seldom hold.
_MORE_FUNCTION_WORDS = (
    "he she his her they who also after before while during such other than more most very only "
    "just first two into over under between through against both each few same up down out off "
    "again further once because until own am being having doing said say"
)


class Token(NamedTuple):
    """A word (`stem`) or one Chinese character, at `text[start:end]`.

    `is_name`: written with a capital letter.
    """

    stem: str
    start: int
    end: int
    is_cjk: bool
    is_name: bool


def tokens_of(text: str) -> Iterator[Token]:
    """Every word and Chinese character, in order."""
    for match in _TOKEN.finditer(text):
        word = match[0]
        if len(word) == 1 and word >= "\u3005":
            yield Token(word, match.start(), match.end(), True, False)
        else:
            yield Token(stem(word), match.start(), match.end(), False, word[0].isupper())


def placed_terms(tokens: Sequence[Token]) -> Iterator[tuple[str, int, int]]:
    """What is compared, with its place: stems, and pairs of neighbouring Chinese characters."""
    for index, token in enumerate(tokens):
        if not token.is_cjk:
            yield token.stem, token.start, token.end
            continue
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if following and following.is_cjk and following.start == token.end:
            yield token.stem + following.stem, token.start, following.end
        elif not index or not tokens[index - 1].is_cjk or tokens[index - 1].end != token.start:
            yield token.stem, token.start, token.end


def terms_of(text: str) -> frozenset[str]:
    """The terms of a text, each once."""
    return frozenset(term for term, _, _ in placed_terms(tuple(tokens_of(text))))


def chinese_share(tokens: Sequence[Token]) -> float:
    """How many of the words are Chinese characters, 0 to 1."""
    return sum(token.is_cjk for token in tokens) / len(tokens) if tokens else 0.0


def term_weight(term: str) -> float:
    """How much a term says, 0 to 1.2: long words are rare ones.

    Word frequencies of 58 MB (wordfreq) and the ranks of a tokenizer's vocabulary gained less than
    0.005 AUC over the mere length (Nov 2026); rarity among the passages gained nothing.
    """
    if term in FUNCTION_STEMS:
        return FUNCTION_WORD_WEIGHT
    if term[0] >= "\u3005":
        with_particle = any(char in CHINESE_PARTICLES for char in term)
        return _CHINESE_PAIR_WITH_PARTICLE if with_particle else 1.0
    return 0.3 + 0.1 * min(9, len(term)) if term.isalpha() else _NUMBER_WEIGHT


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Lower case without accents, possessive and the common English endings."""
    word = word[:_MAX_WORD_CHARS]
    if not word.isascii():
        word = unicodedata.normalize("NFKD", word).replace("’", "'")
        word = unicodedata.normalize("NFC", _COMBINING.sub("", word))
    word = word.lower().removesuffix("'s").replace("'", "").replace(".", "")
    if len(word) < 4 or not word.isalpha() or not word.isascii():
        return word
    return _without_ending(word)


def _without_ending(word: str) -> str:
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    for ending in ("ing", "ed", "ly"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) > 2 and _VOWEL.search(rest):
            # "stopped" and "stop", but "telling" and "tell".
            doubled = rest[-1] == rest[-2] and rest[-1] not in "lsz"
            word = rest[:-1] if doubled else rest
            break
    if word.endswith("y") and len(word) > 3:
        word = word[:-1] + "i"
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


FUNCTION_STEMS = frozenset(
    stem(word) for word in (*ENGLISH_FUNCTION_WORDS, *_MORE_FUNCTION_WORDS.split())
)
