"""Links that open a source at the very words of a quote.

A page of the web is opened by a text fragment (`#:~:text=first%20words,last%20words`, WICG's
"URL Fragment Text Directives"), a document of the local index by our server's view of it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote as percent_encode

from websearch_agent.types import Passage, Source

WEB_SCHEMES = ("http://", "https://")

# Up to here a quote is looked for as a whole. A longer one by its first and last words: what
# cleaning took out in between (footnote numbers, pictures) would make the whole one miss.
_MAX_WHOLE_WEIGHT = 8.0
_EDGE_WEIGHT = 5.0
_MIN_WEIGHT = 3.0
_PREFIX_WORDS = 3
_MAX_WORD_CHARS = 120
_DIRECTIVE = ":~:"
# Between passages something of the page is missing: no words are taken from across it.
_GAP = "\n\x00\n"

_LINE_OPENING = re.compile(r"(?:\s*(?:>|[-*+•]\s|\d{1,3}[.)]\s))*\s*")
_HEADING = re.compile(r"\s*#{1,6}\s+")
_FENCE_OR_RULE = re.compile(r"\s*(?:(?:`{3,}|~{3,}).*|[-=*_|:\s]*)")
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s\"[^\"\n]*\")?\)")
_IMAGE = re.compile(r"!\[[^\[\]\n]*\]\([^)\n]*\)")
_CODE = re.compile(r"`([^`\n]+)`")
_CELL_END = re.compile(r"(?<!\\)\||\ue000")
# A browser may take a word of Chinese for the whole of its neighbours: cut at punctuation only.
_WORD = re.compile(
    r"[^\s，、。；：！？“”（）《》「」『』…]+[，、。；：！？“”（）《》「」『』…]*|\S"
)
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
# Signs of Markdown that may not be on the page.
_DOUBTFUL = re.compile(r"[*`\[\]<>|\\~]")
_EDGES = ".,;:!?()\"'“”‘’«»…。，、；：！？（）《》「」『』·–—-"


@dataclass(frozen=True, slots=True)
class _Word:
    """A word that surely stands on the page as it is, and which stretch of one block it is in."""

    text: str
    place: int
    stretch: int
    follows_space: bool

    @property
    def key(self) -> str:
        """What a browser compares: it finds "old" also in "Old."."""
        return self.text.strip(_EDGES).casefold()

    @property
    def weight(self) -> float:
        """About how many words of English it is worth."""
        return max(1.0, len(_UNSPACED.findall(self.text)) / 2)


def text_fragment(quote: str, *, page_text: str = "") -> str:
    """The directive `:~:text=…` that leads to the quote, empty if no words of it are sure.

    `quote` is Markdown. `page_text` is what is known of the page: if the quote's first words also
    stand before it there, the words in front of it tell which are meant.
    """
    words = list(_sure_words(quote))
    if not words:
        return ""
    stretches = [list(group) for _, group in groupby(words, key=lambda word: word.stretch)]
    if len(stretches) == 1 and _weigh(words) <= _MAX_WHOLE_WEIGHT:
        start, end = words, []
    else:
        start = _edge(_first_heavy(stretches))
        end = _edge(_first_heavy(stretches[::-1])[::-1])[::-1]
        if end[0].place <= start[-1].place:
            start, end = _first_heavy(stretches), []
    # Words that stand there twice, its longest one does too: most often none must be looked at.
    longest = max((word.key for word in start), key=len)
    is_repeated = page_text.casefold().count(longest) > 1
    prefix = _words_before(words, start, list(_sure_words(page_text))) if is_repeated else []
    # Between a prefix and the words behind it nothing may be left out, no full stop either.
    texts = [_join(prefix).lstrip(_EDGES), _join(start).strip(_EDGES), _join(end).strip(_EDGES)]
    if prefix:
        texts[1] = _join(start).rstrip(_EDGES)
    if not texts[1] or (end and not texts[2]):
        return ""
    before, first, last = (_encode(text) for text in texts)
    return f"{_DIRECTIVE}text={before and before + '-,'}{first}{last and ',' + last}"


def link_to_words(url: str, quote: str, *, page_text: str = "") -> str:
    """The page's address with the quote's text fragment; its own `#fragment` stays in front.

    Only the address where no words of the quote are sure; empty if it is no address of the web.
    """
    if not url.lower().startswith(WEB_SCHEMES):
        return ""
    address = url.partition(_DIRECTIVE)[0].removesuffix("#")
    fragment = text_fragment(quote, page_text=page_text)
    if not fragment:
        return address
    return f"{address}{'' if '#' in address else '#'}{fragment}"


def document_link(document_id: str, start_index: int | None = None, end_index: int = 0) -> str:
    """The path of our server's view of a local document, at a part of its text."""
    path = f"/documents/{percent_encode(document_id, safe='', errors='replace')}"
    if start_index is None:
        return path
    return f"{path}?start={start_index}&end={end_index}#passage"


