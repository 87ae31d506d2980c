"""How much text, how many links and how much prose stand below each element of a page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement  # type: ignore[import-untyped]

INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "del", "dfn", "em"}
    | {"font", "i", "ins", "kbd", "mark", "math", "picture", "q", "rp", "rt", "ruby", "s"}
    | {"samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"}
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SAMPLE_CHARS = 20_000
_CJK_WEIGHT = 2.5
# Items and cells count half, from this length on: menus and tables have them as well.
_ITEMS = frozenset({"li", "td", "dd", "pre"})
_MIN_ITEM_CHARS = 25


@dataclass(slots=True)
class Measure:
    """Counts of characters below an element.

    `run`: of its own lines, inline elements included, but no blocks in it. `menu`: links, except
    those in tables of facts and lists of terms, where they stand for what they name.
    """

    chars: int = 0
    linked: int = 0
    links: int = 0
    menu: int = 0
    prose: int = 0
    run: int = 0
    run_linked: int = 0

    def subtract(self, other: "Measure") -> None:
        """Take out what was counted for a part."""
        self.chars -= other.chars
        self.linked -= other.linked
        self.links -= other.links
        self.menu -= other.menu
        self.prose -= other.prose


Measures = dict[HtmlElement, Measure]


def char_weight(root: HtmlElement) -> float:
    """How many Latin letters one character of this page is worth."""
    sample = root.text_content()[:_SAMPLE_CHARS]
    letters = sum(map(str.isalpha, sample))
    return _CJK_WEIGHT if letters and len(_CJK.findall(sample)) > 0.3 * letters else 1.0


def measure_elements(elements: Sequence[HtmlElement], *, min_prose_chars: float) -> Measures:
    """Measures of all these elements, which are a whole tree in document order."""
    measures = {element: Measure() for element in elements}
    for element in reversed(elements):
        measure = measures[element]
        above = measures.get(element.getparent())
        if text := element.text:
            count = len(text.strip())
            measure.chars += count
            measure.run += count
        _count_links(element, measure)
        if element.tag not in INLINE and element.tag not in HEADINGS:
            _count_prose(element.tag, measure, min_prose_chars)
        if above is not None:
            _add_to_parent(element, measure, above)
    return measures


def _count_links(element: HtmlElement, measure: Measure) -> None:
    tag = element.tag
    if tag == "a":
        if element.get("href") is not None:
            measure.linked = measure.menu = measure.chars
            measure.run_linked = measure.run
            measure.links += 1
            measure.prose = 0
    elif tag == "dl":
        if 2 * measure.linked <= measure.chars:
            measure.menu = 0
    elif tag == "table":
        is_list_of_links = measure.linked > 0.7 * measure.chars
        if not is_list_of_links and next(element.iter("th"), None) is not None:
            measure.menu = 0


def _count_prose(tag: str, measure: Measure, min_prose_chars: float) -> None:
    """Count the element's own lines if they are long enough and mostly not links."""
    plain = measure.run - measure.run_linked
    if plain <= measure.run_linked:
        return
    if tag in _ITEMS:
        if plain >= _MIN_ITEM_CHARS:
            measure.prose += plain // 2
    elif plain >= min_prose_chars:
        measure.prose += plain


def _add_to_parent(element: HtmlElement, measure: Measure, above: Measure) -> None:
    above.chars += measure.chars
    above.linked += measure.linked
    above.links += measure.links
    above.menu += measure.menu
    above.prose += measure.prose
    if element.tag in INLINE:
        above.run += measure.run
        above.run_linked += measure.run_linked
    if tail := element.tail:
        count = len(tail.strip())
        above.chars += count
        above.run += count
