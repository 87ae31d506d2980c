"""Pages that stand in another one's place: walls, missing pages, empty shells.

A page that is wrongly refused is lost, one that is wrongly read is mostly ranked out. So only
short pages are looked at, and only those are refused that say little else. Of a longer page whose
title and heading are both a wall's, what is not links must be short.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from lxml import etree  # type: ignore[import-untyped]
from lxml.html import HtmlElement  # type: ignore[import-untyped]

from websearch_agent.errors import PageEmpty, PageWalled
from websearch_agent.pages.html_tree import parse_html
from websearch_agent.pages.text_weight import MIN_TEXT_WEIGHT, text_weight
from websearch_agent.pages.wall_signs import SIGNS, Sign, title_parts

# A longer page that talks about captchas is an article.
MAX_WALL_WEIGHT = 900
# Titled as such and beside a password field, a wall may say so much of terms and rights.
_MAX_LOGIN_WEIGHT = 4 * MAX_WALL_WEIGHT
# Below this a title or a mark is enough.
BARE_WEIGHT = 120
# A refused page says so in at least this share of its text; with a title or a mark, in this.
_TOLD_SHARE = 0.5
_TOLD_SHARE_IF_MARKED = 0.25
_MARKUP_CHARS = 300_000
_MAX_HEADINGS = 5
_MAX_HEADING_CHARS = 200

_SENTENCE_END = re.compile(r"[\n。！？!?]+|(?<=[a-zà-öø-ÿ\u0400-\u04ff)])\.(?=\s|$)")
_MARKDOWN = re.compile(r"[#*_`>|]+")
_LINE_MARK = re.compile(r"^\s*(?:[-#>]+|\d+\.)\s+")
_LINES = ("a", "li", "p", "td", "h1", "h2", "h3", "h4", "h5", "h6")
# A wall's title is its sentence; these begin the titles of pages that explain something.
_EXPLAINING = re.compile(
    r"(?:how|what|what's|why|when|where|who|which|understanding|troubleshooting|guide|fix|fixing"
    r"|wie|was|warum|comment|pourquoi|qu'est-ce|cómo|qué|como|o que|come|perché|как|что|почему)\b"
    r"|.{0,30}(?:如何|怎么|怎麼|怎样|什么|什麼|为何|教程|指南|详解|とは|方法)"
)
_WORDS = re.compile(r"[^\W_\u3040-\u9fff]{3,}|[\u3040-\u9fff]{2}")
_NO_SUBJECTS = frozenset(
    {"how", "what", "why", "when", "where", "who", "which", "the", "you", "your", "for", "and"}
    | {"with", "from", "this", "that", "are", "can", "does", "not", "page", "site"}
)
_DEFINING = re.compile(
    r" (?:is|are|was|were) (?:an?|the|one)\b| (?:means|refers|stands)\b|.{0,12}是(?:一|指)"
)
_WANTING = re.compile(r" (?:is|was) (?:required|needed|necessary)")
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
        _refuse_titled(markup, title=title, text=text)
        return
    parsed = parse_html(markup)
    tree = parsed.root if parsed else None
    if weight < MIN_TEXT_WEIGHT and tree is not None:
        text = _visible_text(tree)
    seen = _look_at(tree, markup, title=title, text=text)
    for sign in SIGNS:
        if _shows(sign, seen):
            raise sign.error(sign.reason)
    if weight < BARE_WEIGHT and seen.is_shell:
        raise PageWalled("the page is put together by scripts and holds no text without them")
    if weight < MIN_TEXT_WEIGHT:
        raise PageEmpty("the page holds no text; it may need a browser with scripts")


def _refuse_titled(markup: str, *, title: str, text: str) -> None:
    """Refuse a longer page that is titled as a wall twice, by what is not links.

    Missing pages list the newest or the most read ones, logins the terms of the site.
    """
    signs = [sign for sign in SIGNS if _is_titled(sign, title)]
    parsed = parse_html(markup) if signs else None
    if parsed is None:
        return
    headings = [_heading(h1) for h1 in islice(parsed.root.iter("h1"), _MAX_HEADINGS)]
    titles = [_heading(element) for element in islice(parsed.root.iter("title"), 1)]
    own_text = _without_links(text, parsed.root)
    seen = _look_at(parsed.root, markup, title=title, text=own_text)
    for sign in signs:
        if not all(any(_is_titled(sign, part) for part in parts) for parts in (headings, titles)):
            continue
        is_login = sign.has_password_field and seen.has_password_field
        is_told = any(map(sign.phrases.search, seen.sentences))
        if _shows(sign, seen) or (is_login and is_told and seen.weight < _MAX_LOGIN_WEIGHT):
            raise sign.error(sign.reason)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page as the signs are looked for. All in lower case."""

    titles: tuple[str, ...]
    sentences: tuple[str, ...]
    weight: int
    markup: str
    has_password_field: bool
    is_shell: bool


