"""HTML → Markdown and metadata, by trafilatura."""

import re
from dataclasses import dataclass

from lxml.html import HtmlElement  # type: ignore[import-untyped]
from trafilatura import extract_with_metadata, html2txt, load_html

from websearch_agent.errors import PageEmpty
from websearch_agent.pages.hidden_text import drop_hidden
from websearch_agent.pages.markdown_tree import (
    content_container,
    lost_structure,
    render_markdown,
)
from websearch_agent.pages.text_cleaning import clean_line

_PERMALINK_SIGNS = frozenset("¶#§🔗⚓∞")
_YAML_BLOCK = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
# In list items trafilatura opens a code block in the middle of a line.
_FENCE_IN_LINE = re.compile(r"(?<=[^\n`])[ \t]*```\n")
_FENCED_BLOCK = re.compile(r"(^```.*?^```[ \t]*$)", re.DOTALL | re.MULTILINE)
# trafilatura escapes for a Markdown renderer; here a model and a matcher of quotes read on.
_ESCAPED = re.compile(r"\\([\[\]<>_*~(){}$`])")
# Our rendering is a repair: if it is shorter than this, it lost more than it brings back.
_MIN_RENDERED_SHARE = 0.8
_TITLE_PARTS = re.compile(r"\s+[-–—|·:»]+\s+|[_|]")


@dataclass(frozen=True, slots=True)
class HtmlContent:
    title: str
    text: str
    date: str | None
    author: str | None = None


def extract_html(html: str, *, url: str) -> HtmlContent:
    """The main content of a page as Markdown. Raises PageEmpty if there is no markup at all."""
    tree = load_html(html)
    if tree is None:
        raise PageEmpty("the page holds no readable markup")
    _prepare(tree)
    stated_titles = _stated_titles(tree)
    document = extract_with_metadata(
        tree,
        url=url,
        output_format="markdown",
        include_comments=False,
        include_tables=True,
        include_links=False,
        include_formatting=True,
        # Without this, any year in the text may become the page's date.
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    text = _plain_markdown(document.text or "") if document else ""
    return HtmlContent(
        title=_best_title(document.title or "" if document else "", stated_titles),
        text=_with_structure(tree, text),
        date=document.date if document else None,
    )


def _with_structure(tree: HtmlElement, text: str) -> str:
    """trafilatura's text, or our own rendering where that lost headings, terms or examples."""
    container = content_container(tree, text)
    if text and not lost_structure(container, text):
        return text
    try:
        rendered = render_markdown(container)
    except RecursionError:  # nested too deeply for us
        return text or html2txt(tree)
    return rendered if len(rendered) > _MIN_RENDERED_SHARE * len(text) else text


def _prepare(tree: HtmlElement) -> None:
    """Rewrite what trafilatura would keep, drop or spoil wrongly; changes the tree in place."""
    drop_hidden(tree)
    for link in list(tree.iter("a")):
        label = (link.text_content() or "").strip()
        if label and len(label) <= 2 and set(label) <= _PERMALINK_SIGNS | {"\ufe0f"}:
            link.drop_tree()
    for block in list(tree.iter("pre")):
        _flatten_code(block)


def _flatten_code(block: HtmlElement) -> None:
    """Coloured or linked examples become one text: trafilatura takes `pre > span` for code."""
    for line_break in list(block.iter("br")):
        line_break.tail = "\n" + (line_break.tail or "")
    text = block.text_content()
    tail = block.tail
    block.clear()
    block.tail = tail
    span = block.makeelement("span")
    span.text = text.strip("\n")
    block.append(span)


def _plain_markdown(markdown: str) -> str:
    """Without the metadata block and without escapes outside code."""
    markdown = _FENCE_IN_LINE.sub("\n```\n", _YAML_BLOCK.sub("", markdown, count=1))
    parts = _FENCED_BLOCK.split(markdown)
    parts[::2] = [_ESCAPED.sub(r"\1", part) for part in parts[::2]]
    return "".join(parts)


def _stated_titles(tree: HtmlElement) -> list[str]:
    """What the page itself gives as its title: the title element, then the social one."""
    element = tree.find(".//title")
    social = tree.xpath("string(//meta[@property='og:title']/@content)")
    stated = [element.text_content() if element is not None else "", str(social)]
    return [title for text in stated if (title := clean_line(text))]


def _best_title(found: str, stated: list[str]) -> str:
    """trafilatura's title if the page's own statement agrees with it, else that statement."""
    found = clean_line(found).rstrip("".join(_PERMALINK_SIGNS) + " ")
    if found and (not stated or any(_agree(found, title) for title in stated)):
        return found
    return stated[0] if stated else ""


def _agree(found: str, stated: str) -> bool:
    """Whether one holds the other, or most words of one stand in the other."""
    one, other = found.casefold(), stated.casefold()
    if one in other or other in one:
        return True
    words = set(one.split())
    return len(words) > 2 and len(words & set(_TITLE_PARTS.sub(" ", other).split())) * 2 > len(
        words
    )
