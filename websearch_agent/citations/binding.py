"""Whether a statement's number belongs, in its source, to the same words and numbers."""

import re

from websearch_agent.citations.claims import Claim
from websearch_agent.citations.quantity import Quantity, is_offered
from websearch_agent.citations.terms import CHINESE_PARTICLES, FUNCTION_STEMS, Token
from websearch_agent.citations.windows import Sentence

# What stands behind such a word belongs less to what stands before it.
_SEPARATOR = re.compile(r"[,;:，；：、。()]|\b(?:and|but|while|whereas)\b|而|但", re.IGNORECASE)
_SEPARATOR_CHARS = 20
_SCORE = re.compile(r"(?<![\d.,:-])(\d{1,3})\s?(?:[-–:]|比)\s?(\d{1,3})(?![\d.,:-])")


def is_bound_otherwise(quantity: Quantity, claim: Claim, sentence: Sentence) -> bool:
    """Whether the sentence gives the number to other words, and another number to its own words.

    Its own are the two beside it in the statement; of these none may be nearest to it there.
    """
    own = [q for q in sentence.quantities if is_offered(quantity, q.offers)]
    others = (
        [
            q
            for q in sentence.quantities
            if q.kind == own[0].kind and not any(is_offered(s, q.offers) for s in claim.quantities)
        ]
        if own
        else []
    )
    if not others:
        return False
    if _is_paired_otherwise(quantity, claim, sentence, own, others):
        return True
    beside_it = _beside(quantity, claim)
    words = [t for t in sentence.tokens if t.stem in beside_it and _is_shared(t, claim, sentence)]
    nearer_own = sum(_gap_to(t, own, sentence) < _gap_to(t, others, sentence) for t in words)
    beside = sum(
        _gap_to(t, others, sentence) < min(_SEPARATOR_CHARS, _gap_to(t, own, sentence))
        for t in words
    )
    return bool(beside) and not nearer_own


def holds_score_reversed(claim: Claim, sentence: Sentence) -> bool:
    """Whether the sentence has "2-1" where the statement has "1-2"; it may be told of the other."""
    said = {match.groups() for match in _SCORE.finditer(sentence.text)}
    stated = {match.groups() for match in _SCORE.finditer(claim.text)}
    return any(pair not in said and pair[::-1] in said for pair in stated)


def _is_paired_otherwise(
    quantity: Quantity,
    claim: Claim,
    sentence: Sentence,
    own: list[Quantity],
    others: list[Quantity],
) -> bool:
    """Whether another number of the statement stands, in the sentence, beside another of this kind.

    "12 million in 2020" over "10 million in 2020 and 12 million in 2021": both have another beside.
    """
    for partner in claim.quantities:
        same = [q for q in sentence.quantities if is_offered(partner, q.offers) and q not in own]
        rest = [q for q in sentence.quantities if same and q.kind == same[0].kind]
        rest = [q for q in rest if q not in same]
        if partner.kind == quantity.kind or not same or not rest:
            continue
        to_partner = min(_gap(q, s, sentence.text) for q in own for s in same)
        if to_partner > min(
            _gap(q, s, sentence.text) for q in own for s in rest
        ) and to_partner > min(_gap(q, s, sentence.text) for q in others for s in same):
            return True
    return False


def _beside(quantity: Quantity, claim: Claim) -> set[str]:
    """The words of content that stand nearest to a number of the statement."""
    words = [
        token
        for token in claim.tokens
        if token.stem not in FUNCTION_STEMS
        and token.stem not in CHINESE_PARTICLES
        and not any(q.start <= token.start < q.end for q in claim.quantities)
    ]
    words.sort(key=lambda token: _gap(token, quantity, claim.text))
    return {token.stem for token in words[: 4 if words and words[0].is_cjk else 2]}


def _is_shared(token: Token, claim: Claim, sentence: Sentence) -> bool:
    """Whether the statement holds the word too, and it is no part of a number."""
    if token.is_cjk:
        pair = sentence.text[token.start : token.start + 2]
        return len(pair) == 2 and pair in claim.terms.places
    return (
        token.stem in claim.terms.places
        and token.stem not in FUNCTION_STEMS
        and not any(q.start <= token.start < q.end for q in sentence.quantities)
    )


def _gap_to(token: Token, quantities: list[Quantity], sentence: Sentence) -> int:
    return min(_gap(token, quantity, sentence.text) for quantity in quantities)


def _gap(one: Token | Quantity, other: Quantity, text: str) -> int:
    """Characters between the two; more where a separator stands between."""
    start, end = min(one.end, other.end), max(one.start, other.start)
    between = text[start:end]
    return len(between) + _SEPARATOR_CHARS * len(_SEPARATOR.findall(between))
