"""Texts as word counts, searched by BM25 (Robertson and Zaragoza, 2009)."""

import heapq
import math
from collections.abc import Mapping, Sequence

K1 = 1.2
B = 0.75


class Bm25Index:
    """An inverted index in memory. Texts are known by their place in `counts`."""

    def __init__(self, counts: Sequence[Mapping[str, float]]) -> None:
        lengths = [sum(words.values()) for words in counts]
        mean_length = sum(lengths) / max(1, len(lengths)) or 1.0
        self.counts = counts
        self.lengths = lengths
        self._damping = [K1 * (1 - B + B * length / mean_length) for length in lengths]
        self._postings: dict[str, list[int]] = {}
        for place, words in enumerate(counts):
            for word in words:
                self._postings.setdefault(word, []).append(place)

    def rarity(self, word: str) -> float:
        """The word's inverse document frequency, above 0; the greater the rarer."""
        found = len(self._postings.get(word, ()))
        return math.log(1 + (len(self.counts) - found + 0.5) / (found + 0.5))

    def scores(self, weights: Mapping[str, float]) -> dict[int, float]:
        """The score of each text that holds one of the words, by place."""
        scores: dict[int, float] = {}
        for word, weight in weights.items():
            worth = weight * self.rarity(word) * (K1 + 1)
            for place in self._postings.get(word, ()):
                count = self.counts[place][word]
                gain = worth * count / (count + self._damping[place])
                scores[place] = scores.get(place, 0.0) + gain
        return scores


def best_places(scores: Mapping[int, float], count: int) -> list[int]:
    """The places with the highest scores, best first, ties in the order of places."""
    return heapq.nsmallest(count, scores, key=lambda place: (-scores[place], place))
