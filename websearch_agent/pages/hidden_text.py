"""Text that the page itself hides from people, taken out before anything reads it.

Instructions to language models are hidden so. Looked at are attributes, inline styles and simple
rules of the page's own sheets; what only an outer sheet or a script hides cannot be seen
without rendering, and stays. What a click shows (a rule makes the same class visible) stays too.
"""

import re
from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped]
from lxml.html import HtmlElement  # type: ignore[import-untyped]

from websearch_agent.pages.ink import Ink
from websearch_agent.pages.page_measures import HEADINGS
from websearch_agent.pages.style_rules import (
    Style,
    StyleSheets,
    parse_style,
    pixels_of,
    read_style_sheets,
)

_NEVER_DROPPED = frozenset({"html", "head", "body", "main", "article"})
# Of all elements of a page few are looked at one by one.
_MARKED = etree.XPath("//*[@style or @hidden]|//template|//font[@color]")
_NAMED = etree.XPath("//*[@class or @id]")
_OTHER_HIDING = frozenset({"opacity", "content-visibility", "clip", "clip-path"})
_UNSEEN_TAGS = frozenset({"style", "script", "title"})
# A page that hides most of its text may show it by a script once it is loaded: so it is if little
# else is there. A planted text can be longer than the page round it.
_MAX_HIDDEN_SHARE = 0.5
_MIN_SEEN_CHARS = 400
# Questions whose answers open at a click: so many parts, and most of the page, behind one rule.
_MIN_FOLDED = 4
_FAR_AWAY = re.compile(r"-(?:\d{4,}(?:\.\d*)?(?:px|pt)|\d{3,}(?:\.\d*)?(?:em|rem|%|vw|vh))")
_FAR_MARGIN = re.compile(r"-(?:\d{4,}(?:\.\d*)?(?:px|pt)|\d{3,}(?:\.\d*)?(?:em|rem))")
_NO_SIZE = re.compile(r"scale[xy]?\(\s*0(?:\.0*)?\s*[,)]|-\d{4,}px")
_NO_CLIP = re.compile(
    r"rect\((?:\s*[01](?:px)?[\s,]*){4}\)|inset\(\s*(?:50|[5-9]\d|100)%|circle\(\s*0"
)
_FONT_SIZE = re.compile(r"(?<![\w.])(\d{0,4}(?:\.\d{1,4})?(?:px|pt))(?![\w.])")
_MAX_TINY_PX = 2.0
_MAX_BOX_PX = 1.0
_MAX_OPACITY = 0.02
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
    dropped: set[HtmlElement] = set()
    by_sheet: set[HtmlElement] = set()
    for element in _MARKED(tree):
        if element.tag in _NEVER_DROPPED or element.getparent() is None:
            continue
        inline = parse_style(element.get("style") or "")
        is_hidden = _is_marked(element) or _hides(inline, element) or ink.is_unseen(element, inline)
        if is_hidden and _leaves_a_page(_chars(element), total_chars):
            dropped.add(element)
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
        if any(_may_hide(rule.style, ink) for rule in rules)
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


def _may_hide(style: Style, ink: Ink) -> bool:
    """Whether a rule can have to do with hiding, alone or with others."""
    return (
        style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or not _OTHER_HIDING.isdisjoint(style)
        or _is_moved_away(style)
        or _is_tiny(style)
        or _has_no_room(style)
        or ink.may_be_unseen(style)
    )


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
    if element.tag == "template":
        return True
    hidden = element.get("hidden")
    if hidden is not None and hidden.strip().lower() != "until-found":
        # LibreOffice's help writes `span hidden="true"` round what is said of one system or program
        # (keys, whole sections) and lets a script show the reader's: that is read, all of it.
        return not (element.tag == "span" and hidden == "true")
    return False


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
    if _hides(style, element):
        return not sheets.may_be_shown(element)
    return ink.is_unseen(element, style)


def _hides(style: Style, element: HtmlElement) -> bool:
    if not style:
        return False
    return (
        style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or style.get("content-visibility") == "hidden"
        or _is_moved_away(style)
        or _has_no_room(style)
        or _is_clear(style, element)
        or (_is_tiny(style) and not _resizes_text(element))
    )


def _is_moved_away(style: Style) -> bool:
    far = (style.get(name, "") for name in ("text-indent", "left", "top", "right", "bottom"))
    margins = (style.get(name, "") for name in ("margin-left", "margin-top"))
    return (
        any(map(_FAR_AWAY.match, far))
        or any(map(_FAR_MARGIN.match, margins))
        or _NO_SIZE.search(style.get("transform", "")) is not None
    )


def _has_no_room(style: Style) -> bool:
    """Boxes cut to nothing."""
    if _NO_CLIP.match(style.get("clip", "")) or _NO_CLIP.match(style.get("clip-path", "")):
        return True
    if style.get("overflow") not in ("hidden", "clip"):
        return False
    heights = [pixels_of(style.get(name)) for name in ("height", "max-height")]
    return any(height is not None and height <= _MAX_BOX_PX for height in heights)


def _is_clear(style: Style, element: HtmlElement) -> bool:
    """Opacity alone hides nothing: many pages fade their real content in from it."""
    opacity = style.get("opacity")
    if opacity is None:
        return False
    try:
        share = float(opacity.removesuffix("%")) / (100 if opacity.endswith("%") else 1)
    except ValueError:
        return False
    return share <= _MAX_OPACITY and (
        style.get("position") in ("absolute", "fixed")
        or style.get("pointer-events") == "none"
        or element.get("aria-hidden") == "true"
        or _is_tiny(style)
    )


def _is_tiny(style: Style) -> bool:
    size = style.get("font-size")
    if size is None and (match := _FONT_SIZE.search(style.get("font", ""))):
        size = match[1]
    pixels = pixels_of(size)
    return pixels is not None and pixels <= _MAX_TINY_PX


def _resizes_text(element: HtmlElement) -> bool:
    """Whether parts have a size of their own: such a box only closes gaps between them."""
    return any(
        child.get("class") or "font" in (child.get("style") or "")
        for child in element.iterdescendants()
        if isinstance(child.tag, str)
    )
