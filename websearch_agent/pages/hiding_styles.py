"""Which styles hide an element's text: no display, no room, no size, no ink, or far away."""

import re

from lxml.html import HtmlElement  # type: ignore[import-untyped]

from websearch_agent.pages.lengths import is_far_away, pixels_of, share_of
from websearch_agent.pages.style_rules import Style

_NO_CLIP = re.compile(
    r"rect\((?:\s*[01](?:px)?[\s,]*){4}\)|inset\(\s*(?:50|[5-9]\d|\d{3,})(?:\.\d+)?%"
    r"|(?:circle|ellipse)\(\s*0(?:\.0*)?(?:px|%|em)?[\s,)]"
)
_POLYGON = re.compile(r"polygon\((?:\s*(?:evenodd|nonzero)\s*,)?([^()]{1,400})\)")
_FUNCTION = re.compile(r"([a-z0-9]{3,12})\(([^()]{0,200})\)")
_FONT_SIZE = re.compile(r"(?<![\w.])(\d{0,4}(?:\.\d{1,4})?(?:px|pt))(?![\w.])")
_CUTTING = frozenset({"hidden", "clip", "auto", "scroll", "overlay"})
_GROWING = frozenset({"flex", "flex-grow", "min-width"})
_MAX_TINY_PX = 2.0
_MAX_BOX_PX = 2.0
_MAX_OPACITY = 0.02
_MAX_SCALE = 0.05
# Percent of its own size: sliders stand a hundred or two to the left of where they began.
_MIN_AWAY_PERCENT = 1000.0
_OTHER_HIDING = frozenset({"opacity", "content-visibility", "clip", "clip-path", "filter"})


def may_hide(style: Style) -> bool:
    """Whether a rule can have to do with hiding, alone or with others."""
    return (
        style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or not _OTHER_HIDING.isdisjoint(style)
        or _is_moved_away(style)
        or _is_shrunk(style)
        or _is_tiny(style)
        or _has_no_room(style, tag="")
    )


def hides(style: Style, element: HtmlElement) -> bool:
    """Whether an element in this style shows nothing; fading in is looked at elsewhere."""
    if not style:
        return False
    return (
        style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or style.get("content-visibility") == "hidden"
        or _is_moved_away(style)
        or _is_shrunk(style)
        or _has_no_room(style, tag=element.tag)
        or _is_clear(style, element)
        or (_is_tiny(style) and not _resizes_text(element))
    )


def has_no_opacity(style: Style) -> bool:
    """Whether its opacity is nothing. Many pages fade their real content in from there."""
    opacity = share_of(style.get("opacity", ""))
    return opacity is not None and opacity <= _MAX_OPACITY


def _is_moved_away(style: Style) -> bool:
    places = [style.get(name, "") for name in ("text-indent", "left", "top", "right", "bottom")]
    places += style.get("inset", "").split()
    margins = (style.get(name, "") for name in ("margin-left", "margin-top"))
    moves = style.get("translate", "").split()
    for name, arguments in _FUNCTION.findall(style.get("transform", "")):
        if name.startswith("translate"):
            moves += [argument.strip() for argument in arguments.split(",")]
    return (
        any(map(is_far_away, places))
        or any(is_far_away(margin, percent=None) for margin in margins)
        or any(is_far_away(move, percent=_MIN_AWAY_PERCENT) for move in moves)
    )


def _is_shrunk(style: Style) -> bool:
    factors = [style.get("zoom", ""), *style.get("scale", "").split()]
    for name, arguments in _FUNCTION.findall(style.get("transform", "")):
        if name in ("scale", "scalex", "scaley", "scale3d"):
            factors += arguments.split(",")
    shares = [share_of(factor) for factor in factors]
    return any(share is not None and 0 <= share < _MAX_SCALE for share in shares)


def _has_no_room(style: Style, *, tag: str) -> bool:
    """Boxes cut to nothing."""
    clips = (style.get("clip", ""), style.get("clip-path", ""))
    if any(_NO_CLIP.match(clip) or _is_flat(clip) for clip in clips):
        return True
    cutting = " ".join(style.get(name, "") for name in ("overflow", "overflow-x", "overflow-y"))
    if _CUTTING.isdisjoint(cutting.split()):
        return False
    names = ["height", "max-height"]
    # Cells that cut long lines, and boxes that grow from nothing, state no width either.
    if tag not in ("td", "th") and _GROWING.isdisjoint(style):
        names += ["width", "max-width"]
    sides = (pixels_of(style.get(name)) for name in names)
    return any(side is not None and side <= _MAX_BOX_PX for side in sides)


def _is_flat(clip: str) -> bool:
    """Whether it is a polygon whose corners stand on one line, straight up or across."""
    match = _POLYGON.fullmatch(clip)
    if match is None:
        return False
    corners = [corner.split() for corner in match[1].split(",")]
    if any(len(corner) != 2 for corner in corners):
        return False
    across, up = ({pixels_of(corner[axis]) for corner in corners} for axis in (0, 1))
    return len(across) == 1 or len(up) == 1


def _is_clear(style: Style, element: HtmlElement) -> bool:
    if "filter" in style and any(
        name == "opacity" and has_no_opacity({"opacity": share})
        for name, share in _FUNCTION.findall(style["filter"])
    ):
        return True
    return has_no_opacity(style) and (
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
    """Whether most of it has a size of its own: such a box only closes gaps between its parts."""
    resized_chars = 0
    for child in element.iterdescendants():
        if not isinstance(child.tag, str) or not _has_own_size(child):
            continue
        if not any(map(_has_own_size, _between(child, element))):
            resized_chars += len(child.text_content().strip())
    return 2 * resized_chars > len(element.text_content().strip())


def _has_own_size(element: HtmlElement) -> bool:
    return bool(element.get("class")) or "font" in (element.get("style") or "")


def _between(child: HtmlElement, element: HtmlElement) -> list[HtmlElement]:
    """What stands between both, from the inside."""
    found = []
    for ancestor in child.iterancestors():
        if ancestor is element:
            break
        found.append(ancestor)
    return found
