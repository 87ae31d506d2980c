"""A text that grows: each step shows what rendering the whole text would show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server.fake_service import SOURCES

from websearch_agent.server.markdown_parser import markdown_parser
from websearch_agent.server.render import BlockChange, IncrementalRenderer, render_blocks
from websearch_agent.types import Statement, Support

CHIP_1 = '<a class="citation" href="#source-1" data-source="1">1</a>'

PIECES = ["One is so [1]. ", "Two.", "**", "*", "`", "[1]", "\n\n", "\n", "\n", "- ", "> ", "# "]
PIECES += ["| a | b |", "|---|--:|", "\n| a |\n|---|\n", "---", "===", "1. ", "  ", "    ", "\t"]
PIECES += [
    "```\n",
    "```python\ndef f(): pass\n",
    "~~~",
    "$",
    "$$",
    "\n$$\n",
    r"\[",
    r"\]",
    "\n\\[\n",
]
PIECES += [
    "x^2",
    r"\(",
    r"\)",
    "\r",
    "\r\n",
    "\x00",
    "\ud83d",
    "\\",
    "<b>",
    "&amp;",
    "\ue100",
    "![",
]
PIECES += [
    "](https://e.org)",
    "[1]: https://e.org\n",
    "***\n",
    "+ b",
    " ",
    "\n\n\n",
    "。",
    "\u202e",
]

texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def shown_after(blocks: list[str], changes: list[BlockChange]) -> list[str]:
    """What a page shows that applies the changes."""
    shown = [*blocks]
    for change in changes:
        shown += [""] * (change.index + 1 - len(shown))
        shown[change.index] = change.html
    while shown and shown[-1] == "":
        shown.pop()
    return shown


def without_empty_end(blocks: list[str]) -> list[str]:
    """A block whose HTML is empty looks like none."""
    return shown_after([], [BlockChange(index, html) for index, html in enumerate(blocks)])


def statements_of(text: str, step: int = 9) -> tuple[Statement, ...]:
    support = Support("partial", 0.5)
    starts = range(0, max(0, len(text) - step), step)
    return tuple(Statement(text[s : s + 5], s, s + 5, (), support) for s in starts)


@given(st.lists(texts, max_size=12), st.booleans())
def test_each_step_shows_what_the_whole_text_so_far_shows(
    parts: list[str], is_checked: bool
) -> None:
    renderer = IncrementalRenderer(sources=SOURCES)
    shown: list[str] = []
    text = ""
    for part in parts:
        text += part
        renderer.statements = statements_of(text) if is_checked else ()
        shown = shown_after(shown, renderer.render_changes(text))
        whole = render_blocks(text, sources=SOURCES, statements=renderer.statements)
        assert shown == without_empty_end(whole)


LONG = "\n\n".join(f"Paragraph {number} says [1] so.\nIt goes on." for number in range(30))


def test_each_character_on_its_own_shows_what_the_whole_text_shows() -> None:
    text = (
        f"{LONG[:80]}\n\n$$\nx\n\n= 5\n$$\ntext\n| a |\n|---|\n| 1 |\n\n- a\n\n  b\n- c\n---\n"
        "```python\nx = 1\n\ny = 2\n```\nend\n===\n"
        "\\[\nopen\n\n\n> a\nb\n> $$\n> c\n> $$\n\nlast [1]"
    )
    renderer = IncrementalRenderer(sources=SOURCES)
    shown: list[str] = []
    for end in range(len(text) + 1):
        shown = shown_after(shown, renderer.render_changes(text[:end]))
        assert shown == render_blocks(text[:end], sources=SOURCES), text[:end]


@pytest.fixture(name="parsed")
def parsed_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the parser was given, in order."""
    parsed: list[str] = []
    parser = markdown_parser()
    parse = parser.parse

    def noting_parse(text: str, env: dict[str, object]) -> object:
        parsed.append(text)
        return parse(text, env)

    monkeypatch.setattr(parser, "parse", noting_parse)
    return parsed


def test_blocks_that_are_settled_are_not_read_again(parsed: list[str]) -> None:
    renderer = IncrementalRenderer()
    renderer.render_changes(LONG)
    renderer.render_changes(f"{LONG}\n\nMore")
    assert parsed[0] == LONG
    assert len(parsed[1]) < 200


def test_statement_of_a_settled_block_reads_that_block_alone(parsed: list[str]) -> None:
    renderer = IncrementalRenderer(sources=SOURCES)
    renderer.render_changes(LONG)
    start = LONG.index("It goes on.", 400)
    statement = Statement("It goes on.", start, start + 11, (), Support("partial", 0.5))
    renderer.statements = (statement,)
    del parsed[:]
    (change,) = renderer.render_changes(LONG)
    assert f'data-start="{start}" data-support="partial">It goes on.</span>' in change.html
    assert all(len(text) < 200 for text in parsed)
    assert [change.html] == [
        html
        for html in render_blocks(LONG, sources=SOURCES, statements=(statement,))
        if "partial" in html
    ]


def test_statement_that_was_checked_anew_changes_its_settled_block() -> None:
    renderer = IncrementalRenderer()
    renderer.statements = (Statement("It", 29, 31, (), Support("partial", 0.5)),)
    renderer.render_changes(LONG)
    renderer.statements = (Statement("It", 29, 31, (), Support("supported", 0.9)),)
    (change,) = renderer.render_changes(LONG)
    assert change.index == 0
    assert "supported" in change.html


def test_sources_that_come_late_turn_numbers_of_settled_blocks_into_chips() -> None:
    renderer = IncrementalRenderer()
    renderer.render_changes(LONG)
    renderer.sources = SOURCES
    changes = renderer.render_changes(LONG)
    assert len(changes) == 30
    assert all(CHIP_1 in change.html for change in changes)


def test_other_text_than_what_came_before_is_read_from_its_beginning() -> None:
    renderer = IncrementalRenderer()
    renderer.render_changes(LONG)
    other = LONG.replace("Paragraph 3", "Repaired 3")
    assert [change.index for change in renderer.render_changes(other)] == [3]


def test_restarted_answer_begins_with_nothing() -> None:
    renderer = IncrementalRenderer(sources=SOURCES)
    renderer.statements = statements_of(LONG)
    renderer.render_changes(LONG)
    renderer.restart()
    assert renderer.render_changes("One [1].") == [BlockChange(0, f"<p>One {CHIP_1}.</p>")]


def test_formula_that_is_still_open_swallows_the_paragraphs_that_were_shown() -> None:
    renderer = IncrementalRenderer()
    opened = "Before.\n\n$$\nx\n\n= y\n\nz\n"
    assert len(renderer.render_changes(opened)) == 4
    changes = renderer.render_changes(f"{opened}$$\n\nAfter.")
    assert changes[0].html.startswith('<p><math display="block">')
    assert [change.index for change in changes] == [1, 2, 3]
    assert changes[-1].html == ""


def test_opening_without_an_end_keeps_no_later_block_from_being_settled(
    parsed: list[str],
) -> None:
    renderer = IncrementalRenderer()
    text = f"$$\nx\n\n{LONG}"
    renderer.render_changes(text)
    renderer.render_changes(f"{text}\n\nMore")
    assert len(parsed[-1]) < 200
