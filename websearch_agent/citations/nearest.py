"""Finds the sentences of the sources that come nearest to a statement."""

from collections.abc import Sequence
from dataclasses import dataclass

from websearch_agent.citations.claims import Claim
from websearch_agent.citations.windows import IndexedSource, Sentence, neighbours

WINDOW_SENTENCES = 3
# What a title or a passage's first sentence names, its other sentences often call "it".
_CONTEXT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Nearest:
    """All sentences, which terms each holds, and the places of the nearest ones.

    `window`: the neighbours that hold most; `best`: the one of them that holds most; `around`: the
    window and a sentence on each side. `together`: the window's share of the statement's terms.
    """

    sentences: Sequence[Sentence]
    masks: Sequence[int]
    window: range
    best: int
    around: range
    together: float

    def mask(self, places: range) -> int:
        """The terms that the sentences at these places hold together."""
        return union(self.masks, places)


def find_nearest(claim: Claim, sources: Sequence[IndexedSource]) -> Nearest | None:
    """Where most of the statement's terms stand together; None if no sentence holds any."""
    sentences = [sentence for source in sources for sentence in source.sentences]
    masks = [claim.terms.mask(sentence.terms, sentence.offers) for sentence in sentences]
    if not any(masks):
        return None
    contexts = _contexts(claim, sources, masks)
    best_score, window = -1.0, range(0)
    for start in range(len(sentences)):
        # Shorter windows first: of two that hold the same terms, the shorter is the place.
        for count in range(1, WINDOW_SENTENCES + 1):
            places = neighbours(sentences, start, count)
            if len(places) < count:
                break
            score = _score(claim, union(masks, places), contexts[start])
            if score > best_score + 1e-9:
                best_score, window = score, places
    best = max(window, key=lambda place: (claim.share(masks[place]), -place))
    before = neighbours(sentences, max(0, window.start - 1), 2)
    start = before.start if window.start in before else window.start
    around = range(start, neighbours(sentences, window.stop - 1, 2).stop)
    return Nearest(sentences, masks, window, best, around, best_score)


def union(masks: Sequence[int], places: range) -> int:
    """The terms that any of these sentences holds."""
    mask = 0
    for place in places:
        mask |= masks[place]
    return mask


def _score(claim: Claim, mask: int, context: int) -> float:
    with_context = claim.share(mask | context)
    return (1 - _CONTEXT_SHARE) * claim.share(mask) + _CONTEXT_SHARE * with_context


def _contexts(claim: Claim, sources: Sequence[IndexedSource], masks: Sequence[int]) -> list[int]:
    contexts: list[int] = []
    offset = 0
    for source in sources:
        title = claim.terms.mask(source.title_terms, frozenset())
        contexts += [title | masks[offset + sentence.first] for sentence in source.sentences]
        offset += len(source.sentences)
    return contexts
