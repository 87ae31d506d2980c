"""Title, authors and date of a page, from what it states: JSON-LD, meta elements, markup."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from urllib.parse import urlsplit

import htmldate
from lxml.html import HtmlElement  # type: ignore[import-untyped]

from websearch_agent.pages.json_ld import JsonLd
from websearch_agent.pages.text_cleaning import clean_line

_AUTHOR_META = (
    *("author", "article:author", "authors", "byl", "citation_author", "dc.creator", "creator"),
    *("dcterms.creator", "dc:creator", "parsely-author", "sailthru.author", "og:article:author"),
)
_AUTHOR_ELEMENTS = (
    "//*[@rel='author' or contains(@itemprop, 'author')]"
    " | //*[contains(@class, 'uthor') or contains(@class, 'yline')]"
    " | //*[contains(@class, 'submitted') or contains(@class, 'username')]"
    " | //*[contains(@id, 'uthor')]"
)
_MAX_CANDIDATES = 40
_MAX_AUTHORS = 6
_MAX_AUTHOR_LINE_CHARS = 90
_ANCESTORS_LOOKED_AT = 4
_NOT_THE_ARTICLE = re.compile(
    r"comment|related|footer|avatar|recommend|(?<!has-)(?<!no-)sidebar(?!s)", re.IGNORECASE
)
_AUTHOR_NAME = re.compile(r"author[-_]*name|name[-_]*author", re.IGNORECASE)
_BY = re.compile(
    r"^(?:[^\W\d_]+\s+){0,2}(?:by|von|par|por|di|door|av|af)\s*:?\s+"
    r"|^(?:author|autor(?:in)?|auteur|autore|redaktion|text|interview|foto)\s*[:/]?\s+"
    r"|^(?:作者|撰文|文|记者)\s*[:：/\s]\s*",
    re.IGNORECASE,
)
_BETWEEN_NAMES = re.compile(r"\s*[;、]\s*|\s*,\s+|\s+(?:and|und|et|y|e|&)\s+")
_AFTER_NAME = re.compile(
    r"\s*[|•·–—\n(]\s*|\s+-\s+|,?\s+(?:am|on|in|le|el|um)\s+\d|\s*,?\s*\d{1,2}[./:]|\s\d{4}"
)
_NO_NAME = re.compile(r"https?:|www\.|@|/|\.(?:com|net|org|de)\b|\d{3}")
_NO_NAMES = frozenset(
    {"admin", "administrator", "anonymous", "author", "authors", "autor", "by", "editor", "follow"}
    | {"guest", "name", "no author", "none", "null", "posted", "root", "share", "staff"}
    | {"super user", "superuser", "undefined", "unknown", "user", "webmaster", "wordpressadmin"}
    | {"wpadmin", "about the author"}
)
# Only on pages with more text than this.
_MAX_UNBOUNDED_CHARS = 100_000
_MAX_DATED_CHARS = 5_000
_PERMALINK_SIGNS = "¶#§🔗⚓∞\ufe0f "
_TITLE_SEPARATOR = re.compile(r"\s+[-–—|·•:»«/]+\s+|\s*[|_]\s*")
_TITLE_MARKS = " -–—|·•:»«/_"
_MAX_HEADING_CHARS = 2000

MetaValues = dict[str, list[str]]


def meta_values(tree: HtmlElement) -> MetaValues:
    """`content` of the meta elements by lower-case `property`, `name` or `itemprop`."""
    values: MetaValues = {}
    for element in tree.iter("meta"):
        content = (element.get("content") or "").strip()
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        if content and name:
            values.setdefault(name.strip().lower(), []).append(content)
    return values


def find_title(tree: HtmlElement, meta: MetaValues, stated: JsonLd, *, url: str) -> str:
    """The heading that the page's own statements agree with, else what they say."""
    element = tree.find(".//title")
    document_title = element.text_content() if element is not None else ""
    social = next(iter(meta.get("og:title", ())), "")
    titles = (stated.title, social, document_title)
    given = [title for text in titles if (title := clean_line(text[:_MAX_HEADING_CHARS]))]
    headings = []
    for h1 in islice(tree.iter("h1"), _MAX_CANDIDATES):
        text = clean_line(h1.text_content()[:_MAX_HEADING_CHARS])
        headings.append(text.rstrip(_PERMALINK_SIGNS))
    for heading in filter(None, headings):
        agrees = any(_agree(heading, title) for title in given)
        if agrees and not _is_site_name(heading, given, url):
            return heading
    if given:
        return _without_site_name(given[0], url)
    return next(filter(None, headings), "")


def _agree(found: str, stated: str) -> bool:
    """Whether one holds the other, or most words of the first stand in the second."""
    one, other = found.casefold(), stated.casefold()
    if one in other or other in one:
        return True
    words = set(one.split())
    common = words & set(_TITLE_SEPARATOR.sub(" ", other).split())
    return len(words) > 2 and 2 * len(common) > len(words)


def _is_site_name(heading: str, given: list[str], url: str) -> bool:
    """Whether a heading is only a later part of a title, as in `Story - The Site`."""
    for title in given:
        first, *later = _TITLE_SEPARATOR.split(title)
        if len(first) > len(heading) and heading.casefold() in map(str.casefold, later):
            return True
    return _names_host(heading, url) and any(len(title) > 2 * len(heading) for title in given)


