"""Measures how near the sources come to a statement, for the score."""

import re
from typing import NamedTuple

from websearch_agent.citations.answer_place import answer_place
from websearch_agent.citations.claims import Claim
from websearch_agent.citations.contradictions import NumberCheck
from websearch_agent.citations.denials import denies
from websearch_agent.citations.names import missing_names
from websearch_agent.citations.nearest import Nearest
from websearch_agent.citations.terms import term_weight
from websearch_agent.citations.windows import Sentence, neighbours

_SPEAKS = re.compile(r"[?？]|\b(?:i|i'm|we|you|my|your)\b", re.IGNORECASE)


class Measures(NamedTuple):
    """Each from 0 to 1; shares are of the terms' weights.

    together: share of the statement's terms in the best three neighbouring sentences
    anywhere: share of them in all passages
    likeness: share of the best sentence's terms that the statement holds
    numbers_missing: share of the numbers and dates that no passage holds
    numbers_differ: 1 if the nearest sentences have another in place of one that no passage holds
    names_missing: share of the capitalised words missing around the best sentences
    near_question: share of the new terms in one sentence, times the question's terms near it
    answer_place: how near the question's words a new term comes, against the best place there is
    new_share: share of the terms that the question does not hold
    denial: 1 if either the statement or the best sentence denies something, but not both
    speaks: 1 if the statement asks, or speaks of "you" and "me"
    """

    together: float
    anywhere: float
    likeness: float
    numbers_missing: float
    numbers_differ: float
    names_missing: float
    near_question: float
    answer_place: float
    new_share: float
    denial: float
    speaks: float


def measure(claim: Claim, nearest: Nearest, numbers: NumberCheck) -> Measures:
    """All measures of a statement."""
    anywhere = nearest.mask(range(len(nearest.masks)))
    best = nearest.sentences[nearest.best]
    return Measures(
        together=nearest.together,
        anywhere=claim.share(anywhere),
        likeness=_likeness(claim, best),
        numbers_missing=len(numbers.missing) / max(1, len(claim.quantities)),
        numbers_differ=float(bool(numbers.differing)),
        names_missing=len(missing_names(claim, nearest)) / max(1, len(claim.names)),
        near_question=_near_question(claim, nearest),
        answer_place=answer_place(claim, nearest.sentences),
        new_share=claim.share(claim.new),
        denial=float(denies(claim.text) != denies(best.text)),
        speaks=float(_SPEAKS.search(claim.text) is not None),
    )


def _likeness(claim: Claim, sentence: Sentence) -> float:
    shared = sum(term_weight(word) for word in sentence.terms & claim.terms.places.keys())
    total = sum(map(term_weight, sentence.terms))
    return shared / total if total else 0.0


def _near_question(claim: Claim, nearest: Nearest) -> float:
    """How much of what is new stands where the question's words are: an answer's place."""
    best = 0.0
    asked = [claim.asked.mask(s.terms, s.offers) for s in nearest.sentences]
    for place, mask in enumerate(nearest.masks):
        if claim.new and not mask & claim.new:
            continue
        start = max(0, place - 1)
        together = 0
        for near in (
            *neighbours(nearest.sentences, start, 2),
            *neighbours(nearest.sentences, place, 2),
        ):
            if nearest.sentences[near].passage == nearest.sentences[place].passage:
                together |= asked[near]
        share = claim.share(mask, claim.new)
        best = max(best, share * (0.3 + 0.7 * claim.asked.share(together)))
    return best