def source_link(source: Source) -> str:
    """Where the source as a whole is opened; empty if it cannot be."""
    if source.kind != "page" and source.document_id is not None:
        return document_link(source.document_id)
    return link_to_words(source.url, "")


def quote_link(source: Source, quote: str) -> str:
    """Where the source is opened at these words, which stand in one of its passages.

    A source of which only a snippet was read is opened at its top: nobody knows that the snippet's
    words are on the page.
    """
    if source.kind != "page" and source.document_id is not None:
        for passage in source.passages:
            at = passage.text.find(quote)
            if quote and at >= 0:
                start = passage.start_index + at
                return document_link(source.document_id, start, start + len(quote))
    if source.kind != "page" or not quote:
        return source_link(source)
    page_text = _GAP.join(passage.text for passage in source.passages)
    return link_to_words(source.url, quote, page_text=page_text)


def passage_link(source: Source, passage: Passage) -> str:
    """Where the source is opened at this passage of it."""
    if source.kind != "page" and source.document_id is not None:
        return document_link(source.document_id, passage.start_index, passage.end_index)
    if source.kind != "page":
        return source_link(source)
    return link_to_words(source.url, passage.text)


# ---- choosing words --------------------------------------------------------------------------


def _sure_words(markdown: str) -> Iterator[_Word]:
    """The words without Markdown; where something doubtful stood, the next stretch begins.

    Headings count only if there is nothing else: a table of contents has them too.
    """
    lines = [line for line in markdown.splitlines() if not _FENCE_OR_RULE.fullmatch(line)]
    if any(line.strip() and not _HEADING.match(line) for line in lines):
        lines = [line for line in lines if not _HEADING.match(line)]
    stretch = place = 0
    for line in lines:
        plain = _HEADING.sub("", line[_LINE_OPENING.match(line).end() :])  # type: ignore[union-attr]
        for cell in _CELL_END.split(_without_signs(plain)):
            stretch += 1
            for match in _WORD.finditer(cell):
                if _is_doubtful(match[0]):
                    stretch += 1
                    continue
                follows_space = match.start() > 0 and cell[match.start() - 1].isspace()
                yield _Word(match[0], place, stretch, follows_space)
                place += 1


def _without_signs(line: str) -> str:
    """The line without links, code and bold signs; an image leaves the sign of a cell's end."""
    line = _LINK.sub(r"\1", _IMAGE.sub("\ue000", line.replace("\ue000", " ")))
    return _CODE.sub(r"\1", line.replace("**", ""))


def _is_doubtful(word: str) -> bool:
    # Characters that nobody sees, and half ones, are not printable.
    return len(word) > _MAX_WORD_CHARS or not word.isprintable() or bool(_DOUBTFUL.search(word))


def _first_heavy(stretches: Sequence[list[_Word]]) -> list[_Word]:
    """The first stretch that is long enough to be found by, or the longest."""
    heavy = (words for words in stretches if _weigh(words) >= _MIN_WEIGHT)
    return next(heavy, None) or max(stretches, key=_weigh)


def _edge(words: Sequence[_Word]) -> list[_Word]:
    """As many words from the beginning as are enough."""
    taken: list[_Word] = []
    for word in words:
        if _weigh(taken) >= _EDGE_WEIGHT:
            break
        taken.append(word)
    return taken


def _weigh(words: Sequence[_Word]) -> float:
    return sum(word.weight for word in words)


def _words_before(
    quote: Sequence[_Word], start: Sequence[_Word], page: Sequence[_Word]
) -> list[_Word]:
    """The words in front of the quote on the page, if its `start` stands there earlier too."""
    quote_at = _find([word.text for word in page], [word.text for word in quote])
    start_at = _find([word.key for word in page], [word.key for word in start])
    if quote_at is None or start_at is None:
        return []
    place = quote_at + start[0].place
    if start_at >= place:
        return []
    # From the same block or the one before it: further away something may stand in between.
    near = page[max(0, place - _PREFIX_WORDS) : place]
    return [word for word in near if page[place].stretch - word.stretch <= 1]


def _find(texts: list[str], wanted: list[str]) -> int | None:
    starts = (i for i, text in enumerate(texts) if text == wanted[0])
    return next((i for i in starts if texts[i : i + len(wanted)] == wanted), None)


def _join(words: Sequence[_Word]) -> str:
    spaced = (f" {word.text}" if word.follows_space else word.text for word in words)
    return "".join(spaced).strip()


def _encode(text: str) -> str:
    """Percent-encoded, also the signs that mean something in a text directive: `-`, `,`, `&`."""
    return percent_encode(text, safe="").replace("-", "%2D")
