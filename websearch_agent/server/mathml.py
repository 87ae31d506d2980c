r"""LaTeX of a model or a page as MathML, which browsers lay out and read aloud without a script.

math-core (Rust) converts: 5 to 15 µs a formula where latex2mathml takes 50 to 190. It escapes what
`\text` holds, has no command for links, classes or styles, and refuses what it does not know
(latex2mathml shows `\foo`, and lets `\href{javascript:…}` and raw tags through; tried Nov 2026).
What it makes is built anew from known tags and attributes all the same.
"""

import re
from functools import cache, lru_cache
from html import escape
from html.parser import HTMLParser

from math_core import LatexError, LatexToMathML

from websearch_agent.invisible_text import visible_text
from websearch_agent.server.safe_html import MATHS_ATTRIBUTES, MATHS_TAGS

MAX_LATEX_CHARACTERS = 2000
MAX_MATHML_CHARACTERS = 40_000
# The converter calls itself for each level: 999 braces end a thread that has 512 KB of stack, and
# with it the server. What is let through passes with 256 KB; Python's threads have 1 MB and more.
MAX_NESTING = 60
# Each command can be the argument of the one before: \sqrt\sqrt2, \frac1\frac12, \frac{1}\frac{1}2.
_COMMAND_CHAIN = re.compile(
    rf"(?:\\[A-Za-z]++\s*+(?:[{{\[][^{{}}\[\]]{{0,6}}[}}\]]|[^\\{{}}\s])?+\s*+){{{MAX_NESTING},}}"
)
# A macro that calls itself a thousand times takes 40 ms; nobody defines commands in an answer. The
# converter's own (`\ldots`, `\implies`) count as expansions.
_DEFINITION = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|[egx]?def|let|DeclareMathOperator)(?![A-Za-z])"
)
MAX_EXPANSIONS = 200

# Words of MathML, and lengths that cannot move a sign over others far away.
_VALUE = re.compile(
    r"true|false|block|normal|prefix|infix|postfix|box|updiagonalstrike|downdiagonalstrike"
    r"|horizontalstrike|verticalstrike|-?0?\.\d{1,9}em|\d(?:\.\d{1,9})?(?:em|pt)?|100%"
)
# What models write and the converter does not know: space between rows, a number beside a formula,
# a name for it, a formula in its words. And what it would number itself, each from 1 on.
_REWRITTEN = (
    (re.compile(r"\\\\\s*\[-?[\d.]+\s*(?:pt|em|ex|mm|cm)\]"), r"\\\\ "),
    (re.compile(r"\\tag\*?\{([^{}\\$]*)\}"), r"\\qquad\\text{(\1)}"),
    (re.compile(r"\\label\{[^{}]*\}"), ""),
    (re.compile(r"(?<!\\)\$([^$]*)(?<!\\)\$"), r"}\1\\text{"),
    (
        re.compile(r"\\(begin|end)\{(align|alignat|equation|flalign|gather|multline)\}"),
        r"\\\1{\2*}",
    ),
)
# HTML that it makes of \textbf and the like: the words stay.
_UNWRAPPED = frozenset({"b", "code", "em", "i", "strong", "u"})
_ALIGNMENT = re.compile(r"text-align: ?(left|right)")


class NotMathsError(ValueError):
    """The text is not LaTeX that can be shown; show the text."""


@lru_cache(maxsize=512)
def latex_to_mathml(latex: str, *, is_block: bool) -> str:
    """`<math>…</math>` of known tags only. Raises NotMathsError; show the source then."""
    _check_bounds(latex)
    try:
        known = _in_known_commands(latex)
        mathml = _converter().convert_with_local_state(known, displaystyle=is_block)
    except LatexError as error:
        raise NotMathsError(str(error)) from error
    if len(mathml) > MAX_MATHML_CHARACTERS:
        raise NotMathsError(f"The formula's MathML has {len(mathml)} characters.")
    return rebuild_mathml(mathml)


def _in_known_commands(latex: str) -> str:
    for pattern, known in _REWRITTEN:
        latex = pattern.sub(known, latex)
    return latex


def _check_bounds(latex: str) -> None:
    if len(latex) > MAX_LATEX_CHARACTERS:
        raise NotMathsError(f"A formula has at most {MAX_LATEX_CHARACTERS} characters.")
    if _DEFINITION.search(latex):
        raise NotMathsError("A formula defines no commands.")
    depth = deepest = 0
    for char in latex:
        depth += (char == "{") - (char == "}")
        deepest = max(deepest, depth)
    # `\left(` and `\begin{…}` open a level each, too.
    deepest += latex.count(r"\left") + latex.count(r"\begin")
    if deepest > MAX_NESTING or _COMMAND_CHAIN.search(latex):
        raise NotMathsError(f"A formula has at most {MAX_NESTING} levels.")


@cache
def _converter() -> LatexToMathML:
    return LatexToMathML(
        fancy_error=False, max_expansions=MAX_EXPANSIONS, allow_unreliable_rendering=True
    )


def rebuild_mathml(mathml: str) -> str:
    """The same MathML from known tags and attributes; NotMathsError at any other tag."""
    builder = _MathmlBuilder()
    builder.feed(mathml)
    builder.close()
    if builder.open_tags or not builder.pieces:
        raise NotMathsError("The MathML is not whole.")
    return "".join(builder.pieces)


class _MathmlBuilder(HTMLParser):
    """Writes what it reads again; one root, each tag closed by its own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.open_tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNWRAPPED and "mtext" in self.open_tags:
            return
        is_root = not self.open_tags
        if tag not in MATHS_TAGS or (tag == "math") is not is_root or (is_root and self.pieces):
            raise NotMathsError(f"No formula holds <{tag[:20]}> there.")
        self.open_tags.append(tag)
        kept = "".join(f' {name}="{value}"' for name, value in _kept_attributes(tag, attrs))
        self.pieces.append(f"<{tag}{kept}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNWRAPPED and "mtext" in self.open_tags:
            return
        if not self.open_tags or self.open_tags.pop() != tag:
            raise NotMathsError(f"</{tag[:20]}> closes no tag.")
        opened = self.pieces[-1]
        if tag == "mo" and opened.startswith("<mo"):
            # It held an invisible sign ("apply the function"): its space is left.
            lspace = re.search(r'lspace="([^"]*)"', opened)
            self.pieces[-1] = f'<mspace width="{lspace[1] if lspace else 0}"></mspace>'
            return
        self.pieces.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self.open_tags:
            raise NotMathsError("Text stands outside the formula.")
        text = visible_text(data)
        if text:
            self.pieces.append(escape(text, quote=False))


def _kept_attributes(tag: str, attributes: list[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """Of known names and values. A cell's alignment, a style of the converter's, is a class."""
    kept = [
        (name, value)
        for name, value in attributes
        if name in MATHS_ATTRIBUTES and value and _VALUE.fullmatch(value)
    ]
    style = dict(attributes).get("style") or ""
    if tag == "mtd" and (alignment := _ALIGNMENT.search(style)):
        kept.append(("class", f"align-{alignment[1]}"))
    return kept
