"""What a page's own style says of an element: inline, and by simple rules of its `<style>` sheets.

No rendering: of a sheet only rules are read that hold on every screen and name an element by tag,
classes and id, and likewise what it stands in. That is how text is hidden on purpose; what layouts
do with attributes, states, order and widths is not decided here. Foreign data: everything is
bounded and takes linear time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from types import MappingProxyType

from lxml.html import HtmlElement  # type: ignore[import-untyped]

_MAX_SHEET_CHARS = 400_000
_MAX_RULES = 4000
_MAX_STYLE_CHARS = 2000
_MAX_SELECTORS = 30
_MAX_CLASSES = 20
_MAX_ANCESTORS = 40
_MAX_SCRIPT_CHARS = 400_000

_READ_PROPERTIES = frozenset(
    {"display", "visibility", "content-visibility", "opacity", "font-size", "color", "clip"}
    | {"clip-path", "position", "left", "right", "top", "bottom", "text-indent", "width", "height"}
    | {"max-width", "max-height", "overflow", "transform", "background", "background-color"}
    | {"background-image", "background-clip", "-webkit-background-clip", "text-shadow"}
    | {"-webkit-text-fill-color", "margin-left", "margin-top", "pointer-events", "font"}
    | {"inset", "translate", "scale", "zoom", "filter", "overflow-x", "overflow-y"}
    | {"flex", "flex-grow", "min-width"}
)
# A rule without one of these decides nothing here; sizes and places only add to them.
_DECIDING = frozenset(
    {"display", "visibility", "content-visibility", "opacity", "color", "clip", "clip-path"}
    | {"text-indent", "overflow", "transform", "background", "background-color", "font-size"}
    | {"font", "-webkit-text-fill-color", "background-image", "left", "top", "margin-left"}
    | {"inset", "translate", "scale", "zoom", "filter", "overflow-x", "overflow-y"}
)
_READ_WORDS = re.compile(
    "display|visib|opacity|font|color|clip|indent|left|right|top|bottom|height|width|transform"
    "|background|overflow|inset|translate|scale|zoom|filter"
)
_ESCAPE = re.compile(r"\\([0-9a-f]{1,6}\s?|[^0-9a-f\n])", re.IGNORECASE)
_COMPOUND = re.compile(r"(?P<tag>[a-z][a-z0-9]*|\*)?(?P<names>(?:[.#][\w-]{1,80}){0,6})")
_NAME = re.compile(r"([.#])([\w-]+)")
_NAME_AND_SIGN = re.compile(r"[.#][\w-]+")
_NEGATION = re.compile(r":not\([^)]*\)")
_WORD = re.compile(r"[a-z_][\w-]*")
_COMBINATORS = re.compile(r"\s*>\s*|\s+")
_MAX_COMPOUNDS = 6
_WITHIN = "> "
_MAX_LEVELS_WITHIN = 3
# What no hidden element can be: nobody points at it.
_POINTED_AT = re.compile(r":(?:hover|active|focus|focus-visible|focus-within)\b")
# Scripts of other files give such classes; a page whose own text shows no trace of them is usual.
_STATE_CLASS = re.compile(
    r"(?:.*[-_])?(?:active|open|opened|expanded|selected|current|show|shown|showing|visible|in|on)"
)
# Holds on every screen, or is only an order of sheets. 320 px: no screen is narrower.
_HOLDS_ALWAYS = re.compile(
    r"(?:only )?(?:all|screen)(?: and \(min-width: ?(?:[12]?\d{1,2}|3[01]\d|320)px\))?"
)
_LAYER = re.compile(r"@layer(?: [\w.-]{1,80})?")
# For these rules hide nothing: a page that hides all of itself shows it by a script.
_NEVER_STYLED = frozenset({"*", "html", "body"})

Style = Mapping[str, str]
_NO_STYLE: Style = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Compound:
    """Tag, ids and classes that one element must have."""

    tag: str
    ids: frozenset[str]
    classes: frozenset[str]

    def fits(self, element: HtmlElement) -> bool:
        return (
            self.tag in ("", element.tag)
            and (not self.ids or self.ids == {(element.get("id") or "").lower()})
            and (not self.classes or self.classes.issubset(_classes_of(element)))
        )


@dataclass(frozen=True, slots=True)
class _Rule:
    """`around`: what the element stands in, the outermost first."""

    own: _Compound
    around: tuple[_Compound, ...]
    style: Style
    order: int

    @property
    def weight(self) -> tuple[int, int, int, int]:
        parts = (self.own, *self.around)
        return (
            sum(len(part.ids) for part in parts),
            sum(len(part.classes) for part in parts),
            sum(bool(part.tag) for part in parts),
            self.order,
        )

    def fits(self, element: HtmlElement) -> bool:
        if not self.own.fits(element):
            return False
        missing = list(self.around)
        if missing:
            for ancestor in islice(element.iterancestors(), _MAX_ANCESTORS):
                if missing[-1].fits(ancestor):
                    missing.pop()
                    if not missing:
                        break
        return not missing


@dataclass(slots=True)
class StyleSheets:
    """The simple rules of a page's sheets, by the name that each needs.

    `shown_names`: classes and ids (with their sign) that some rule, simple or not, makes visible,
    if the rule names nothing else that the page does not have; after `_WITHIN` those whose parts it
    makes visible when a click gives them a class such as `active`.
    """

    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    shown_names: set[str] = field(default_factory=set)

    def style_of(self, element: HtmlElement) -> Style:
        """What the sheets say; later and more exact rules win."""
        if not self.rules:
            return _NO_STYLE
        found = [
            rule
            for key in dict.fromkeys(self.keys_of(element))
            for rule in self.rules.get(key, ())
            if rule.fits(element)
        ]
        if len(found) == 1:
            return found[0].style
        merged: dict[str, str] = {}
        for rule in sorted(found, key=lambda rule: rule.weight):
            merged.update(rule.style)
        return MappingProxyType(merged)

    def may_be_shown(self, element: HtmlElement) -> bool:
        """Whether some rule makes an element of this name visible: then a click shows it."""
        if not self.shown_names.isdisjoint(self.keys_of(element)[1:]):
            return True
        return any(
            not self.shown_names.isdisjoint(_WITHIN + key for key in self.keys_of(level)[1:])
            for level in islice(element.iterancestors(), _MAX_LEVELS_WITHIN)
        )

    def keys_of(self, element: HtmlElement) -> list[str]:
        """Tag, id and classes, as rules are found by them."""
        classes = _classes_of(element)
        id_ = element.get("id")
        return [element.tag, *([f"#{id_.lower()}"] if id_ else []), *(f".{n}" for n in classes)]


def _classes_of(element: HtmlElement) -> list[str]:
    return (element.get("class") or "").lower().split()[:_MAX_CLASSES]


def read_style_sheets(tree: HtmlElement) -> StyleSheets:
    """The rules of all `<style>` elements that hold for screens."""
    sheets = StyleSheets()
    present = _names_in(tree)
    shown: list[str] = []
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
            listed = [part.strip()[:200] for part in selectors.split(",")[:_MAX_SELECTORS]]
            if is_simple:
                _add_rules(sheets, listed, style, order, present)
            if _shows(style):
                shown += listed
    if shown:
        sheets.shown_names = _shown_names(shown, tree, present)
    return sheets


def _is_for_screens(element: HtmlElement) -> bool:
    return _holds_on_screens(element.get("media") or "all")


def _holds_on_screens(media: str) -> bool:
    """Whether one of the queries, apart by commas, holds on every screen."""
    queries = (" ".join(query.split()) for query in media.lower().split(","))
    return any(_HOLDS_ALWAYS.fullmatch(query) or not query for query in queries)


def _is_transparent(prelude: str) -> bool:
    """Whether rules in this block hold as if they stood at the top of the sheet."""
    if prelude.startswith("@media "):
        return _holds_on_screens(prelude.removeprefix("@media "))
    return _LAYER.fullmatch(prelude) is not None


def _blocks(css: str) -> Iterator[tuple[str, str, bool]]:
    """Selectors and declarations of each block, and whether it holds wherever the sheet does."""
    around: list[bool] = []  # of each block that is open: whether it is transparent
    opaque_count = 0
    for piece in _without_comments(css).split("}"):
        *preludes, block = piece.split("{")
        if not preludes:
            if around:
                opaque_count -= not around.pop()
            continue
        for prelude in preludes[:-1]:
            around.append(_is_transparent(prelude.rpartition(";")[2].strip()[:200]))
            opaque_count += not around[-1]
        yield preludes[-1].rpartition(";")[2].strip(), block, opaque_count == 0


def _without_comments(css: str) -> str:
    first, *rest = css.split("/*")
    return " ".join([first, *(piece.partition("*/")[2] for piece in rest)])


def _names_in(tree: HtmlElement) -> set[str]:
    """All classes and ids of the page, with their sign."""
    present = {f".{word}" for text in set(tree.xpath("//@class")) for word in text.lower().split()}
    return present | {f"#{id_.lower()}" for id_ in tree.xpath("//@id")}


def _add_rules(
    sheets: StyleSheets, selectors: list[str], style: Style, order: int, present: set[str]
) -> None:
    for selector in selectors:
        compounds = _COMBINATORS.split(selector)[: _MAX_COMPOUNDS + 1]
        matches = [_COMPOUND.fullmatch(compound) for compound in compounds]
        if not selector or selector in _NEVER_STYLED or len(matches) > _MAX_COMPOUNDS:
            continue
        parts = [_as_compound(match) for match in matches if match and match[0]]
        if len(parts) < len(matches):
            continue
        own, around = parts[-1], tuple(parts[:-1])
        names = _NAME.findall(compounds[-1])
        # Most rules of a sheet are for other pages; those for all `p` in a box cost half the time.
        if (around and not names) or not present.issuperset(_NAME_AND_SIGN.findall(selector)):
            continue
        key = f"{names[0][0]}{names[0][1]}" if names else own.tag
        if key:
            sheets.rules.setdefault(key, []).append(_Rule(own, around, style, order))


def _as_compound(match: re.Match[str]) -> _Compound:
    names = _NAME.findall(match["names"])
    tag = (match["tag"] or "").replace("*", "")
    return _Compound(
        tag,
        frozenset(name for sign, name in names if sign == "#"),
        frozenset(name for sign, name in names if sign == "."),
    )


def _shown_names(selectors: list[str], tree: HtmlElement, present: set[str]) -> set[str]:
    """The names that these selectors can show on this page.

    A rule that needs a class which nothing on the page has, nor any of its scripts, shows nothing:
    it may be there only to make what is hidden look like what a click opens.
    """
    scripts = "\n".join(script.text or "" for script in tree.iter("script"))[:_MAX_SCRIPT_CHARS]
    in_scripts = set(_WORD.findall(scripts.lower()))
    shown: set[str] = set()
    for selector in dict.fromkeys(selectors):
        *around, last = _COMBINATORS.split(selector)
        if _POINTED_AT.search(last):
            continue
        names = [sign + name for sign, name in _NAME.findall(_NEGATION.sub("", selector))]
        if all(
            name in present or name[1:] in in_scripts or _STATE_CLASS.fullmatch(name[1:])
            for name in names
        ):
            own = _NAME.findall(_NEGATION.sub("", last))
            if around and all(_STATE_CLASS.fullmatch(name) for _, name in own):
                shown.update(_WITHIN + sign + name for sign, name in _NAME.findall(around[-1]))
            shown.update(sign + name for sign, name in own)
    return shown


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
