"""Finds the words of a source that a statement of the answer rests on."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from websearch_agent.types import Source

# Below this share of a statement's weighted terms, two sentences merely speak of one subject.
MIN_OVERLAP = 0.25
MAX_QUOTE_CHARS = 300

_TERM = re.compile(r"[A-Za-z0-9À-ɏЀ-ӿ_]+|[぀-ヿ一-鿿가-힯]+")
_SENTENCE = re.compile(r"[^。！？；\n]+?(?:[。！？；]|[.!?](?=\s|$)|\n|$)")


def find_quote(statement: str, source: Source) -> str:
    """The sentence of the source that shares most with the statement, empty if none is near.

    Terms weigh by their rarity within the source, so that the subject's name, which every
    sentence holds, does not decide.
    """
    sentences = [s for passage in source.passages for s in split_sentences(passage.text)]
    wanted = set(_terms(re.sub(r"\[\d+\]", "", statement)))
    if not sentences or not wanted:
        return ""
    term_sets = [set(_terms(sentence)) for sentence in sentences]
    weights = _rarity(wanted, term_sets)
    total = sum(weights.values())
    scores = [sum(weights[term] for term in wanted & terms) / total for terms in term_sets]
    best = max(range(len(sentences)), key=scores.__getitem__)
    return _shorten(sentences[best]) if scores[best] >= MIN_OVERLAP else ""


def split_sentences(text: str) -> list[str]:
    """Sentences and lines, trimmed; none is empty."""
    return [piece for match in _SENTENCE.finditer(text) if (piece := match[0].strip())]


def _rarity(wanted: Iterable[str], term_sets: Sequence[set[str]]) -> dict[str, float]:
    counts = Counter(term for terms in term_sets for term in terms)
    return {term: 1.0 / (1 + counts[term]) for term in wanted}


def _terms(text: str) -> Iterable[str]:
    for run in _TERM.findall(text.lower()):
        if run[0] >= "぀":
            yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
        else:
            yield run


def _shorten(sentence: str) -> str:
    if len(sentence) <= MAX_QUOTE_CHARS:
        return sentence
    return sentence[:MAX_QUOTE_CHARS].rsplit(" ", 1)[0]
