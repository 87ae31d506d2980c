"""What a page's own style says of an element: inline, and by simple rules of its `<style>` sheets.

No rendering: of a sheet only rules are read that stand at its top and name one element by its tag,
classes and id. That is how text is hidden on purpose; what layouts do with nesting, states and
widths is not decided here. Foreign data: everything is bounded and takes linear time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from lxml.html import HtmlElement  # type: ignore[import-untyped]

_MAX_SHEET_CHARS = 400_000
_MAX_RULES = 4000
_MAX_STYLE_CHARS = 2000
_MAX_SELECTORS = 30
_MAX_CLASSES = 20

_READ_PROPERTIES = frozenset(
    {"display", "visibility", "content-visibility", "opacity", "font-size", "color", "clip"}
    | {"clip-path", "position", "left", "right", "top", "bottom", "text-indent", "width", "height"}
    | {"max-width", "max-height", "overflow", "transform", "background", "background-color"}
    | {"background-image", "background-clip", "-webkit-background-clip", "text-shadow"}
    | {"-webkit-text-fill-color", "margin-left", "margin-top", "pointer-events", "font"}
)
# A rule without one of these decides nothing here; sizes and places only add to them.
_DECIDING = frozenset(
    {"display", "visibility", "content-visibility", "opacity", "color", "clip", "clip-path"}
    | {"text-indent", "overflow", "transform", "background", "background-color", "font-size"}
    | {"font", "-webkit-text-fill-color", "background-image", "left", "top", "margin-left"}
)
_READ_WORDS = re.compile(
    "display|visib|opacity|font|color|clip|indent|left|right|top|bottom|height|width|transform"
    "|background"
)
_ESCAPE = re.compile(r"\\([0-9a-f]{1,6}\s?|[^0-9a-f\n])", re.IGNORECASE)
_SELECTOR = re.compile(r"(?P<tag>[a-z][a-z0-9]*|\*)?(?P<names>(?:[.#][\w-]{1,80}){0,6})")
_NAME = re.compile(r"([.#])([\w-]+)")
_LAST_PART_NAME = re.compile(r"[.#][\w-]+")
# For these rules hide nothing: a page that hides all of itself shows it by a script.
_NEVER_STYLED = frozenset({"*", "html", "body"})

Style = Mapping[str, str]
_NO_STYLE: Style = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Rule:
    tag: str
    ids: frozenset[str]
    classes: frozenset[str]
    style: Style
    order: int

    @property
    def weight(self) -> tuple[int, int, int, int]:
        return len(self.ids), len(self.classes), bool(self.tag), self.order


@dataclass(slots=True)
class StyleSheets:
    """The simple rules of a page's sheets, by the name that each needs.

    `shown_names`: classes and ids (with their sign) that some rule, simple or not, makes visible.
    """

    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    shown_names: set[str] = field(default_factory=set)

    def style_of(self, element: HtmlElement) -> Style:
        """What the sheets say; later and more exact rules win."""
        if not self.rules:
            return _NO_STYLE
        classes = (element.get("class") or "").lower().split()[:_MAX_CLASSES]
        id_ = (element.get("id") or "").lower()
        found = [
            rule
            for key in dict.fromkeys(self.keys_of(element))
            for rule in self.rules.get(key, ())
            if rule.tag in ("", element.tag)
            and rule.classes.issubset(classes)
            and rule.ids.issubset([id_])
        ]
        if len(found) == 1:
            return found[0].style
        merged: dict[str, str] = {}
        for rule in sorted(found, key=lambda rule: rule.weight):
            merged.update(rule.style)
        return MappingProxyType(merged)

    def may_be_shown(self, element: HtmlElement) -> bool:
        """Whether some rule makes an element of this name visible: then a click shows it."""
        return not self.shown_names.isdisjoint(self.keys_of(element)[1:])

    def keys_of(self, element: HtmlElement) -> list[str]:
        """Tag, id and classes, as rules are found by them."""
        classes = (element.get("class") or "").lower().split()[:_MAX_CLASSES]
        id_ = element.get("id")
        return [element.tag, *([f"#{id_.lower()}"] if id_ else []), *(f".{n}" for n in classes)]


def read_style_sheets(tree: HtmlElement) -> StyleSheets:
    """The rules of all `<style>` elements that hold for screens."""
    sheets = StyleSheets()
    chars_left = _MAX_SHEET_CHARS
    order = 0
    for element in tree.iter("style"):
        if not _is_for_screens(element):
            continue
        css = (element.text or "")[:chars_left].lower()
        chars_left -= len(css)
        for selectors, block, is_simple in _blocks(css):
            style = parse_style(block)
            if _DECIDING.isdisjoint(style) or order >= _MAX_RULES:
                continue
            order += 1
            _add_rule(sheets, selectors, style, order, is_simple=is_simple)
    return sheets


def _is_for_screens(element: HtmlElement) -> bool:
    media = (element.get("media") or "all").strip().lower()
    return media in ("all", "screen", "")


def _blocks(css: str) -> Iterator[tuple[str, str, bool]]:
    """Selectors and declarations of each block, and whether it stands at the top of its sheet."""
    depth = 0
    for piece in _without_comments(css).split("}"):
        openings = piece.count("{")
        before, _, block = piece.rpartition("{")
        if openings:
            selectors = before.rpartition("{")[2].rpartition(";")[2].strip()
            yield selectors, block, depth == 0 and openings == 1
        depth = max(0, depth + openings - 1)


def _without_comments(css: str) -> str:
    first, *rest = css.split("/*")
    return " ".join([first, *(piece.partition("*/")[2] for piece in rest)])


def _add_rule(
    sheets: StyleSheets, selectors: str, style: Style, order: int, *, is_simple: bool
) -> None:
    shows = _shows(style)
    for selector in selectors.split(",")[:_MAX_SELECTORS]:
        selector = selector.strip()[:200]
        if shows:
            sheets.shown_names.update(_LAST_PART_NAME.findall(selector.split(" ")[-1]))
        match = _SELECTOR.fullmatch(selector) if is_simple else None
        if match is None or selector in _NEVER_STYLED or not selector:
            continue
        names = _NAME.findall(match["names"])
        tag = (match["tag"] or "").replace("*", "")
        ids = frozenset(name for sign, name in names if sign == "#")
        classes = frozenset(name for sign, name in names if sign == ".")
        key = f"{names[0][0]}{names[0][1]}" if names else tag
        sheets.rules.setdefault(key, []).append(_Rule(tag, ids, classes, style, order))


def _shows(style: Style) -> bool:
    display = style.get("display", "none")
    visibility = style.get("visibility", "hidden")
    return display != "none" or visibility == "visible" or style.get("opacity") == "1"


@lru_cache(maxsize=4096)
def parse_style(text: str) -> Style:
    """The declarations that may hide text, in lower case; the last of each property counts."""
    text = text[:_MAX_STYLE_CHARS].lower()
    if "\\" in text:
        text = _ESCAPE.sub(_unescaped, text)
    if not _READ_WORDS.search(text):
        return _NO_STYLE
    if "/*" in text:
        text = _without_comments(text)
    style: dict[str, str] = {}
    important: set[str] = set()
    for declaration in text.split(";"):
        name, colon, value = declaration.partition(":")
        name = name.strip()
        if not colon or name not in _READ_PROPERTIES:
            continue
        value, _, mark = value.partition("!")
        if mark.strip() == "important":
            important.add(name)
        elif name in important:
            continue
        style[name] = " ".join(value.split())
    return MappingProxyType(style)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1].strip()
    try:
        return chr(int(code, 16)).lower()
    except (ValueError, OverflowError):
        return code


_LENGTH = re.compile(
    r"(-?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}))\s*(px|pt|em|rem|%|vw|vh|ex|ch|cm|in|)"
)
_PIXELS = {"": 1.0, "px": 1.0, "pt": 1.333, "em": 16.0, "rem": 16.0, "%": 0.16, "vw": 10.0}
_PIXELS |= {"vh": 8.0, "ex": 8.0, "ch": 8.0, "cm": 37.8, "in": 96.0}


def pixels_of(value: str | None) -> float | None:
    """A length in pixels of a usual screen and font; None if it is none or is computed."""
    match = _LENGTH.fullmatch(value or "")
    return float(match[1]) * _PIXELS[match[2]] if match else None
