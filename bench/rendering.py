"""How long the page's HTML takes while an answer grows, and how hostile code is borne.

    python bench/rendering.py            ms for each step of a long answer, and of one code block
    python bench/rendering.py --hostile  the slowest code for each language, and LaTeX of bad intent

The answer has 3,000 words, 40 citations, tables, code and formulas; each step adds 24 characters,
what a fast model writes in a twentieth of a second. What the steps have shown must be what the
whole text looks like. The last line is one JSON object.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from websearch_agent.server import code_highlighting
from websearch_agent.server.mathml import NotMathsError, latex_to_mathml
from websearch_agent.server.render import IncrementalRenderer, render_blocks
from websearch_agent.types import Passage, Source, Statement, Support

STEP_CHARACTERS = 24
SOURCES = tuple(
    Source(n, f"https://plain.example/{n}", "Plain", "plain.example", (Passage("u", "w", 0, 1),))
    for n in range(1, 9)
)
SENTENCE = (
    "The value of part {n} was read from its page and stands as it was told there [{source}]. "
)
TABLE = "| part | value | share |\n|---|--:|:-:|\n" + "| first | 12.5 | **3** |\n" * 6
CODE = "```python\n" + 'def read(path: str) -> str:\n    return open(path).read()  # "so"\n\n' * 8
FORMULA = "$$\n\\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}\n$$\n\nwith $a_1$ and \\(b\\).\n\n"
LIST = "".join(f"- **point {n}** of the list, with `code` in it\n" for n in range(6))


def long_answer() -> str:
    parts = []
    for number in range(40):
        source = number % 8 + 1
        words = "Nothing else is known about it, but much was written. " * 6
        parts.append(SENTENCE.format(n=number, source=source) + words + "\n\n")
        extra = {4: TABLE, 5: f"{CODE}```\n", 6: FORMULA, 7: LIST, 3: f"## Part {number}\n"}
        parts.append(extra.get(number % 10, "") + "\n")
    return "".join(parts)


def checked_statements(text: str) -> tuple[Statement, ...]:
    support = Support("supported", 0.9, 1)
    found, start = [], text.find("The value")
    while start >= 0:
        end = text.index(". ", start) + 1
        found.append(Statement(text[start:end], start, end, (1,), support))
        start = text.find("The value", end)
    return tuple(found)


def time_steps(text: str, render: Callable[[str], object]) -> list[float]:
    """Milliseconds of each step."""
    taken = []
    for end in range(STEP_CHARACTERS, len(text) + STEP_CHARACTERS, STEP_CHARACTERS):
        taken.append(milliseconds(partial(render, text[:end])))
    return taken


def figures(taken: list[float]) -> dict[str, float]:
    last = taken[-len(taken) // 10 :]
    return {
        "steps": len(taken),
        "median_ms": round(statistics.median(taken), 2),
        "last_tenth_ms": round(statistics.median(last), 2),
        "most_ms": round(max(taken), 2),
        "sum_s": round(sum(taken) / 1000, 2),
    }


@dataclass
class Page:
    """Applies each change like the page that is sent them."""

    renderer: IncrementalRenderer
    blocks: dict[int, str] = field(default_factory=dict)

    def show(self, text: str) -> None:
        for change in self.renderer.render_changes(text):
            self.blocks[change.index] = change.html


def measure_answer() -> dict[str, dict[str, float]]:
    text = long_answer()
    statements = checked_statements(text)
    print(f"{len(text.split())} words, {len(text)} characters, {len(statements)} statements")
    measured = {}
    for name, known in (("answer", ()), ("checked answer", statements)):
        page = Page(IncrementalRenderer(SOURCES, known))
        measured[name] = figures(time_steps(text, page.show))
        render_whole = partial(render_blocks, sources=SOURCES, statements=known)
        if [html for html in page.blocks.values() if html] != render_whole(text):
            sys.exit(f"{name}: the steps show something else than the whole text")
        measured[f"{name}, each time whole"] = figures(time_steps(text, render_whole))
    for size in (2_000, 8_000, 19_000):
        code = (CODE * (size // len(CODE) + 1))[:size].replace("```python\n", "")
        taken = time_steps(f"```python\n{code}", Page(IncrementalRenderer()).show)
        measured[f"code of {size} characters"] = figures(taken)
    return measured


# ---- hostile -----------------------------------------------------------------------------------

SIGNS = r"""( [ { < " ' ` \ / /* // <!-- <a </ ${ #{ # - -- = == a a. aa( :: % %% @ & | 0 0. 0x 1e
''' r' f"{ $( $(( <<A <% <?php {{ {% [[ --- a: "\ '\ /a a< <T, (a, (* {- begin if def class fn( =>
-> \begin{ * ** _ ~ > a=" key= é 漢 #if @" $" %w[ =begin q{ <<<A select --[[ [=[ !! &a *a ?"""


def hostile_codes() -> Iterator[str]:
    size = code_highlighting.MAX_CODE_CHARACTERS
    for sign in SIGNS.split():
        for row in (sign * 200, f"x{sign}" * 20, sign):
            line = f"{row[: code_highlighting.MAX_LINE_CHARACTERS]}\n"
            yield (line * (size // len(line)))[:size]
    yield "\n" * size
    yield " \n" * (size // 2)
    yield "x\n" * (size // 2)


def measure_hostile_code() -> dict[str, float]:
    """The most milliseconds that a block of the longest size takes, by language."""
    slowest = {}
    for language in sorted(code_highlighting.LANGUAGES):
        slowest[language] = max(
            milliseconds(partial(code_highlighting.highlight_code, code, language))
            for code in hostile_codes()
        )
        print(f"{language}: {slowest[language]:.0f} ms")
    return slowest


def milliseconds(call: Callable[[], object]) -> float:
    began_at = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began_at)


LATEX = ("{", "}", "\\sqrt", "\\hat", "\\left(", "\\frac1", "x^{", "\\begin{matrix}", "\\text{")
LATEX += ("x_", "'", "&", "\\\\", "\\not", "\\mathbf{", "\\sqrt[", "\\overset{a}", "\\middle|", "é")
LATEX += ("\\hat ", "-\\hat", "{\\hat", "^", "\\begin{array}{", "c|", "$", "\\color{", "\\ldots")


def measure_hostile_latex() -> float:
    slowest = 0.0
    for sign in LATEX:
        for latex in (sign * (1900 // len(sign)), f"{sign * 55}x{'}' * 55}", f"x{sign}" * 400):
            slowest = max(slowest, milliseconds(partial(try_latex, latex)))
    return slowest


def try_latex(latex: str) -> None:
    try:
        latex_to_mathml(latex, is_block=True)
    except NotMathsError:
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hostile", action="store_true")
    if parser.parse_args().hostile:
        code = max(measure_hostile_code().items(), key=lambda pair: pair[1])
        latex = measure_hostile_latex()
        result = {"slowest_code": code[0], "code_ms": round(code[1]), "latex_ms": round(latex, 1)}
    else:
        result = measure_answer()
        for name, taken in result.items():
            print(f"{name}: {taken}")
    print(json.dumps({"eval": "rendering", **result}))


if __name__ == "__main__":
    main()
