"""Whether a source says a statement word for word: what an added citation asks for."""

from collections import defaultdict
from collections.abc import Sequence

from websearch_agent.citations.binding import holds_score_reversed
from websearch_agent.citations.claims import Claim
from websearch_agent.citations.nearest import Nearest
from websearch_agent.citations.quantity import is_offered
from websearch_agent.citations.terms import CHINESE_PARTICLES, FUNCTION_STEMS, Token, placed_terms
from websearch_agent.citations.windows import Sentence

_Place = tuple[int, int]


def says_every_word(claim: Claim, nearest: Nearest) -> bool:
    """Whether the nearest sentences hold every word of content, and names and numbers in order.

    The question's words a source need not repeat: it speaks of them ("The default is on."). Words
    cannot tell who did what to whom: "Lindt taught Sommer" holds those of "Sommer taught
    Lindt". Where the order differs the statement may be right, and gets no citation added.
    """
    window = [nearest.sentences[place] for place in nearest.window]
    held = nearest.mask(nearest.window) | (claim.terms.all & ~claim.new)
    asked = set(claim.question)
    characters = {char for sentence in window for char in sentence.text}
    for token in claim.tokens:
        if token.is_cjk:
            is_held = token.stem in CHINESE_PARTICLES or token.stem in characters | asked
        else:
            place = claim.terms.places.get(token.stem)
            is_held = token.stem in FUNCTION_STEMS or place is None or bool(held >> place & 1)
        if not is_held and not _is_part_of_number(token, claim):
            return False
    if any(holds_score_reversed(claim, sentence) for sentence in window):
        return False
    return all(_is_in_order(places) for places in _places_by_kind(claim, window).values())


def _is_part_of_number(token: Token, claim: Claim) -> bool:
    """Numbers are compared by value; their words may differ."""
    return any(q.start <= token.start < q.end for q in claim.quantities)


def _places_by_kind(claim: Claim, window: Sequence[Sentence]) -> dict[str, list[_Place]]:
    """Where the source holds the statement's names, and its numbers by kind, in its order.

    What it holds twice has no place. Chinese names look like any words: pairs of characters.
    """
    found: dict[str, list[_Place]] = defaultdict(list)
    for token in claim.tokens:
        if (
            token.is_name
            and token.stem not in FUNCTION_STEMS
            and not _is_part_of_number(token, claim)
        ):
            found["name"] += _only_place(token.stem, window)
    for pair, _, _ in placed_terms(claim.tokens):
        if len(pair) == 2 and pair >= "\u3005" and not CHINESE_PARTICLES & set(pair):
            found["pair"] += _only_place(pair, window)
    for quantity in claim.quantities:
        places = [
            (number, said.start)
            for number, sentence in enumerate(window)
            for said in sentence.quantities
            if is_offered(quantity, said.offers)
        ]
        found[quantity.kind] += places if len(places) == 1 else []
    return found


def _only_place(term: str, window: Sequence[Sentence]) -> list[_Place]:
    places = [
        (number, start)
        for number, sentence in enumerate(window)
        for said, start in sentence.placed
        if said == term
    ]
    return places if len(places) == 1 else []


def _is_in_order(places: list[_Place]) -> bool:
    return places == sorted(places)
