"""Of a page its article is read, with its structure, and nothing that stands around it."""

import pytest

from websearch_agent.pages.html_text import extract_html

URL = "https://harbour.example/news/boats"
PARAGRAPH = "The harbour was built in 1904 and has been used by fishing boats ever since, they say."
OTHER = "Every morning more than thirty boats leave it, and most of them are back before noon."
CHINESE = "港口建于一九〇四年，从那以后一直供渔船使用。"
NOISE = "Read all about the lighthouse, its keepers and their cats in our great winter edition."


def article(inside: str, *, around: str = "", title: str = "Harbour") -> str:
    """A page with an article of some length, which ends in `inside`."""
    text = f"<p>{PARAGRAPH}</p><p>{OTHER}</p>" * 3
    numbered = text.replace("1904", "{}").format(*range(1904, 1907))
    return (
        f"<html><head><title>{title}</title></head><body>{around}"
        f"<article><h1>{title}</h1>{numbered}{inside}<p>The end of it, in 1999.</p></article>"
        "</body></html>"
    )


def text_of(html: str, url: str = URL) -> str:
    return extract_html(html, url=url).text


@pytest.mark.parametrize(
    "box",
    [
        f"<div class='share-bar'><p>{NOISE}</p></div>",
        f"<div id='newsletterSignup'><p>{NOISE}</p></div>",
        f"<section class='article__related'><p><a href='/x'>More</a> {NOISE}</p></section>",
        f"<div class='CookieBanner'><p>{NOISE}</p></div>",
        f"<aside><p>{NOISE}</p></aside>",
        f"<div role='navigation'><p>{NOISE}</p></div>",
        f"<div class='post-author-bio'><p>{NOISE}</p></div>",
        f"<footer><p>{NOISE}</p></footer>",
        f"<ul class='comment-list'><li><p>{NOISE}</p></li></ul>",
        f"<p><a href='/lighthouse'>{NOISE}</a></p>",
        f"<p>See also: <a href='/lighthouse'>{NOISE}</a></p>",
        f"<figure><img src='a.png'><figcaption>{NOISE}</figcaption></figure>",
        f"<p class='hidden'>{NOISE}</p>",
    ],
)
def test_furniture_in_an_article_is_left_out(box: str) -> None:
    text = text_of(article(box))
    assert "lighthouse" not in text
    assert text.startswith("The harbour was built in 1904")
    assert text.endswith("The end of it, in 1999.")


@pytest.mark.parametrize(
    "box",
    [
        f"<aside class='warning'><p>{NOISE}</p></aside>",
        f"<aside class='tip'><p>{NOISE}</p></aside>",
        f"<aside class='admonition important'><p>{NOISE}</p></aside>",
        f"<aside class='callout callout--danger'><p>{NOISE}</p></aside>",
        f"<aside class='footnotes'><p>{NOISE}</p></aside>",
        f"<div class='alert alert-warning' role='alert'><p>{NOISE}</p></div>",
        f"<figure><img src='a.png'><figcaption>Figure 3: {NOISE}</figcaption></figure>",
        f"<figure><figcaption>表 2-1 {NOISE}</figcaption><table></table></figure>",
    ],
)
def test_notes_warnings_and_numbered_captions_are_read(box: str) -> None:
    assert NOISE in text_of(article(box))


@pytest.mark.parametrize("name", ["tooltip", "callout newsletter", "important related", "multiple"])
def test_box_that_is_named_after_furniture_too_is_no_note(name: str) -> None:
    box = f"<aside class='{name}'><p>{NOISE}</p><a href='/x'>More</a></aside>"
    assert "lighthouse" not in text_of(article(box))


@pytest.mark.parametrize(
    "wrapper",
    ["has-sidebar", "content-behind-paywall", "elementor-widget", "main sidebar", "shared-page"],
)
def test_article_in_a_wrapper_with_a_name_of_furniture_is_read(wrapper: str) -> None:
    html = article("").replace("<article>", f"<div class='{wrapper}'><div>")
    assert PARAGRAPH in text_of(html.replace("</article>", "</div></div>"))


def test_paragraphs_that_are_all_called_widgets_are_read() -> None:
    boxes = "".join(f"<div class='widget'><p>{PARAGRAPH} {n}</p></div>" for n in range(9))
    assert "they say. 8" in text_of(f"<html><body><div>{boxes}</div></body></html>")


def test_word_with_a_name_of_furniture_stays_in_its_sentence() -> None:
    sentence = "The new pier opened on <span class='date'>5 May</span> with a concert of the band."
    assert "opened on 5 May with a concert" in text_of(article(f"<p>{sentence}</p>"))


def test_quotation_in_a_box_for_social_media_is_read() -> None:
    quote = f"<div class='social-embed'><blockquote><p>{NOISE}</p></blockquote></div>"
    assert f"> {NOISE}" in text_of(article(quote))


def test_comments_are_left_out_even_if_they_are_longer_than_the_article() -> None:
    comments = "".join(f"<div class='comment'><p>{NOISE} {n}</p></div>" for n in range(30))
    text = text_of(article("").replace("</body>", f"<div id='comments'>{comments}</div></body>"))
    assert "lighthouse" not in text
    assert "built in 1904" in text


@pytest.mark.parametrize(
    ("url", "attribute"),
    [
        ("https://x.example/forum/topic-7", ""),
        (URL, "itemscope itemtype='https://schema.org/QAPage'"),
    ],
)
def test_posts_of_a_forum_are_read(url: str, attribute: str) -> None:
    answers = "".join(f"<div class='comment'><p>{NOISE} {n}</p></div>" for n in range(3))
    html = article("").replace("</body>", f"<div id='comments'>{answers}</div></body>")
    html = html.replace("<body>", f"<body><div {attribute}>").replace("<article>", "<div>")
    text = text_of(html.replace("</article>", "</div>"), url)
    assert "built in 1904" in text
    assert "winter edition. 2" in text


