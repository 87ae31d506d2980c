"""What a Content-Type, or the first bytes, say about a page."""

import re
from typing import Literal

PageKind = Literal["html", "json", "pdf", "text", "xml"]

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_TEXT_TYPES = frozenset({"application/x-yaml", "application/yaml", "application/toml"})
_PDF_TYPES = frozenset({"application/pdf", "application/x-pdf"})
# Servers send these when they do not know: the first bytes decide.
_UNKNOWN_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_JSON_TYPE = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?json")
_XML_TYPE = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?xml")
# Text, but for machines.
_CODE_TYPES = frozenset({"text/css", "text/ecmascript", "text/javascript", "text/x-javascript"})
# Where a server says "text" of all that it does not know, a page is known by its first tag.
_HTML_STARTS = (b"<!doctype html", b"<html")
_UNKNOWN_HTML_STARTS = (*_HTML_STARTS, b"<head", b"<body")
# Files that servers pass on under a wrong name.
_BINARY_STARTS = (
    b"PK\x03\x04",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"\x1f\x8b",
    b"\x7fELF",
    b"RIFF",
)
_XML_PROLOGUE = re.compile(rb"\s*(?:<\?xml[^>]{0,200}>|<!--.{0,400}?-->|\s+)*", re.DOTALL)
_SNIFFED_BYTES = 1024


def media_type(content_type: str) -> str:
    """`text/html` of `Text/HTML; charset=gbk`."""
    return content_type.partition(";")[0].strip().lower()


def may_be_readable(content_type: str) -> bool:
    """Whether it is worth loading the body."""
    return _stated_kind(content_type) is not None or media_type(content_type) in _UNKNOWN_TYPES


def page_kind(content_type: str, body: bytes) -> PageKind | None:
    """What to parse the body as; None if it is nothing that can be read."""
    head = body[:_SNIFFED_BYTES]
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"%PDF-"):
        return "pdf"
    if start.startswith(_BINARY_STARTS):
        return None
    kind = _stated_kind(content_type)
    root = _without_prologue(start)
    if kind in ("text", "xml") and root.startswith(_HTML_STARTS):
        return "html"
    if kind is not None or media_type(content_type) not in _UNKNOWN_TYPES:
        return kind
    if b"%PDF-" in head:
        return "pdf"
    if root.startswith(_UNKNOWN_HTML_STARTS):
        return "html"
    if start.startswith(b"<?xml"):
        return "xml"
    return "text" if start and not _looks_binary(start) else None


def _stated_kind(content_type: str) -> PageKind | None:
    kind = media_type(content_type)
    if kind in _HTML_TYPES:
        return "html"
    if kind in _PDF_TYPES:
        return "pdf"
    if _JSON_TYPE.fullmatch(kind):
        return "json"
    if _XML_TYPE.fullmatch(kind):
        return "xml"
    is_text = kind.startswith("text/") and kind not in _CODE_TYPES
    return "text" if is_text or kind in _TEXT_TYPES else None


def _without_prologue(start: bytes) -> bytes:
    """What follows an XML declaration and comments, in lower case."""
    match = _XML_PROLOGUE.match(start)
    return start[match.end() if match else 0 :].lower()


def _looks_binary(start: bytes) -> bool:
    controls = sum(byte < 9 or 13 < byte < 32 for byte in start)
    return controls * 50 > len(start)
