"""Where on a page its main content stands, and what inside it does not belong to it."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from lxml.html import HtmlElement  # type: ignore[import-untyped]

from websearch_agent.pages.furniture import take_out_furniture
from websearch_agent.pages.page_measures import INLINE, Measures, char_weight, measure_elements

# Lines from this length on are prose; if a page has hardly any, shorter ones are.
_MIN_PROSE_CHARS = (80, 25)
_MIN_ARTICLE_CHARS = 300
_NO_CONTAINER = frozenset(
    {"p", "li", "tr", "tbody", "thead", "ul", "ol", "dl", "dd", "dt", "blockquote", "pre", "table"}
    | INLINE
)
_CONTENT_NAME = re.compile(
    r"(?:article|story|post|entry|news|blog|text)[-_]*(?:body|content|text|entry|main|copy|txt)"
    r"|body[-_]?(?:text|copy|content)|content[-_]?(?:body|text|main|article)|fulltext"
    r"|(?:parser|markdown)[-_](?:output|body)",
    re.IGNORECASE,
)
# An element that says it is the content counts so much more.
_MARKED_BONUS = 1.6
_OTHER_TEXT_COST = 0.1
_MIN_CONTAINER_SHARE = 0.25
_NARROWER_SHARE = 0.95
_MIN_CARDS = 2
_MAX_CARD_CHARS = 700
_MAX_CARDS_SHARE = 0.4
_MAX_LEAD_LEVELS = 10
_MAX_LEAD_CHARS = 1500


@dataclass(frozen=True, slots=True)
class MainContent:
    """`lead` stands before the container, perhaps with the title; `excluded` may be in both.

    `char_weight`: how many Latin letters one character is worth.
    """

    container: HtmlElement
    lead: tuple[HtmlElement, ...]
    excluded: frozenset[HtmlElement]
    measures: Measures
    char_weight: float


def find_main_content(root: HtmlElement, *, is_forum: bool = False) -> MainContent:
    """The element that holds the main content, and the elements in it to leave out."""
    elements = list(root.iter())
    weight = char_weight(root)
    for min_prose_chars in _MIN_PROSE_CHARS:
        measures = measure_elements(elements, min_prose_chars=min_prose_chars / weight)
        excluded = take_out_furniture(
            elements, measures, min_article_chars=_MIN_ARTICLE_CHARS / weight, is_forum=is_forum
        )
        if measures[root].prose >= _MIN_ARTICLE_CHARS / weight:
            break
    container = _container(elements, measures, excluded)
    excluded |= _card_lists(container, measures, excluded, weight)
    return MainContent(
        container, _lead(container, root, measures, excluded), frozenset(excluded), measures, weight
    )


def _container(
    elements: list[HtmlElement], measures: Measures, excluded: Collection[HtmlElement]
) -> HtmlElement:
    """The element with the most prose and the least else; of equals the innermost."""
    root = elements[0]
    least = _MIN_CONTAINER_SHARE * measures[root].prose
    best, best_score = root, float("-inf")
    left_out: set[HtmlElement] = set()
    for element in elements:
        if element in excluded or element.getparent() in left_out:
            left_out.add(element)
            continue
        measure = measures[element]
        if measure.prose < least or element.tag in _NO_CONTAINER:
            continue
        if not measure.prose:
            if _is_marked(element) and 3 * measure.chars >= measures[root].chars:
                return element
            continue
        other = measure.chars - measure.prose - measure.linked
        score = measure.prose - measure.menu - _OTHER_TEXT_COST * other
        if score > 0 and _is_marked(element):
            score *= _MARKED_BONUS
        if score >= best_score:
            best, best_score = element, score
    return _narrowed(_first_article(best, measures), measures, excluded)


def _is_marked(element: HtmlElement) -> bool:
    """Whether tag, role or name say that this is the content."""
    if element.tag in ("article", "main") or element.get("role") in ("article", "main"):
        return True
    if "articleBody" in (element.get("itemprop") or ""):
        return True
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    return bool(_CONTENT_NAME.search(names[:200]))


def _first_article(container: HtmlElement, measures: Measures) -> HtmlElement:
    """Of whole articles in a row, as endless pages append them, the first one."""
    article = next(container.iter("h1"), None)
    if article is None:
        return container
    while article is not container and 12 * measures[article].prose < measures[container].prose:
        article = article.getparent()
    while article is not container:
        for other in article.itersiblings("article"):
            if measures[other].prose >= 200 and next(other.iter("h1"), None) is not None:
                return article
        article = article.getparent()
    return container


def _narrowed(
    container: HtmlElement, measures: Measures, excluded: Collection[HtmlElement]
) -> HtmlElement:
    """The innermost element that still holds nearly all of the prose."""
    while measures[container].prose:
        least = _NARROWER_SHARE * measures[container].prose
        inner = next(
            (
                child
                for child in container
                if measures[child].prose >= least
                and child not in excluded
                and child.tag not in _NO_CONTAINER
            ),
            None,
        )
        if inner is None:
            break
        container = inner
    return container


def _card_lists(
    container: HtmlElement, measures: Measures, excluded: Collection[HtmlElement], weight: float
) -> set[HtmlElement]:
    """Elements that hold nothing but previews of other pages."""
    found: set[HtmlElement] = set()
    most_chars = _MAX_CARDS_SHARE * measures[container].chars
    for parent in container.iterdescendants("ul", "ol", "div", "section"):
        measure = measures[parent]
        if len(parent) < _MIN_CARDS or measure.links < _MIN_CARDS or measure.chars > most_chars:
            continue
        cards = [
            child for child in parent if child not in excluded and _is_card(child, measures, weight)
        ]
        chars = sum(measures[card].chars for card in cards)
        if len(cards) >= _MIN_CARDS and chars >= 0.7 * measure.chars:
            found.add(parent)
    return found


def _is_card(element: HtmlElement, measures: Measures, weight: float) -> bool:
    """Whether it is a short text that is a link, or under a heading that is one."""
    measure = measures[element]
    if not measure.links or measure.chars > _MAX_CARD_CHARS / weight:
        return False
    if element.tag not in ("li", "div", "article", "section", "a"):
        return False
    if measure.linked > 0.8 * measure.chars:
        return True
    return any(
        _leads_away(heading, measures) for heading in element.iter("h2", "h3", "h4", "h5", "h6")
    )


def _leads_away(heading: HtmlElement, measures: Measures) -> bool:
    """Whether a heading is a link to another page; in manuals it may link to itself."""
    link = heading.getparent()
    if link.tag != "a":
        link = next(heading.iter("a"), None)
        if 2 * measures[heading].linked <= measures[heading].chars:
            return False
    return link is not None and not (link.get("href") or "#").startswith("#")


def _lead(
    container: HtmlElement,
    root: HtmlElement,
    measures: Measures,
    excluded: set[HtmlElement],
) -> tuple[HtmlElement, ...]:
    """What stands before a container that is below the title, up to a screen of it."""
    titles = (title for title in root.iter("h1") if excluded.isdisjoint(_path(title)))
    title = next(titles, None)
    if title is not None and container in _path(title):
        return ()
    lead: list[HtmlElement] = []
    chars = 0
    level = container
    for _ in range(_MAX_LEAD_LEVELS):
        if level is root or level is None or level in excluded:
            break
        for before in level.itersiblings(preceding=True):
            if before in excluded or not measures[before].chars:
                continue
            chars += measures[before].chars
            if chars > _MAX_LEAD_CHARS:
                return tuple(reversed(lead))
            lead.append(before)
        level = level.getparent()
    return tuple(reversed(lead))


def _path(element: HtmlElement) -> list[HtmlElement]:
    return [element, *element.iterancestors()]
