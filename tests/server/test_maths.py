"""Formulas in Markdown: which text is one, and that nothing but a formula comes of it."""

import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server.fake_service import SOURCES

from websearch_agent.server.mathml import (
    MAX_LATEX_CHARACTERS,
    NotMathsError,
    latex_to_mathml,
    rebuild_mathml,
)
from websearch_agent.server.render import render_blocks, render_html
from websearch_agent.server.safe_html import MATHS_ATTRIBUTES, MATHS_TAGS

X = "<math><mi>x</mi></math>"
X_BLOCK = '<math display="block"><mi>x</mi></math>'
SUM_BLOCK = '<math display="block"><mi>x</mi><mo>=</mo><mn>5</mn><mo>−</mo><mn>3</mn></math>'
CHIP = '<a class="citation" href="#source-1" data-source="1">1</a>'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("So $x$ is.", f"<p>So {X} is.</p>"),
        (r"So \(x\) is.", f"<p>So {X} is.</p>"),
        (r"So \( x \) is.", f"<p>So {X} is.</p>"),
        ("So $$x$$ is.", f"<p>So {X_BLOCK} is.</p>"),
        (r"So \[ x = 5 - 3 \] is.", f"<p>So {SUM_BLOCK} is.</p>"),
        ("$$x$$", f"<p>{X_BLOCK}</p>"),
        ("So:\n$$\nx\n= 5\n- 3\n$$\nis.", f"<p>So:</p>\n<p>{SUM_BLOCK}</p>\n<p>is.</p>"),
        ("So:\n\n\\[\n\nx = 5 - 3\n\n\\]\n\nis.", f"<p>So:</p>\n<p>{SUM_BLOCK}</p>\n<p>is.</p>"),
        ("- a\n  $$\n  x\n  $$\n- b", f"<li>a<p>{X_BLOCK}</p>\n</li>"),
        ("> $$\n> x\n> $$", f"<blockquote>\n<p>{X_BLOCK}</p>\n</blockquote>"),
        ("**So $x$**", f"<strong>So {X}</strong>"),
        ("| $x$ |\n|---|", f"<th>{X}</th>"),
        ("令$x$为零。", f"<p>令{X}为零。</p>"),
        ("$5$", "<math><mn>5</mn></math>"),
        ("$x$ [1]", f"{X} {CHIP}"),
        ("$$x$$ [1]", f"{X_BLOCK} {CHIP}"),
    ],
)
def test_formula_is_mathml_in_all_forms(text: str, html: str) -> None:
    assert html in render_html(text, sources=SOURCES)


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "Between $5-$10, US$5 or 5$ and 6$.",
        "About $5 million (or 4$)",
        "$20/$30 a month",
        "价格从$5美元到$9美元",
        "Set $HOME and $PATH, or $A/$B.",
        "The word $ alone, and $ x $.",
        "From $this is prose, not maths$ to here.",
        "It is $$ and $$ again.",
        "$$ and no end",
        "$x\n\n$",
        "x$y$z",
        r"\$x\$",
    ],
)
def test_money_and_prose_stay_text(text: str) -> None:
    html = render_html(text)
    assert "<math" not in html
    assert "<code" not in html
    assert "".join(re.sub("<[^>]*>", "", html).split()) == "".join(text.replace("\\", "").split())