def _look_at(tree: HtmlElement | None, markup: str, *, title: str, text: str) -> _Seen:
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
    if sign.sure_titles and any(map(sign.sure_titles.fullmatch, seen.titles)):
        return True
    told = [sentence for sentence in seen.sentences if sign.phrases.search(sentence)]
    is_titled = any(map(sign.titles.fullmatch, seen.titles))
    if _is_about(sign, seen, told):
        told, is_titled = [], False
    share = sum(map(len, told)) / max(1, sum(map(len, seen.sentences)))
    if share >= _TOLD_SHARE and seen.weight < sign.longest_told:
        return True
    is_marked = any(mark in seen.markup for mark in sign.marks)
    is_hinted = any(hint in seen.markup for hint in sign.hints) or (
        sign.has_password_field and seen.has_password_field
    )
    is_form = sign.form_titles is not None and any(map(sign.form_titles.fullmatch, seen.titles))
    if (is_titled or is_form) and (is_marked or is_hinted):
        return True
    if is_titled or is_marked:
        return seen.weight < BARE_WEIGHT or share >= _TOLD_SHARE_IF_MARKED
    return is_hinted and seen.weight < MIN_TEXT_WEIGHT


def _is_titled(sign: Sign, heading: str) -> bool:
    patterns = [pattern for pattern in (sign.titles, sign.sure_titles) if pattern]
    return any(pattern.fullmatch(part) for part in title_parts(heading) for pattern in patterns)


def _is_about(sign: Sign, seen: _Seen, told: list[str]) -> bool:
    """Whether the page tells of such walls, or of something else in their words."""
    if sign.needed and told and not any(map(sign.needed.search, seen.sentences)):
        return True
    words = set(_WORDS.findall(" ".join(told)))
    for title in seen.titles:
        if _EXPLAINING.match(title) and words & (set(_WORDS.findall(title)) - _NO_SUBJECTS):
            return True
        if sign.titles.fullmatch(title) and any(_defines(title, s) for s in seen.sentences):
            return True
    return False


def _defines(title: str, sentence: str) -> bool:
    """Whether a sentence says what the title is: `a captcha asks …`, `验证码是一种…`."""
    before, found, rest = sentence.partition(title)
    if not found or before not in ("", "a ", "an "):
        return False
    if before:
        return rest.startswith(" ") and not _WANTING.match(rest)
    return _DEFINING.match(rest) is not None


def _headings(tree: HtmlElement) -> Iterator[str]:
    """The title element and the first heading."""
    for path in ("string(//title)", "string((//h1)[1])"):
        yield str(tree.xpath(path))[:_MAX_HEADING_CHARS]


def _heading(element: HtmlElement) -> str:
    return str(element.text_content())[:_MAX_HEADING_CHARS]


def _without_links(text: str, tree: HtmlElement) -> str:
    """Markdown without the lines that are links, and what stands below headings that are."""
    links = {_letters(line.text_content()) for line in tree.iter(*_LINES) if _is_link(line)}
    kept = []
    is_preview = False
    for line in text.splitlines():
        is_link = _letters(_LINE_MARK.sub("", line)) in links
        if line.startswith("#"):
            is_preview = is_link
        if not is_link and not is_preview:
            kept.append(line)
    return "\n".join(kept)


def _is_link(element: HtmlElement) -> bool:
    """Whether most of its text is a link."""
    if element.tag == "a":
        return True
    linked = sum(len(link.text_content()) for link in element.iter("a"))
    return bool(2 * linked > len(element.text_content()))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


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
