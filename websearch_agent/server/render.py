"""Markdown of a model or a page as HTML that is safe to put into our page.

Two walls: markdown-it with raw HTML off (`markdown_parser.py`), then nh3 with short lists
(`safe_html.py`). No character is left that nobody sees or that turns the direction of the words
around it. A top-level block is rendered from its own part of the text, with the marks of the
statements within it: it looks the same whether the whole text is rendered or only what is new.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from markdown_it.token import Token

from websearch_agent.citations.anchors import source_link
from websearch_agent.invisible_text import visible_text
from websearch_agent.server.markdown_parser import markdown_parser
from websearch_agent.server.maths import UNDECIDED_LINE
from websearch_agent.server.safe_html import clean_html
from websearch_agent.server.statement_marks import (
    mark_statements,
    sign_statements,
    statements_to_show,
    without_signs,
)
from websearch_agent.server.wire import replace_half_characters
from websearch_agent.types import Answer, Source, Statement

_LINE_BREAK = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class BlockChange:
    """The block at `index` looks like `html` now; empty if there is no such block any more."""

    index: int
    html: str


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block: `text[start:end]` of the whole text, up to where the next one starts.

    `html` is without marks of statements.
    """

    start: int
    end: int
    html: str


def source_address(source: Source) -> str | None:
    """Where a click on the source leads: its page, or our view of the local document.

    None if it cannot be opened, or a person could be wrong about where it leads.
    """
    address = source_link(source)
    return address if address.startswith("/") or is_plain_web_address(address) else None


def is_plain_web_address(url: str) -> bool:
    """Whether it leads over HTTP to the host that a reader sees in it.

    Not so with user-info (`https://bank.example@other.example`), with a backslash, which browsers
    take for a slash, and with what browsers leave out: line breaks, tabs, invisible characters.
    """
    if "\\" in url or visible_text(url).split() != [url]:
        return False
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        return False


def render_blocks(
    text: str, *, sources: Sequence[Source] = (), statements: Sequence[Statement] = ()
) -> list[str]:
    """Safe HTML of each top-level block, in order. `[n]` of a source becomes a link to it.

    `statements` are those of this text: the checked ones among them are marked.
    """
    text = _without_our_characters(text)
    sources_env = _sources_env(sources)
    blocks, _ = _read_blocks(text, 0, sources_env)
    return [
        _mark_block(text, block, within, sources_env)
        for block, within in _with_statements(blocks, statements)
    ]


def render_html(text: str, *, sources: Sequence[Source] = ()) -> str:
    return "\n".join(render_blocks(text, sources=sources))


def render_answer(answer: Answer) -> str:
    blocks = render_blocks(answer.text, sources=answer.sources, statements=answer.statements)
    return "\n".join(blocks)


# ---- a text that grows -----------------------------------------------------------------------


@dataclass
class IncrementalRenderer:
    """Renders a growing text again and again, and tells only what changed since last time.

    After each step all blocks look as `render_blocks` of the text so far makes them. Blocks that
    more text cannot change are read once; a statement in one of them renders that block again.
    """

    sources: tuple[Source, ...] = ()
    statements: tuple[Statement, ...] = ()
    _settled: list[Block] = field(default_factory=list)
    _settled_text: str = ""
    _settled_sources: tuple[Source, ...] = ()
    # The marked HTML of the blocks and what it was made from.
    _marked: dict[tuple[Block, tuple[Statement, ...]], str] = field(default_factory=dict)
    _shown: list[str] = field(default_factory=list)

    def render_changes(self, text: str) -> list[BlockChange]:
        blocks = self._render_all(_without_our_characters(text))
        # More text can melt two blocks into one: "- a" + "---" is a list and a rule until
        # "--- b" makes it one list.
        gone = [""] * (len(self._shown) - len(blocks))
        changes = [
            BlockChange(index, html)
            for index, html in enumerate(blocks + gone)
            if index >= len(self._shown) or self._shown[index] != html
        ]
        self._shown = blocks
        return changes

    def restart(self) -> None:
        """What was shown has been taken away from the page."""
        self._forget_settled()
        self._shown, self.statements, self._marked = [], (), {}

    def _render_all(self, text: str) -> list[str]:
        if self._settled_sources != self.sources or not text.startswith(self._settled_text):
            self._forget_settled()
        sources_env = _sources_env(self.sources)
        growing, settled_count = _read_blocks(text, len(self._settled_text), sources_env)
        made, self._marked = self._marked, {}
        for block, within in _with_statements([*self._settled, *growing], self.statements):
            html = made.get((block, within))
            if html is None:
                html = _mark_block(text, block, within, sources_env)
            self._marked[block, within] = html
        self._settled += growing[:settled_count]
        if settled_count:
            self._settled_text = text[: self._settled[-1].end]
        return list(self._marked.values())

    def _forget_settled(self) -> None:
        self._settled, self._settled_text = [], ""
        self._settled_sources = self.sources


# ---- blocks ----------------------------------------------------------------------------------


def _without_our_characters(text: str) -> str:
    return without_signs(replace_half_characters(text))


def _sources_env(sources: Sequence[Source]) -> dict[str, Any]:
    return {
        "numbers": frozenset(source.number for source in sources),
        "addresses": {source.url: source_address(source) for source in sources},
    }


def _read_blocks(text: str, start: int, sources_env: Mapping[str, Any]) -> tuple[list[Block], int]:
    """The blocks from `start` on, where one must begin; and how many of them are settled."""
    tail = text[start:]
    markdown, env = markdown_parser(), dict(sources_env)
    token_blocks = list(split_blocks(markdown.parse(tail, env)))
    line_starts = [0, *(found.end() for found in _LINE_BREAK.finditer(tail))]
    first_lines = [tokens[0].map[0] if tokens[0].map else 0 for tokens in token_blocks]
    # Empty lines before the first block are part of it.
    starts = [0, *(line_starts[line] for line in first_lines[1:]), len(tail)]
    blocks = [
        Block(
            start + starts[index],
            start + starts[index + 1],
            clean_html(markdown.renderer.render(tokens, markdown.options, env)),
        )
        for index, tokens in enumerate(token_blocks)
    ]
    undecided = env.get(UNDECIDED_LINE, len(line_starts))
    return blocks, _count_settled(first_lines, len(line_starts) - 1, undecided)


def _count_settled(first_lines: Sequence[int], whole_lines: int, undecided_line: int) -> int:
    """How many blocks more text cannot change.

    What ends a block is the line after it, together with that line's next (a table's second line
    makes its first one a table), and for a formula all of its lines. So the two last blocks are
    never settled, nor any that an opened formula may still swallow.
    """
    for count in range(len(first_lines) - 2, 0, -1):
        next_line = first_lines[count]
        if next_line + 2 <= whole_lines and next_line <= undecided_line:
            return count
    return 0


def split_blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Top-level blocks: each ends where the nesting is back at zero."""
    block: list[Token] = []
    depth = 0
    for token in tokens:
        block.append(token)
        depth += token.nesting
        if depth == 0:
            yield block
            block = []
    if block:
        yield block


def _with_statements(
    blocks: Sequence[Block], statements: Sequence[Statement]
) -> Iterator[tuple[Block, tuple[Statement, ...]]]:
    """Each block with the statements to mark that stand within it."""
    shown = sorted(statements_to_show(statements), key=lambda one: one.start_index)
    starts = [statement.start_index for statement in shown]
    for block in blocks:
        first, last = bisect_left(starts, block.start), bisect_left(starts, block.end)
        yield block, tuple(one for one in shown[first:last] if one.end_index <= block.end)


def _mark_block(
    text: str, block: Block, statements: Sequence[Statement], sources_env: Mapping[str, Any]
) -> str:
    """The block's HTML with its statements marked, or as it is if the signs change its reading."""
    if not statements:
        return block.html
    signed = sign_statements(text[block.start : block.end], statements, offset=block.start)
    blocks, _ = _read_blocks(signed, 0, sources_env)
    if len(blocks) != 1:
        return block.html
    return mark_statements(blocks[0].html, block.html, statements)
