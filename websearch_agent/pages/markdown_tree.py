"""HTML elements → blocks of Markdown, without what `find_main_content` left out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from lxml.html import HtmlElement  # type: ignore[import-untyped]

from websearch_agent.pages.content_finder import MainContent
from websearch_agent.pages.page_measures import HEADINGS, INLINE

BlockKind = Literal["heading", "text", "list", "table", "code", "terms", "gap"]

_BLOCK_TAGS = (
    *("p", "div", "pre", "table", "ul", "ol", "dl", "blockquote", "section", "article"),
    *HEADINGS,
)
_MENU_TAGS = frozenset({"ul", "ol", "table", "div", "section", "p", "article", "center"})
_MARKS = {"code": "`", "kbd": "`", "samp": "`", "tt": "`", "b": "**", "strong": "**"}
_SPACE = re.compile(r"[ \t\r\n\xa0]+")
_LINE_BREAK = "\x00"
# Of an element that is mostly links, nothing can be cited: a menu or a table of contents.
_MAX_LINK_SHARE = 0.7
_MAX_LINK_SHARE_OF_LIST = 0.6
_MAX_LINK_SHARE_OF_SHORT_LIST = 0.8
_MAX_LINK_SHARE_OF_TABLE = 0.8
_MAX_LINK_SHARE_OF_DATA = 0.95
_MIN_LINKS = 3
_MIN_LINKS_OF_LONG_LIST = 4
# A few rows with so much text in a cell lay out a page.
_MAX_CELL_CHARS = 800
_MAX_LAYOUT_ROWS = 3
# A row of 100,000 cells must not widen all others.
_MAX_PADDED_CELLS = 50


@dataclass(frozen=True, slots=True)
class Block:
    """One block of Markdown. A `gap` has none: links stood there that were left out.

    `linked`: how many of its `chars` are links; `link_last`: it ends in one; `level`: of headings.
    """

    markdown: str
    kind: BlockKind
    chars: int = 0
    linked: int = 0
    link_last: bool = False
    level: int = 0


_GAP = Block("", "gap")


@dataclass(slots=True)
class _Line:
    """The pieces of one paragraph while they are collected."""

    pieces: list[str] = field(default_factory=list)
    linked: int = 0
    link_last: bool = False

    def add(self, text: str | None) -> None:
        if text:
            self.pieces.append(text)
            if not text.isspace():
                self.link_last = False

    def text(self) -> str:
        lines = (_SPACE.sub(" ", line).strip() for line in "".join(self.pieces).split(_LINE_BREAK))
        # Two strong words side by side are one.
        return "\n".join(line for line in lines if line).replace("****", "")


class MarkdownWriter:
    """Renders elements of one page; `keep_menus`: also those that hold mostly links."""

    def __init__(self, content: MainContent, *, keep_menus: bool = False) -> None:
        self._excluded = content.excluded
        self._measures = content.measures
        self._keep_menus = keep_menus

    def blocks(self, container: HtmlElement) -> list[Block]:
        """The blocks in a container, in order."""
        found: list[Block] = []
        self._add_content(container, found)
        return found

    def blocks_of(self, element: HtmlElement) -> list[Block]:
        """The blocks of an element that may be a heading, a list or a paragraph itself."""
        found: list[Block] = []
        if element.tag in INLINE and not _holds_blocks(element):
            line = _Line()
            self._add_inline(element, line)
            _end_line(line, found)
        else:
            self._add_block(element, found)
        return found

    def _inner(self, element: HtmlElement) -> list[Block]:
        return [block for block in self.blocks(element) if block.kind != "gap"]

    def _add_content(self, element: HtmlElement, found: list[Block]) -> None:
        line = _Line()
        line.add(element.text)
        for child in element:
            is_inline = child.tag in INLINE
            if child in self._excluded:
                if not is_inline and self._measures[child].links:
                    _end_line(line, found)
                    line = _Line()
                    found.append(_GAP)
            elif is_inline and not _holds_blocks(child):
                self._add_inline(child, line)
            else:
                _end_line(line, found)
                line = _Line()
                self._add_block(child, found)
            line.add(child.tail)
        _end_line(line, found)

    def _add_block(self, element: HtmlElement, found: list[Block]) -> None:
        tag = element.tag
        if tag in HEADINGS:
            self._add_heading(element, found)
        elif tag == "pre":
            if code := (element.text_content() or "").strip("\n"):
                found.append(Block(f"```\n{code}\n```", "code", len(code)))
        elif tag in _MENU_TAGS and self._is_menu(element):
            found.append(_GAP)
        elif tag in ("ul", "ol"):
            self._add_list(element, found)
        elif tag == "dl":
            self._add_terms(element, found)
        elif tag == "table":
            self._add_table(element, found)
        elif tag == "blockquote":
            self._add_quote(element, found)
        else:
            self._add_content(element, found)

    def _is_menu(self, element: HtmlElement) -> bool:
        measure = self._measures[element]
        if self._keep_menus or not measure.links or not measure.chars:
            return False
        share = measure.linked / measure.chars
        if element.tag in ("ul", "ol"):
            is_long = measure.links >= _MIN_LINKS_OF_LONG_LIST
            most = _MAX_LINK_SHARE_OF_LIST if is_long else _MAX_LINK_SHARE_OF_SHORT_LIST
            return measure.links > 1 and share > most
        if element.tag == "table":
            has_head = next(element.iter("th", "caption"), None) is not None
            most = _MAX_LINK_SHARE_OF_DATA if has_head else _MAX_LINK_SHARE_OF_TABLE
            return measure.links >= _MIN_LINKS_OF_LONG_LIST and share > most
        return measure.links >= _MIN_LINKS and share > _MAX_LINK_SHARE

    def _add_heading(self, element: HtmlElement, found: list[Block]) -> None:
        line = _Line()
        self._add_inline(element, line)
        title = line.text().replace("\n", " ").replace("**", "")
        if not title:
            return
        parent = element.getparent()
        linked = len(title) if parent is not None and parent.tag == "a" else line.linked
        # A link to the heading itself leads nowhere else.
        if any((link.get("href") or "#").startswith("#") for link in element.iter("a")):
            linked = 0
        level = HEADINGS[element.tag]
        found.append(Block(f"{'#' * level} {title}", "heading", len(title), linked, level=level))

    def _add_inline(self, element: HtmlElement, line: _Line) -> None:
        """Text with code and strong words marked."""
        tag = element.tag
        if tag == "br":
            line.pieces.append(_LINE_BREAK)
            return
        start, linked_before = len(line.pieces), line.linked
        line.add(element.text)
        for child in element:
            if child not in self._excluded:
                self._add_inline(child, line)
            line.add(child.tail)
        if tag == "a" and element.get("href") is not None:
            line.linked = linked_before + sum(len(piece.strip()) for piece in line.pieces[start:])
            line.link_last = True
        elif mark := _MARKS.get(tag):
            text = "".join(line.pieces[start:])
            inner = text.strip()
            if inner and mark[0] not in inner:
                line.pieces[start:] = [text.replace(inner, f"{mark}{inner}{mark}", 1)]

    def _add_list(self, element: HtmlElement, found: list[Block]) -> None:
        items: list[str] = []
        chars = linked = 0
        for item in element:
            if item in self._excluded:
                continue
            blocks = self._inner(item) if item.tag == "li" else self.blocks_of(item)
            content = "\n".join(block.markdown for block in blocks if block.markdown)
            if content:
                sign = f"{len(items) + 1}." if element.tag == "ol" else "-"
                items.append(f"{sign} {content}".replace("\n", "\n  "))
                chars += sum(block.chars for block in blocks)
                linked += sum(block.linked for block in blocks)
        if items:
            found.append(Block("\n".join(items), "list", chars, linked))

    def _add_terms(self, element: HtmlElement, found: list[Block]) -> None:
        """Terms in bold, each in one block with the beginning of what is said of it."""
        terms: list[str] = []
        for part in _terms_of(element):
            if part.tag == "dt":
                line = _Line()
                self._add_inline(part, line)
                term = line.text().replace("\n", " ")
                terms.append(f"**{term}**" if term and "*" not in term else term)
                continue
            blocks = self._inner(part)
            if blocks and blocks[0].kind == "text":
                terms.append(blocks.pop(0).markdown)
            _end_terms(terms, found)
            terms = []
            found += blocks
        _end_terms(terms, found)

    def _add_table(self, element: HtmlElement, found: list[Block]) -> None:
        """A Markdown table; a table of one column, or around other blocks, is only a frame."""
        rows = [
            [cell for cell in row if cell.tag in ("td", "th")]
            for row in _rows_of(element)
            if row not in self._excluded
        ]
        width = max((len(row) for row in rows), default=0)
        if width < 2 or self._is_layout(element, rows):
            for cell in element.iterchildren("caption"):
                self._add_content(cell, found)
            for row in rows:
                for cell in row:
                    self._add_content(cell, found)
            return
        lines = []
        chars = linked = 0
        for row in rows:
            cells = [self._inner(cell) for cell in row]
            chars += sum(block.chars for cell in cells for block in cell)
            linked += sum(block.linked for cell in cells for block in cell)
            if any(cells):
                lines.append(_table_line(cells, width))
        if lines:
            rule = "|" + "---|" * width
            table = "\n".join([lines[0], rule, *lines[1:]])
            found.append(Block(table, "table", chars, linked))

    def _is_layout(self, element: HtmlElement, rows: list[list[HtmlElement]]) -> bool:
        if next(element.iterdescendants("table", "pre", "h1", "h2", "h3"), None) is not None:
            return True
        return len(rows) <= _MAX_LAYOUT_ROWS and any(
            self._measures[cell].chars > _MAX_CELL_CHARS for row in rows for cell in row
        )

    def _add_quote(self, element: HtmlElement, found: list[Block]) -> None:
        for block in self._inner(element):
            if block.kind == "text":
                block = replace(block, markdown="> " + block.markdown.replace("\n", "\n> "))
            found.append(block)


def _end_line(line: _Line, found: list[Block]) -> None:
    if text := line.text():
        found.append(Block(text, "text", len(text), line.linked, line.link_last))


def _end_terms(terms: list[str], found: list[Block]) -> None:
    if text := "\n".join(term for term in terms if term):
        found.append(Block(text, "terms", len(text)))


def _table_line(cells: list[list[Block]], width: int) -> str:
    texts = [" ".join(block.markdown for block in cell) for cell in cells]
    texts = [text.replace("\n", " ").replace("|", "\\|") for text in texts]
    texts += [""] * (min(width, _MAX_PADDED_CELLS) - len(texts))
    return f"| {' | '.join(texts)} |"


def _holds_blocks(element: HtmlElement) -> bool:
    return len(element) > 0 and next(element.iter(*_BLOCK_TAGS), None) is not None


def _terms_of(element: HtmlElement) -> Iterable[HtmlElement]:
    """The terms and definitions of a list; each pair may stand in a `div`."""
    for part in element:
        if part.tag in ("dt", "dd"):
            yield part
        elif part.tag == "div":
            yield from part.iterchildren("dt", "dd")


def _rows_of(element: HtmlElement) -> Iterable[HtmlElement]:
    for part in element:
        if part.tag == "tr":
            yield part
        elif part.tag in ("thead", "tbody", "tfoot"):
            yield from part.iterchildren("tr")
