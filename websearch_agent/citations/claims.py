"""A statement taken apart for checking: its terms and their weights, numbers, names, clauses."""

import re
from dataclasses import dataclass

from websearch_agent.citations.dates import MONTHS
from websearch_agent.citations.numbers import find_quantities
from websearch_agent.citations.quantity import Quantity, is_offered, offers_of
from websearch_agent.citations.terms import (
    FUNCTION_STEMS,
    Token,
    placed_terms,
    term_weight,
    tokens_of,
)

# Nobody says more in one statement; hostile text must not take quadratic time.
MAX_STATEMENT_CHARS = 2000
_MARKER = re.compile(r"\[\^?\d{1,4}(?:\s{0,2}[,，、–-]\s{0,2}\d{1,4}){0,20}\]")
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
# Of underscores only those around a word: wal_level is one name.
_DECORATION = re.compile(r"[*`#]+|(?<![^\W_])_+|_+(?![^\W_])")


@dataclass(frozen=True, slots=True)
class WeightedTerms:
    """The terms of a text, numbered. Sets of them are bit masks: windows of sentences add up fast.

    `numbers`: its numbers and dates, each with the mask of the terms that it is written with.
    """

    places: dict[str, int]
    weights: tuple[float, ...]
    numbers: tuple[tuple[Quantity, int], ...]

    @property
    def all(self) -> int:
        """The mask of all terms."""
        return (1 << len(self.weights)) - 1

    def mask(self, terms: frozenset[str], offers: frozenset[tuple[str, float]]) -> int:
        """Which terms are among these; those of a number also if it is offered in another form."""
        mask = 0
        for term in self.places.keys() & terms:
            mask |= 1 << self.places[term]
        for quantity, written in self.numbers if offers else ():
            if written & ~mask and is_offered(quantity, offers):
                mask |= written
        return mask

    def share(self, mask: int, among: int = -1) -> float:
        """Weight of the terms in the mask as a share of those `among`; 1.0 if these are none."""
        total = self.weight(among & self.all)
        return self.weight(mask & among) / total if total else 1.0

    def weight(self, mask: int) -> float:
        """Sum of the weights of the terms in the mask."""
        total = 0.0
        while mask:
            lowest = mask & -mask
            total += self.weights[lowest.bit_length() - 1]
            mask ^= lowest
        return total


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement and the question that it answers.

    `new`: the mask of the terms that the question does not hold: what it says of its own.
    """

    text: str
    question: str
    tokens: tuple[Token, ...]
    terms: WeightedTerms
    asked: WeightedTerms
    new: int
    names: tuple[Token, ...]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The statement's numbers and dates."""
        return tuple(quantity for quantity, _ in self.terms.numbers)

    def share(self, mask: int, among: int = -1) -> float:
        """Weight of the statement's terms in the mask as a share of those `among`."""
        return self.terms.share(mask, among)

    def weight_of_token(self, stem: str) -> float:
        """Weight of a word or Chinese character in the statement; 0.0 if it does not hold it."""
        if len(stem) == 1 and stem >= "\u3005":
            return 1.0 if stem in self.text else 0.0
        number = self.terms.places.get(stem)
        return 0.0 if number is None else self.terms.weights[number]


def parse_claim(statement: str, question: str) -> Claim:
    """Take a statement apart. Markers, code blocks and Markdown's signs are no part of it."""
    text = _CODE.sub(" ", statement)
    text = _DECORATION.sub("", _MARKER.sub("", text)).strip()[:MAX_STATEMENT_CHARS]
    tokens = tuple(tokens_of(text))
    terms = _weighted(text, tokens)
    question = question[:MAX_STATEMENT_CHARS]
    asked = _weighted(question, tuple(tokens_of(question)))
    offers = offers_of(quantity for quantity, _ in asked.numbers)
    new = terms.all & ~terms.mask(frozenset(asked.places), offers)
    # Any first word has a capital; one right before another name is a name: "Jane Smith".
    begins_with_name = (
        len(tokens) > 1 and _is_name(tokens[1], text) and tokens[1].start == tokens[0].end + 1
    )
    named = tokens if begins_with_name else tokens[1:]
    names = tuple(token for token in named if _is_name(token, text))
    return Claim(text, question, tokens, terms, asked, new, names)


def _weighted(text: str, tokens: tuple[Token, ...]) -> WeightedTerms:
    placed = list(placed_terms(tokens))
    places = {term: n for n, term in enumerate(dict.fromkeys(term for term, _, _ in placed))}
    numbers = []
    ahead = 0
    for quantity in find_quantities(text):
        while ahead < len(placed) and placed[ahead][2] <= quantity.start:
            ahead += 1
        written, place = 0, ahead
        while place < len(placed) and placed[place][1] < quantity.end:
            written |= 1 << places[placed[place][0]]
            place += 1
        numbers.append((quantity, written))
    return WeightedTerms(places, tuple(map(term_weight, places)), tuple(numbers))


def _is_name(token: Token, text: str) -> bool:
    is_month = text[token.start : token.end].lower() in MONTHS
    return token.is_name and not is_month and token.stem not in FUNCTION_STEMS
