"""Text that the page itself hides from people, taken out before anything reads it.

Instructions to language models are hidden so. Looked at are attributes, inline styles and simple
rules of the page's own sheets; what only an outer sheet or a script hides cannot be seen
without rendering, and stays. What a click shows (a rule makes the same class visible) stays too.
"""

import re
from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped]
from lxml.html import HtmlElement  # type: ignore[import-untyped]

from websearch_agent.pages.hiding_styles import has_no_opacity, hides, may_hide
from websearch_agent.pages.ink import Ink
from websearch_agent.pages.page_measures import HEADINGS
from websearch_agent.pages.style_rules import (
    Style,
    StyleSheets,
    parse_style,
    read_style_sheets,
)

_NEVER_DROPPED = frozenset({"html", "head", "body", "main", "article"})
# Of all elements of a page few are looked at one by one.
_MARKED = etree.XPath(
    "//*[@style or @hidden]|//font[@color]|//template|//dialog|//datalist|//noframes|//noembed"
    "|//rp|//meter|//progress|//annotation|//annotation-xml"
)
_NAMED = etree.XPath("//*[@class or @id]")
# Browsers show none of it. `noscript` is not among them: people without scripts see it.
_NEVER_SHOWN_TAGS = frozenset(
    {"template", "datalist", "noframes", "noembed", "meter", "progress", "annotation-xml"}
)
# The TeX of a formula is worth more than its letters alone; prose does not belong there.
_PROSE = re.compile(r"(?:[^\W\d_]{2,30}[\s,]{1,3}){4}")
# Brackets round how a word is spoken are no loss to those who see it above the word, but the text
# alone needs them.
_MAX_BRACKET_CHARS = 3
_MAX_KEY_CHARS = 12
_UNSEEN_TAGS = frozenset({"style", "script", "title"})
# A page that hides most of its text may show it by a script once it is loaded: so it is if little
# else is there. A planted text can be longer than the page round it.
_MAX_HIDDEN_SHARE = 0.5
_MIN_SEEN_CHARS = 400
# Questions whose answers open at a click: so many parts, and most of the page, behind one rule.
_MIN_FOLDED = 4
# Labels for screen readers are short; what is longer is not for people who see.
_FOR_SCREEN_READERS = re.compile(
    r"(?:^|\s)(?:sr-only|visually-?hidden|screen-?reader(?:-text|-only)?|assistive-text)(?:\s|$)"
)
_MAX_READER_LABEL_CHARS = 120


def drop_hidden(tree: HtmlElement) -> int:
    """Remove hidden elements and tell how many held text; changes the tree in place."""
    sheets = read_style_sheets(tree)
    ink = Ink(tree, sheets)
    total_chars = _seen_chars(tree)
    dropped = _hidden_by_themselves(tree, ink, total_chars)
    by_sheet: set[HtmlElement] = set()
    for element in _named_in(tree, sheets, ink):
        if element.tag not in _NEVER_DROPPED and element.getparent() is not None:
            inline = parse_style(element.get("style") or "")
            if _is_long_reader_text(element):
                dropped.add(element)
            elif _is_hidden_by(sheets, element, inline, ink):
                by_sheet.add(element)
    folded = _outermost(by_sheet)
    hidden_chars = sum(map(_chars, folded))
    is_unfolded = len(folded) >= _MIN_FOLDED and hidden_chars > _MAX_HIDDEN_SHARE * total_chars
    if not is_unfolded and _leaves_a_page(hidden_chars, total_chars):
        dropped |= by_sheet
    return sum(_drop(element) for element in _outermost(dropped))