def _without_site_name(title: str, url: str) -> str:
    first, *later = _TITLE_SEPARATOR.split(title)
    if later and _names_host(later[-1], url):
        return title[: title.rindex(later[-1])].rstrip(_TITLE_MARKS) or title
    if later and _names_host(first, url):
        return title[len(first) :].lstrip(_TITLE_MARKS) or title
    return title


def _names_host(name: str, url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    letters = "".join(filter(str.isalnum, name)).casefold()
    labels = host.replace("-", "").removeprefix("www.").split(".")[:-1]
    return len(letters) > 2 and (
        letters in "".join(labels) or any(len(label) > 3 and label in letters for label in labels)
    )


def find_date(tree: HtmlElement, *, url: str) -> str | None:
    """The day of publication, ISO 8601, if the page or its address states one."""
    with _long_elements_unnamed(tree):
        try:
            # With the extensive search, any year in the text may become the page's date.
            return htmldate.find_date(tree, url=url, original_date=True, extensive_search=False)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None


@contextlib.contextmanager
def _long_elements_unnamed(tree: HtmlElement) -> Iterator[None]:
    """Take the names off elements with long texts for a while.

    Of each element whose name tells of a date or author, htmldate collects all text and looks at
    its first 52 characters: 200 nested ones around 1.2 MB took 2.1 s.
    """
    chars: Counter[HtmlElement] = Counter()
    long: list[tuple[HtmlElement, dict[str, str]]] = []
    if len(tree.text_content()) > _MAX_UNBOUNDED_CHARS:
        for element in reversed(list(tree.iter())):
            chars[element] += len(element.text or "")
            chars[element.getparent()] += chars[element] + len(element.tail or "")
            if chars[element] > _MAX_DATED_CHARS and element.attrib:
                long.append((element, dict(element.attrib)))
    for element, _ in long:
        element.attrib.clear()
    try:
        yield
    finally:
        for element, attributes in long:
            element.attrib.update(attributes)


def find_authors(tree: HtmlElement, meta: MetaValues, stated: JsonLd) -> str | None:
    """Names joined by commas; None if the page names nobody. People before organisations."""
    sites = {value.casefold() for name in ("og:site_name",) for value in meta.get(name, ())}
    for raw_names in _stated_authors(tree, meta, stated):
        names = [name for raw in raw_names for name in _names(raw) if name.casefold() not in sites]
        if names:
            return ", ".join(list(dict.fromkeys(names))[:_MAX_AUTHORS])
    return None


def _stated_authors(tree: HtmlElement, meta: MetaValues, stated: JsonLd) -> Iterator[list[str]]:
    """The page's statements, the most exact one first. Searching the markup takes 2 ms."""
    yield list(stated.people)
    yield [value for name in _AUTHOR_META for value in meta.get(name, ())]
    yield _marked_author(tree)
    yield list(stated.organisations)


def _names(raw: str) -> Iterator[str]:
    for part in _BETWEEN_NAMES.split(clean_line(raw[:300])):
        name = _BY.sub("", part.strip(" ,.|:·•"))
        name = _AFTER_NAME.split(name, maxsplit=1)[0].strip(" ,|:·•-'\"")
        if _is_name(name):
            yield name


def _is_name(name: str) -> bool:
    return (
        2 <= len(name) <= 60
        and len(name.split()) <= 6
        and name.casefold() not in _NO_NAMES
        and _NO_NAME.search(name) is None
        and any(map(str.isalpha, name))
    )


def _marked_author(tree: HtmlElement) -> list[str]:
    """The line of the element that says most exactly that it names the author."""
    ranked: list[tuple[int, str]] = []
    for element in tree.xpath(_AUTHOR_ELEMENTS)[:_MAX_CANDIDATES]:
        if element.tag in ("html", "body", "meta", "article", "main"):
            continue
        if any(map(_is_beside_article, [element, *_ancestors(element)])):
            continue
        text = clean_line(" ".join(islice(element.itertext(), _MAX_CANDIDATES))[:400])
        if text and len(text) <= _MAX_AUTHOR_LINE_CHARS:
            ranked.append((_author_rank(element), text))
    return [min(ranked, key=lambda pair: pair[0])[1]] if ranked else []


def _ancestors(element: HtmlElement) -> Iterator[HtmlElement]:
    """The nearest ones; `html` and `body` are named after the kind of page."""
    near = islice(element.iterancestors(), _ANCESTORS_LOOKED_AT)
    return (ancestor for ancestor in near if ancestor.tag not in ("html", "body"))


def _is_beside_article(element: HtmlElement) -> bool:
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    return _NOT_THE_ARTICLE.search(names[:300]) is not None


def _author_rank(element: HtmlElement) -> int:
    itemprop = element.get("itemprop") or ""
    if "name" in itemprop or _AUTHOR_NAME.search(element.get("class") or ""):
        return 0
    if element.get("rel") == "author" or itemprop == "author":
        return 1
    return 2 if element.tag in ("a", "span", "strong", "b", "cite") else 3
