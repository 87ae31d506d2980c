"""Code in colours: Pygments finds the words, our classes name their kinds (web/static/turn.css).

Only by the name that the fence gives, and for languages of the list: nothing is guessed. Long code
is read in pieces, so that a block which grows costs its last piece only.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from html import escape
from itertools import groupby

from pygments.lexer import Lexer
from pygments.lexers import get_all_lexers, get_lexer_by_name
from pygments.token import (
    Comment,
    Generic,
    Keyword,
    Literal,
    Name,
    Number,
    Operator,
    String,
    _TokenType,
)

MAX_CODE_CHARACTERS = 20_000
# Lexers are quadratic in long lines and in runs of empty ones: 2,000 line breaks kept the one for
# C# busy for 0.4 s. Bounded like this, the slowest of 261 hostile blocks of 20,000 characters took
# 0.4 s in any language on a busy machine (JSX; bench/rendering.py --hostile, Nov 2026).
MAX_LINE_CHARACTERS = 400
MAX_PIECE_LINES = 50
MAX_PIECE_CHARACTERS = 2000

# Pygments' other names for them lead here, too.
LANGUAGES = frozenset(
    """bash c clojure cmake console cpp csharp css dart diff docker elixir erlang fortran fsharp go
    graphql groovy haskell html http ini java javascript json jsx julia kotlin latex lua make
    markdown matlab mysql nginx nix objective-c ocaml perl php postgresql powershell protobuf pycon
    python r ruby rust scala scss sql swift terraform toml tsx typescript vbnet vim xml yaml
    zig""".split()  # noqa: SIM905
)
_MORE_NAMES = {"yml": "yaml", "jsonc": "json", "kt": "kotlin"}
_LANGUAGE_NAME = re.compile(r"[a-z0-9][a-z0-9.+#_-]{0,19}")

# The kind of the nearest parent on the list counts; what has none stays plain.
_KINDS = {
    Comment: "comment",
    Comment.Preproc: "meta",
    Comment.PreprocFile: "string",
    Generic.Deleted: "removed",
    Generic.Heading: "meta",
    Generic.Inserted: "added",
    Generic.Prompt: "comment",
    Generic.Subheading: "meta",
    Keyword: "keyword",
    Keyword.Constant: "builtin",
    Keyword.Type: "builtin",
    Literal: "string",
    Name.Attribute: "name",
    Name.Builtin: "builtin",
    Name.Class: "name",
    Name.Constant: "builtin",
    Name.Decorator: "meta",
    Name.Exception: "builtin",
    Name.Function: "name",
    Name.Tag: "keyword",
    Number: "number",
    Operator.Word: "keyword",
    String: "string",
}


def language_name(info: str) -> str:
    """The language that a fence names, by its usual name; empty if none can be made out."""
    words = info.lower().split(maxsplit=1)
    if not words or not _LANGUAGE_NAME.fullmatch(words[0]):
        return ""
    return _names().get(words[0], words[0])


def highlight_code(code: str, language: str) -> str:
    """The code as HTML, its words in `<span class="hl-…">`; plain if that is not to be had."""
    longest = max(map(len, code.split("\n")))
    is_bounded = len(code) <= MAX_CODE_CHARACTERS and longest <= MAX_LINE_CHARACTERS
    if language not in LANGUAGES or not is_bounded:
        return escape(code, quote=False)
    return "".join(_highlight_piece(piece, language) for piece in split_code(code))


def split_code(code: str) -> Iterator[str]:
    """Pieces of bounded size, each cut where something new seems to begin.

    Words behind a cut in the middle of a long comment or string get other colours, and no more.
    """
    lines = code.splitlines(keepends=True)
    while lines:
        count = _lines_of_a_piece(lines)
        yield "".join(lines[:count])
        lines = lines[count:]


def _lines_of_a_piece(lines: list[str]) -> int:
    size = 0
    for count, line in enumerate(lines[: MAX_PIECE_LINES + 1]):
        size += len(line)
        if count == MAX_PIECE_LINES or (count and size > MAX_PIECE_CHARACTERS):
            return _best_cut(lines[: count + 1])
    return len(lines)


def _best_cut(lines: list[str]) -> int:
    """Before the last line of the second half that stands at the margin behind an empty one."""
    for at in range(len(lines) - 1, len(lines) // 2, -1):
        if not lines[at - 1].strip() and lines[at][:1].strip():
            return at
    return len(lines) - 1


@lru_cache(maxsize=512)
def _highlight_piece(piece: str, language: str) -> str:
    tokens = list(_lexer(language).get_tokens_unprocessed(piece))
    if "".join(word for _, _, word in tokens) != piece:
        return escape(piece, quote=False)
    kinds = ((_kind(token), word) for _, token, word in tokens)
    return "".join(
        _in_colour("".join(word for _, word in group), kind)
        for kind, group in groupby(kinds, key=lambda pair: pair[0])
    )


def _in_colour(text: str, kind: str) -> str:
    html = escape(text, quote=False)
    return f'<span class="hl-{kind}">{html}</span>' if kind and text.strip() else html


@cache
def _kind(token: _TokenType | None) -> str:
    at = token
    while at is not None:
        if at in _KINDS:
            return _KINDS[at]
        at = at.parent
    return ""


@cache
def _lexer(language: str) -> Lexer:
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)


@cache
def _names() -> dict[str, str]:
    """Each name of a language of the list → its name on the list."""
    names = dict(_MORE_NAMES)
    for _, aliases, _, _ in get_all_lexers(plugins=False):
        for name in LANGUAGES.intersection(aliases):
            names |= dict.fromkeys(aliases, name)
    return names
