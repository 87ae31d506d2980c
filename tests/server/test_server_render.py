"""Markdown to safe HTML, block by block, and passages marked in documents."""

from dataclasses import replace

import pytest
from server.fake_service import DOCUMENT_SOURCE, PAGE_SOURCE, SOURCES

from websearch_agent.events import (
    AnswerDelta,
    CitationAdded,
    ModelWaiting,
    StatementVerified,
)
from websearch_agent.model_calls import ModelStatus
from websearch_agent.server.highlight import render_document
from websearch_agent.server.render import (
    BlockChange,
    IncrementalRenderer,
    is_plain_web_address,
    render_blocks,
    render_html,
)
from websearch_agent.server.wire import event_name, event_to_json
from websearch_agent.types import Statement, Support

CHIP_1 = '<a class="citation" href="#source-1" data-source="1">1</a>'
CHIP_2 = CHIP_1.replace("1", "2")


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<iframe src='javascript:alert(1)'></iframe>",
        "<div style='position:fixed'>over</div>",
        "<a href='https://www.example.org/docs/http2' onclick='alert(1)'>x</a>",
        "text\n<script>\nalert(1)\n</script>",
        "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
        "```<script>\n</code></pre><script>alert(1)</script>\n```",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "<javascript:alert(1)>",
        "![x](https://evil.example/x.png)",
        '![x" onerror="alert(1)](x.png)',
        '[x](https://evil.example "onmouseover=alert(1)")',
        "[1]: https://evil.example\n\n[1]",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ],
)
def test_hostile_markdown_makes_no_element_that_acts(attack: str) -> None:
    html = render_html(attack, sources=SOURCES)
    tags = html.split("<")[1:]
    for tag in tags:
        opened = tag.split(">")[0]
        assert not opened.startswith(("script", "img", "svg", "iframe", "div", "style"))
        assert " on" not in opened
        assert "href" not in opened or 'href="#source-1"' in opened


def test_citation_of_a_known_source_is_a_link_to_its_card() -> None:
    assert render_html("So [1][2].", sources=SOURCES) == f"<p>So {CHIP_1}{CHIP_2}.</p>"


def test_citation_without_source_stays_text() -> None:
    assert render_html("So [9].", sources=SOURCES) == "<p>So [9].</p>"


def test_number_in_code_is_no_citation() -> None:
    assert render_html("`a[1]`", sources=SOURCES) == "<p><code>a[1]</code></p>"


def test_link_to_a_source_stays_and_opens_outside() -> None:
    html = render_html(f"[docs]({PAGE_SOURCE.url})", sources=SOURCES)
    assert f'href="{PAGE_SOURCE.url}" target="_blank" rel="noopener noreferrer nofollow"' in html


def test_foreign_link_becomes_text_with_its_address() -> None:
    html = render_html("[docs](https://other.example/a)", sources=SOURCES)
    assert html == "<p>docs (https://other.example/a)</p>"


def test_image_becomes_text() -> None:
    html = render_html("![a <b>](https://other.example/a.png)")
    assert html == "<p>a &lt;b&gt; (https://other.example/a.png)</p>"


def test_table_is_rendered_and_aligned_without_style() -> None:
    html = render_html("| a |\n|--:|\n| 1 |")
    assert '<td class="align-right">1</td>' in html
    assert "style" not in html


def test_only_changed_blocks_are_told() -> None:
    renderer = IncrementalRenderer(sources=SOURCES)
    assert renderer.render_changes("One.\n\nTw") == [
        BlockChange(0, "<p>One.</p>"),
        BlockChange(1, "<p>Tw</p>"),
    ]
    assert renderer.render_changes("One.\n\nTwo [1]") == [BlockChange(1, f"<p>Two {CHIP_1}</p>")]
    assert renderer.render_changes("One.\n\nTwo [1]") == []


def test_block_that_melted_into_another_is_told_as_empty() -> None:
    renderer = IncrementalRenderer()
    assert len(renderer.render_changes("- a\n---")) == 2
    changes = renderer.render_changes("- a\n--- b")
    assert changes[-1] == BlockChange(1, "")


def test_document_address_of_a_local_source_is_ours() -> None:
    local = replace(DOCUMENT_SOURCE, url="https://pypi.org/project/httpx/")
    html = render_html("[it](https://pypi.org/project/httpx/)", sources=[local])
    assert 'href="/documents/httpx%2FREADME.md"' in html


@pytest.mark.parametrize(
    "hidden",
    [
        "\u202e",
        "\u2066",
        "\u200b",
        "\u061c",
        "\ufeff",
        "\u00ad",
        "\x1b",
        "\U000e0041\U000e007f",
        "&#x202e;",
        "&#8238;",
        "&#xe0041;",
        "&ZeroWidthSpace;",
    ],
)
def test_characters_that_nobody_sees_are_not_rendered(hidden: str) -> None:
    assert (
        render_html(f"in{hidden}voice **b{hidden}old**") == "<p>invoice <strong>bold</strong></p>"
    )


def test_joiners_of_persian_and_emoji_stay() -> None:
    text = "می‌خواهم 👩‍💻 ❤️"
    assert render_html(text) == f"<p>{text}</p>"


def test_statement_behind_hidden_characters_is_marked_at_its_place() -> None:
    text = "\u202eFirst\u200b. So it is."
    start = text.index("So")
    statement = Statement("So it is.", start, len(text), (1,), Support("supported", 0.9, 1))
    (html,) = render_blocks(text, statements=[statement])
    marked = (
        f'<span class="statement" data-start="{start}" data-support="supported">So it is.</span>'
    )
    assert html.startswith(f"<p>First. {marked}")


