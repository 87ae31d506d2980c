"""Text in the colour of the paper: white on white, or as a page states both."""

from collections.abc import Mapping

from lxml.html import HtmlElement  # type: ignore[import-untyped]

from websearch_agent.pages.colours import (
    MIN_CONTRAST,
    TRANSPARENT,
    Colour,
    background_of,
    contrast,
    parse_colour,
)
from websearch_agent.pages.style_rules import StyleSheets, parse_style

_WHITE = (255, 255, 255)
_BACKGROUNDS = ("background-color", "background", "background-image")
# So much plain text beside it shows on what ground the page writes there.
_MIN_NEIGHBOUR_CHARS = 40
_MAX_NEIGHBOURS = 200
# What is shorter is a button's label on a ground that an outer sheet gives it.
_MIN_CHARS = 20
_MAX_DEPTH = 40


class Ink:
    """Tells whether the colour of an element's text is that of its ground.

    A ground is known where the page states it, and white where it states none. Any class may have
    another one from an outer sheet: then the text counts as hidden only if plain text, which
    has the usual ink, stands in the same box.
    """

    def __init__(self, tree: HtmlElement, sheets: StyleSheets) -> None:
        self._sheets = sheets
        self._near_ground: dict[str, bool] = {}
        self._grounds: list[Colour] | None = None
        self._tree = tree

    def is_unseen(self, element: HtmlElement, style: Mapping[str, str]) -> bool:
        """`style`: of the element itself, from all that the page says."""
        stated = style.get("-webkit-text-fill-color") or style.get("color")
        if stated is None and element.tag == "font":
            stated = (element.get("color") or "").lower() or None
        if stated is None or not self._may_be_ground(stated):
            return False
        if len(element.text_content().strip()) < _MIN_CHARS:
            return False
        colour = parse_colour(stated)
        if colour == TRANSPARENT:
            clips = style.get("background-clip") or style.get("-webkit-background-clip")
            return clips != "text" and not {"text-shadow", "background", "background-image"} & set(
                style
            )
        if not isinstance(colour, tuple):
            return False
        return self._is_ground(element, style, colour)

    def may_be_unseen(self, style: Mapping[str, str]) -> bool:
        """Whether a rule has a colour that is some ground on this page."""
        stated = style.get("-webkit-text-fill-color") or style.get("color")
        return stated is not None and self._may_be_ground(stated)

    def _may_be_ground(self, stated: str) -> bool:
        """Whether anything on the page has about this colour as its ground."""
        known = self._near_ground.get(stated)
        if known is None:
            colour = parse_colour(stated)
            known = colour == TRANSPARENT or (
                isinstance(colour, tuple)
                and any(contrast(colour, ground) < MIN_CONTRAST for ground in self._all_grounds())
            )
            self._near_ground[stated] = known
        return known

    def _all_grounds(self) -> list[Colour]:
        if self._grounds is None:
            styles = [parse_style(text) for text in set(self._tree.xpath("//*[@style]/@style"))]
            styles += [rule.style for rules in self._sheets.rules.values() for rule in rules]
            stated = {style[name] for style in styles for name in _BACKGROUNDS if name in style}
            stated.update(value.lower() for value in self._tree.xpath("//*[@bgcolor]/@bgcolor"))
            found = {background_of(value) for value in stated}
            self._grounds = [_WHITE, *(colour for colour in found if isinstance(colour, tuple))]
        return self._grounds

    def _is_ground(self, element: HtmlElement, style: Mapping[str, str], colour: Colour) -> bool:
        is_sure = True
        level, level_style = element, style
        for _ in range(_MAX_DEPTH):
            ground = self._ground_of(level, level_style)
            if ground is None:
                return False
            if isinstance(ground, tuple):
                if contrast(colour, ground) >= MIN_CONTRAST:
                    return False
                return is_sure or self._has_plain_neighbours(element, colour)
            if level is not element and self._is_light_on_dark(level_style, colour):
                return False
            is_sure = is_sure and not (level.get("class") or level.get("id"))
            level = level.getparent()
            if level is None:
                break
            level_style = {
                **self._sheets.style_of(level),
                **parse_style(level.get("style") or ""),
            }
        if contrast(colour, _WHITE) >= MIN_CONTRAST:
            return False
        return self._has_plain_neighbours(element, colour)

    def _is_light_on_dark(self, style: Mapping[str, str], colour: Colour) -> bool:
        """Whether all around is written in this colour too: then the ground is another one."""
        around = parse_colour(style.get("color", ""))
        return isinstance(around, tuple) and contrast(around, colour) < MIN_CONTRAST

    def _ground_of(self, element: HtmlElement, style: Mapping[str, str]) -> Colour | str | None:
        """Its colour, TRANSPARENT, or None where the page states one that is not understood."""
        values = [style[name] for name in _BACKGROUNDS if name in style]
        if not values and element.get("bgcolor"):
            values = [(element.get("bgcolor") or "").lower()]
        if element.get("background"):
            return None
        grounds = [background_of(value) for value in values if value not in ("none", "inherit")]
        if not grounds:
            return TRANSPARENT
        return None if None in grounds else grounds[0]

    def _has_plain_neighbours(self, element: HtmlElement, colour: Colour) -> bool:
        """Whether text without a style or name stands in the same box, or in one around it."""
        level = element
        for _ in range(_MAX_DEPTH):
            box = level.getparent()
            if box is None:
                return False
            if _plain_chars(box, level) >= _MIN_NEIGHBOUR_CHARS:
                return True
            if box.get("class") or box.get("id") or box.tag == "body":
                return False
            level = box
        return False


def _plain_chars(box: HtmlElement, without: HtmlElement) -> int:
    chars = len((box.text or "").strip())
    for number, child in enumerate(box):
        if number > _MAX_NEIGHBOURS or chars >= _MIN_NEIGHBOUR_CHARS:
            break
        chars += len((child.tail or "").strip())
        if child is without or not isinstance(child.tag, str):
            continue
        if child.tag not in ("script", "style", "font") and not (
            child.get("class") or child.get("id") or child.get("style")
        ):
            chars += sum(len(str(text).strip()) for text in child.xpath("text()"))
    return chars
