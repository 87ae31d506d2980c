"""The numbers and dates of a statement that its sources do not hold, or hold otherwise."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from websearch_agent.citations.binding import holds_score_reversed, is_bound_otherwise
from websearch_agent.citations.claims import Claim
from websearch_agent.citations.denials import NEARLY_SAME
from websearch_agent.citations.nearest import Nearest
from websearch_agent.citations.numbers import is_derived, is_rounded
from websearch_agent.citations.quantity import Quantity, is_offered, offers_of

# A sentence that holds a number is about the statement if it also holds this share of its terms.
_ABOUT_IT = 0.2
# "Is it 500 metres tall?" asks for the number, "Who won in 2021?" only names the occasion.
_ASKS_WHETHER = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b"
    r"|吗|是否|是不是|有没有",
    re.IGNORECASE,
)
# "Volume 3", "the title in 2021"; an amount or a length in a question is what it is about.
_OCCASIONS = ("date", "time", "century", "number")
# A number's own sentence holds less than this of what the sentence with another number holds.
_MISPLACED = 0.6


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """The numbers and dates of a statement that the sources do not hold where they should.

    `missing`: in no sentence; of these, `differing`: the sentences around the nearest have another
    of the same kind; `derived`: the sum, difference or rounding of others, which nobody wrote.
    `elsewhere`: only in sentences about something else, while the nearest have another.
    """

    missing: tuple[Quantity, ...] = ()
    differing: tuple[Quantity, ...] = ()
    derived: tuple[Quantity, ...] = ()
    elsewhere: tuple[Quantity, ...] = ()


def check_numbers(claim: Claim, nearest: Nearest) -> NumberCheck:
    """Look up every number and date of the statement, by value.

    Of 164 labelled statements with a differing date, amount or percentage that no passage holds,
    162 were not fully supported; with a plain number 120 of 131. Not so where the question brought
    the number up, 4 of 8: the page need not repeat it. (Nov 2026)
    """
    if not claim.quantities:
        return NumberCheck()
    near = [q for place in nearest.around for q in nearest.sentences[place].quantities]
    anywhere = _union(sentence.offers for sentence in nearest.sentences)
    values = [(q.kind, q.value) for q in near if q.value is not None]
    kinds = {q.kind for q in near}
    missing = [q for q in claim.quantities if not is_offered(q, anywhere)]
    stated = [q for q in missing if not _is_occasion(q, claim)]
    derived = [q for q in stated if q.kind != "date" and _follows(q, values)]
    differing = [q for q in stated if q.kind in kinds and q not in derived]
    elsewhere = _held_elsewhere(claim, nearest, kinds, missing)
    return NumberCheck(tuple(missing), tuple(differing), tuple(derived), tuple(elsewhere))


def is_about(claim: Claim, nearest: Nearest) -> bool:
    """Whether the nearest sentences speak of what the statement's words, not its numbers, say."""
    words = claim.terms.all
    for _, written in claim.terms.numbers:
        words &= ~written
    return claim.share(nearest.mask(nearest.around), words) >= _ABOUT_IT


def _is_occasion(quantity: Quantity, claim: Claim) -> bool:
    """Whether the question brought the number up, and not to ask whether it is so."""
    asked = offers_of(other for other, _ in claim.asked.numbers)
    told = quantity.kind in _OCCASIONS and not _ASKS_WHETHER.search(claim.question)
    return told and is_offered(quantity, asked)


def _held_elsewhere(
    claim: Claim, nearest: Nearest, kinds: set[str], missing: list[Quantity]
) -> list[Quantity]:
    """The numbers that stand in other sentences than the nearest, or there beside other words."""
    about_it = _union(
        sentence.offers
        for place, sentence in enumerate(nearest.sentences)
        if place in nearest.around or claim.share(nearest.masks[place]) >= _ABOUT_IT
    )
    best = nearest.sentences[nearest.best]
    reversed_score = holds_score_reversed(claim, best)
    return [
        q
        for q in claim.quantities
        if q.kind in kinds
        and q not in missing
        and (
            not is_offered(q, about_it)
            or reversed_score
            or is_bound_otherwise(q, claim, best)
            or _is_misplaced(q, claim, nearest)
        )
    ]


def _is_misplaced(quantity: Quantity, claim: Claim, nearest: Nearest) -> bool:
    """Whether the sentence that holds the statement's other terms holds another number instead."""
    rest = claim.terms.all & ~dict(claim.terms.numbers)[quantity]
    stated = offers_of(claim.quantities)
    holding = other = 0.0
    for place, sentence in enumerate(nearest.sentences):
        share = claim.share(nearest.masks[place], rest)
        if is_offered(quantity, sentence.offers):
            holding = max(holding, share)
        elif any(
            q.kind == quantity.kind and not is_offered(q, stated) for q in sentence.quantities
        ):
            other = max(other, share)
    return other >= NEARLY_SAME and holding < _MISPLACED * other


def _follows(quantity: Quantity, near: list[tuple[str, float]]) -> bool:
    value, values = quantity.value, [other for kind, other in near if kind == quantity.kind]
    return value is not None and (is_rounded(value, values) or is_derived(value, values))


def _union(sets: Iterable[frozenset[tuple[str, float]]]) -> frozenset[tuple[str, float]]:
    return frozenset(chain.from_iterable(sets))