def _hidden_by_themselves(tree: HtmlElement, ink: Ink, total_chars: int) -> set[HtmlElement]:
    """What its tag, attributes or inline style hide."""
    hidden: set[HtmlElement] = set()
    faded: set[HtmlElement] = set()
    switched = [element for element in tree.xpath("//*[@hidden]") if _is_switched(element)]
    if len(switched) < _MIN_FOLDED:
        switched = [element for element in switched if _chars(element) <= _MAX_KEY_CHARS]
    opened_later = set(switched)
    for element in _MARKED(tree):
        if element.tag in _NEVER_DROPPED or element.getparent() is None:
            continue
        inline = parse_style(element.get("style") or "")
        is_marked = _is_marked(element) and element not in opened_later
        if is_marked or hides(inline, element) or ink.is_unseen(element, inline):
            if _leaves_a_page(_chars(element), total_chars):
                hidden.add(element)
        elif has_no_opacity(inline):
            faded.add(element)
    # A page whose scripts fade it in does so with much of it, or with many parts.
    parts = _outermost(faded)
    if len(parts) < _MIN_FOLDED and sum(map(_chars, parts)) <= _MAX_HIDDEN_SHARE * total_chars:
        hidden |= faded
    return hidden


def _leaves_a_page(hidden_chars: int, total_chars: int) -> bool:
    """Whether what is seen without it is a page, and not the frame of one."""
    seen_chars = total_chars - hidden_chars
    return hidden_chars <= _MAX_HIDDEN_SHARE * total_chars or seen_chars >= _MIN_SEEN_CHARS


def _outermost(elements: set[HtmlElement]) -> list[HtmlElement]:
    return [element for element in elements if elements.isdisjoint(element.iterancestors())]


def _named_in(tree: HtmlElement, sheets: StyleSheets, ink: Ink) -> Iterator[HtmlElement]:
    """Elements that a rule names which may hide them; a page has few classes, but many elements."""
    names = {
        name
        for name, rules in sheets.rules.items()
        if any(may_hide(rule.style) or ink.may_be_unseen(rule.style) for rule in rules)
    }
    known: dict[str, bool] = {}
    for element in _NAMED(tree):
        words = element.get("class") or ""
        if words not in known:
            known[words] = _FOR_SCREEN_READERS.search(words) is not None or not names.isdisjoint(
                f".{word}" for word in words.lower().split()
            )
        if known[words] or f"#{(element.get('id') or '').lower()}" in names:
            yield element
    for tag in [name for name in names if name[0] not in ".#"]:
        if tag not in _UNSEEN_TAGS:
            yield from tree.iter(tag)


def _seen_chars(tree: HtmlElement) -> int:
    unseen = sum(len(element.text or "") for element in tree.iter("script", "style"))
    return max(0, _chars(tree) - unseen)


def _chars(element: HtmlElement) -> int:
    return len(element.text_content())


def _drop(element: HtmlElement) -> bool:
    """Whether there was text in it."""
    had_text = bool(element.text_content().strip())
    element.drop_tree()
    return had_text


def _is_marked(element: HtmlElement) -> bool:
    """Whether tag or attributes say that it is hidden."""
    if element.tag == "dialog":
        return element.get("open") is None
    if element.tag == "rp":
        return _chars(element) > _MAX_BRACKET_CHARS
    if element.tag == "annotation":
        text = element.text_content()
        return "tex" not in (element.get("encoding") or "") or _PROSE.search(text) is not None
    return element.tag in _NEVER_SHOWN_TAGS or element.get("hidden") is not None


def _is_switched(element: HtmlElement) -> bool:
    """Whether it may be hidden only until a script or a search in the page shows it.

    LibreOffice's help writes `span hidden="true"` round what is said of one system or program
    (keys, whole sections) and lets a script show the reader's. A page that does so does it often,
    then all of it is read; else names of keys only.
    """
    hidden = (element.get("hidden") or "").strip().lower()
    return hidden == "until-found" or (element.tag == "span" and hidden == "true")


def _is_long_reader_text(element: HtmlElement) -> bool:
    return (
        _FOR_SCREEN_READERS.search(element.get("class") or "") is not None
        and element.tag not in HEADINGS
        and _chars(element) > _MAX_READER_LABEL_CHARS
    )


def _is_hidden_by(sheets: StyleSheets, element: HtmlElement, inline: Style, ink: Ink) -> bool:
    sheet_style = sheets.style_of(element)
    if not sheet_style:
        return False
    style = {**sheet_style, **inline}
    if hides(style, element):
        return not sheets.may_be_shown(element)
    return ink.is_unseen(element, style)
