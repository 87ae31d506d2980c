"""Chooses the words of a passage that say a statement best: a highlight, a text-fragment link."""

from collections.abc import Mapping

from websearch_agent.citations.claims import Claim
from websearch_agent.citations.nearest import Nearest
from websearch_agent.citations.windows import IndexedSource, Sentence

MAX_QUOTE_CHARS = 300
# Below this share of a statement's terms, a sentence merely speaks of its subject.
_MIN_SHARE = 0.25
# A neighbouring sentence belongs to the quote if it adds this share.
_MIN_GAIN = 0.35


def choose_quote(claim: Claim, nearest: Nearest, sources: Mapping[int, IndexedSource]) -> str:
    """The nearest sentence, with a neighbour that adds to it; empty if none is near.

    Verbatim text of one passage, in one line, at most 300 characters.
    """
    best = nearest.sentences[nearest.best]
    share = claim.share(nearest.masks[nearest.best])
    if nearest.together < _MIN_SHARE:
        return ""
    text = sources[best.source_number].passages[best.passage]
    if len(best.text) > MAX_QUOTE_CHARS:
        return _densest_part(claim, best)
    chosen, gain = best.text, _MIN_GAIN
    for place in (nearest.best - 1, nearest.best + 1):
        if place not in nearest.window:
            continue
        other = nearest.sentences[place]
        both = text[min(best.start, other.start) : max(best.end, other.end)]
        added = claim.share(nearest.masks[place] | nearest.masks[nearest.best]) - share
        if added >= gain and len(both) <= MAX_QUOTE_CHARS and "\n" not in both:
            chosen, gain = both, added
    return chosen


def _densest_part(claim: Claim, sentence: Sentence) -> str:
    """The stretch of a long sentence that holds most of the statement's words."""
    hits = [
        (token.start, token.end, claim.weight_of_token(token.stem))
        for token in sentence.tokens
        if claim.weight_of_token(token.stem)
    ]
    best, bounds, first, held = -1.0, (0, 0), 0, 0.0
    for _, end, weight in hits:
        held += weight
        while first < len(hits) and end - hits[first][0] > MAX_QUOTE_CHARS:
            held -= hits[first][2]
            first += 1
        if held > best and first < len(hits):
            best, bounds = held, (hits[first][0], end)
    return _widened(sentence, *bounds)


def _widened(sentence: Sentence, start: int, end: int) -> str:
    """The stretch with whole words added on both sides, as many as fit."""
    room = (MAX_QUOTE_CHARS - (end - start)) // 2
    starts = [token.start for token in sentence.tokens if start - room <= token.start <= start]
    ends = [token.end for token in sentence.tokens if end <= token.end <= end + room]
    return sentence.text[min(starts, default=start) : max(ends, default=end)]
