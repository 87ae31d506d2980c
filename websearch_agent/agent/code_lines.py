"""Which lines of a growing Markdown text are code, whatever parser others may use."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

# What stands before a block within quotations and lists. Possessive: a line of blanks and dashes
# would else be tried in 2^n ways.
_PREFIX = re.compile(r"(?:[ \t>]|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t]))*+")
# The beginning of a line that may become a fence, or of what may stand before one.
_UNDECIDED = re.compile(r"(?:[-+*]|\d{1,9}[.)]?|`{1,2}|~{1,2})?\Z")
_FENCE_SIGNS = ("```", "~~~")


def _block_parser(*more: str) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable(list(more))
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


# With tables some parsers take "~~~a | b" for the head of one.
_PARSERS = (_block_parser(), _block_parser("table"))


class CodeLines:
    """Tells for each line of a text that grows whether it is part of a fenced code block.

    Code by four blanks counts as text: what looks like a link there is none anyway.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._has_fence = False
        # Parsers took a line for different things: none may be forgotten any more.
        self._is_disputed = False

    def is_code(self, line: str) -> bool | None:
        """Whether the line that comes next is code; None if more of it is needed to tell.

        `line` may be its beginning.
        """
        rest = line[_prefix_length(line) :]
        may_be_fence = rest.startswith(_FENCE_SIGNS)
        if not line.endswith("\n") and (may_be_fence or _UNDECIDED.match(rest)):
            return None
        if not (self._has_fence or may_be_fence):
            return False
        if may_be_fence and "|" in rest:
            self._is_disputed = True
            return False  # With "--|--" below it, it would be the head of a table.
        return self._is_in_fence([*self._lines, line])

    def add(self, line: str, *, is_code: bool) -> None:
        """The line as it goes out, whole, and whether it was code."""
        prefix = _prefix_length(line)
        begins_anew = prefix == 0 and not (is_code or self._is_disputed) and line.strip()
        if begins_anew and self._lines and not self._lines[-1].strip():
            # A paragraph at the left behind an empty line ends all lists and quotations: what
            # stands before it is not parsed again for each line.
            self._lines, self._has_fence = [], False
        self._has_fence = self._has_fence or line.startswith(_FENCE_SIGNS, prefix)
        self._lines.append(line)

    def _is_in_fence(self, lines: list[str]) -> bool:
        """Whether the last of the lines lies in a fence, its opening and closing line included."""
        text, last = "".join(lines), len(lines) - 1
        votes = [
            any(_covers(token, last) for token in parser.parse(text) if token.type == "fence")
            for parser in _PARSERS
        ]
        self._is_disputed = self._is_disputed or len(set(votes)) > 1
        return all(votes)


def _covers(token: Token, line: int) -> bool:
    return token.map is not None and token.map[0] <= line < token.map[1]


def _prefix_length(line: str) -> int:
    found = _PREFIX.match(line)
    return found.end() if found else 0
