"""What a Content-Type, or the first bytes, say about a page."""

from typing import Literal

PageKind = Literal["html", "text", "pdf"]

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_TEXT_TYPES = frozenset(
    {
        "application/json",
        "application/x-yaml",
        "application/yaml",
        "text/csv",
        "text/markdown",
        "text/plain",
        "text/tab-separated-values",
        "text/x-markdown",
        "text/x-rst",
    }
)
_PDF_TYPES = frozenset({"application/pdf", "application/x-pdf"})
# Servers send these when they do not know: the first bytes decide.
_UNKNOWN_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml")
_SNIFFED_BYTES = 1024


def media_type(content_type: str) -> str:
    """`text/html` of `Text/HTML; charset=gbk`."""
    return content_type.partition(";")[0].strip().lower()


def may_be_readable(content_type: str) -> bool:
    """Whether it is worth loading the body."""
    kind = media_type(content_type)
    return kind in _HTML_TYPES | _TEXT_TYPES | _PDF_TYPES | _UNKNOWN_TYPES


def page_kind(content_type: str, body: bytes) -> PageKind | None:
    """What to parse the body as; None if it is nothing that can be read."""
    kind = media_type(content_type)
    start = body[:_SNIFFED_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"%PDF-"):
        return "pdf"
    if kind in _HTML_TYPES:
        return "html"
    if kind in _TEXT_TYPES:
        return "text"
    if kind in _UNKNOWN_TYPES:
        if start[:64].lower().startswith(_HTML_STARTS):
            return "html"
        if kind == "" and start and not _looks_binary(start):
            return "text"
    return None


def _looks_binary(start: bytes) -> bool:
    controls = sum(byte < 9 or 13 < byte < 32 for byte in start)
    return controls * 50 > len(start)