@pytest.mark.parametrize("text", [r"\[1\]", r"\[edit\]", r"\(see below\)", r"\[see x and y\]"])
def test_escaped_brackets_stay_brackets(text: str) -> None:
    assert render_html(text) == f"<p>{text.replace(chr(92), '')}</p>"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("`$x$`", "<code>$x$</code>"),
        ("```\n$$\nx\n$$\n```", "<code>$$\nx\n$$\n</code>"),
        ("    $x$", "<code>$x$\n</code>"),
        ("$a `b$ c`", "$a <code>b$ c</code>"),
        ("$$\n`x`\n$$", "<code>x</code>"),
    ],
)
def test_code_is_no_formula(text: str, html: str) -> None:
    assert html in render_html(text)
    assert "<math" not in render_html(text)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (r"$\unknown{x}$", r"<p><code>\unknown{x}</code></p>"),
        (r"$a < \frac{1}$", r"<p><code>a &lt; \frac{1}</code></p>"),
        ("$$\n\\unknown\n+ x\n$$", "<pre><code>\\unknown\n+ x</code></pre>"),
    ],
)
def test_what_cannot_be_read_is_shown_as_its_source(text: str, html: str) -> None:
    assert render_html(text) == html


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{-b \pm \sqrt{b^2-4ac}}{2a}",
        r"\sum_{i=1}^n i, \int_0^\infty e^{-x^2}\,dx, \lim_{x \to 0}",
        r"\begin{pmatrix}1 & 2 \\[2pt] 3 & 4\end{pmatrix}",
        r"\begin{align}a &= b \\ c &= d\end{align}",
        r"f(x) = \begin{cases}1 & x>0 \\ 0 & \text{otherwise}\end{cases}",
        r"E = mc^2 \tag{1} \label{eq:e}",
        r"x_1, \ldots, x_n \in \mathbb{R} \implies \boldsymbol{\beta}",
        r"\textbf{Answer: } \boxed{42}",
        r"a \quad \text{(for $x>0$)}",
        r"90^\circ, 5\%, \$5, \#3, \|x\|, \left|\frac{a}{b}\right|",
        r"\text{速度} = \frac{\text{路程}}{\text{时间}}",
    ],
)
def test_usual_latex_is_read(latex: str) -> None:
    assert latex_to_mathml(latex, is_block=True).startswith('<math display="block">')


def test_rows_are_not_numbered_and_cells_are_aligned_by_class() -> None:
    html = render_html("$$\n\\begin{align}\na &= b \\\\[2pt]\nc &= d\n\\end{align}\n$$")
    assert "(1)" not in html
    assert "2pt" not in html
    assert " style=" not in html
    assert html.count('<mtd class="align-right">') == 2


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\url{javascript:alert(1)}",
        r"\class{citation}{x}",
        r"\style{position:fixed}{x}",
        r"\cssId{tooltip}{x}",
        r"\unicode{x202e}",
        r"\text{<img src=x onerror=alert(1)>}",
        r"\text{<script>alert(1)</script>}",
        r"\text{</mtext></math><img src=x onerror=alert(1)>}",
        r"\text{<annotation-xml encoding=text/html><p>x</p>}",
        r"<mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=alert(1)&gt;'>",
        r"\color{red;background:url(//e.example)}{x}",
        r"\hspace{-300em} x \hspace{900em} \rule{900em}{900em}",
        r"\phantom{hidden} x",
        "x \u202e y \u200b z",
        r"\tag{<img src=x>} x",
        r"\begin{array}{c<img src=x>}x\end{array}",
        r"\includegraphics{x} \input{/etc/passwd} \immediate\write18{x}",
    ],
)
def test_hostile_latex_makes_a_formula_of_known_parts_or_none(latex: str) -> None:
    html = render_html(f"$${latex}$$") + render_html(f"$$\n{latex}\n$$")
    allowed = {*MATHS_TAGS, "p", "code", "pre"}
    for tag in re.findall(r"<(/?\w[^\s>]*)", html):
        assert tag.removeprefix("/") in allowed
    for name, value in re.findall(r'\s([\w-]+)="([^"]*)"(?=[^<]*>)', html):
        assert name in {*MATHS_ATTRIBUTES, "class"}
        assert re.fullmatch(r"[a-z-]+|[-.\dempt%]{1,12}", value)
    assert not re.search("[\u202e\u200b]", html)


