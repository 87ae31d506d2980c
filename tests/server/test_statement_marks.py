"""Checked statements in the HTML: marked where they stand, and nothing else changed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server.fake_service import SOURCES

from websearch_agent.citations.markers import CitationStream
from websearch_agent.citations.statements import split_statements
from websearch_agent.events import AnswerDelta, AnswerRestarted, SourcesSelected, StatementVerified
from websearch_agent.server.render import render_blocks
from websearch_agent.server.streaming import HtmlUpdates
from websearch_agent.types import Statement, Support, SupportLevel

CHIP = '<a class="citation" href="#source-1" data-source="1">1</a>'
MATHS = "<math><mi>x</mi></math>"
SPAN = re.compile(r'<span class="statement(?:-end)?" data-start="\d+" data-support="\w+">|</span>')


def checked(text: str, *levels: SupportLevel) -> tuple[Statement, ...]:
    """The statements of the text with these levels in turn."""
    citations = CitationStream((1, 2))
    citations.feed(text)
    citations.finish()
    assert citations.text == text
    found = split_statements(text, citations.markers)
    return tuple(
        Statement(s.text, s.start_index, s.end_index, s.source_numbers, Support(level, 0.5))
        for s, level in zip(found, levels * len(found), strict=False)
    )


def marked(text: str, *levels: SupportLevel) -> str:
    statements = checked(text, *levels)
    return "\n".join(render_blocks(text, sources=SOURCES, statements=statements))


def span(start: int, text: str, level: str = "partial") -> str:
    return f'<span class="statement" data-start="{start}" data-support="{level}">{text}</span>'


def end(start: int, level: str = "partial") -> str:
    return f'<span class="statement-end" data-start="{start}" data-support="{level}"></span>'


def test_statements_are_marked_with_their_support() -> None:
    first = [span(0, "One is so ", "supported"), CHIP, span(0, ".", "supported")]
    second = [span(15, "Two is not.", "unsupported"), end(15, "unsupported")]
    html = "".join([*first, end(0, "supported"), " ", *second])
    assert marked("One is so [1]. Two is not.", "supported", "unsupported") == f"<p>{html}</p>"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**One.** Two", f"<strong>{span(0, 'One.')}</strong>{end(0)} {span(9, 'Two')}{end(9)}"),
        ("**Ab. C.**", f"<strong>{span(0, 'Ab.')}{end(0)} {span(6, 'C.')}</strong>{end(6)}"),
        ("- *one* [1]", f"<li><em>{span(2, 'one')}</em> {CHIP}{end(2)}</li>"),
        ("> “**Quoted**”", f"<strong>{span(2, 'Quoted')}</strong>"),
        ("Do `x` & y", f"<code>{span(0, 'x')}</code>{span(0, ' &amp; y')}{end(0)}"),
        ("| a |\n|---|\n| b c |", f"<td>{span(14, 'b c')}{end(14)}</td>"),
        ("𝒳𝒴 [1]. 红桥。", f"{end(0)} {span(8, '红桥。')}{end(8)}"),
        ("So $x$ is [1].", f"{span(0, 'So ')}{MATHS}{span(0, ' is ')}{CHIP}{span(0, '.')}"),
        ("$x$ is so.", f"<p>{MATHS}{span(0, ' is so.')}{end(0)}</p>"),
        ("One.\n\n$$\nx\n$$\n\nTwo.", f"<p>{span(0, 'One.')}{end(0)}</p>"),
    ],
)
def test_marks_stand_where_the_statement_does(text: str, html: str) -> None:
    assert html in marked(text, "partial")


def test_uncheckable_and_unchecked_statements_stay_without_marks() -> None:
    assert marked("One is so.", "not_checkable") == "<p>One is so.</p>"
    unchecked = (Statement("One is so.", 0, 10),)
    assert render_blocks("One is so.", statements=unchecked) == ["<p>One is so.</p>"]


def test_statement_of_another_text_is_left_out() -> None:
    beyond = Statement("x", 5, 500, (), Support("partial", 0.5))
    assert render_blocks("One is so.", statements=(beyond,)) == ["<p>One is so.</p>"]


def test_statement_that_ends_within_a_formula_or_code_leaves_its_block_unmarked() -> None:
    support = Support("partial", 0.5)
    for text in ("So $a. b$ is.", "So\n\n```python\na. b\n```"):
        end_index = text.index(". b") + 1
        statements = (Statement(text[:end_index], 0, end_index, (), support),)
        assert render_blocks(text, statements=statements) == render_blocks(text)


def test_block_that_cannot_be_marked_leaves_the_marks_of_the_others() -> None:
    text = "So $a. b$ is.\n\nTwo is so."
    support = Support("partial", 0.5)
    statements = (Statement("So $a.", 0, 6, (), support), Statement("Two", 15, 18, (), support))
    first, second = render_blocks(text, statements=statements)
    assert first == render_blocks(text)[0]
    assert second == f"<p>{span(15, 'Two')}{end(15)} is so.</p>"


PIECES = [
    "One. ",
    "**",
    "*",
    "_",
    "`",
    "[1]",
    "\n\n",
    "\n",
    "- ",
    "> ",
    "| a |",
    "|---|",
    "# ",
    "x",
]
PIECES += ["<b>", "&amp;", "”", "“", "。", "\\", "](https://e.org)", "[", "![", "~~", "\U00010a50"]
PIECES += ["\ue100", "\ue0ff", "1. ", "    ", "```\n", "$", "$$", "\n$$\n", "\\(", "\\)", "x^2"]
PIECES += ["```python\n", "https://www.example.org/docs/http2"]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_marks_change_nothing_but_themselves(text: str) -> None:
    citations = CitationStream((1, 2))
    citations.feed(text)
    citations.finish()
    found = split_statements(citations.text, citations.markers)
    support = Support("unsupported", 0.1)
    statements = [Statement(s.text, s.start_index, s.end_index, (), support) for s in found]
    plain = render_blocks(citations.text, sources=SOURCES)
    shown = render_blocks(citations.text, sources=SOURCES, statements=statements)
    # Highlighted code has spans of its own.
    without_ends = [html.replace("</span>", "") for html in plain]
    assert [SPAN.sub("", html) for html in shown] == without_ends


async def rendered(updates: HtmlUpdates) -> str:
    return "".join(change.html for change in await updates.render())


@pytest.mark.anyio
async def test_stream_marks_a_statement_as_soon_as_it_was_checked() -> None:
    updates = HtmlUpdates(clock=lambda: 0.0)
    text = "One is so [1]. Two is not."
    first, second = checked(text, "partial", "unsupported")
    for event in (SourcesSelected(SOURCES), AnswerDelta(text), StatementVerified(second)):
        updates.observe(event)
    assert "unsupported" in await rendered(updates)
    updates.observe(StatementVerified(first))
    both = await rendered(updates)
    assert "partial" in both
    assert "unsupported" in both
    updates.observe(StatementVerified(checked(text, "supported")[1]))
    assert "unsupported" not in await rendered(updates)


@pytest.mark.anyio
async def test_text_that_was_taken_back_takes_its_marks_along() -> None:
    updates = HtmlUpdates(clock=lambda: 0.0)
    text = "One is so."
    told = (AnswerDelta(text), StatementVerified(checked(text, "partial")[0]), AnswerRestarted())
    for event in (*told, AnswerDelta(text)):
        updates.observe(event)
    assert "partial" not in await rendered(updates)
