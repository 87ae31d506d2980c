"""Text of pages, tidied."""

import re

from websearch_agent.invisible_text import take_out_invisible

_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
# Looks back, or a run of blanks would be tried from each of its blanks: 10 s for 14 MB of them.
_TRAILING_SPACE = re.compile(r"(?<![ \t\u00a0])[ \t\u00a0]+\n")


def clean_text(text: str) -> str:
    """Text with plain line breaks, without invisible characters, at most one blank line."""
    return clean_and_count(text)[0]


def clean_and_count(text: str) -> tuple[str, int]:
    """The same, and how many invisible characters were taken out."""
    text, invisible_characters = take_out_invisible(text)
    text = _TRAILING_SPACE.sub("\n", text)
    return _BLANK_LINES.sub("\n\n", text).strip(), invisible_characters


def clean_line(text: str) -> str:
    """The same for a title or a name: one line, single spaces."""
    return " ".join(clean_text(text).split())
