"""XML → Markdown: feeds entry by entry, anything else as its bare text."""

from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped]
from lxml.html import fromstring  # type: ignore[import-untyped]

from websearch_agent.errors import PageEmpty

_ENTRIES = ("item", "entry")
_SUMMARIES = ("encoded", "content", "description", "summary")
_DATES = ("pubDate", "published", "updated", "date")


def extract_xml(body: bytes) -> tuple[str, str]:
    """Title and text. Entities of the document's own are not resolved. Raises PageEmpty."""
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser=parser)
        if root is not None:
            return _title_and_text(root)
    except (etree.XMLSyntaxError, ValueError) as error:
        # The latter also for half characters, which the parser lets through and cannot give out.
        raise PageEmpty("the page holds no readable XML") from error
    raise PageEmpty("the page holds no readable XML")


def _title_and_text(root: etree._Element) -> tuple[str, str]:
    """Raises UnicodeDecodeError for half characters."""
    entries = [element for element in root.iter() if _name(element) in _ENTRIES]
    if entries:
        channel = entries[0].getparent()
        title = _child_text(channel, ("title",)) if channel is not None else ""
        return title, "\n\n".join(filter(None, map(_entry, entries)))
    lines = (" ".join(str(piece).split()) for piece in root.itertext())
    return "", "\n".join(line for line in lines if line)


def _entry(element: etree._Element) -> str:
    title = _child_text(element, ("title",))
    parts = [f"## {title}" if title else "", _child_text(element, _DATES)]
    parts.append(_without_markup(_child_text(element, _SUMMARIES)))
    return "\n\n".join(filter(None, parts))


def _child_text(element: etree._Element, names: tuple[str, ...]) -> str:
    """The text of the first child with one of the names, in the order of the names."""
    for name in names:
        for child in element:
            if _name(child) == name:
                return " ".join("".join(_pieces(child)).split())
    return ""


def _pieces(element: etree._Element) -> Iterator[str]:
    return (str(piece) for piece in element.itertext())


def _without_markup(text: str) -> str:
    if "<" not in text:
        return text
    try:
        return " ".join(str(fromstring(text).text_content()).split())
    except (etree.LxmlError, ValueError):
        return text


def _name(element: etree._Element) -> str:
    """The element's name without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
