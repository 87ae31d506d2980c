"""Where a sentence ends, in Markdown, in Latin script and in Chinese, and what is none."""

import re

# Possessive quantifiers and look-behinds: a model that loops writes thousands of "!" or spaces,
# and no pattern may try each of them as a start.
NO_STATEMENT = re.compile(r"\s*+(?:#{1,6}\s|(?:\|\s*+)?:?-{3,}|>\s*+$)")
# A fence may stand in a quote, deep in a list, or right behind a list's sign.
BEFORE_FENCE = r"[ >*+-]{0,16}"
BEFORE_CLOSING_FENCE = r"[ >]{0,16}"
FENCE = r"(`{3,16}|~{3,16})"
MARKERS = r"(?:\s*+(?:[,，、;；]\s*+)?\[\d{1,4}\])*"
# What a line is, its first characters tell; whether a sentence has ended, its last ones.
LINE_HEAD_CHARS = 200
_TAIL_CHARS = 300
_LAST_CHARS = frozenset("。！？；.!?」』”’）)\"'*_]")
_ABBREVIATIONS = (
    *(r"\be\.g", r"\bi\.e", r"\bvs", r"\bDr", r"\bMr", r"\bMrs", r"\bMs", r"\bProf", r"\betc"),
    *(r"\bNo", r"\bSt", r"\bJr", r"\bSr", r"\bInc", r"\bLtd", r"\bCo", r"\bCorp", r"\bal", r"\bca"),
    *(r"\bcf", r"\bapprox", r"\bFig", r"\bVol", r"\bpp", r"\bJan", r"\bFeb", r"\bAug", r"\bSept"),
    *(r"\bSep", r"\bOct", r"\bNov", r"\bDec"),
)
_NO_END = "".join(f"(?<!{abbreviation})" for abbreviation in _ABBREVIATIONS)
# A sentence ends behind its mark, closing quotes and the markers that follow; a Latin one only
# before white space, and not behind a single letter or a common abbreviation ("e.g. ", "Dr. ").
SENTENCE_END = re.compile(
    rf"""(?<![。！？；])[。！？；]+[」』”’）)*_]*{MARKERS}
    | (?=[.!?])(?<!\b[A-Za-z]){_NO_END}(?<![.!?])[.!?]+["'”’)\]*_]*{MARKERS}(?=\s|$)""",
    re.VERBOSE,
)

_LABEL = (
    r"(?:references?|(?:cited\s)?sources?(?:\scited)?|citations?|footnotes|bibliography|works\scited"
    r"|(?:参考|资料|信息|引用|数据)?来源|参考(?:资料|文献)?|引用|出处|文献)"
)
_TITLE = re.compile(rf"\s*(?:#{{1,6}}\s+)?[*_]*{_LABEL}[*_]*\s*[:：]?[*_]*\s*", re.IGNORECASE)
_LABELLED = re.compile(rf"\s*(?:[-*+]\s+)?[*_]*{_LABEL}[*_]*\s*[:：][*_]*\s*\S", re.IGNORECASE)
_DEFINITION = re.compile(r"\s*(?:[-*+]\s+)?\[\^?\d{1,3}\]\s?[:：]")
_ENTRY = re.compile(r"\s*(?:\d{1,3}[.)、]\s|(?:[-*+•]\s+)?(?:\[|【|<?https?://)|.{0,400}https?://)")


class ReferenceList:
    """Tells which lines only list sources, such as "[^1]: a title" or those below "## Sources".

    Lines come in order: `holds` for a line or its beginning, `end_line` when it is complete.
    """

    def __init__(self) -> None:
        self._is_below_title = False

    def holds(self, line: str) -> bool:
        if _TITLE.fullmatch(line) or _LABELLED.match(line) or _DEFINITION.match(line):
            return True
        return self._is_below_title and _ENTRY.match(line) is not None

    def end_line(self, line: str) -> None:
        if _TITLE.fullmatch(line):
            self._is_below_title = True
        elif line.strip() and not self.holds(line):
            self._is_below_title = False


def ends_sentence(text: str) -> bool:
    """Whether a text that white space follows ends in the end of a sentence."""
    if text[-1:] not in _LAST_CHARS or re.fullmatch(r"\s*+\d{1,3}\.", text):
        return False  # The latter is the number of a list item.
    tail = text[-_TAIL_CHARS:]
    return any(match.end() == len(tail) for match in SENTENCE_END.finditer(tail))


def is_prose(line: str) -> bool:
    """Whether a line can be a statement: no heading, rule, table head or "…:" before a list."""
    has_words = re.search(r"\w", line) is not None
    return has_words and not NO_STATEMENT.match(line) and not line.rstrip().endswith((":", "："))
