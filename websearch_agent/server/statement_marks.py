"""Marks the checked statements of an answer in its HTML, for the page to show their support.

Signs that no text needs are put around the statements in the Markdown, and become elements in the
HTML. Where they would change how the Markdown is read, the block stays without marks.
"""

import re
from collections.abc import Iterator, Sequence

from websearch_agent.types import Statement

# A sign begins and ends with a character that Unicode calls punctuation (a dot of Kharosthi script,
# which was last written in the 4th century): beside any other, "**" would no longer be bold. In
# between stands a private one: which statement begins, or that one ends.
_EDGE = "\U00010a50"
_FIRST, _LAST, _END = "\ue100", "\uf8ff", "\ue0ff"
_SIGN = re.compile(f"{_EDGE}([{_END}{_FIRST}-{_LAST}]){_EDGE}")
_SIGN_CHARACTERS = re.compile(f"[{_EDGE}{_END}{_FIRST}-{_LAST}]")
_MOST = ord(_LAST) - ord(_FIRST) + 1

_TAG_OR_TEXT = re.compile(r"<(?:\"[^\"]*\"|[^>\"])*>|[^<]+")
# Where no marks are made: in a citation, and in a formula, which holds nothing but formulas.
_UNMARKED = {'<a class="citation"': "</a>", "<math": "</math>"}


def without_signs(text: str) -> str:
    """The text as long as before, with spaces where it holds characters of ours."""
    return _SIGN_CHARACTERS.sub(" ", text)


def statements_to_show(statements: Sequence[Statement]) -> list[Statement]:
    """Those that were checked and can be."""
    checked = (s for s in statements if s.support and s.support.level != "not_checkable")
    return list(checked)[:_MOST]


def sign_statements(text: str, statements: Sequence[Statement], *, offset: int = 0) -> str:
    """The Markdown with a sign at both ends of each statement; they are in order, apart, inside.

    `text` stands at `offset` of the text that the statements count in.
    """
    pieces, at = [], 0
    for index, statement in enumerate(statements):
        start, end = statement.start_index - offset, statement.end_index - offset
        if not at <= start < end <= len(text):
            continue
        number = chr(ord(_FIRST) + index)
        pieces += [text[at:start], _EDGE + number + _EDGE, text[start:end], _EDGE + _END + _EDGE]
        at = end
    return "".join([*pieces, text[at:]])


def mark_statements(signed: str, plain: str, statements: Sequence[Statement]) -> str:
    """The HTML of a block with its statements marked, or `plain` if the signs have changed it."""
    if _SIGN.sub("", signed) != plain or not _are_paired(signed):
        return plain
    return "".join(_marked_pieces(signed, statements))


def _are_paired(signed: str) -> bool:
    ends = [sign == _END for sign in _SIGN.findall(signed)]
    return ends == [False, True] * (len(ends) // 2)


def _marked_pieces(signed: str, statements: Sequence[Statement]) -> Iterator[str]:
    """Each piece of a statement in a `span`, and an empty one at its end.

    Citations and formulas are left out.
    """
    attributes = unmarked_until = ""
    for piece in _TAG_OR_TEXT.findall(signed):
        if piece.startswith("<"):
            unmarked_until = _unmarked_until(piece, unmarked_until)
            yield piece
            continue
        for index, part in enumerate(_SIGN.split(piece)):
            if index % 2 == 0:
                is_marked = attributes and part.strip() and not unmarked_until
                yield f'<span class="statement" {attributes}>{part}</span>' if is_marked else part
            elif part == _END:
                yield f'<span class="statement-end" {attributes}></span>'
                attributes = ""
            else:
                attributes = _attributes(statements[ord(part) - ord(_FIRST)])


def _unmarked_until(tag: str, closing: str) -> str:
    """The tag that ends the unmarked place that `tag` is in or opens; empty if it is in none."""
    if closing:
        return "" if tag == closing else closing
    return next((end for start, end in _UNMARKED.items() if tag.startswith(start)), "")


def _attributes(statement: Statement) -> str:
    level = statement.support.level if statement.support else ""
    return f'data-start="{statement.start_index}" data-support="{level}"'
