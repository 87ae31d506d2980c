"""Passages ranked for what is being asked, and copies of one another told apart."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from websearch_agent.pages.words import words_of
from websearch_agent.types import Passage

K1 = 1.2
B = 0.75
# A word of the heading or the page's title counts as this share of one in the text.
HEADING_WEIGHT = 0.5
TITLE_WEIGHT = 0.5
SHINGLE_WORDS = 4
MAX_OVERLAP = 0.6


def rank_passages(
    passages: Sequence[Passage],
    queries: Sequence[str],
    *,
    titles: Mapping[str, str] | None = None,
) -> list[Passage]:
    """Best first, `score` set: BM25 over these passages, summed over the queries.

    `titles` gives page titles by `Passage.url`. Equal scores keep their order.
    BM25: Robertson and Zaragoza, 2009; fields weighted as in BM25F.
    """
    if not passages:
        return []
    counts = [_word_counts(passage, titles or {}) for passage in passages]
    lengths = [sum(count.values()) for count in counts]
    mean_length = sum(lengths) / len(lengths) or 1.0
    weights = _query_weights(queries, counts)
    ranked = [
        replace(passage, score=_bm25(count, weights, length / mean_length))
        for passage, count, length in zip(passages, counts, lengths, strict=True)
    ]
    return sorted(ranked, key=lambda passage: -passage.score)


def _word_counts(passage: Passage, titles: Mapping[str, str]) -> dict[str, float]:
    counts: dict[str, float] = dict(Counter(words_of(passage.text)))
    for text, weight in (
        (passage.heading, HEADING_WEIGHT),
        (titles.get(passage.url, ""), TITLE_WEIGHT),
    ):
        for word in set(words_of(text)):
            counts[word] = counts.get(word, 0.0) + weight
    return counts


def _query_weights(
    queries: Sequence[str], counts: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """How much each word of the queries tells: its inverse document frequency, summed."""
    weights: dict[str, float] = {}
    for query in queries:
        for word in set(words_of(query)):
            found = sum(word in count for count in counts)
            idf = math.log(1 + (len(counts) - found + 0.5) / (found + 0.5))
            weights[word] = weights.get(word, 0.0) + idf
    return weights


def _bm25(counts: Mapping[str, float], weights: Mapping[str, float], length: float) -> float:
    damping = K1 * (1 - B + B * length)
    return sum(
        weight * counts[word] * (K1 + 1) / (counts[word] + damping)
        for word, weight in weights.items()
        if word in counts
    )


def diversify(passages: Sequence[Passage], *, max_overlap: float = MAX_OVERLAP) -> list[Passage]:
    """Without near-copies: of passages that share their wording only the first stays.

    Overlap: shared runs of four words, as a share of the shorter passage's runs.
    """
    kept: list[Passage] = []
    holders: dict[int, list[int]] = {}
    sizes: list[int] = []
    for passage in passages:
        shingles = _shingles(passage.text)
        shared = Counter(number for shingle in shingles for number in holders.get(shingle, ()))
        if any(
            count > max_overlap * min(len(shingles), sizes[number])
            for number, count in shared.items()
        ):
            continue
        for shingle in shingles:
            holders.setdefault(shingle, []).append(len(kept))
        sizes.append(len(shingles))
        kept.append(passage)
    return kept


def _shingles(text: str) -> set[int]:
    words = list(words_of(text))
    runs = zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False)
    return {hash(run) for run in runs} or {hash(tuple(words))}
