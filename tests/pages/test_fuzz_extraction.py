"""Whatever the bytes are, extraction gives a page or a PageError, and nothing that nobody sees.

`make fuzz` tries 20,000 of each kind.
"""

import unicodedata

from fuzzing import bounded
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.errors import PageError
from websearch_agent.pages.extract import MAX_TEXT_CHARS, extract_page

CONTENT_TYPES = st.sampled_from(
    ["text/html", "text/html; charset=gbk", "application/xhtml+xml", "text/plain", "text/markdown",
     "application/json", "application/ld+json", "text/xml", "application/rss+xml", "", "text/csv",
     "application/pdf", "application/octet-stream", "text/html; charset=\x00", "image/png"]
)  # fmt: skip
LAST_VISIBLE = "\ufe0f\u200c\u200d\n\t"

WORDS = st.sampled_from(
    ["The harbour was built by fishers in 1904, of stone. ", "港口建于一九〇四年。", "x", " ", "\n",
     "\u200b\u202e", "\U000e0041", "\x1b[31mred\x1b[0m", "\x00", "\x9b1m", "&#27;[1m", "&#x200b;",
     "&nope;", "&#0;", "&#xd800;", "&#99999999999;", "&amp;lt;", "]]>", "<![CDATA[", "<!--", "-->",
     "\ufdd0", "\u2028", "\ufffe", "\x85", "\u3164", "{{", "}}", "\\"]
)  # fmt: skip
TEXTS = st.lists(WORDS | st.text(max_size=20), max_size=8).map("".join)
STYLES = st.sampled_from(
    ["display:none", "color:#fff;background:white", "font-size:1px", "left:-9999px", "opacity:0",
     "color:rgb(255,255,255,,)", "font-size:1e999px", "font-size:-.px", "color:hsl(0,0%,100%)",
     "clip:rect(0,0,0,0)", "\\64isplay:none", "\\ffffffff", "width:;height:", "color:#ff", ":;:;",
     "background:url(", "opacity:nan", "opacity:%", "color:rgba(1e9,-5,300%,0)", "!important"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["article", "div", "p", "span", "table", "tr", "td", "ul", "li", "h1", "a", "pre", "code",
     "br", "template", "svg", "math", "form", "select", "option", "noscript", "font", "body",
     "html", "dl", "dt", "blockquote", "details", "ruby", "rt", "x-y", "img", "iframe",
     "textarea", "title"]
)  # fmt: skip
ATTRIBUTES = st.sampled_from(
    ["", " hidden", " class='content comments'", " id='x'", " aria-hidden='true'", " color='white'",
     " href='javascript:alert(1)'", " href='http://[::1'", " colspan='99999999999'",
     " start='-1e9'", " itemprop='articleBody'", " class=''", " class='a b sr-only'",
     " bgcolor='#zz'", " style"]
)  # fmt: skip
SHEETS = st.sampled_from(
    [".a{display:none}", "#x{color:white}", "p{font-size:0}", "}}}{{{", "@media print{.a{x:y}}",
     ".a{display:none", "/*", ".a,.b,{visibility:hidden}", "{}", ".\\31{display:none}",
     "*{color:#000}"]
)  # fmt: skip
LINKED_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["@type", "@graph", "articleBody", "headline", "author", "name", "text",
                         "mainEntity", "acceptedAnswer", "datePublished", "recipeIngredient"]),
        inner | st.sampled_from(["Article", "FAQPage", "Recipe", "2026-99-99"]),
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    """Markup that is nested, broken, styled and described at random."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return f"<style>{draw(SHEETS)}{draw(SHEETS)}</style>"
    if kind == 1:
        import json

        data = json.dumps(draw(LINKED_DATA))
        return f"<script type='application/ld+json'>{data}</script>"
    if kind <= 4 or depth > 4:
        return draw(TEXTS)
    name = draw(NAMES)
    style = f" style='{draw(STYLES)};{draw(STYLES)}'" if draw(st.booleans()) else ""
    inner = "".join(draw(st.lists(elements(depth + 1), max_size=4)))
    end = draw(st.sampled_from([f"</{name}>", "", "</div>", f"</{name}"]))
    return f"<{name}{draw(ATTRIBUTES)}{style}>{inner}{end}"


def check(body: bytes, content_type: str) -> None:
    try:
        page = extract_page(body, url="https://a.example/x", content_type=content_type)
    except PageError:
        return
    assert len(page.text) <= MAX_TEXT_CHARS
    for text in (page.text, page.title, page.author or ""):
        text.encode()  # no half characters
        unseen = {c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"}
        unseen |= {c for c in text if c in "\u200b\u202e\u2066\ufeff\u3164\ufdd0\ufffe\xad"}
        unseen |= {c for c in text if 0xE0000 <= ord(c) <= 0xE0FFF}
        assert not unseen
    assert page.filtered.hidden_parts >= 0
    assert page.filtered.invisible_characters >= 0


@bounded(60)
@given(st.binary(max_size=400), CONTENT_TYPES)
def test_any_bytes_are_a_page_or_an_error(body: bytes, content_type: str) -> None:
    check(body, content_type)


@bounded(60)
@given(st.lists(elements(), max_size=6).map("".join), st.booleans())
def test_any_html_is_a_page_or_an_error(markup: str, is_framed: bool) -> None:
    shown = "<p>The harbour was built by fishers, and boats still land there each morning.</p>"
    if is_framed:
        markup = (
            f"<html><head><title>T</title></head><body>{shown * 3}{markup}{shown}</body></html>"
        )
    check(markup.encode("utf-8", "surrogatepass"), "text/html")


@bounded(60)
@given(st.lists(elements(), max_size=4).map("".join), CONTENT_TYPES)
def test_any_text_xml_or_json_is_a_page_or_an_error(markup: str, content_type: str) -> None:
    for body in (markup, f"<?xml version='1.0'?><rss><item>{markup}</item></rss>", f'["{markup}"]'):
        check(body.encode("utf-8", "surrogatepass"), content_type)
