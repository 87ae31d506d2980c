"""What a source says otherwise than a statement: numbers, dates, names, a denial."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from websearch_agent.citations.claims import Claim
from websearch_agent.citations.nearest import Nearest
from websearch_agent.citations.numbers import (
    Quantity,
    is_derived,
    is_offered,
    is_rounded,
    offers_of,
)
from websearch_agent.citations.terms import FUNCTION_STEMS, Token, term_weight

# A sentence that holds a number is about the statement if it also holds this share of its terms.
_ABOUT_IT = 0.2
_NEARLY_SAME = 0.75
# Words with the same first letters may be one name: Bavaria, Bavarian.
_SAME_BEGINNING = 4
# A number's own sentence holds less than this of what the sentence with another number holds.
_MISPLACED = 0.6
# What is denied stands close behind the word of denial.
_DENIED_WORDS = 4
_ANSWER_PARTICLE = re.compile(r"^\W*no\b", re.IGNORECASE)
_DENIAL = re.compile(
    r"\b(?:not|no|never|none|nor|neither|without|cannot|unable)\b|n['’]t\b"
    r"|不(?!仅|但|过|断|同|少|久|得不|可不|能不)|没有|没能|未(?!来|必)|并非|无法|从未",
    re.IGNORECASE,
)


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
    about_it = _union(
        sentence.offers
        for place, sentence in enumerate(nearest.sentences)
        if place in nearest.around or claim.share(nearest.masks[place]) >= _ABOUT_IT
    )
    kinds = {quantity.kind for quantity in near}
    values = [quantity.value for quantity in near if quantity.value is not None]
    asked = offers_of(quantity for quantity, _ in claim.asked.numbers)
    missing = [q for q in claim.quantities if not is_offered(q, anywhere)]
    stated = [q for q in missing if not is_offered(q, asked)]
    derived = [q for q in stated if q.kind != "date" and _follows(q, values)]
    differing = [q for q in stated if q.kind in kinds and q not in derived]
    elsewhere = [
        q
        for q in claim.quantities
        if q.kind in kinds
        and q not in missing
        and (not is_offered(q, about_it) or _is_misplaced(q, claim, nearest))
    ]
    return NumberCheck(tuple(missing), tuple(differing), tuple(derived), tuple(elsewhere))


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
    return other >= _NEARLY_SAME and holding < _MISPLACED * other


def missing_names(claim: Claim, nearest: Nearest) -> tuple[Token, ...]:
    """The statement's capitalised words that the sentences around the nearest do not hold."""
    if not claim.names:
        return ()
    said = frozenset().union(*(nearest.sentences[place].terms for place in nearest.around))
    return tuple(name for name in claim.names if name.stem not in said)


def differing_names(claim: Claim, nearest: Nearest) -> tuple[str, ...]:
    """Names that are new to the question and in no sentence, while the nearest names others.

    Of 226 such statements one in eight was supported (Nov 2026); with names that the question
    brought up, one in four: these have other spellings.
    """
    said = frozenset().union(*(sentence.terms for sentence in nearest.sentences))
    beginnings = {term[:_SAME_BEGINNING] for term in said}
    absent = [
        names
        for names in _side_by_side(claim)
        if all(name.stem[:_SAME_BEGINNING] not in beginnings for name in names)
    ]
    others = any(
        token.is_name and token.stem not in claim.terms.places and token.stem not in FUNCTION_STEMS
        for token in nearest.sentences[nearest.best].tokens[1:]
    )
    if not others:
        return ()
    return tuple(claim.text[names[0].start : names[-1].end] for names in absent)


def denies(text: str) -> bool:
    """Whether the text holds a word of denial."""
    return _DENIAL.search(text) is not None


def denial_against(claim: Claim, nearest: Nearest) -> tuple[str, ...]:
    """What the statement denies of a sentence that does not, or fails to deny with it.

    The statement's word of denial, or what it asserts and the sentence denies. The latter only if
    the two are nearly the same: a sentence that denies something says much else (of 21 English
    statements whose words such a sentence held, 19 were supported, Nov 2026).
    """
    best = nearest.sentences[nearest.best]
    stated = _DENIAL.search(_ANSWER_PARTICLE.sub("", claim.text))
    said = _DENIAL.search(best.text)
    if bool(stated) == bool(said) or claim.share(nearest.masks[nearest.best]) < _NEARLY_SAME:
        return ()
    if stated:
        return (stated[0],)
    total = sum(map(term_weight, best.terms))
    shared = sum(term_weight(term) for term in best.terms & claim.terms.places.keys())
    if said is None or shared < _NEARLY_SAME * total:
        return ()
    denied = [token.stem for token in best.tokens if token.start >= said.end()][:_DENIED_WORDS]
    asserted = (t for t in claim.tokens if t.stem in denied and t.stem not in FUNCTION_STEMS)
    return tuple(claim.text[token.start : token.end] for token in list(asserted)[:1])


def _follows(quantity: Quantity, values: list[float]) -> bool:
    value = quantity.value
    return value is not None and (is_rounded(value, values) or is_derived(value, values))


def _union(sets: Iterable[frozenset[tuple[str, float]]]) -> frozenset[tuple[str, float]]:
    return frozenset(chain.from_iterable(sets))


def _side_by_side(claim: Claim) -> list[list[Token]]:
    """The names that the question does not hold, those of one person or place together."""
    groups: list[list[Token]] = []
    for name in claim.names:
        place = claim.terms.places.get(name.stem)
        if place is None or not claim.new >> place & 1 or not name.stem.isalpha():
            continue
        if groups and not claim.text[groups[-1][-1].end : name.start].strip(" .-'"):
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups
