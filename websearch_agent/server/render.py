"""Markdown of a model or a page as HTML that is safe to put into our page.

Two walls: markdown-it with raw HTML off, then nh3 with a short list of tags. Nothing that is
rendered loads anything: images become text. Only links to an answer's own sources stay links.
No character is left that nobody sees or that turns the direction of the words around it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from websearch_agent.citations.anchors import source_link
from websearch_agent.invisible_text import visible_text
from websearch_agent.server.statement_marks import (
    mark_statements,
    sign_statements,
    statements_to_show,
    without_signs,
)
from websearch_agent.server.wire import replace_half_characters
from websearch_agent.types import Answer, Source, Statement

_CITATION = re.compile(r"\[(\d{1,4})\]")

_TAGS = {"a", "blockquote", "br", "code", "del", "em", "hr", "p", "pre", "s", "strong"}
_TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "ul"}
_TAGS |= {"table", "tbody", "td", "th", "thead", "tr"}
_ATTRIBUTES = {"a": {"href", "target", "rel", "data-source"}, "ol": {"start"}}
_CLASSES = {
    "a": {"citation", "source-link"},
    "td": {"align-left", "align-center", "align-right"},
    "th": {"align-left", "align-center", "align-right"},
}


@dataclass(frozen=True, slots=True)
class BlockChange:
    """The block at `index` looks like `html` now; empty if there is no such block any more."""

    index: int
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
    text = without_signs(replace_half_characters(text))
    plain = _render_blocks(text, sources)
    shown = statements_to_show(statements)
    if not shown:
        return plain
    signed = _render_blocks(sign_statements(text, shown), sources)
    if len(signed) != len(plain):
        return plain
    pairs = zip(signed, plain, strict=True)
    return [mark_statements(one, other, shown) for one, other in pairs]


def _render_blocks(text: str, sources: Sequence[Source]) -> list[str]:
    env: dict[str, Any] = {
        "numbers": frozenset(source.number for source in sources),
        "addresses": {source.url: source_address(source) for source in sources},
    }
    markdown = _markdown()
    return [
        clean_html(markdown.renderer.render(block, markdown.options, env))
        for block in split_blocks(markdown.parse(text, env))
    ]


def render_html(text: str, *, sources: Sequence[Source] = ()) -> str:
    return "\n".join(render_blocks(text, sources=sources))


def render_answer(answer: Answer) -> str:
    blocks = render_blocks(answer.text, sources=answer.sources, statements=answer.statements)
    return "\n".join(blocks)


def clean_html(html: str) -> str:
    """Only what is allowed. nh3 comes last: what it lets through is changed by nobody after it."""
    # In the HTML and not in the Markdown: there `&#x202e;` still is no such character, and the
    # statements' places count the Markdown's characters.
    return nh3.clean(
        visible_text(html),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes=_CLASSES,
        url_schemes={"http", "https"},
        link_rel=None,
    ).strip()


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


@dataclass
class IncrementalRenderer:
    """Renders a growing text again and again, and tells only what changed since last time."""

    sources: tuple[Source, ...] = ()
    statements: tuple[Statement, ...] = ()
    _shown: list[str] = field(default_factory=list)

    def render_changes(self, text: str) -> list[BlockChange]:
        blocks = render_blocks(text, sources=self.sources, statements=self.statements)
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
        self._shown, self.statements = [], ()


# ---- how markdown-it is set up ---------------------------------------------------------------


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False})
    markdown.enable(["table", "strikethrough"])
    # "[1]: http://…" would turn every [1] of the text into a link of the model's choice.
    markdown.disable("reference")
    markdown.inline.ruler.after("link", "citation", _parse_citation)
    markdown.core.ruler.push("links", _restrict_links)
    markdown.core.ruler.push("alignment", _align_by_class)
    markdown.add_render_rule("image", _render_image)
    # It makes its lists of rules at its first use, and threads may share it from the second on.
    markdown.parse("*")
    return markdown


def _parse_citation(state: StateInline, silent: bool) -> bool:
    """`[n]` of a known source → a link to its card; other numbers stay text."""
    match = _CITATION.match(state.src, state.pos, state.posMax)
    if match is None or state.linkLevel or int(match[1]) not in state.env.get("numbers", ()):
        return False
    if not silent:
        number = str(int(match[1]))
        token = state.push("link_open", "a", 1)
        token.attrs = {"class": "citation", "href": f"#source-{number}", "data-source": number}
        state.push("text", "", 0).content = number
        state.push("link_close", "a", -1)
    state.pos = match.end()
    return True


def _restrict_links(state: StateCore) -> None:
    addresses: Mapping[str, str | None] = state.env.get("addresses", {})
    for token in state.tokens:
        if token.children:
            token.children = list(_without_foreign_links(token.children, addresses))


def _without_foreign_links(
    tokens: Sequence[Token], addresses: Mapping[str, str | None]
) -> Iterator[Token]:
    """Links to sources stay; of other links stay their words, with the address behind them."""
    open_links: list[tuple[Token, bool]] = []
    for token in tokens:
        if token.type == "link_open":
            keep = _keep_link(token, addresses)
            open_links.append((token, keep))
            if keep:
                yield token
        elif token.type == "link_close" and open_links:
            opened, keep = open_links.pop()
            if keep:
                yield token
            elif opened.info != "auto":
                yield Token("text", "", 0, content=f" ({opened.attrGet('href')})")
        else:
            yield token


def _keep_link(token: Token, addresses: Mapping[str, str | None]) -> bool:
    """Whether the link leads to a source; if so it is pointed at the source's place."""
    if token.attrGet("class") == "citation":
        return True
    address = addresses.get(str(token.attrGet("href")))
    if address is None:
        return False
    token.attrs = {"class": "source-link", "href": address, "target": "_blank"}
    token.attrs["rel"] = "noopener noreferrer nofollow"
    return True


def _align_by_class(state: StateCore) -> None:
    """markdown-it aligns table cells by a style attribute, which our CSP forbids."""
    for token in state.tokens:
        style = token.attrs.pop("style", None)
        if style is not None:
            token.attrs["class"] = "align-" + str(style).partition(":")[2]


def _render_image(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    """The image's description and address as text: loading it would tell its server who reads."""
    description = renderer.renderInlineAsText(tokens[index].children or [], options, env)
    address = str(tokens[index].attrGet("src") or "")
    return nh3.clean_text(f"{description} ({address})".strip()).replace("&#32;", " ")