def test_standfirst_is_read_but_not_byline_and_title() -> None:
    head = (
        "<div><h1>Harbour</h1><p class='intro'>A look at a hundred years of fishing and trade in a"
        " small town by the sea.</p><div>By Ann Lee</div><div>5 May 2024</div></div>"
    )
    page = extract_html(
        article("", around=head).replace("<h1>Harbour</h1><p>The", "<p>The"), url=URL
    )
    assert page.title == "Harbour"
    assert page.text.startswith("A look at a hundred years")
    assert "Ann Lee" not in page.text
    assert "# Harbour" not in page.text


def test_title_further_down_cuts_what_stands_before_it() -> None:
    text = text_of(article("", around="").replace("<article>", f"<article><p>{NOISE}</p>"))
    assert text.startswith("The harbour was built")


def test_paragraph_that_is_there_twice_is_read_once() -> None:
    long = f"{PARAGRAPH} {OTHER}"
    assert (
        text_of(article(f"<p>{long}</p><div class='mobile'><p>{long}</p></div>")).count(long) == 1
    )


def test_previews_of_other_pages_are_left_out() -> None:
    cards = "".join(
        f"<div><h3><a href='/{n}'>Story number {n} of the week</a></h3><p>{NOISE}</p></div>"
        for n in range(3)
    )
    text = text_of(article(f"<h2>Other stories</h2><div>{cards}</div>"))
    assert "lighthouse" not in text
    assert "Story number" not in text


def test_sections_whose_headings_link_to_themselves_are_read() -> None:
    sections = "".join(
        f"<div><h3><a href='#part-{n}'>Part number {n}</a></h3><p>{OTHER} {n}</p></div>"
        for n in range(3)
    )
    text = text_of(article(f"<div>{sections}</div>"))
    assert "### Part number 2\n\nEvery morning" in text


def test_of_articles_in_a_row_the_first_is_read() -> None:
    others = "".join(f"<article><h1>No {n}</h1><p>{NOISE * 4}</p></article>" for n in range(3))
    text = text_of(article("").replace("</body>", f"{others}</body>"))
    assert "built in 1904" in text
    assert "lighthouse" not in text


def test_index_of_a_manual_keeps_its_links() -> None:
    entries = "".join(f"<li><a href='/{n}'>Chapter {n}: boats and nets</a></li>" for n in range(40))
    text = text_of(f"<html><title>Manual</title><body><h1>Manual</h1><ul>{entries}</ul></body>")
    assert "- Chapter 39: boats and nets" in text


def test_text_without_scripts_is_read_only_if_there_is_no_other() -> None:
    hidden = f"<noscript><p>{NOISE * 4}</p></noscript>"
    assert "lighthouse" not in text_of(article(hidden))
    assert "lighthouse" in text_of(f"<html><body><p>Loading</p>{hidden}</body></html>")


def test_chinese_article_of_short_paragraphs_is_read_without_its_links() -> None:
    links = "".join(f"<li><a href='/{n}'>渔船新闻第{n}条</a></li>" for n in range(9))
    text = text_of(
        f"<html><title>港口</title><body><ul>{links}</ul><div><p>{CHINESE}</p>"
        f"<p>{CHINESE * 2}</p><p>{CHINESE * 3}</p></div><ul>{links}</ul></body></html>"
    )
    assert text.split("\n\n") == [CHINESE, CHINESE * 2, CHINESE * 3]


def test_tables_lists_terms_code_and_quotations_keep_their_form() -> None:
    text = text_of(
        article(
            "<table><tr><th>Boat</th><th>Year</th></tr><tr><td><a href='/r'>Red|1</a></td>"
            "<td>1904</td></tr><tr><td><a href='/b'>Blue</a></td><td>1910</td></tr></table>"
            "<ol><li>First<ul><li>Inner</li></ul></li><li>Second</li></ol>"
            "<dl><dt><code>open()</code></dt><dd>Opens a gate.</dd></dl>"
            "<pre>if gate:\n    <b>close</b>()</pre><blockquote><p>Well said.</p></blockquote>"
            "<p>Use <kbd>Ctrl</kbd> and <strong>all</strong> hands.<br>Twice.</p>"
        )
    )
    assert "| Boat | Year |\n|---|---|\n| Red\\|1 | 1904 |\n| Blue | 1910 |" in text
    assert "1. First\n  - Inner\n2. Second" in text
    assert "**`open()`**\nOpens a gate." in text
    assert "```\nif gate:\n    close()\n```" in text
    assert "> Well said." in text
    assert "Use `Ctrl` and **all** hands.\nTwice." in text


def test_layout_table_is_read_as_paragraphs() -> None:
    menu = "".join(f"<a href='/{n}'>Section {n}</a><br>" for n in range(9))
    html = f"<table><tr><td>{menu}</td><td><p>{PARAGRAPH}</p><p>{OTHER * 10}</p></td></tr></table>"
    text = text_of(f"<html><body>{html}</body></html>")
    assert text == f"{PARAGRAPH}\n\n{OTHER * 10}"


def test_section_of_a_manual_named_after_furniture_is_read() -> None:
    sections = "".join(
        f"<section id='{name.lower()}'><h2>{name}</h2><p>{PARAGRAPH}</p></section>"
        for name in ("Cookies", "Comments", "Menus", "Widgets")
    )
    text = text_of(f"<html><title>Manual</title><body><h1>Manual</h1>{sections}</body></html>")
    for name in ("Cookies", "Comments", "Menus", "Widgets"):
        assert f"## {name}" in text
