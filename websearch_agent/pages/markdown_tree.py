"""Our own, plain HTML → Markdown for pages on which trafilatura loses the structure.

trafilatura is made for articles. Of manuals it drops headings, definitions or examples when
one of its fallbacks wins, because those return bare paragraphs. Then the container that its
text comes from is rendered here, with everything in it.
"""

import re
from collections import Counter
from collections.abc import Iterator

from lxml.html import HtmlElement  # type: ignore[import-untyped]

_DROPPED = frozenset(
    {"audio", "button", "canvas", "dialog", "embed", "footer", "form", "head", "iframe", "img"}
    | {"input", "label", "menu", "nav", "noscript", "object", "script", "select", "style", "svg"}
    | {"template", "textarea", "title", "video"}
)
_DROPPED_ROLES = frozenset({"navigation", "banner", "contentinfo", "search"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "del", "dfn", "em"}
    | {"font", "i", "ins", "kbd", "mark", "math", "picture", "q", "rp", "rt", "ruby", "s"}
    | {"samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"}
)
_CONTENT = ("p", "li", "td", "dd", "dt", "pre", "blockquote", *_HEADINGS)
_STRUCTURE = {"pre": "example", "dt": "term", **dict.fromkeys(("h1", "h2", "h3", "h4"), "heading")}
_SPACE = re.compile(r"[ \t\r\n\xa0]+")
_LINE_BREAK = "\x00"
# Of an element that is mostly links, nothing can be cited: a menu or a table of contents.
_MAX_LINK_SHARE = 0.7
_MIN_LINKS = 4
_MIN_STRUCTURE = 3
_MAX_LOST_SHARE = 0.34
_CONTAINER_SHARE = 0.85
_SAMPLE_CHARS = 40
_SCANNED_CHARS = 120


def lost_structure(container: HtmlElement, text: str) -> bool:
    """Whether over a third of the headings, terms or examples of what `text` keeps are gone.

    Only those count whose next paragraph was kept: what trafilatura left out together with its
    heading, such as a box of other articles, it left out on purpose.
    """
    known = _letters(text)
    parts = [
        (element.tag, sample)
        for element in container.iter(*_CONTENT)
        if (sample := _letters(element.text_content()[:_SCANNED_CHARS])[:_SAMPLE_CHARS])
    ]
    kept: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    next_is_known = False
    for tag, sample in reversed(parts):
        is_known = sample in known
        kind = _STRUCTURE.get(tag)
        if kind is None or is_known:
            next_is_known = is_known
        if kind is not None and next_is_known:
            # trafilatura makes list items of terms and of what is said of them, all alike.
            (kept if is_known and kind != "term" else lost)[kind] += 1
    return any(
        count + kept[kind] >= _MIN_STRUCTURE and count > _MAX_LOST_SHARE * (count + kept[kind])
        for kind, count in lost.items()
    )


def content_container(tree: HtmlElement, text: str) -> HtmlElement:
    """The smallest element that holds nearly all of what `text` has of the page."""
    body = tree.find(".//body")
    element = tree if body is None else body
    known = _letters(text)
    held: Counter[HtmlElement] = Counter()
    for part in element.iter(*_CONTENT):
        sample = _letters(part.text or "")[:_SAMPLE_CHARS]
        if sample and sample in known:
            held.update({ancestor: len(sample) for ancestor in part.iterancestors()})
    wanted = _CONTAINER_SHARE * held[element]
    while wanted:
        inner = next((child for child in element if held[child] >= wanted), None)
        if inner is None:
            break
        element = inner
    return element


def render_markdown(container: HtmlElement) -> str:
    """Everything in the container but menus and forms."""
    return "\n\n".join(_blocks(container))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _is_dropped(element: HtmlElement) -> bool:
    if not isinstance(element.tag, str) or element.tag in _DROPPED:
        return True
    if element.get("role") in _DROPPED_ROLES:
        return True
    # Manuals hide the variants of a key name or a command and let a script show one of them.
    return element.tag not in _INLINE and (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or "display:none" in (element.get("style") or "").replace(" ", "").lower()
    )


def _is_menu(element: HtmlElement) -> bool:
    links = list(element.iter("a"))
    if len(links) < _MIN_LINKS:
        return False
    linked = sum(len(_letters(link.text_content())) for link in links if link.get("href"))
    return linked > _MAX_LINK_SHARE * len(_letters(element.text_content()))