@pytest.mark.parametrize(
    "latex",
    [
        "{" * 999 + "x" + "}" * 999,
        r"\sqrt" * 399 + " x",
        r"\hat " * 399 + "x",
        r"\not" * 480 + "=",
        r"\frac1" * 330 + "2",
        r"\frac{1}" * 240 + "2",
        r"\sqrt[3]" * 240 + "2",
        "x^{" * 499 + "x" + "}" * 499,
        r"\left(" * 140 + r"\right)" * 140,
        r"\begin{matrix}" * 60 + r"\end{matrix}" * 60,
        r"\newcommand{\a}[1]{#1#1#1#1}" + r"\a{" * 50 + "x" + "}" * 50,
        r"\def\a{\a\a}\a",
        "x" + "'" * 1900,
        "x" * (MAX_LATEX_CHARACTERS + 1),
    ],
)
def test_formula_without_bounds_is_refused(latex: str) -> None:
    with pytest.raises(NotMathsError):
        latex_to_mathml(latex, is_block=True)


def test_deepest_formula_that_is_read_needs_little_of_the_stack() -> None:
    # A stack that is used up ends the process: threads have less of it on some systems.
    deep = [
        "{" * 59 + "x" + "}" * 59,
        r"\hat{" * 59 + "x" + "}" * 59,
        r"\sqrt" * 59 + "2",
        r"\begin{matrix}{" * 29 + "x" + r"}\end{matrix}" * 29,
        r"\left(\hat{" * 29 + "x" + r"}\right)" * 29,
        r"\frac{1234567}" * 140 + "x",
        r"\overset{ab+cd+ef}" * 110 + "x",
    ]
    read: list[str] = []

    def read_all() -> None:
        for latex in deep:
            try:
                read.append(latex_to_mathml(latex, is_block=False))
            except NotMathsError as error:
                read.append(str(error))

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=read_all)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert len(read) == len(deep)
    assert all(one.startswith("<math>") for one in read[:3])


@pytest.mark.parametrize(
    "mathml",
    [
        "<math><semantics><mi>x</mi></semantics></math>",
        "<math><annotation-xml><p>x</p></annotation-xml></math>",
        "<math><mtext><p>x</p></mtext></math>",
        "<math><mi>x</math>",
        "<mi>x</mi>",
        "<math><math></math></math>",
        "<math></math><math></math>",
        "<p><math></math></p>",
        "text",
        "<math><mi>x</mi>",
        "",
    ],
)
def test_mathml_with_anything_else_is_refused(mathml: str) -> None:
    with pytest.raises(NotMathsError):
        rebuild_mathml(mathml)


def test_rebuilt_mathml_keeps_known_attributes_only() -> None:
    given_one = (
        '<math display="block" href="javascript:1" onclick="x"><mo stretchy="false" lspace="99em"'
        ' style="color:red" rspace="0.2em">&lt;</mo><mspace width="1em"/></math>'
    )
    assert rebuild_mathml(given_one) == (
        '<math display="block"><mo stretchy="false" rspace="0.2em">&lt;</mo>'
        '<mspace width="1em"></mspace></math>'
    )


PIECES = ["$", "$$", "\n$$\n", r"\[", r"\]", r"\(", r"\)", "x", "^", "_", "{", "}", "&", r"\\", " "]
PIECES += [r"\frac", r"\text{", r"\sqrt", r"\left(", r"\right)", "<b>", "`", "\n", "\n\n", "[1]"]
PIECES += [
    r"\begin{aligned}",
    r"\end{aligned}",
    "5",
    "é",
    "中",
    "*",
    "|",
    "- ",
    "> ",
    "\\",
    "%",
    "#",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_whatever_is_written_the_html_is_whole(text: str) -> None:
    for html in render_blocks(text, sources=SOURCES):
        opened: list[str] = []
        for closing, tag in re.findall(r"<(/?)([a-z0-9]+)[^>]*>", html):
            if closing:
                assert opened.pop() == tag
            elif tag not in ("br", "hr"):
                opened.append(tag)
        assert opened == []
        for inside in re.findall(r"<math.*?</math>", html, re.DOTALL):
            assert set(re.findall(r"<([a-z0-9]+)", inside)) <= MATHS_TAGS
