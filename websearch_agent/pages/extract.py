"""Bytes of a page → clean Markdown text, title and date. Pure; runs in a worker process."""

import json
import re
import zlib
from dataclasses import dataclass, field, replace

from websearch_agent.errors import PageEmpty, UnsupportedContent
from websearch_agent.pages.content_types import media_type, page_kind
from websearch_agent.pages.text_cleaning import clean_and_count, clean_line
from websearch_agent.pages.text_weight import MIN_TEXT_WEIGHT, text_weight
from websearch_agent.types import Filtered

MAX_TEXT_CHARS = 400_000
MAX_TITLE_CHARS = 300
MAX_NAME_CHARS = 120
# Of 2,709 HTML pages of manuals none packs to less than a fifteenth; one character or word over
# and over packs to a two hundredth. Found out before parsing: 5 MB of it take a parser 1.1 s.
MAX_REPETITION = 100

# lxml refuses a text that is decoded already and still names its charset.
_XML_DECLARATION = re.compile(r"\A\s*<\?xml\b[^>]{0,200}>")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.{0,4000}?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ExtractedPage:
    """What could be read out of a body. `date` is ISO 8601, only if the page states it.

    `filtered`: what was left out because people do not see it.
    """

    title: str
    text: str
    content_type: str
    date: str | None = None
    truncated: bool = False
    author: str | None = None
    filtered: Filtered = field(default_factory=Filtered)


def extract_page(
    body: bytes, *, url: str, content_type: str, is_foreign: bool = True
) -> ExtractedPage:
    """Read HTML, text, Markdown, JSON, XML or PDF.

    `is_foreign`: it comes from the web, where walls and rests of pages stand in the place of pages;
    of a document of one's own a few words are enough.

    Raises UnsupportedContent, PageEmpty, and what `refuse_stand_in` raises.
    """
    kind = page_kind(content_type, body)
    if kind is None:
        sent = media_type(content_type) or "of an unknown kind"
        raise UnsupportedContent(f"the page is {sent}; only HTML, PDF and texts are read")
    if kind == "pdf":
        page = _read_pdf(body)
    else:
        _refuse_repetition(body)
        if kind == "html":
            page = _read_html(body, url=url, content_type=content_type, is_foreign=is_foreign)
        elif kind == "xml":
            page = _read_xml(body, content_type=content_type)
        else:
            page = _read_text(body, content_type=content_type, is_json=kind == "json")
    page = _cleaned(page)
    _refuse_repetition(page.text.encode())
    _require_text(page, min_weight=MIN_TEXT_WEIGHT if is_foreign else 1)
    return page


def _read_html(body: bytes, *, url: str, content_type: str, is_foreign: bool) -> ExtractedPage:
    from websearch_agent.pages.charset import decode_body
    from websearch_agent.pages.html_text import extract_html
    from websearch_agent.pages.html_tree import take_out_controls
    from websearch_agent.pages.walls import refuse_stand_in

    decoded = decode_body(body, content_type=content_type)
    # Here, because the tree takes the escape for nothing and what follows it for text.
    html, invisible_characters = take_out_controls(decoded)
    html = _XML_DECLARATION.sub("", html, count=1)
    content = extract_html(html, url=url)
    if content.is_cut and text_weight(content.text) < MIN_TEXT_WEIGHT:
        raise PageEmpty("the page nests its elements too deeply to be read")
    if is_foreign:
        refuse_stand_in(html, title=content.title, text=content.text)
    return ExtractedPage(
        content.title,
        content.text,
        "text/html",
        content.date,
        truncated=content.is_cut,
        author=content.author,
        filtered=Filtered(content.hidden_parts, invisible_characters),
    )


def _read_pdf(body: bytes) -> ExtractedPage:
    from websearch_agent.pages.pdf_text import extract_pdf

    title, text, truncated, hidden_parts = extract_pdf(body, max_chars=MAX_TEXT_CHARS)
    filtered = Filtered(hidden_parts)
    return ExtractedPage(title, text, "application/pdf", truncated=truncated, filtered=filtered)


def _read_text(body: bytes, *, content_type: str, is_json: bool) -> ExtractedPage:
    from websearch_agent.pages.charset import decode_body

    text = decode_body(body, content_type=content_type)
    kind = media_type(content_type)
    if is_json:
        return ExtractedPage("", _indented_json(text), kind)
    title, text = _split_front_matter(text)
    first_line = next((line for line in text.splitlines() if line.strip()), "")
    if not title and len(first_line) <= 120:
        title = first_line.lstrip("# ")
    is_stated = kind.startswith("text/") or kind.startswith("application/x-")
    return ExtractedPage(title, text, kind if is_stated else "text/plain")


def _read_xml(body: bytes, *, content_type: str) -> ExtractedPage:
    from websearch_agent.pages.xml_text import extract_xml

    title, text = extract_xml(body)
    return ExtractedPage(title, text, media_type(content_type) or "text/xml")


def _indented_json(text: str) -> str:
    """One value a line and no `\\u4e2d`, so that it can be split into passages and read."""
    if len(text) > MAX_TEXT_CHARS:  # indenting a deeply nested one could make gigabytes of it
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    except (ValueError, RecursionError):
        return text


def _split_front_matter(text: str) -> tuple[str, str]:
    """The title in a YAML block at the beginning of a Markdown file, and what comes after it."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return "", text
    title = _FRONT_TITLE.search(match[1])
    return (title[1].strip("\"' ") if title else ""), text[match.end() :]


def _cleaned(page: ExtractedPage) -> ExtractedPage:
    text, invisible_characters = clean_and_count(page.text[: 2 * MAX_TEXT_CHARS])
    invisible_characters += page.filtered.invisible_characters
    return replace(
        page,
        title=clean_line(page.title)[:MAX_TITLE_CHARS],
        text=text[:MAX_TEXT_CHARS],
        truncated=page.truncated or max(len(text), len(page.text) // 2) > MAX_TEXT_CHARS,
        author=clean_line(page.author or "")[:MAX_NAME_CHARS] or None,
        filtered=replace(page.filtered, invisible_characters=invisible_characters),
    )


def _refuse_repetition(text: bytes) -> None:
    if len(text) > MAX_REPETITION * len(zlib.compress(text, level=1)):
        raise PageEmpty("the page says the same over and over")


def _require_text(page: ExtractedPage, *, min_weight: int) -> None:
    if text_weight(page.text) < min_weight:
        raise PageEmpty("the page holds no text")
