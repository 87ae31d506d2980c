"""Characters that a reader cannot see, taken out of foreign text."""

import re

# What a terminal takes for commands: colours, cursor, window titles, links. Whole sequences, or
# their parameters would stay as text. The strings in some of them end at the next escape.
_TERMINAL_CODES = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]|\x9b[0-9;]*m"
    "|\x1b[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)"
    "|\x1b[()#%*+.-][0-9A-Za-z@]|\x1b[78=>]"
)
_PLANES = range(0x10000, 0x110000, 0x10000)
_NO_CHARACTERS = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in _PLANES)
# Control and escape characters (NUL breaks databases, ESC terminals), soft hyphens, zero-width
# and bidirectional marks, fillers, invisible operators, shorthand and musical controls,
# annotations between lines, tag characters, variation selectors past the emoji one, half
# characters and code points that are none: all have been used to hide instructions from people
# but not from models.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufdd0-\ufdef\ufe00-\ufe0e"
    "\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    f"{_NO_CHARACTERS}]"
)
# Joiners carry meaning between letters of some scripts and in emoji, the emoji selector after what
# may be one: kept only there, and one at a time.
_STRAY_JOINER = re.compile(
    "(?<![\u0600-\u06ff\u0900-\u0dff\ufe0f\u2640-\u27bf\U0001f300-\U0001faff])[\u200c\u200d]+"
)
_STRAY_SELECTOR = re.compile("(?<![#*0-9\xa9\xae\u203c-\u3299\U0001f000-\U0001faff])\ufe0f+")
_LINE_BREAKS = re.compile("\r\n?|\u2028|\u2029|\x0b|\x0c|\x85")
# Of braille, where it is a space; elsewhere a letter that nobody sees.
_BRAILLE_BLANK = "\u2800"
_SOFT_HYPHEN = "\xad"


def visible_text(text: str) -> str:
    """What a reader sees of it: without invisible characters, with plain line breaks."""
    return take_out_invisible(text)[0]


def take_out_invisible(text: str) -> tuple[str, int]:
    """The visible text, and how many characters were taken out.

    Soft hyphens, which authors set by the hundred, and line breaks are not counted.
    """
    text, code_count = take_out_terminal_codes(text)
    broken = _LINE_BREAKS.sub("\n", text).replace(_BRAILLE_BLANK, " ")
    visible = _STRAY_JOINER.sub("", _STRAY_SELECTOR.sub("", _INVISIBLE.sub("", broken)))
    count = len(broken) - len(visible) - broken.count(_SOFT_HYPHEN)
    return visible, code_count + count


def take_out_terminal_codes(text: str) -> tuple[str, int]:
    """The text without escape sequences, and how many characters these had."""
    if "\x1b" not in text and "\x9b" not in text:
        return text, 0
    plain = _TERMINAL_CODES.sub("", text)
    return plain, len(text) - len(plain)
