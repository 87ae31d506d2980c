"""What a terminal can show: colours, and links in the text (OSC 8)."""

import os
from typing import TextIO
from urllib.parse import quote, urlsplit

# Terminals cut longer ones, or show them as text.
MAX_ADDRESS_CHARS = 2000
# Signs that may stand in an address as they are; all else is escaped, so nothing in it steers.
_ADDRESS_SIGNS = "!#$%&'()*+,/:;=?@[]~"
_PLAIN_TERMINALS = ("", "dumb", "linux", "unknown")
# VTE (GNOME's terminal and others) of before 0.50 shows the address as text.
_FIRST_VTE_WITH_LINKS = 5000


def is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def can_colour(stream: TextIO | None) -> bool:
    """Never with NO_COLOR; with FORCE_COLOR also in a pipe (for `less -R`)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if os.environ.get("FORCE_COLOR", "") not in ("", "0"):
        return True
    return is_terminal(stream) and bool(os.environ.get("TERM"))


def can_link(stream: TextIO | None) -> bool:
    """Whether links can be clicked there; terminals that do not know them show their text."""
    forced = os.environ.get("FORCE_HYPERLINK")
    if forced is not None:
        return forced not in ("", "0") and is_terminal(stream)
    vte = os.environ.get("VTE_VERSION", "")
    is_old = vte.isdecimal() and int(vte) < _FIRST_VTE_WITH_LINKS
    return is_terminal(stream) and not is_old and os.environ.get("TERM", "") not in _PLAIN_TERMINALS


def hyperlink(text: str, address: str) -> str:
    """The text as a link, or as it is where the address is none of the web."""
    safe = safe_address(address)
    return f"\x1b]8;;{safe}\x1b\\{text}\x1b]8;;\x1b\\" if safe else text


def safe_address(address: str) -> str:
    """The address in printable ASCII; empty if it is not http(s), or too long."""
    escaped = quote(address, safe=_ADDRESS_SIGNS, errors="replace")
    try:
        is_web = urlsplit(escaped).scheme in ("http", "https")
    except ValueError:
        return ""
    return escaped if is_web and len(escaped) <= MAX_ADDRESS_CHARS else ""
