"""Whether the words of an answer stand at the place that the question's words point at."""

import math
from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import groupby

from websearch_agent.citations.claims import Claim, WeightedTerms
from websearch_agent.citations.windows import Sentence

# Within so many characters, nearness falls to 1/e. 8 to 50 gave nearly the same.
_REACH_CHARS = 20.0
# Enough of any text; a text that repeats itself must not take quadratic time.
_MAX_TERMS = 64
_MAX_PLACES = 20
UNKNOWN = 0.5


def answer_place(claim: Claim, sentences: Sequence[Sentence]) -> float:
    """How near the question's words the statement's own words come, as a share of the best place.

    0 to 1; `UNKNOWN` without a question. Two answers of one page differ in little else: AUC of
    Chinese question-and-answer statements 0.78 without this, 0.87 with it. English gained nothing.
    """
    asked = _heaviest(claim.asked, -1)
    own = _heaviest(claim.terms, claim.new)
    if not asked:
        return UNKNOWN
    if not own:
        return 1.0
    best_own = best_any = 0.0
    for _, passage in groupby(sentences, key=lambda s: (s.source_number, s.passage)):
        own_places, asked_places = _places(passage, own.keys(), asked.keys())
        nearness = [(asked[term], places) for term, places in asked_places.items()]
        for places in asked_places.values():
            best_any = max(
                best_any, *(_nearness(place, nearness) for place in places[:_MAX_PLACES])
            )
        for places in own_places.values():
            best_own = max(
                best_own, *(_nearness(place, nearness) for place in places[:_MAX_PLACES])
            )
    total = sum(claim.asked.weights)
    return min(1.0, best_own / (best_any + 0.05 * total)) if best_any else 0.0


def _heaviest(terms: WeightedTerms, among: int) -> dict[str, float]:
    chosen = [(term, terms.weights[n]) for term, n in terms.places.items() if among >> n & 1]
    return dict(sorted(chosen, key=lambda item: -item[1])[:_MAX_TERMS])


def _places(
    sentences: Iterable[Sentence], own: Iterable[str], asked: Iterable[str]
) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Where in a passage each of the terms stands, in order."""
    own, asked = set(own), set(asked)
    wanted = own | asked
    found: dict[str, list[int]] = {}
    for sentence in sentences:
        if not wanted.isdisjoint(sentence.terms):
            for term, start in sentence.placed:
                if term in wanted:
                    found.setdefault(term, []).append(sentence.start + start)
    return (
        {term: places for term, places in found.items() if term in own},
        {term: places for term, places in found.items() if term in asked},
    )


def _nearness(place: int, asked: Sequence[tuple[float, list[int]]]) -> float:
    total = 0.0
    for weight, places in asked:
        after = bisect(places, place)
        distance = min(abs(place - other) for other in places[max(0, after - 1) : after + 1])
        total += weight * math.exp(-distance / _REACH_CHARS)
    return total
