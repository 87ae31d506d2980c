"""Headers of a download, whose name is made of what a person or a page wrote."""

import re
import unicodedata
from urllib.parse import quote

from websearch_agent.invisible_text import visible_text

_MAX_NAME_CHARS = 80
_NAMELESS = "conversation"
# What some file system or shell takes for more than a letter.
_UNSAFE = re.compile(r"[\s\\/:*?\"'<>|%$`~#&;!^{}\[\]]+")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._()]+")
_EDGES = " .-_"
# On Windows these are devices, whatever follows behind a dot.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)


def download_headers(title: str, extension: str) -> dict[str, str]:
    """A Content-Disposition (RFC 6266) with a plain name, and one in UTF-8 beside it."""
    plain = f"{_plain_name(title)}.{extension}"
    full = quote(f"{_safe_name(title)}.{extension}", safe="")
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"}


def _safe_name(title: str) -> str:
    """In any script: no separators, nothing hidden, no device, never empty."""
    name = _UNSAFE.sub("-", visible_text(title)).strip(_EDGES)
    name = name[:_MAX_NAME_CHARS].strip(_EDGES)
    return f"{_NAMELESS}-{name}" if _DEVICE.match(name) else name or _NAMELESS


def _plain_name(title: str) -> str:
    letters = unicodedata.normalize("NFKD", _safe_name(title)).encode("ascii", "ignore").decode()
    name = _NOT_PLAIN.sub("-", letters).strip(_EDGES)
    return f"{_NAMELESS}-{name}" if _DEVICE.match(name) else name or _NAMELESS
