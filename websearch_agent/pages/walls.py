"""Pages that stand in another one's place: walls, missing pages, empty shells.

A page that is wrongly refused is lost, one that is wrongly read is mostly ranked out. So only
short pages are looked at, and only those are refused that say little else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree  # type: ignore[import-untyped]
from lxml.html import (  # type: ignore[import-untyped]
    HtmlElement,
    HTMLParser,
    document_fromstring,
)

from websearch_agent.errors import PageEmpty, PageWalled
from websearch_agent.pages.text_weight import MIN_TEXT_WEIGHT, text_weight
from websearch_agent.pages.wall_signs import SIGNS, Sign, title_parts

# A longer page that talks about captchas is an article.
MAX_WALL_WEIGHT = 900
# Below this a title or a mark is enough.
BARE_WEIGHT = 120
# A refused page says so in at least this share of its text; with a title or a mark, in this.
_TOLD_SHARE = 0.5
_TOLD_SHARE_IF_MARKED = 0.25
_MARKUP_CHARS = 300_000
_MAX_HEADING_CHARS = 200

_SENTENCE_END = re.compile(r"[\n。！？!?]+|(?<=[a-zà-öø-ÿ\u0400-\u04ff)])\.(?=\s|$)")
_MARKDOWN = re.compile(r"[#*_`>|]+")
_SEEN_TEXT = etree.XPath(
    "descendant::text()[not(ancestor::script or ancestor::style or ancestor::title)]"
)
_ROOT_IDS = frozenset({"root", "app", "__next", "__nuxt", "main-app", "application", "react-root"})


def refuse_stand_in(markup: str, *, title: str, text: str) -> None:
    """Return if the page is worth reading; `title` and `text` are what was extracted.

    Raises PageWalled, PageMissing, PageUnreachable (an error page) or PageEmpty.
    """
    weight = text_weight(text)
    if weight >= MAX_WALL_WEIGHT:
        return
    seen = _look_at(markup, title=title, text=text)
    for sign in SIGNS:
        if _shows(sign, seen):
            raise sign.error(sign.reason)
    if weight < BARE_WEIGHT and seen.is_shell:
        raise PageWalled("the page is put together by scripts and holds no text without them")
    if weight < MIN_TEXT_WEIGHT:
        raise PageEmpty("the page holds no text; it may need a browser with scripts")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page as the signs are looked for. All in lower case."""

    titles: tuple[str, ...]
    sentences: tuple[str, ...]
    weight: int
    markup: str
    has_password_field: bool
    is_shell: bool


def _look_at(markup: str, *, title: str, text: str) -> _Seen:
    tree = _parsed(markup)
    if text_weight(text) < MIN_TEXT_WEIGHT and tree is not None:
        text = _visible_text(tree)
    headings = [title, *_headings(tree)] if tree is not None else [title]
    return _Seen(
        titles=tuple(part for heading in headings for part in title_parts(heading)),
        sentences=tuple(_sentences(text)),
        weight=text_weight(text),
        markup=markup[:_MARKUP_CHARS].lower(),
        has_password_field=tree is not None and bool(tree.xpath("//input[@type='password']")),
        is_shell=tree is not None and _is_shell(tree),
    )


def _shows(sign: Sign, seen: _Seen) -> bool:
    if seen.weight >= MAX_WALL_WEIGHT:
        return False
    share = _told_share(sign, seen.sentences)
    if share >= _TOLD_SHARE and seen.weight < sign.longest_told:
        return True
    if sign.sure_titles and any(map(sign.sure_titles.fullmatch, seen.titles)):
        return True
    is_titled = any(map(sign.titles.fullmatch, seen.titles))
    is_marked = any(mark in seen.markup for mark in sign.marks)
    is_hinted = any(hint in seen.markup for hint in sign.hints) or (
        sign.has_password_field and seen.has_password_field
    )
    if is_titled and (is_marked or is_hinted):
        return True
    if is_titled or is_marked:
        return seen.weight < BARE_WEIGHT or share >= _TOLD_SHARE_IF_MARKED
    return is_hinted and seen.weight < MIN_TEXT_WEIGHT


def _told_share(sign: Sign, sentences: tuple[str, ...]) -> float:
    """The share of the text, in characters, whose sentences hold one of the sign's phrases."""
    told = sum(len(sentence) for sentence in sentences if sign.phrases.search(sentence))
    return told / max(1, sum(map(len, sentences)))


def _parsed(markup: str) -> HtmlElement | None:
    try:
        parser = HTMLParser(encoding="utf-8")
        return document_fromstring(markup.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError):
        return None


def _headings(tree: HtmlElement) -> Iterator[str]:
    """The title element and the first heading."""
    for path in ("string(//title)", "string((//h1)[1])"):
        yield str(tree.xpath(path))[:_MAX_HEADING_CHARS]


def _visible_text(element: HtmlElement) -> str:
    lines = (" ".join(str(piece).split()) for piece in _SEEN_TEXT(element))
    return "\n".join(line for line in lines if line)


def _is_shell(tree: HtmlElement) -> bool:
    """Whether the element that a framework's scripts were to fill is empty."""
    roots = [e for e in tree.xpath("//body//*[@id]") if e.get("id") in _ROOT_IDS]
    return any(text_weight(_visible_text(root)) < MIN_TEXT_WEIGHT for root in roots)


def _sentences(text: str) -> Iterator[str]:
    plain = _MARKDOWN.sub(" ", text.replace("’", "'").lower())
    for sentence in _SENTENCE_END.split(plain):
        if stripped := " ".join(sentence.split()):
            yield stripped