@pytest.mark.parametrize(
    ("url", "is_plain"),
    [
        ("https://example.org/a?b=c#:~:text=d", True),
        ("HTTP://EXAMPLE.ORG:8080/", True),
        ("https://例え.example/道", True),
        ("https://bank.example@other.example/", False),
        ("https://bank.example:pass@other.example/", False),
        ("https://bank.example\\@other.example/", False),
        ("https://exam\nple.org/", False),
        ("https://exam\u200bple.org/", False),
        ("https://example.org/\u202egpj.exe", False),
        ("https://example.org/a b", False),
        ("https://", False),
        ("https://[", False),
        ("//example.org/", False),
        ("javascript:alert(1)", False),
        ("javascript://example.org/%0aalert(1)", False),
        ("data:text/html,x", False),
        ("blob:https://example.org/1", False),
        ("vbscript:x", False),
        ("", False),
    ],
)
def test_only_plain_addresses_of_the_web_are_opened(url: str, is_plain: bool) -> None:
    assert is_plain_web_address(url) is is_plain


@pytest.mark.parametrize("url", ["https://bank.example@other.example/", "javascript:alert(1)"])
def test_source_whose_address_misleads_is_no_link(url: str) -> None:
    html = render_html(f"[it]({url}) [1]", sources=[replace(PAGE_SOURCE, url=url)])
    assert "it" in html
    assert html.count("href") == 1
    assert CHIP_1 in html


DOCUMENT = "# Title\n\nA **bold** word.\n\n- one\n- two\n\n```\ncode\n```\n\n| a |\n|---|\n| 1 |\n"


@pytest.mark.parametrize(
    ("first", "last", "marked"),
    [
        ("# Title", "word.", '<h1><mark id="passage">Title</mark></h1>'),
        ("- one", "two", '<li><mark id="passage">one</mark></li>'),
        ("```", "code\n```", '<code><mark id="passage">code</mark>'),
        ("| a", "| 1 |", '<th><mark id="passage">a</mark></th>'),
        ("A **bo", "bo", '<mark id="passage">A </mark><strong><mark>bo</mark>ld</strong>'),
    ],
)
def test_passage_is_marked_without_breaking_markdown(first: str, last: str, marked: str) -> None:
    start = DOCUMENT.index(first)
    end = DOCUMENT.index(last, start) + len(last)
    html = render_document(DOCUMENT, start=start, end=end)
    assert marked in html
    for tag in ("<mark>", "</mark>", '<mark id="passage">'):
        html = html.replace(tag, "")
    assert html == render_document(DOCUMENT)


def test_passage_with_a_formula_is_marked_around_it() -> None:
    html = render_document("Before.\n\nSo $x^2$ is.", start=9, end=21)
    formula = "<math><msup><mi>x</mi><mn>2</mn></msup></math>"
    assert f'<mark id="passage">So </mark>{formula}<mark> is.</mark>' in html


@pytest.mark.parametrize(("start", "end"), [(5, 5), (9, 3), (0, 10_000), (None, 3)])
def test_impossible_passage_marks_nothing(start: int | None, end: int | None) -> None:
    assert render_document(DOCUMENT, start=start, end=end) == render_document(DOCUMENT)


def test_every_range_of_a_document_can_be_marked() -> None:
    plain = render_document(DOCUMENT)
    for start in range(len(DOCUMENT)):
        for end in range(start + 1, len(DOCUMENT) + 1):
            html = render_document(DOCUMENT, start=start, end=end)
            for tag in ("<mark>", "</mark>", '<mark id="passage">'):
                html = html.replace(tag, "")
            assert "".join(html.split()) == "".join(plain.split()), DOCUMENT[start:end]


def test_every_range_of_formulas_and_code_can_be_marked() -> None:
    text = "a $x^2$ b\n\n```py\nx = 1\n```\n"
    plain = render_document(text)
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            html = render_document(text, start=start, end=end)
            for tag in ("<mark>", "</mark>", '<mark id="passage">'):
                html = html.replace(tag, "")
            assert "".join(html.split()) == "".join(plain.split()), text[start:end]


def test_events_are_named_in_snake_case_and_hold_their_fields() -> None:
    assert event_name(CitationAdded(1, "u", 0, 3)) == "citation_added"
    verified = StatementVerified(Statement("So.", 0, 3), ((1, "partial"),))
    assert event_name(verified) == "statement_verified"
    assert event_to_json(verified)["citation_support"] == [[1, "partial"]]
    assert event_to_json(AnswerDelta("x")) == {"text": "x"}
    waiting = event_to_json(ModelWaiting(ModelStatus("downloading", "", 1, 2)))
    expected = {"state": "downloading", "detail": "", "done_bytes": 1, "total_bytes": 2}
    assert waiting == {"status": expected}


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("- **优点：**速度快", "<li><strong>优点：</strong>速度快</li>"),
        ("这是**《红楼梦》**的作者", "<p>这是<strong>《红楼梦》</strong>的作者</p>"),
        ("**价格（含税）**为5元", "<p><strong>价格（含税）</strong>为5元</p>"),
        ("**版本：**3.12", "<p><strong>版本：</strong>3.12</p>"),
        ("**価格：**五円、*速い*です", "<p><strong>価格：</strong>五円、<em>速い</em>です</p>"),
        ("a **b:**c", "<p>a **b:**c</p>"),
        ("2 * 3 * 4 是 24", "<p>2 * 3 * 4 是 24</p>"),
    ],
)
def test_bold_ends_where_chinese_has_no_space(text: str, html: str) -> None:
    assert html in render_html(text)
