"""HTML text → tree of elements."""

import re
from typing import NamedTuple

from lxml import etree  # type: ignore[import-untyped]
from lxml.html import (  # type: ignore[import-untyped]
    HtmlElement,
    HTMLParser,
    document_fromstring,
)

from websearch_agent.invisible_text import take_out_terminal_codes

_NO_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# Numbered ones too: libxml2 takes them in, and lxml then refuses to move the text that they are in.
_NUMBERED = re.compile(r"&#(?:[xX]0*([0-9a-fA-F]{1,6})|0*([0-9]{1,7}));?")
# libxml2 takes such an element for empty and loses the page.
_CLOSED_ROOT = re.compile(r"(<html\b[^>]*?)\s*/>", re.IGNORECASE)
_BEGINNING_CHARS = 4096


class HtmlTree(NamedTuple):
    """`is_cut`: what stands behind the first element that is nested too deeply is missing."""

    root: HtmlElement
    is_cut: bool


def take_out_controls(markup: str) -> tuple[str, int]:
    """The markup without control characters, and how many there were."""
    markup, code_count = take_out_terminal_codes(_NUMBERED.sub(_as_control, markup))
    plain = _NO_CHARACTERS.sub("", markup)
    return plain, code_count + len(markup) - len(plain)


def parse_html(markup: str) -> HtmlTree | None:
    """The page's `html` element, or None if there is no markup at all.

    libxml2 stops at a depth of 256, and with `huge_tree` at 2048: pages that never close their
    `font` or `div` elements get beyond the first.
    """
    markup, _ = take_out_controls(markup)
    beginning, rest = markup[:_BEGINNING_CHARS], markup[_BEGINNING_CHARS:]
    markup = _CLOSED_ROOT.sub(r"\1>", beginning, count=1) + rest
    parser = HTMLParser(
        encoding="utf-8",
        huge_tree=True,
        collect_ids=False,
        default_doctype=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = document_fromstring(markup.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError):
        return None
    last_error = parser.error_log.last_error
    is_cut = last_error is not None and last_error.type_name == "ERR_RESOURCE_LIMIT"
    return HtmlTree(root, is_cut)


def _as_control(numbered: re.Match[str]) -> str:
    """The control character that a reference stands for; what is no character is NUL, and any
    other reference stays."""
    number = int(numbered[1], 16) if numbered[1] else int(numbered[2])
    is_control = number < 0x20 and number not in (0x09, 0x0A, 0x0D)
    is_none = 0xD800 <= number <= 0xDFFF or number & 0xFFFE == 0xFFFE or number > 0x10FFFF
    if is_none:
        return "\0"
    return chr(number) if is_control else numbered[0]
