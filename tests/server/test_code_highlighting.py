"""Code in colours: by the fence's language, of known classes, in bounded time."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.server.code_highlighting import (
    LANGUAGES,
    MAX_CODE_CHARACTERS,
    MAX_LINE_CHARACTERS,
    MAX_PIECE_CHARACTERS,
    MAX_PIECE_LINES,
    highlight_code,
    language_name,
    split_code,
)
from websearch_agent.server.render import render_html
from websearch_agent.server.safe_html import CODE_CLASSES


def words_of(html: str) -> str:
    return unescape(re.sub("<[^>]*>", "", html))


def test_words_of_a_known_language_stand_in_classes() -> None:
    html = render_html('```python\ndef f(x):\n    return "a<b"  # so\n```')
    assert html == (
        '<pre data-language="python"><code><span class="hl-keyword">def</span> '
        '<span class="hl-name">f</span>(x):\n    <span class="hl-keyword">return</span> '
        '<span class="hl-string">"a&lt;b"</span>  <span class="hl-comment"># so</span>\n'
        "</code></pre>"
    )


@pytest.mark.parametrize(
    ("fence", "opening"),
    [
        ("```\nx = 1\n```", "<pre><code>x = 1"),
        ("```nosuch\nx = 1\n```", '<pre data-language="nosuch"><code>x = 1'),
        ("    x = 1", "<pre><code>x = 1"),
        ('```"><script>\nx = 1\n```', "<pre><code>x = 1"),
        ("```text\nx = 1\n```", '<pre data-language="text"><code>x = 1'),
        ("```" + "x" * 40 + "\nx = 1\n```", "<pre><code>x = 1"),
    ],
)
def test_code_of_no_known_language_stays_plain(fence: str, opening: str) -> None:
    assert render_html(fence).startswith(opening)


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ("py", "python"),
        ("Python3 title=x", "python"),
        ("JS", "javascript"),
        ("sh", "bash"),
        ("c++", "cpp"),
        ("c#", "csharp"),
        ("yml", "yaml"),
        ("r", "r"),
        ("dockerfile", "docker"),
        ("", ""),
        ("{.python}", ""),
        ("-x", ""),
    ],
)
def test_language_is_called_by_its_usual_name(info: str, name: str) -> None:
    assert language_name(info) == name


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_of_the_list_reads_code_and_loses_none_of_it(language: str) -> None:
    code = '# a\n"b" 1 <c d="e"> if x: {f} /* g */ -- h\n$i = `j`;\n\n\tdef k(l) end\n'
    assert words_of(highlight_code(code, language)) == code


@given(
    st.text(alphabet="ab1 \n\t\"'`#/*<>(){}[]\\$@-=:;|&é中", max_size=300),
    st.sampled_from(sorted(LANGUAGES)),
)
def test_whatever_the_code_is_only_known_classes_come_and_no_word_goes(
    code: str, language: str
) -> None:
    html = highlight_code(code, language)
    assert words_of(html) == code
    found = set(re.findall("<[^>]*>", html)) - {"</span>"}
    assert found <= {f'<span class="{one}">' for one in CODE_CLASSES}


@pytest.mark.parametrize(
    "code",
    [
        "x = 1\n" * (MAX_CODE_CHARACTERS // 6 + 1),
        "x = 1\n" + "1" * (MAX_LINE_CHARACTERS + 1),
    ],
)
def test_code_without_bounds_stays_plain(code: str) -> None:
    assert highlight_code(code, "python") == code


def test_long_code_is_read_in_pieces_that_begin_at_the_margin() -> None:
    function = "def f(x):\n    y = x\n\n    return y\n\n\n"
    pieces = list(split_code(function * 60))
    assert "".join(pieces) == function * 60
    assert len(pieces) > 3
    assert all(piece.startswith("def") for piece in pieces)


@given(st.lists(st.sampled_from(["\n", "x\n", "    y\n", "z" * 300 + "\n", "w"]), max_size=200))
def test_pieces_are_bounded_and_only_the_last_one_grows(lines: list[str]) -> None:
    code = "".join(lines)
    pieces = list(split_code(code))
    assert "".join(pieces) == code
    for piece in pieces:
        assert piece.count("\n") <= MAX_PIECE_LINES
        assert len(piece) <= MAX_PIECE_CHARACTERS or piece.count("\n") <= 1
    grown = list(split_code(code + "more\n"))
    assert grown[: len(pieces) - 1] == pieces[:-1]
