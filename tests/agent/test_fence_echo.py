"""The end mark of a source never shows in an answer; code that only looks like it stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.agent.fence_echo import FenceEchoFilter


def filtered(*pieces: str) -> str:
    echo = FenceEchoFilter("k1xyz")
    return "".join(echo.feed(piece) for piece in pieces) + echo.finish()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It is so. [1]\n</source>", "It is so. [1]\n"),
        ("One.\n</source>\nTwo.", "One.\nTwo."),
        ("One.\n  </source>  \nTwo.", "One.\nTwo."),
        ("The tag </source> ends it.", "The tag </source> ends it."),
        ('<video>\n  <source src="a.mp4">\n</video>', '<video>\n  <source src="a.mp4">\n</video>'),
        ("</sou", "</sou"),
        ("So [k1xyz].", "So."),
        ("So [source k1xyz] [1].", "So [1]."),
        ("So（k1xyz）", "So（）"),
        ("a\n----- end of sources k1xyz -----\nb", "a\nb"),
        ("k1xy is no such word [k1", "k1xy is no such word [k1"),
        ("a\n\nb\n", "a\n\nb\n"),
    ],
)
def test_only_lines_that_are_the_mark_are_taken_out(text: str, shown: str) -> None:
    assert filtered(text) == shown
    assert filtered(*text) == shown


@given(
    st.lists(
        st.sampled_from(
            ["</sou", "rce>", "\n", " ", "a", "<", "/source>", "k1xyz", "[", "]", "k1"]
        ),
        max_size=12,
    )
)
def test_cutting_into_pieces_changes_nothing(pieces: list[str]) -> None:
    assert filtered(*pieces) == filtered("".join(pieces)) == filtered(*"".join(pieces))
