"""HTML → the main content as Markdown, with title, date and authors."""

import re
from dataclasses import dataclass

from lxml import etree  # type: ignore[import-untyped]
from lxml.html import HtmlElement, fragment_fromstring  # type: ignore[import-untyped]
from trafilatura import html2txt

from websearch_agent.errors import PageEmpty
from websearch_agent.pages.content_finder import MainContent, find_main_content
from websearch_agent.pages.content_trimming import trim_blocks
from websearch_agent.pages.hidden_text import drop_hidden
from websearch_agent.pages.html_tree import parse_html
from websearch_agent.pages.json_ld import read_json_ld
from websearch_agent.pages.markdown_tree import Block, MarkdownWriter
from websearch_agent.pages.page_metadata import find_authors, find_date, find_title, meta_values

_NEVER_READ = (etree.Comment, etree.ProcessingInstruction, "script", "style")
_PERMALINK_SIGNS = frozenset("¶#§🔗⚓∞\ufe0f")
# In Latin letters: a page with less may be a list, or a shell whose text is in JSON-LD.
_SHELL_CHARS = 500
_MIN_INDEX_SHARE = 0.6
_MIN_GAIN_OF_WHOLE_PAGE = 4
_MIN_GAIN_OF_JSON_LD = 2
# There the posts stand where other pages have their comments.
_FORUM_PATH = re.compile(
    r"/(?:[a-z]+-)?(?:forums?|threads?|topics?|questions?|discussions?|viewtopic|showthread)\b"
)
_FORUM_TYPES = ("QAPage", "DiscussionForumPosting")
_IS_FORUM = etree.XPath(
    " or ".join(
        f"//*[contains(@itemtype, '{kind}')]"
        f" or //script[contains(@type, 'ld+json')][contains(., '\"{kind}\"')]"
        for kind in _FORUM_TYPES
    )
)


@dataclass(frozen=True, slots=True)
class HtmlContent:
    """`author`: names joined by commas. `date`: of publication, ISO 8601.

    `is_cut`: some of the page is nested too deeply to be read. `hidden_parts`: elements that were
    left out because people do not see them.
    """

    title: str
    text: str
    date: str | None
    author: str | None = None
    is_cut: bool = False
    hidden_parts: int = 0


def extract_html(html: str, *, url: str) -> HtmlContent:
    """The main content of a page as Markdown. Raises PageEmpty if there is no markup at all."""
    parsed = parse_html(html)
    if parsed is None:
        raise PageEmpty("the page holds no readable markup")
    tree = parsed.root
    meta = meta_values(tree)
    stated = read_json_ld(tree)
    title = find_title(tree, meta, stated, url=url)
    date = find_date(tree, url=url)
    author = find_authors(tree, meta, stated)
    is_forum = bool(_FORUM_PATH.search(url.lower())) or _IS_FORUM(tree) is True
    hidden_parts = drop_hidden(tree)
    text = _main_text(tree, title=title, is_forum=is_forum)
    if len(text) < _SHELL_CHARS and stated.text:
        text = _longer(text, _stated_text(stated.text, title), gain=_MIN_GAIN_OF_JSON_LD)
    return HtmlContent(title, text, date, author, parsed.is_cut, hidden_parts)


def _main_text(tree: HtmlElement, *, title: str, is_forum: bool = False) -> str:
    """The text of the main content; changes the tree in place."""
    etree.strip_elements(tree, *_NEVER_READ, with_tail=False)
    _drop_permalinks(tree)
    body = tree.find("body")
    root = tree if body is None else body
    content = find_main_content(root, is_forum=is_forum)
    try:
        text = _join(_article_blocks(content, title))
        if _is_index(root, content) or len(text) * content.char_weight < _SHELL_CHARS:
            whole = _join(MarkdownWriter(content, keep_menus=True).blocks(root))
            text = _longer(text, whole, gain=_MIN_GAIN_OF_WHOLE_PAGE)
    except RecursionError:  # nested too deeply for us
        text = html2txt(tree)
    return text


def _is_index(root: HtmlElement, content: MainContent) -> bool:
    """Whether one list of links holds most of the page."""
    most = _MIN_INDEX_SHARE * content.measures[root].chars
    return any(
        content.measures[part].chars > most
        and 2 * content.measures[part].linked > content.measures[part].chars
        and content.excluded.isdisjoint([part, *part.iterancestors()])
        for part in root.iter("ul", "ol", "dl")
    )


def _article_blocks(content: MainContent, title: str) -> list[Block]:
    writer = MarkdownWriter(content)
    lead = [block for element in content.lead for block in writer.blocks_of(element)]
    blocks = writer.blocks(content.container)
    return trim_blocks(blocks, lead, title=title, weight=content.char_weight)


def _join(blocks: list[Block]) -> str:
    return "\n\n".join(block.markdown for block in blocks if block.markdown)


def _longer(text: str, other: str, *, gain: int) -> str:
    return other if len(other) > gain * len(text) else text


def _drop_permalinks(tree: HtmlElement) -> None:
    """Signs beside headings that link to the heading itself."""
    for link in list(tree.iter("a")):
        label = (link.text_content() or "").strip()
        if label and len(label) <= 2 and _PERMALINK_SIGNS.issuperset(label):
            link.drop_tree()


def _stated_text(pieces: tuple[str, ...], title: str) -> str:
    """The text in JSON-LD, in which HTML may stand."""
    texts = []
    for piece in pieces:
        if "<" in piece and ">" in piece:
            try:
                fragment = fragment_fromstring(piece, create_parent="div")
                drop_hidden(fragment)
                piece = _main_text(fragment, title=title)
            except (etree.ParserError, ValueError):
                continue
        texts.append(piece)
    return "\n\n".join(texts)
