"""Characters that a reader cannot see, taken out of foreign text."""

import re

# Control and escape characters (NUL breaks databases, ESC terminals), soft hyphens, zero-width
# and bidirectional marks, invisible operators, tag characters and variation selectors past the
# emoji one: all have been used to hide instructions from people but not from models.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Joiners carry meaning between letters of some scripts and in emoji: kept only there.
_STRAY_JOINER = re.compile(
    "(?<![\u0600-\u06ff\u0900-\u0dff\u200d\ufe0f\u2640-\u27bf\U0001f300-\U0001faff])[\u200c\u200d]+"
)
_LINE_BREAKS = re.compile("\r\n?|\u2028|\u2029|\x0b|\x0c|\x85")


def visible_text(text: str) -> str:
    """What a reader sees of it: without invisible characters, with plain line breaks."""
    return _STRAY_JOINER.sub("", _INVISIBLE.sub("", _LINE_BREAKS.sub("\n", text)))
