"""Whoever renders an answer's Markdown finds no link but to its sources, and no image at all."""

from collections.abc import Iterator, Sequence

import pytest
from fuzzing import bounded
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from websearch_agent.agent.link_filter import LinkFilter

SOURCE = "https://a.example/page"
ELSEWHERE = "http://evil.example/?q=secret"


def filtered(*pieces: str) -> tuple[str, int]:
    links = LinkFilter([SOURCE])
    text = "".join(links.feed(piece) for piece in pieces) + links.finish()
    return text, links.removed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"See [the page]({SOURCE}).", f"See [the page]({SOURCE})."),
        (f"See [here]({ELSEWHERE}).", f"See here ({ELSEWHERE})."),
        (f'[here]({ELSEWHERE} "a title") (b)', f"here ({ELSEWHERE}) (b)"),
        (f"![chart]({ELSEWHERE})", f"chart ({ELSEWHERE})"),
        (f"![]({ELSEWHERE})", f"({ELSEWHERE})"),
        (f"![chart]({SOURCE})", f"chart ({SOURCE})"),
        (f"[![chart]({ELSEWHERE})]({SOURCE})", f"[chart ({ELSEWHERE})]({SOURCE})"),
        (f"It is so [1]({ELSEWHERE}).", "It is so [1]."),
        ("[go](javascript:alert(1))", "go (javascript:alert(1))"),
        (f"<{ELSEWHERE}>", f"\\<{ELSEWHERE}>"),
        (f"<{SOURCE}>", f"<{SOURCE}>"),
        (f"<img src='{ELSEWHERE}'>", f"\\<img src='{ELSEWHERE}'>"),
        (f"[1]: {ELSEWHERE}\n", f"[1]  {ELSEWHERE}\n"),
        (f"[1]: {SOURCE}\n", f"[1]: {SOURCE}\n"),
        ("[1]: the tower", "[1]: the tower"),
        (f"[a\nb]({ELSEWHERE})", f"[a\nb] ({ELSEWHERE})"),
    ],
)
def test_only_links_to_sources_stay(text: str, shown: str) -> None:
    assert filtered(text)[0] == shown
    assert filtered(*text)[0] == shown


@pytest.mark.parametrize(
    "text",
    [
        "Plain text with [1], [2][3], a[0](x), List<String> and 1 < 2.",
        f"`![a]({ELSEWHERE})` is an image.",
        f"```md\n![a]({ELSEWHERE})\n<img src=x>\n```\nDone.",
        f"1. Do:\n   ```html\n   <img src='{ELSEWHERE}'>\n   ```\n2. Done.",
        f"> ~~~\n> [a]({ELSEWHERE})\n> ~~~\n",
        "the interval [0, 1) is half open",
        "![",
    ],
)
def test_other_text_and_code_stay_as_they_are(text: str) -> None:
    assert filtered(text) == (text, 0)
    assert filtered(*text) == (text, 0)


def test_what_became_text_is_counted() -> None:
    assert filtered(f"[a]({ELSEWHERE}) ![b]({ELSEWHERE}) [c]({SOURCE})")[1] == 2


def test_little_is_held_back() -> None:
    links = LinkFilter([])
    assert links.feed("The tower [1] is") == "The tower [1] is"
    assert links.feed(" [see") == " "
    assert links.feed(" what comes") == ""
    assert links.feed("\n") == "[see what comes\n"


# What Markdown is made of, in any order.
BITS = st.sampled_from(
    [
        *("[", "]", "(", ")", "!", "`", "``", "```\n", "~~~\n", "\n", "\n\n", " ", "\t", "    "),
        *("<", ">", "> ", "- ", "1. ", "\\", ":", '"', "|", "*", "&", "a", "[1]", "![", "]("),
        *(SOURCE, "http://e/x", "[a](http://e/x)", "![a](http://e/x)", "[a]: http://e/x\n", "[a]"),
        *("<http://e/x>", "<a href='http://e/'>", "<img src=x>", "<div>", "<!-- ", "x@e.example"),
    ]
)
TEXTS = st.lists(BITS, max_size=16)


@given(TEXTS)
@bounded(150)
def test_no_markdown_parser_finds_a_link_elsewhere(pieces: Sequence[str]) -> None:
    shown, _ = filtered("".join(pieces))
    for token in tokens_of(MarkdownIt("commonmark", {"html": True}).parse(shown)):
        assert token.type != "image"
        if token.type == "link_open":
            address = str(token.attrGet("href"))
            assert address == SOURCE or not address.startswith(("http", "mailto"))
        if token.type in ("html_inline", "html_block"):
            assert "<img" not in token.content.replace("\\<", "")
            assert "<a " not in token.content.replace("\\<", "")


@given(TEXTS)
@bounded(150)
def test_cutting_into_pieces_changes_nothing(pieces: Sequence[str]) -> None:
    whole = filtered("".join(pieces))
    assert filtered(*pieces) == whole
    assert filtered(*"".join(pieces)) == whole


def tokens_of(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from tokens_of(token.children or [])
