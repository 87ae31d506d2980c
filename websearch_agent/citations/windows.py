"""Cuts sources into sentences and finds where the words of a statement stand together."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from websearch_agent.citations.numbers import find_quantities
from websearch_agent.citations.quantity import Quantity, offers_of
from websearch_agent.citations.sentences import SENTENCE_END
from websearch_agent.citations.terms import (
    Token,
    chinese_share,
    placed_terms,
    terms_of,
    tokens_of,
)
from websearch_agent.types import Source

# A page without full stops is cut anyway: a "sentence" of a page's length would hold all words.
MAX_SENTENCE_CHARS = 400
MAX_ADDRESS_CHARS = 500
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence or line of a passage: `text` is `passage.text[start:end]`.

    `passage` and `first` are places in the source: the passage, and the passage's first sentence.
    `placed`: its terms with their starts in `text`; `offers`: what its numbers and dates say.
    """

    source_number: int
    passage: int
    first: int
    start: int
    end: int
    text: str
    tokens: tuple[Token, ...]
    placed: tuple[tuple[str, int], ...]
    terms: frozenset[str]
    quantities: tuple[Quantity, ...]
    offers: frozenset[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class IndexedSource:
    """A source's sentences in order, the texts of its passages, the terms of title and headings.

    `address_terms`: of its web address, which often names what the page need not repeat.
    `chinese_share`: of its words, how many are Chinese characters.
    """

    number: int
    passages: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    title_terms: frozenset[str]
    address_terms: frozenset[str]
    chinese_share: float


def index_source(source: Source) -> IndexedSource:
    """Count a source once, for any number of statements."""
    sentences: list[Sentence] = []
    for number, passage in enumerate(source.passages):
        first = len(sentences)
        for start, end in sentence_spans(passage.text):
            text = passage.text[start:end]
            tokens, quantities = tuple(tokens_of(text)), tuple(find_quantities(text))
            placed = tuple((term, place) for term, place, _ in placed_terms(tokens))
            sentences.append(
                Sentence(
                    source_number=source.number,
                    passage=number,
                    first=first,
                    start=start,
                    end=end,
                    text=text,
                    tokens=tokens,
                    placed=placed,
                    terms=frozenset(term for term, _ in placed),
                    quantities=quantities,
                    offers=offers_of(quantities),
                )
            )
    headings = " ".join(dict.fromkeys(passage.heading for passage in source.passages))
    return IndexedSource(
        source.number,
        tuple(passage.text for passage in source.passages),
        tuple(sentences),
        terms_of(f"{source.title} {headings}"),
        terms_of(_NO_WORD.sub(" ", source.url[:MAX_ADDRESS_CHARS])),
        chinese_share([token for sentence in sentences for token in sentence.tokens]),
    )


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence or line, trimmed; none is empty or longer than the most."""
    offset = 0
    for line in text.splitlines(keepends=True):
        start = 0
        for match in SENTENCE_END.finditer(line):
            yield from _pieces(text, offset + start, offset + match.end())
            start = match.end()
        yield from _pieces(text, offset + start, offset + len(line))
        offset += len(line)


def neighbours(sentences: Sequence[Sentence], start: int, count: int) -> range:
    """Places of `count` sentences from `start` on, fewer at the end of its passage."""
    end = start + 1
    while (
        end < min(start + count, len(sentences))
        and sentences[end].passage == sentences[start].passage
        and sentences[end].source_number == sentences[start].source_number
    ):
        end += 1
    return range(start, end)


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_SENTENCE_CHARS:
        cut = start + MAX_SENTENCE_CHARS
        breaks = [text.rfind(mark, start + MAX_SENTENCE_CHARS // 2, cut) for mark in " ,，、|"]
        cut = max(*breaks, -1) + 1 or cut
        yield from _trimmed(text, start, cut)
        start = cut
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    if re.search(r"\w", piece):
        lead = len(piece) - len(piece.lstrip())
        yield start + lead, start + len(piece.rstrip())
