"""Finds the words of a source that a statement of the answer rests on, and such a source."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from websearch_agent.function_words import CHINESE_FUNCTION_WORDS, ENGLISH_FUNCTION_WORDS
from websearch_agent.types import Source

# Below this share of a statement's weighted terms, two sentences merely speak of one subject.
MIN_OVERLAP = 0.25
MAX_QUOTE_CHARS = 300
# From here on a source is taken to say a statement that names none. Chosen high: a wrong
# citation is worse than a missing one.
MIN_SUPPORT = 0.6
MIN_TERMS = 3
_MARKER = re.compile(r"\[\d+\]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

_TERM = re.compile(r"[A-Za-z0-9À-ɏЀ-ӿ_]+|[぀-ヿ一-鿿가-힯]+")
_SENTENCE = re.compile(r"[^。！？；\n]+?(?:[。！？；]|[.!?](?=\s|$)|\n|$)")


def find_quote(statement: str, source: Source) -> str:
    """The sentence of the source that shares most with the statement, empty if none is near.

    Terms weigh by their rarity within the source, so that the subject's name, which every
    sentence holds, does not decide.
    """
    sentences = [s for passage in source.passages for s in split_sentences(passage.text)]
    scores = _overlaps(statement, sentences)
    best = max(range(len(scores)), key=scores.__getitem__, default=None)
    if best is None or scores[best] < MIN_OVERLAP:
        return ""
    return _shorten(sentences[best])


def find_source(statement: str, sources: Sequence[Source]) -> int | None:
    """Number of the source that nearly says the statement, None if none does.

    It must hold most of the statement's weighted terms in two neighbouring sentences, and every
    number of the statement. For statements that a model left without a marker.
    """
    if len(set(_terms(statement))) < MIN_TERMS:
        return None
    numbers = set(_NUMBER.findall(_MARKER.sub("", statement)))
    windows, owners = [], []
    for source in sources:
        for passage in source.passages:
            sentences = split_sentences(passage.text)
            pairs = zip(sentences, [*sentences[1:], ""], strict=True)
            windows += [f"{first} {second}" for first, second in pairs]
            owners += [source.number] * len(sentences)
    scores = _overlaps(statement, windows)
    for best in sorted(range(len(scores)), key=lambda index: -scores[index]):
        if scores[best] < MIN_SUPPORT:
            return None
        if numbers <= set(_NUMBER.findall(windows[best])):
            return owners[best]
    return None


def _overlaps(statement: str, texts: Sequence[str]) -> list[float]:
    """Share of the statement's weighted terms that each text holds, 0 to 1."""
    wanted = set(_terms(_MARKER.sub("", statement)))
    if not wanted:
        return [0.0] * len(texts)
    term_sets = [set(_terms(text)) for text in texts]
    weights = _rarity(wanted, term_sets)
    total = sum(weights.values())
    return [sum(weights[term] for term in wanted & terms) / total for terms in term_sets]


def split_sentences(text: str) -> list[str]:
    """Sentences and lines, trimmed; none is empty."""
    return [piece for match in _SENTENCE.finditer(text) if (piece := match[0].strip())]


def _rarity(wanted: Iterable[str], term_sets: Sequence[set[str]]) -> dict[str, float]:
    counts = Counter(term for terms in term_sets for term in terms)
    return {term: math.log(1 + len(term_sets) / (1 + counts[term])) for term in wanted}


def _terms(text: str) -> Iterable[str]:
    for run in _TERM.findall(CHINESE_FUNCTION_WORDS.sub(" ", text.lower())):
        if run[0] >= "぀":
            yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
        elif run not in ENGLISH_FUNCTION_WORDS:
            yield run


def _shorten(sentence: str) -> str:
    if len(sentence) <= MAX_QUOTE_CHARS:
        return sentence
    return sentence[:MAX_QUOTE_CHARS].rsplit(" ", 1)[0]
