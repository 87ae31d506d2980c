r"""Formulas in Markdown: `$…$`, `\(…\)`, `$$…$$` and `\[…\]` become MathML.

Models write all four forms; people write prices. What reads as money, prose or an escaped bracket
stays text, and what is no LaTeX is shown as its source in `<code>`. Code always wins.
"""

import re
from collections.abc import Sequence
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from websearch_agent.server.mathml import (
    MAX_LATEX_CHARACTERS,
    NotMathsError,
    latex_to_mathml,
)

# The first that fits: `$$` before `$`.
_CLOSINGS = {"$$": "$$", "$": "$", r"\(": r"\)", r"\[": r"\]"}
_BLOCK_OPENINGS = ("$$", r"\[")
_DISPLAYED = frozenset(_BLOCK_OPENINGS)
# A formula of its own lines ends within so many, or its opening is text. Until they are there
# nobody knows (`UNDECIDED_LINE`).
MAX_BLOCK_LINES = 40
# In `env`: the first line whose meaning more text may change although other lines follow it.
UNDECIDED_LINE = "undecided_line"

# What holds words inside a formula, and commands: neither makes it prose.
_WORDS_OF_MATHS = re.compile(
    r"\\(?:text\w*|mbox|math\w+|operatorname\*?|begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+"
)
_PROSE = re.compile(r"(?<![^\W\d_])[^\W\d_]{2,}+\s++[^\W\d_]{2,}")
_WORD = re.compile(r"\s*[^\W\d_]{2,}\s*")
_MONEY = re.compile(r"\d[\d.,]*(?:\s+[^\W\d_]{2,}|\s*[\u3040-\u9fff])")
_SIGN = re.compile(r"\\[A-Za-z]|[\^_=<>+]")
# `\(x\)`, `\(n, k\)`, `\(f(x)\)`; an escaped bracket round a word is none.
_SHORT = re.compile(r"(?!.*[A-Za-z]{4})[A-Za-z0-9.,'() ]{1,12}")


def use_maths(markdown: MarkdownIt) -> None:
    """Teach the parser formulas, in a line and as lines of their own."""
    markdown.inline.ruler.before("escape", "maths", _parse_inline)
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("fence", "maths_block", _parse_block, interrupts)
    markdown.add_render_rule("maths", _render_inline)
    markdown.add_render_rule("maths_block", _render_block)


def is_maths(content: str, opening: str) -> bool:
    """Whether what stands behind `opening` is meant as a formula."""
    if not content.strip() or "`" in content:
        return False
    if opening[0] == "\\" and _find_unescaped(content, opening, 0, len(content)) is not None:
        return False
    if opening == "$" and (content != content.strip() or _MONEY.match(content)):
        return False
    if _PROSE.search(_WORDS_OF_MATHS.sub(" \\\\ ", content)):
        return False
    if opening == "$$" and _WORD.fullmatch(content):
        return False
    if opening == r"\(":
        return bool(_SIGN.search(content) or _SHORT.fullmatch(content.strip()))
    return opening != r"\[" or bool(_SIGN.search(content))


def _parse_inline(state: StateInline, silent: bool) -> bool:
    opening = _opening_at(state.src, state.pos)
    if opening is None:
        return False
    start = state.pos + len(opening)
    end = _find_closing(state.src, opening, start, state.posMax)
    if end is None:
        return False
    content, after = state.src[start:end], end + len(opening)
    if not is_maths(content, opening):
        return False
    if opening == "$" and not _stands_alone(state.src, state.pos, after):
        return False
    if not silent:
        token = state.push("maths", "math", 0)
        token.content, token.markup = content.strip(), opening
    state.pos = after
    return True


def _opening_at(text: str, at: int) -> str | None:
    return next((opening for opening in _CLOSINGS if text.startswith(opening, at)), None)


def _find_closing(text: str, opening: str, start: int, end: int) -> int | None:
    """Where the closing stands, at most a formula's length away."""
    closing = _CLOSINGS[opening]
    return _find_unescaped(text, closing, start, min(end, start + MAX_LATEX_CHARACTERS + 2))


def _find_unescaped(text: str, sign: str, start: int, end: int) -> int | None:
    at = text.find(sign, start, end)
    while at >= 0 and _is_escaped(text, at):
        at = text.find(sign, at + 1, end)
    return at if at >= 0 else None


def _is_escaped(text: str, at: int) -> bool:
    before = at
    while before and text[before - 1] == "\\":
        before -= 1
    return (at - before) % 2 == 1


def _stands_alone(text: str, start: int, end: int) -> bool:
    """`US$5`, `$5 or $6` and `$a$b` are no formulas; Chinese is written without spaces."""
    around = text[start - 1 : start] + text[end : end + 1]
    return not any(char == "$" or (char.isascii() and char.isalnum()) for char in around)


def _parse_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """A formula of its own lines: its closing ends a line, with nothing behind it."""
    opening = _line(state, start_line)[:2]
    if opening not in _BLOCK_OPENINGS or state.is_code_block(start_line):
        return False
    closing_line = _find_closing_line(state, opening, start_line, end_line)
    if closing_line is None:
        return False
    lines = state.getLines(start_line, closing_line + 1, state.blkIndent, False).strip()
    content = lines[2:-2]
    if len(content) > MAX_LATEX_CHARACTERS or not is_maths(content, opening):
        return False
    if not silent:
        token = state.push("maths_block", "math", 0)
        token.content, token.markup, token.block = content.strip(), opening, True
        token.map = [start_line, closing_line + 1]
        state.line = closing_line + 1
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _find_closing_line(
    state: StateBlock, opening: str, start_line: int, end_line: int
) -> int | None:
    closing = _CLOSINGS[opening]
    last = min(end_line, start_line + MAX_BLOCK_LINES)
    for line in range(start_line, last):
        if line > start_line and state.sCount[line] < state.blkIndent and not state.isEmpty(line):
            return None
        text = _line(state, line)
        at = _find_closing(text, opening, 2 if line == start_line else 0, len(text))
        if at is not None:
            return line if not text[at + len(closing) :].strip() else None
    if last == end_line >= len(state.bMarks) - 1:
        state.env[UNDECIDED_LINE] = min(start_line, state.env.get(UNDECIDED_LINE, start_line))
    return None


def _render_inline(
    _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    token = tokens[index]
    try:
        return latex_to_mathml(token.content, is_block=token.markup in _DISPLAYED)
    except NotMathsError:
        return f"<code>{escape(token.content, quote=False)}</code>"


def _render_block(
    _: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    content = tokens[index].content
    try:
        return f"<p>{latex_to_mathml(content, is_block=True)}</p>\n"
    except NotMathsError:
        return f"<pre><code>{escape(content, quote=False)}</code></pre>\n"
