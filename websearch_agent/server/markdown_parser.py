"""How markdown-it is set up: CommonMark with tables, citations, formulas and coloured code.

Raw HTML is off. Nothing that is rendered loads anything: images become text. Only links to an
answer's own sources stay links.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, emphasis
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from websearch_agent.server.code_highlighting import highlight_code, language_name
from websearch_agent.server.maths import use_maths

_CITATION = re.compile(r"\[(\d{1,4})\]")
# Chinese, Japanese and Korean letters and punctuation, which stand without spaces.
_UNSPACED = re.compile(
    r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)


@cache
def markdown_parser() -> MarkdownIt:
    """Its `env` holds `numbers`, those of the sources, and `addresses`: URL → where a link leads.

    Top-level blocks do not depend on each other: no rule looks at an earlier one. The incremental
    renderer rests on that.
    """
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False})
    markdown.enable(["table", "strikethrough"])
    # "[1]: http://…" would turn every [1] of the text into a link of the model's choice.
    markdown.disable("reference")
    markdown.inline.ruler.after("link", "citation", _parse_citation)
    markdown.inline.ruler.at("emphasis", _parse_emphasis)
    use_maths(markdown)
    markdown.core.ruler.push("links", _restrict_links)
    markdown.core.ruler.push("alignment", _align_by_class)
    markdown.add_render_rule("image", _render_image)
    markdown.add_render_rule("fence", _render_fence)
    # It makes its lists of rules at its first use, and threads may share it from the second on.
    markdown.parse("*")
    return markdown


def _parse_emphasis(state: StateInline, silent: bool) -> bool:
    """As CommonMark has it, and beside unspaced letters: `**优点：**速度快` begins with bold.

    CommonMark asks for a space where bold begins or ends with punctuation, and Chinese has none.
    """
    start = state.pos
    if not emphasis.tokenize(state, silent):
        return False
    before, behind = state.src[start - 1 : start], state.src[state.pos : state.pos + 1]
    if state.src[start] == "*" and _UNSPACED.search(before + behind):
        for delimiter in state.delimiters[start - state.pos :]:
            delimiter.open |= bool(behind.strip())
            delimiter.close |= bool(before.strip())
    return True


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


def _render_fence(
    _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    language = language_name(tokens[index].info)
    named = f' data-language="{escape(language)}"' if language else ""
    return f"<pre{named}><code>{highlight_code(tokens[index].content, language)}</code></pre>\n"
