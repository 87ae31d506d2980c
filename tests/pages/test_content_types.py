"""A page is read as what it is, whatever its server calls it."""

import json

import pytest

from tests.pages.test_extract import tiny_pdf
from websearch_agent.errors import PageEmpty, UnsupportedContent
from websearch_agent.pages.content_types import may_be_readable, page_kind
from websearch_agent.pages.extract import ExtractedPage, extract_page

SENTENCE = "The harbour was built in 1904 and has been used by fishing boats ever since."
HTML = f"<html><head><title>Harbour</title></head><body><p>{SENTENCE}</p></body></html>".encode()
XHTML = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<!-- made by hand -->\n<!DOCTYPE html>\n'
    b'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>'
    + SENTENCE.encode()
    + b"</p></body></html>"
)


def read(body: bytes, content_type: str) -> ExtractedPage:
    return extract_page(body, url="https://a.example/p", content_type=content_type)


@pytest.mark.parametrize(
    ("content_type", "body", "kind"),
    [
        ("text/html; charset=utf-8", b"<p>x", "html"),
        ("TEXT/HTML", b"", "html"),
        ("application/xhtml+xml", XHTML, "html"),
        ("application/xml", XHTML, "html"),
        ("text/xml", b"<rss><channel/></rss>", "xml"),
        ("application/rss+xml", b"<rss/>", "xml"),
        ("text/plain", HTML, "html"),
        ("text/plain", b"see <html> for more", "text"),
        ("text/plain", b"<head> is an element", "text"),
        ("text/markdown", b"# T", "text"),
        ("text/x-rst", b"T", "text"),
        ("text/vtt", b"WEBVTT", "text"),
        ("application/json", b"{}", "json"),
        ("application/ld+json", b"{}", "json"),
        ("application/pdf", b"%PDF-1.7", "pdf"),
        ("text/html", b"%PDF-1.7", "pdf"),
        ("application/octet-stream", b"%PDF-1.7", "pdf"),
        ("application/octet-stream", b"\n<p>junk\n%PDF-1.7", "pdf"),
        ("application/octet-stream", b"  <!DOCTYPE HTML><title>", "html"),
        ("application/octet-stream", b"# A text of its own\n", "text"),
        ("application/octet-stream", "港口建于一九〇四年".encode("gbk"), "text"),
        ("", b"<body>", "html"),
        ("", b"plain", "text"),
        ("application/octet-stream", bytes(range(256)) * 4, None),
        ("", b"", None),
        ("text/html", b"\x89PNG\r\n\x1a\n", None),
        ("text/plain", b"PK\x03\x04", None),
        ("text/css", b"a{}", None),
        ("text/javascript", b"var a", None),
        ("image/svg+xml", b"<svg/>", None),
        ("video/mp4", b"x", None),
    ],
)
def test_kind_is_known_by_the_stated_type_and_the_first_bytes(
    content_type: str, body: bytes, kind: str | None
) -> None:
    assert page_kind(content_type, body) == kind


@pytest.mark.parametrize("content_type", ["image/png", "video/mp4", "application/zip", "text/css"])
def test_body_of_another_kind_is_not_even_loaded(content_type: str) -> None:
    assert not may_be_readable(content_type)


def test_html_under_a_wrong_name_is_read_as_html() -> None:
    for content_type in ("text/plain", "application/octet-stream", "application/xml"):
        page = read(HTML, content_type)
        assert (page.title, page.text, page.content_type) == ("Harbour", SENTENCE, "text/html")
    assert read(XHTML, "application/xhtml+xml").text == SENTENCE


def test_json_is_laid_out_in_lines_and_without_escapes() -> None:
    body = json.dumps({"港口": {"built": 1904, "boats": ["red", "blue"], "note": SENTENCE}})
    page = read(body.encode(), "application/json")
    assert '"港口": {' in page.text
    assert f'"note": "{SENTENCE}"' in page.text
    assert page.content_type == "application/json"
    assert "not JSON at all" in read(b"this is not JSON at all, whatever it says", "text/json").text


@pytest.mark.parametrize(("depth", "values"), [(100_000, 1), (500, 30_000)])
def test_deeply_nested_json_does_not_blow_up(depth: int, values: int) -> None:
    numbers = ",".join(map(str, range(values)))
    with pytest.raises(PageEmpty, match="over and over"):
        read(f"{'[' * depth}{numbers}{']' * depth}".encode(), "application/json")


@pytest.mark.parametrize(
    "feed",
    [
        "<?xml version='1.0'?><rss><channel><title>News of the harbour</title><item><title>First"
        " boat</title><pubDate>Mon, 02 Mar 2026</pubDate><description>&lt;p&gt;It came at "
        "&lt;b&gt;noon&lt;/b&gt;.&lt;/p&gt;</description></item></channel></rss>",
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>News of the harbour</title><entry><title>"
        "First boat</title><updated>Mon, 02 Mar 2026</updated><summary>It came at noon.</summary>"
        "</entry></feed>",
    ],
)
def test_feed_is_read_entry_by_entry(feed: str) -> None:
    page = read(feed.encode(), "application/xml")
    assert page.title == "News of the harbour"
    assert page.text == "## First boat\n\nMon, 02 Mar 2026\n\nIt came at noon."


def test_other_xml_is_read_as_its_text_and_its_entities_stay_closed() -> None:
    body = (
        b"<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'><!ENTITY y 'yy'>]>"
        b"<d><a>" + SENTENCE.encode() + b"</a><b>&x;&y;</b></d>"
    )
    text = read(body, "text/xml").text
    assert text.startswith(SENTENCE)
    assert "root:" not in text
    for broken in (b"<a", b"\x00" * 10 + b"<"):
        with pytest.raises(PageEmpty):
            read(broken, "text/xml")


def test_title_comes_from_the_front_matter_of_a_markdown_file() -> None:
    body = f'---\ntitle: "Boats: a list"\ndate: 2024-01-01\n---\n\n# Red ones\n\n{SENTENCE}\n'
    page = read(body.encode(), "text/markdown")
    assert (page.title, page.text) == ("Boats: a list", f"# Red ones\n\n{SENTENCE}")
    line = read(f"---\n{SENTENCE}\n".encode(), "text/plain")
    assert line.text == f"---\n{SENTENCE}"


def locked_pdf() -> bytes:
    """A PDF whose password nobody knows."""
    encrypt = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -1 /O <%s> /U <%s> >>" % (
        b"aa" * 32,
        b"bb" * 32,
    )
    trailer = b"/Root 1 0 R " + encrypt + b" /ID [<00> <00>]"
    return tiny_pdf(SENTENCE).replace(b"/Root 1 0 R", trailer)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (tiny_pdf(""), "scan"),
        (locked_pdf(), "locked with a password"),
        (b"%PDF-1.4 broken", "cannot be opened"),
    ],
)
def test_pdf_that_cannot_be_read_says_why(body: bytes, reason: str) -> None:
    with pytest.raises(PageEmpty, match=reason):
        read(body, "application/pdf")


def test_pdf_under_a_wrong_name_is_read() -> None:
    for content_type in ("application/octet-stream", "text/html", ""):
        assert read(tiny_pdf(SENTENCE), content_type).content_type == "application/pdf"


@pytest.mark.parametrize("content_type", ["application/octet-stream", "", "application/msword"])
def test_unreadable_content_is_named(content_type: str) -> None:
    with pytest.raises(UnsupportedContent, match=content_type or "unknown kind"):
        read(bytes(range(256)) * 4, content_type)
