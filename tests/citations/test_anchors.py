import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.citations.anchors import (
    document_link,
    link_to_words,
    passage_link,
    quote_link,
    source_link,
    text_fragment,
)
from websearch_agent.types import Passage, Source

URL = "https://example.org/page"


def parts(fragment: str) -> list[str]:
    """The decoded parts of a text directive."""
    assert fragment.startswith(":~:text=")
    return [unquote(part) for part in fragment.removeprefix(":~:text=").split(",")]


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("The client speaks HTTP/2.", ["The client speaks HTTP/2"]),
        (
            "The red bridge of the old town was opened by the mayor in 1932.",
            ["The red bridge of the", "by the mayor in 1932"],
        ),
        ("- **One** is `so`.", ["One is so"]),
        ("> See [the list](https://e.org/a(b)c) now", ["See the list now"]),
        ("![a picture](x.png) with words", ["with words"]),
        ("The snake_case name", ["The snake_case name"]),
        ("Water boils at 100[3] degrees at sea level[4] and lower in the hills, they say.",
         ["Water boils at", "in the hills, they say"]),
        ("| Length | 500 metres in all |\n|---|---|\n| Width | 20 metres or more |",
         ["500 metres in all", "20 metres or more"]),
        ("## Title\n\nThe first paragraph is this.\n\n- the last item is that",
         ["The first paragraph is this", "the last item is that"]),
        ("## Title alone", ["Title alone"]),
        ("```\npip install one\npip install two\n```", ["pip install one", "pip install two"]),
        ("红桥于1932年开通。", ["红桥于1932年开通"]),
        ("红桥于1932年由市长主持开通，全长五百米，横跨大河，是当地最著名的一座建筑。",
         ["红桥于1932年由市长主持开通", "是当地最著名的一座建筑"]),
    ],
)  # fmt: skip
def test_fragment_holds_words_that_stand_on_the_page(quote: str, found: list[str]) -> None:
    assert parts(text_fragment(quote)) == found


@pytest.mark.parametrize("quote", ["", " \n", "***", "|---|---|", "…", "x" * 500, "[*](", "\x00"])
def test_quote_without_sure_words_makes_no_fragment(quote: str) -> None:
    assert text_fragment(quote) == ""
    assert link_to_words(URL, quote) == URL


def test_signs_of_the_directive_are_encoded() -> None:
    assert text_fragment("well-known, A & B") == ":~:text=well%2Dknown%2C%20A%20%26%20B"


@pytest.mark.parametrize(
    ("page_text", "prefix"),
    [
        ("The bridge is old.", None),
        ("The bridge is old school. They say: The bridge is old.", "school. They say:-"),
        ("The bridge is older. The bridge is old.", None),
        ("the Bridge is old school.\n\nIt stands firm.\n\nThe bridge is old.", "It stands firm.-"),
        ("The bridge is old school.\n\x00\nThe bridge is old.", None),
    ],
)
def test_words_in_front_tell_which_of_two_places_is_meant(
    page_text: str, prefix: str | None
) -> None:
    found = parts(text_fragment("The bridge is old.", page_text=page_text))
    assert found == ([prefix] if prefix else []) + ["The bridge is old"]


@pytest.mark.parametrize(
    ("url", "link"),
    [
        (URL, f"{URL}#:~:text=two%20words"),
        (f"{URL}?a=1&b=2", f"{URL}?a=1&b=2#:~:text=two%20words"),
        (f"{URL}#part", f"{URL}#part:~:text=two%20words"),
        (f"{URL}#", f"{URL}#:~:text=two%20words"),
        (f"{URL}#part:~:text=other", f"{URL}#part:~:text=two%20words"),
        ("javascript:alert(1)", ""),
        ("builtin:httpx/README.md", ""),
    ],
)
def test_address_keeps_its_own_fragment(url: str, link: str) -> None:
    assert link_to_words(url, "two words") == link


@given(quote=st.text(), page_text=st.text())
def test_no_quote_breaks_the_address(quote: str, page_text: str) -> None:
    link = link_to_words(f"{URL}?q=1#part", quote, page_text=page_text)
    assert urlsplit(link)[:4] == urlsplit(f"{URL}?q=1")[:4]
    assert re.fullmatch(
        r"part(:~:text=[\w.~%]+(-,[\w.~%]+)?(,[\w.~%]+)?)?", urlsplit(link).fragment
    )


@given(words=st.lists(st.text(alphabet="abcABC,.&é字，。-", min_size=1), min_size=1))
def test_parts_of_a_plain_quote_stand_in_it_in_order(words: list[str]) -> None:
    quote, at = " ".join(words), 0
    fragment = text_fragment(quote)
    for part in parts(fragment) if fragment else []:
        found = quote.find(part, at)
        assert found >= at
        at = found + len(part)


TEXT = "Before it. The quote is here. Behind it."
QUOTE = "The quote is here."


def source(**changes: object) -> Source:
    passage = Passage(URL, TEXT, 100, 100 + len(TEXT))
    return Source(1, URL, "T", "example.org", (passage,), **changes)  # type: ignore[arg-type]


def test_page_is_opened_at_the_quote_and_at_the_passage() -> None:
    page = source()
    assert quote_link(page, QUOTE) == f"{URL}#:~:text=The%20quote%20is%20here"
    assert (
        passage_link(page, page.passages[0])
        == f"{URL}#:~:text=Before%20it.%20The%20quote%20is%20here.%20Behind%20it"
    )
    assert quote_link(page, "") == source_link(page) == URL


@pytest.mark.parametrize("kind", ["document", "builtin"])
def test_document_is_opened_in_our_view_at_the_quote(kind: str) -> None:
    document = source(kind=kind, document_id="a b/c.md")
    assert quote_link(document, QUOTE) == "/documents/a%20b%2Fc.md?start=111&end=129#passage"
    assert passage_link(document, document.passages[0]).endswith("?start=100&end=140#passage")
    assert quote_link(document, "not in it") == "/documents/a%20b%2Fc.md"
    assert source_link(document) == document_link("a b/c.md") == "/documents/a%20b%2Fc.md"


def test_page_that_was_not_read_is_opened_at_its_top() -> None:
    snippet = source(kind="snippet")
    assert quote_link(snippet, QUOTE) == passage_link(snippet, snippet.passages[0]) == URL


@pytest.mark.parametrize(
    "piece", ["[", "[a](", "![a](b", "> ", "- ", "`", "|", "a](b(c", "**", "1. "]
)
def test_hostile_passages_are_read_in_no_time(piece: str) -> None:
    assert len(text_fragment(piece * 5_000 + " and two words")) < 2_000
