"""What of a page is left out: named boilerplate, except where that would be the article itself."""

import re
from collections import Counter
from collections.abc import Sequence

from lxml.html import HtmlElement  # type: ignore[import-untyped]

from websearch_agent.pages.boilerplate import Boilerplate, find_boilerplate
from websearch_agent.pages.page_measures import INLINE, Measures

# Of all prose on a page. What is named and holds more is around the article, not beside it.
_MAX_FURNITURE_SHARE = 0.4
_MAX_FRAME_SHARE = 0.75
_MAX_SHARE_WITH_TITLE = 0.15
_MAX_CHARS_BESIDE_INLINE = 30
# Rounds of giving back; each costs a walk over the page.
_MAX_ROUNDS = 5
_NEVER_THE_TEXT = re.compile("select|textarea|figcaption|foot|cookie|consent|gdpr|hidden|print")

Named = dict[HtmlElement, Boilerplate]


def take_out_furniture(
    elements: Sequence[HtmlElement], measures: Measures, *, min_article_chars: float, is_forum: bool
) -> set[HtmlElement]:
    """The elements to leave out, whose counts are taken out of `measures`.

    `elements`: the whole tree in document order. With less than `min_article_chars` of prose
    left, nothing is an article. In a forum, comments are what the page is about.
    """
    named = {}
    for element in elements[1:]:
        found = find_boilerplate(element, measures[element])
        if found and not (is_forum and found.kind == "comments"):
            named[element] = found
    total = _without_comments(elements, measures, named, min_article_chars)
    _give_back_wrappers(measures, named, total)
    _give_back_inline(measures, named)
    _give_back_words(elements, measures, named, total)
    _give_back_only_text(elements, measures, named, min_article_chars)
    for element in _outermost(elements, named):
        for ancestor in element.iterancestors():
            if ancestor not in measures:
                break
            measures[ancestor].subtract(measures[element])
    return set(named)


def _without_comments(
    elements: Sequence[HtmlElement], measures: Measures, named: Named, min_article_chars: float
) -> int:
    """The prose without comments; gives them back where no article would be left."""
    total = measures[elements[0]].prose
    comments = {element: found for element, found in named.items() if found.kind == "comments"}
    prose = sum(measures[element].prose for element in _outermost(elements, comments))
    if total - prose >= min_article_chars:
        return total - prose
    for element in comments:
        if measures[element].prose:
            del named[element]
    return total


def _most_prose(found: Boilerplate, total: int) -> float:
    """How much prose may be left out for one reason."""
    if found.kind == "comments":
        return float("inf")
    share = _MAX_FRAME_SHARE if found.kind in ("frame", "card") else _MAX_FURNITURE_SHARE
    return share * total


def _give_back_wrappers(measures: Measures, named: Named, total: int) -> None:
    """Give back what holds most of the prose, or the title with some of it."""
    for element, found in list(named.items()):
        prose = measures[element].prose
        most = _most_prose(found, total)
        if _MAX_SHARE_WITH_TITLE * total < prose <= most and found.kind != "comments":
            most = 0 if next(element.iter("h1"), None) is not None else most
        if prose > most:
            del named[element]


def _give_back_inline(measures: Measures, named: Named) -> None:
    """Give back words in the middle of a sentence."""
    for element, found in list(named.items()):
        if element.tag in INLINE and found.kind != "frame":
            above = measures.get(element.getparent())
            if above and above.run - measures[element].run > _MAX_CHARS_BESIDE_INLINE:
                del named[element]


def _give_back_words(
    elements: Sequence[HtmlElement], measures: Measures, named: Named, total: int
) -> None:
    """Give back all of a name whose elements hold much of the prose together.

    Site builders call every paragraph a widget.
    """
    for _ in range(_MAX_ROUNDS):
        prose_by_name: Counter[Boilerplate] = Counter()
        for element in _outermost(elements, named):
            if named[element].kind != "frame":
                prose_by_name[named[element]] += measures[element].prose
        names = {n for n, prose in prose_by_name.items() if prose > _most_prose(n, total)}
        if not names:
            return
        for element, found in list(named.items()):
            if found in names and measures[element].prose:
                del named[element]


def _give_back_only_text(
    elements: Sequence[HtmlElement], measures: Measures, named: Named, min_article_chars: float
) -> None:
    """Give back the largest part where next to nothing else is left, as in `noscript`."""
    for _ in range(_MAX_ROUNDS):
        outermost = _outermost(elements, named)
        left = measures[elements[0]].prose - sum(measures[e].prose for e in outermost)
        candidates = [
            element
            for element in outermost
            if named[element].kind != "comments" and not _NEVER_THE_TEXT.match(named[element].word)
        ]
        largest = max(candidates, key=lambda element: measures[element].prose, default=None)
        if largest is None or left >= min_article_chars:
            return
        if measures[largest].prose < max(min_article_chars, 2 * left):
            return
        del named[largest]


def _outermost(elements: Sequence[HtmlElement], named: Named) -> list[HtmlElement]:
    """Those that stand in no other one."""
    inside: set[HtmlElement] = set()
    outermost = []
    for element in elements:
        if element.getparent() in inside:
            inside.add(element)
        elif element in named:
            outermost.append(element)
            inside.add(element)
    return outermost
