"""Titles, authors, dates, and text that a page holds only in JSON-LD."""

import json

import pytest

from websearch_agent.pages.html_text import HtmlContent, extract_html
from websearch_agent.pages.html_tree import parse_html
from websearch_agent.pages.page_metadata import find_date

PARAGRAPH = "The harbour was built in 1904 and has been used by fishing boats ever since, they say."
ARTICLE = f"<article><h1>Old harbour</h1>{f'<p>{PARAGRAPH} And more.</p>' * 5}</article>"


def read(
    head: str, body: str = ARTICLE, url: str = "https://www.pier-news.example/a"
) -> HtmlContent:
    return extract_html(f"<html><head>{head}</head><body>{body}</body></html>", url=url)


def json_ld(value: object) -> str:
    return f"<script type='application/ld+json'>{json.dumps(value)}</script>"


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>Old harbour - Pier News</title>", ARTICLE, "Old harbour"),
        ("<title>Old harbour | Pier News</title>", "<h1>Pier News</h1><p>x</p>", "Old harbour"),
        ("<title>Pier News: all</title>", "<h1>Pier News: all ¶</h1>", "Pier News: all"),
        ("<title>New boats</title>", ARTICLE, "New boats"),
        ("<meta property='og:title' content='Boats'><title>B!</title>", "<p>x</p>", "Boats"),
        ("", ARTICLE, "Old harbour"),
        (
            json_ld({"@type": "NewsArticle", "headline": "A <b>new</b> pier"}),
            "<p>x</p>",
            "A new pier",
        ),
    ],
)
def test_title_is_the_heading_that_the_page_confirms(head: str, body: str, title: str) -> None:
    assert read(head, body).title == title


@pytest.mark.parametrize(
    ("head", "body", "author"),
    [
        ("<meta name='author' content='Ann Lee'>", ARTICLE, "Ann Lee"),
        ("<meta name='author' content='by Ann Lee and Bo Ek'>", ARTICLE, "Ann Lee, Bo Ek"),
        ("<meta name='author' content='admin'>", ARTICLE, None),
        ("<meta property='article:author' content='https://x.example/ann'>", ARTICLE, None),
        ("", f"<span class='author-name'>Von Ann Lee</span>{ARTICLE}", "Ann Lee"),
        ("", f"<a rel='author' href='/ann'>Ann Lee</a>{ARTICLE}", "Ann Lee"),
        ("", f"{ARTICLE}<div id='comments'><b class='author'>Troll</b></div>", None),
        (
            json_ld(
                {
                    "@graph": [
                        {"@type": "Article", "headline": "x", "author": [{"@id": "#ann"}]},
                        {"@id": "#ann", "@type": "Person", "name": "Ann Lee"},
                    ]
                }
            ),
            ARTICLE,
            "Ann Lee",
        ),
    ],
)
def test_author_is_a_name(head: str, body: str, author: str | None) -> None:
    assert read(head, body).author == author


def test_date_comes_from_statements_or_the_address() -> None:
    stated = json_ld({"@type": "Article", "headline": "x", "datePublished": "2024-05-06T07:08:09Z"})
    assert read(stated).date == "2024-05-06"
    assert read("", url="https://x.example/2023/04/05/boats").date == "2023-04-05"
    assert read("").date is None


def test_date_of_a_long_page_is_found_and_its_names_are_kept() -> None:
    text = "".join(f"<p>{PARAGRAPH} {number} times.</p>" for number in range(2000))
    tree = parse_html(
        "<html><body><div class='post' id='story'>"
        f"<p class='post-date'>2024-05-06</p>{text}</div></body></html>"
    )
    assert tree is not None
    assert find_date(tree.root, url="https://a.example/") == "2024-05-06"
    assert [div.attrib for div in tree.root.iter("div")] == [{"class": "post", "id": "story"}]


def test_named_elements_around_a_long_page_are_not_each_read_for_a_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_chars: list[int] = []

    def count(text: str, options: object) -> None:
        read_chars.append(len(text))

    monkeypatch.setattr("htmldate.core.examine_text", count)
    text = "".join(f"<p>{PARAGRAPH} {number} times.</p>" for number in range(2000))
    tree = parse_html("<html><body>" + "<div class='author'>" * 200 + text)
    assert tree is not None
    assert find_date(tree.root, url="https://a.example/") is None
    assert sum(read_chars) < 100_000


def test_text_that_is_only_in_json_ld_is_read() -> None:
    menu = "<nav><a href=/>Home</a></nav>"
    body = f"<p onclick=x>{PARAGRAPH}</p>{menu}<ul><li>Red</li><li>Blue</li></ul>"
    page = read(
        json_ld({"@type": "NewsArticle", "headline": "x", "articleBody": body}), "<p>Hi</p>"
    )
    assert page.text == f"{PARAGRAPH}\n\n- Red\n- Blue"


def test_json_ld_does_not_replace_the_text_of_the_page() -> None:
    page = read(
        json_ld({"@type": "Article", "headline": "x", "articleBody": "Other words. " * 900})
    )
    assert "Other words" not in page.text


def test_recipe_questions_and_product_become_markdown() -> None:
    recipe = {
        "@type": "Recipe",
        "name": "Fish soup",
        "recipeIngredient": ["1 fish", "2 onions"],
        "recipeInstructions": [{"@type": "HowToStep", "text": "Boil."}, "Serve the soup hot."],
    }
    assert (
        read(json_ld(recipe), "").text == "- 1 fish\n- 2 onions\n\n1. Boil.\n2. Serve the soup hot."
    )
    question = {"name": "When?", "acceptedAnswer": {"text": "At noon, on every day but Sunday."}}
    faq = {"@type": "FAQPage", "mainEntity": [question]}
    assert read(json_ld(faq), "").text == "## When?\n\nAt noon, on every day but Sunday."
    product = {
        "@type": "Product",
        "name": "Net",
        "description": "A net for small fish, made of rope.",
        "offers": {"price": 9.5, "priceCurrency": "EUR"},
    }
    assert read(json_ld(product), "").text.endswith("made of rope.\n\n- price: 9.5 EUR")


@pytest.mark.parametrize(
    "script",
    [
        "[" * 100_000,
        "{not json",
        json.dumps(
            {"@type": "Article", "headline": {"a": [1]}, "author": 7, "articleBody": [None]}
        ),
        json.dumps({"@type": ["Recipe", 3], "name": "x", "recipeInstructions": [[[[[["deep"]]]]]]}),
        json.dumps({"@type": "FAQPage", "mainEntity": [None, 1, {"acceptedAnswer": "text"}]}),
        json.dumps({"@type": "Product", "name": "x", "offers": [[]], "brand": [{}]}),
        json.dumps([[1, "a", None], {"@id": ["x"], "name": "y"}]),
    ],
)
def test_senseless_json_ld_is_passed_over(script: str) -> None:
    page = read(f"<script type='application/ld+json'>{script}</script>")
    assert "built in 1904" in page.text
