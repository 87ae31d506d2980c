"""Where a sentence ends, in Markdown, in Latin script and in Chinese."""

import re

# Possessive quantifiers and look-behinds: a model that loops writes thousands of "!" or spaces,
# and no pattern may try each of them as a start.
NO_STATEMENT = re.compile(r"\s*+(?:#{1,6}\s|(?:\|\s*+)?:?-{3,}|>\s*+$)")
_MARKERS = r"(?:\s*+\[\d{1,4}\])*"
# A sentence's last characters tell whether it has ended.
_TAIL_CHARS = 300
# A sentence ends behind its mark, closing quotes and the markers that follow; a Latin one only
# before white space, and not behind a single letter or a common abbreviation ("e.g. ", "Dr. ").
SENTENCE_END = re.compile(
    rf"""(?<![。！？；])[。！？；]+[」』”’）)]*{_MARKERS}
    | (?<!\b[A-Za-z])(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\betc)(?<!\bNo)
      (?<![.!?])[.!?]+["'”’)\]*_]*{_MARKERS}(?=\s|$)""",
    re.VERBOSE,
)


def ends_sentence(text: str) -> bool:
    """Whether a text that white space follows ends in the end of a sentence."""
    if re.fullmatch(r"\s*+\d{1,3}\.", text):
        return False  # The number of a list item.
    tail = text[-_TAIL_CHARS:]
    return any(match.end() == len(tail) for match in SENTENCE_END.finditer(tail))


def is_prose(line: str) -> bool:
    """Whether a line can be a statement: no heading, rule, table head or "…:" before a list."""
    has_words = re.search(r"\w", line) is not None
    return has_words and not NO_STATEMENT.match(line) and not line.rstrip().endswith((":", "："))
