"""Names of a statement that the sources do not hold, or hold otherwise: GPT-3 for GPT-4."""

import re
from collections.abc import Iterator

from websearch_agent.citations.claims import Claim
from websearch_agent.citations.nearest import Nearest
from websearch_agent.citations.quantity import Quantity
from websearch_agent.citations.terms import FUNCTION_STEMS, Token
from websearch_agent.citations.windows import Sentence

# Words with the same first letters may be one name: Bavaria, Bavarian.
_SAME_BEGINNING = 4
_TITLE_WORDS = "mr mrs ms dr prof professor president minister king queen sir saint st"
_TITLES = frozenset(_TITLE_WORDS.split())
_DESIGNATION = re.compile(
    r"(?<![\w.-])(?:(?P<letters>[A-Za-z]{1,20})-?(?P<digits>\d{1,5}(?:\.\d{1,4}){0,3}[A-Za-z]{0,3})"
    r"|(?P<version>\d{1,3}(?:\.\d{1,3}){2,3}))(?![\w-]|\.\d)"
)


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
    groups = _side_by_side(claim)
    absent = [
        names
        for names in groups
        if all(name.stem[:_SAME_BEGINNING] not in beginnings for name in names)
    ]
    namesakes = [names for names in groups if _is_namesake(names, beginnings, nearest)]
    others = any(
        token.is_name and token.stem not in claim.terms.places and token.stem not in FUNCTION_STEMS
        for token in nearest.sentences[nearest.best].tokens[1:]
    )
    chosen = [*absent, *namesakes] if others else namesakes
    return tuple(claim.text[names[0].start : names[-1].end] for names in chosen)


def differing_designations(claim: Claim, nearest: Nearest) -> tuple[str, ...]:
    """Names with digits that no sentence holds, while one near has other digits: A320, A380."""
    stated = list(_designations(claim.text, claim.quantities))
    if not stated:
        return ()
    said = {
        key: text
        for sentence in nearest.sentences
        for key, text in _designations(sentence.text, sentence.quantities)
    }
    near = {
        key
        for place in nearest.around
        for key, _ in _designations(
            nearest.sentences[place].text, nearest.sentences[place].quantities
        )
    }
    letters = {letters for letters, _ in near}
    return tuple(text for key, text in stated if key not in said and key[0] in letters)


def _designations(
    text: str, quantities: tuple[Quantity, ...]
) -> Iterator[tuple[tuple[str, str], str]]:
    for match in _DESIGNATION.finditer(text):
        if not any(q.start < match.end() and match.start() < q.end for q in quantities):
            letters, digits = match["letters"] or "", match["digits"] or match["version"]
            yield (letters.lower(), digits.lower()), match[0]


def _is_namesake(names: list[Token], beginnings: set[str], nearest: Nearest) -> bool:
    """Whether the first of two names is in no sentence, and the nearest gives another to the last.

    "Jane Smith" over "John Smith"; not "Jane Smith" over "Dr Smith" or "J. Smith".
    """
    if len(names) < 2 or names[0].stem[:_SAME_BEGINNING] in beginnings:
        return False
    best = nearest.sentences[nearest.best]
    return any(_is_another(first, last, names) for first, last in _pairs(best))


def _pairs(sentence: Sentence) -> Iterator[tuple[Token, Token]]:
    for first, last in zip(sentence.tokens, sentence.tokens[1:], strict=False):
        if sentence.text[first.end : last.start] == " ":
            yield first, last


def _is_another(first: Token, last: Token, names: list[Token]) -> bool:
    return (
        first.is_name
        and last.stem == names[-1].stem
        and first.stem not in FUNCTION_STEMS
        and first.stem not in _TITLES
        and len(first.stem) > 1
    )


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
