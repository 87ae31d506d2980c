"""Bytes of a page → clean Markdown text, title and date. Pure; runs in a worker process."""

import re
import zlib
from dataclasses import dataclass

from websearch_agent.errors import PageEmpty, UnsupportedContent
from websearch_agent.pages.content_types import media_type, page_kind
from websearch_agent.pages.text_cleaning import clean_line, clean_text

MAX_TEXT_CHARS = 400_000
MAX_TITLE_CHARS = 300
# Below this weight (a CJK character counts three) a page has nothing that could be cited.
MIN_TEXT_WEIGHT = 40
# Walls are short: a long page that talks about captchas is an article.
MAX_WALL_WEIGHT = 900
# Of 2,709 HTML pages of manuals none packs to less than a fifteenth; one character or word over
# and over packs to a two hundredth. Found out before parsing: 5 MB of it take a parser 1.1 s.
MAX_REPETITION = 100

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_WALL = re.compile(
    r"(?:enable|activate|turn on|requires?|need|without) (?:java ?script|cookies)"
    r"|java ?script (?:is|must be|has been) (?:disabled|required|enabled|not)"
    r"|checking (?:your|if the site) (?:browser|connection)"
    r"|verif(?:y|ying) (?:that )?you are (?:a )?human"
    r"|are you (?:a )?(?:human|robot)|i'?m not a robot|unusual (?:traffic|activity)"
    r"|just a moment|access (?:to this page )?(?:has been )?(?:denied|blocked)|attention required"
    r"|complete the (?:captcha|security check)|we value your privacy|before you continue"
    r"|(?:启用|啟用|开启|開啟|打开|支持|支援)\s*java ?script"
    r"|请完成(?:安全)?验证|安全验证|人机验证|访问过于频繁"
    r"|java ?script ?を有効",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ExtractedPage:
    """What could be read out of a body. `date` is ISO 8601, only if the page states it."""

    title: str
    text: str
    content_type: str
    date: str | None = None
    truncated: bool = False


def extract_page(body: bytes, *, url: str, content_type: str) -> ExtractedPage:
    """Read HTML, text, Markdown or PDF. Raises UnsupportedContent, PageEmpty."""
    kind = page_kind(content_type, body)
    if kind in ("html", "text"):
        _refuse_repetition(body)
    if kind == "html":
        page = _read_html(body, url=url, content_type=content_type)
    elif kind == "pdf":
        page = _read_pdf(body)
    elif kind == "text":
        page = _read_text(body, content_type=content_type)
    else:
        sent = media_type(content_type) or "of an unknown kind"
        raise UnsupportedContent(f"the page is {sent}; only HTML, text and PDF are read")
    page = _cleaned(page)
    _refuse_repetition(page.text.encode())
    _require_content(page)
    return page


def _read_html(body: bytes, *, url: str, content_type: str) -> ExtractedPage:
    from websearch_agent.pages.charset import decode_body
    from websearch_agent.pages.html_text import extract_html

    content = extract_html(decode_body(body, content_type=content_type), url=url)
    return ExtractedPage(content.title, content.text, "text/html", content.date)


def _read_pdf(body: bytes) -> ExtractedPage:
    from websearch_agent.pages.pdf_text import extract_pdf

    title, text, truncated = extract_pdf(body, max_chars=MAX_TEXT_CHARS)
    return ExtractedPage(title, text, "application/pdf", truncated=truncated)


def _read_text(body: bytes, *, content_type: str) -> ExtractedPage:
    from websearch_agent.pages.charset import decode_body

    text = decode_body(body, content_type=content_type)
    first_line = next((line for line in text.splitlines() if line.strip()), "")
    title = first_line.lstrip("# ") if len(first_line) <= 120 else ""
    return ExtractedPage(title, text, media_type(content_type) or "text/plain")


def _cleaned(page: ExtractedPage) -> ExtractedPage:
    text = clean_text(page.text)
    return ExtractedPage(
        title=clean_line(page.title)[:MAX_TITLE_CHARS],
        text=text[:MAX_TEXT_CHARS],
        content_type=page.content_type,
        date=page.date,
        truncated=page.truncated or len(text) > MAX_TEXT_CHARS,
    )


def _refuse_repetition(text: bytes) -> None:
    if len(text) > MAX_REPETITION * len(zlib.compress(text, level=1)):
        raise PageEmpty("the page says the same over and over")


def _require_content(page: ExtractedPage) -> None:
    weight = len(page.text) + 2 * len(_CJK.findall(page.text[:MAX_WALL_WEIGHT]))
    if weight < MIN_TEXT_WEIGHT:
        raise PageEmpty("the page holds no text; it may need a browser with scripts")
    if weight < MAX_WALL_WEIGHT and _WALL.search(f"{page.title}\n{page.text}"):
        raise PageEmpty("the page shows a consent, script or robot check instead of its text")
