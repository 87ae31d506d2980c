"""Markdown while it streams: the same look however it is cut, and no word lost."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from websearch_agent.cli.hyperlinks import can_colour, can_link, hyperlink, safe_address
from websearch_agent.cli.markdown_stream import MarkdownStream

ADDRESSES = {1: "https://a.example", 12: "https://b.example"}
ESCAPES = re.compile(r"\x1b\[\d+m|\x1b\]8;;[^\x1b]*\x1b\\")
LINK = "\x1b]8;;https://a.example\x1b\\[1]\x1b]8;;\x1b\\"
SAMPLE = (
    "## Title **b** [1]\nPlain **bold [12] text** and `code *x*`, 2**3, **kwargs, *it* [99] [12\n"
    "- item **one**\n```python\nx = **a** # [1]\n```\nAfter ``a`b`` end ** no **\n#nohead\n"
    "**unclosed\n`x\nlast **b"
)


def shown(*pieces: str, colours: bool = True, links: bool = True) -> str:
    addresses = ADDRESSES if links else {}
    stream = MarkdownStream(colours=colours, address_of=addresses.get, link=hyperlink)
    return "".join(map(stream.feed, pieces)) + stream.finish()


def plain_looks(text: str) -> str:
    """A look that ends and begins again at once is one look."""
    return text.replace("\x1b[39m\x1b[36m", "")


@pytest.mark.parametrize(
    ("text", "look"),
    [
        ("a **b c** d", "a \x1b[1mb c\x1b[22m d"),
        ("a `**b**` c", "a \x1b[36m**b**\x1b[39m c"),
        ("### A `b` **c**\nd", "\x1b[1mA \x1b[36mb\x1b[39m c\x1b[22m\nd"),
        ("So it is [1].", f"So it is {LINK}."),
        ("**So [1]**", f"\x1b[1mSo {LINK}\x1b[22m"),
        (
            "```py\na = [1]\n```\nb",
            "\x1b[2m```py\x1b[22m\n\x1b[36ma = [1]\x1b[39m\n\x1b[2m```\x1b[22m\nb",
        ),
    ],
)  # fmt: skip
def test_looks(text: str, look: str) -> None:
    assert shown(text) == look


@pytest.mark.parametrize(
    "text",
    [
        "2**3", "**kwargs and *args", "a ** b ** c", "**open", "`open", "``a`b``", "#tag", "[99]",
        "[1", "[1234]", "[]", "*", "**", "```", "`" * 10, "**" + "x" * 200 + "**", "\n\n \n",
        "- item\n* item\n1. item", "a\\*b",
    ],
)  # fmt: skip
def test_what_has_no_certain_look_stays_as_it_was_written(text: str) -> None:
    assert ESCAPES.sub("", shown(text)) == text


@given(st.lists(st.integers(1, len(SAMPLE)), max_size=40))
@settings(max_examples=150, deadline=None)
def test_look_does_not_depend_on_how_the_text_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(set(cuts)), len(SAMPLE)]
    pieces = [SAMPLE[a:b] for a, b in pairwise(places)]
    assert plain_looks(shown(*pieces)) == shown(SAMPLE)


@given(st.lists(st.text(alphabet="ab *`#[]1\n", max_size=12), max_size=12))
@settings(max_examples=200, deadline=None)
def test_without_colours_and_links_the_text_is_as_it_was(pieces: list[str]) -> None:
    assert shown(*pieces, colours=False, links=False) == "".join(pieces)


@given(st.lists(st.text(alphabet="ab *`#[]1\n", max_size=12), max_size=12))
@settings(max_examples=200, deadline=None)
def test_only_signs_of_looks_are_left_out(pieces: list[str]) -> None:
    text = "".join(pieces)
    kept = ESCAPES.sub("", shown(*pieces))
    assert re.sub("[*`# ]", "", kept) == re.sub("[*`# ]", "", text)


def test_words_are_not_held_back_longer_than_their_look_needs() -> None:
    stream = MarkdownStream(colours=True, address_of=ADDRESSES.get, link=hyperlink)
    fed = ["Quokkas ", "live *", " on **Rott", "nest** [", "1]", " now"]
    assert [stream.feed(piece) for piece in fed] == [
        "Quokkas ", "live ", "* on ", "\x1b[1mRottnest\x1b[22m ", LINK, " now",
    ]  # fmt: skip
    assert stream.feed("**" + "x" * 121) == "**" + "x" * 121


def test_open_code_block_does_not_colour_what_comes_after() -> None:
    assert shown("```\ncode").endswith("\x1b[0m")


# ---- links -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "", "//a.example", "http://[::1",
     "https://a.example/" + "x" * 2000],
)  # fmt: skip
def test_only_addresses_of_the_web_become_links(address: str) -> None:
    assert hyperlink("text", address) == "text"


def test_address_cannot_end_its_link_or_steer_the_terminal() -> None:
    hostile = 'https://a.example/\x1b\\\x07\x9c\x9b2J\r\n \u202e\ud800<>"`{}|\\^é;?a=b#c'
    safe = safe_address(hostile)
    assert all("!" <= character <= "~" for character in safe)
    assert not set(safe) & set('\\"<>`{}|^')
    assert safe.startswith("https://a.example/%1B%5C%07")
    assert safe.endswith("%C3%A9;?a=b#c")


class Screen:
    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("variables", "terminal", "colours", "links"),
    [
        ({"TERM": "xterm"}, True, True, True),
        ({"TERM": "xterm"}, False, False, False),
        ({"TERM": "dumb"}, True, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, False, False),
        ({"TERM": "linux"}, True, True, False),
        ({}, True, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True, True),
        ({"TERM": "xterm", "FORCE_COLOR": "1"}, False, True, False),
        ({"TERM": "xterm", "FORCE_COLOR": "0"}, False, False, False),
        ({"TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False, True),
        ({"TERM": "xterm", "VTE_VERSION": "4800"}, True, True, False),
        ({"TERM": "xterm", "VTE_VERSION": "6003"}, True, True, True),
        ({"TERM": "xterm", "FORCE_HYPERLINK": "0"}, True, True, False),
        ({"TERM": "linux", "FORCE_HYPERLINK": "1"}, True, True, True),
        ({"TERM": "xterm", "FORCE_HYPERLINK": "1"}, False, False, False),
    ],
)
def test_what_a_terminal_is_sent(
    variables: dict[str, str],
    terminal: bool,
    colours: bool,
    links: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    screen = Screen(terminal)
    assert can_colour(screen) is colours  # type: ignore[arg-type]
    assert can_link(screen) is links  # type: ignore[arg-type]