def _blocks(element: HtmlElement) -> Iterator[str]:
    """The Markdown blocks of an element, in order."""
    run = [element.text or ""]
    for child in element:
        if not _is_dropped(child):
            if child.tag in _INLINE and not _holds_blocks(child):
                run.append(_inline(child))
            else:
                yield from _paragraph(run)
                run = []
                yield from _block(child)
        run.append(child.tail or "")
    yield from _paragraph(run)


def _paragraph(run: list[str]) -> Iterator[str]:
    if text := _tidy("".join(run)):
        yield text


def _tidy(text: str) -> str:
    lines = (_SPACE.sub(" ", line).strip() for line in text.split(_LINE_BREAK))
    return "\n".join(line for line in lines if line)


def _holds_blocks(element: HtmlElement) -> bool:
    return next(element.iter("p", "div", "pre", "table", "ul", "ol", "dl"), None) is not None


def _block(element: HtmlElement) -> Iterator[str]:
    tag = element.tag
    if tag in _HEADINGS:
        if title := _tidy(_inline(element)).replace("\n", " "):
            yield f"{'#' * _HEADINGS[tag]} {title}"
    elif tag == "pre":
        if code := (element.text_content() or "").strip("\n"):
            yield f"```\n{code}\n```"
    elif tag in ("ul", "ol", "table", "div", "section") and _is_menu(element):
        return
    elif tag in ("ul", "ol"):
        yield from _list(element)
    elif tag == "dl":
        yield from _definitions(element)
    elif tag == "table":
        yield from _table(element)
    else:
        yield from _blocks(element)


def _inline(element: HtmlElement) -> str:
    """Text with code and strong words marked."""
    if element.tag == "br":
        return _LINE_BREAK
    parts = [element.text or ""]
    for child in element:
        if not _is_dropped(child):
            parts.append(_inline(child))
        parts.append(child.tail or "")
    text = "".join(parts)
    if element.tag in ("code", "kbd", "samp", "tt") and text.strip() and "`" not in text:
        return f"`{text}`"
    if element.tag in ("b", "strong") and text.strip() and "*" not in text:
        return f"**{text.strip()}**"
    return text


def _list(element: HtmlElement) -> Iterator[str]:
    items = []
    for number, item in enumerate(element.iterchildren("li"), start=1):
        content = "\n".join(_blocks(item)).replace("\n", "\n  ")
        if content:
            items.append(f"{f'{number}.' if element.tag == 'ol' else '-'} {content}")
    if items:
        yield "\n".join(items)


def _definitions(element: HtmlElement) -> Iterator[str]:
    """Terms in bold, each on one block with the beginning of what is said of it."""
    terms: list[str] = []
    for part in element.iter("dt", "dd"):
        if next(part.iterancestors("dl"), None) is not element:
            continue
        if part.tag == "dt":
            term = _tidy(_inline(part)).replace("\n", " ")
            terms.append(f"**{term}**" if term and "*" not in term else term)
            continue
        blocks = list(_blocks(part))
        if blocks and not blocks[0].startswith(("```", "|", "#", "- ", "1. ")):
            terms.append(blocks.pop(0))
        yield from _terms(terms)
        terms = []
        yield from blocks
    yield from _terms(terms)


def _terms(terms: list[str]) -> Iterator[str]:
    if text := "\n".join(term for term in terms if term):
        yield text


def _table(element: HtmlElement) -> Iterator[str]:
    """A Markdown table; a table of one column, or around other tables, is only a frame."""
    rows = [list(row.iterchildren("td", "th")) for row in element.iter("tr")]
    width = max((len(row) for row in rows), default=0)
    if width < 2 or next(element.iterdescendants("table", "pre"), None) is not None:
        yield from _frame(element)
        return
    lines = []
    for row in rows:
        cells = [" ".join(_blocks(cell)).replace("\n", " ").replace("|", "\\|") for cell in row]
        if any(cells):
            lines.append("| " + " | ".join(cells + [""] * (width - len(cells))) + " |")
    if lines:
        yield "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


def _frame(element: HtmlElement) -> Iterator[str]:
    for cell in element.iter("td", "th", "caption"):
        if next(cell.iterancestors("table"), None) is element:
            yield from _blocks(cell)
