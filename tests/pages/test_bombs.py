"""Pages that are built to keep a parser busy or to fill the memory: each ends as page or error."""

import gzip
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.pages.fake_network import FakeNames, FakeNetwork, reply
from websearch_agent.errors import PageEmpty, PageError, PageTooLarge, PageUnreachable
from websearch_agent.pages.extract import MAX_TEXT_CHARS
from websearch_agent.pages.parsing_processes import ParsingProcesses
from websearch_agent.pages.web_access import AccessLimits, WebAccess

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.215.14"
URL = "http://a.example/"
WORDS = " ".join(f"harbour{number} was built by fishers;" for number in range(40))


@pytest.fixture
async def parsing() -> AsyncIterator[ParsingProcesses]:
    processes = ParsingProcesses(worker_count=1, time_limit_s=5.0)
    yield processes
    await processes.aclose()


def entity_bomb() -> bytes:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e0 "spam">{levels}]><a>&e9;</a>'.encode()


def quadratic_entity() -> bytes:
    entity = f'<!DOCTYPE a [<!ENTITY e "{"x" * 50_000}">]>'
    return f"<?xml version='1.0'?>{entity}<a>{'&e;' * 50_000}</a>".encode()


def pdf(objects: list[bytes]) -> bytes:
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = b"%d" % (len(objects) + 1)
    end = b"trailer << /Size " + size + b" /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(body)
    return body + b"xref\n0 " + size + b"\n0000000000 65535 f \n" + table + end


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"


def stream(data: bytes, *, filters: bytes) -> bytes:
    return b"<< /Length %d /Filter %s >>\nstream\n" % (len(data), filters) + data + b"\nendstream"


def pdf_flate_bomb() -> bytes:
    packed = zlib.compress(zlib.compress(b"(spam) Tj " * 30_000_000, 1), 9)
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return pdf([CATALOGUE, pages, page, stream(packed, filters=b"[/FlateDecode /FlateDecode]")])


def pdf_of_many_pages() -> bytes:
    pages = b"<< /Type /Pages /Count 100000 /Kids [" + b"3 0 R " * 100_000 + b"] >>"
    return pdf([CATALOGUE, pages, b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"])


def pdf_that_holds_itself() -> bytes:
    return pdf([CATALOGUE, b"<< /Type /Pages /Count 9 /Kids [2 0 R 2 0 R] /Parent 2 0 R >>"])


def html(body: str) -> bytes:
    return f"<html><body><article><p>{WORDS}</p>{body}</article></body></html>".encode()


def rows(count: int) -> str:
    return "".join(f"<tr><td>{n}<td>{n * 7919 % 1000}" for n in range(count))


BOMBS = {
    "entities": (entity_bomb, "text/xml"),
    "one large entity": (quadratic_entity, "application/xml"),
    "entities in XHTML": (entity_bomb, "application/xhtml+xml"),
    "nested XML": (lambda: b"<a>" * 100_000 + WORDS.encode() + b"</a>" * 100_000, "text/xml"),
    "packed PDF": (pdf_flate_bomb, "application/pdf"),
    "PDF of 100,000 pages": (pdf_of_many_pages, "application/pdf"),
    "PDF that holds itself": (pdf_that_holds_itself, "application/pdf"),
    "nested tags": (lambda: html("<div>" * 100_000 + WORDS), "text/html"),
    "nested spans": (lambda: html("<span><b>" * 50_000 + WORDS), "text/html"),
    "attributes": (
        lambda: html("<p " + " ".join(f"a{n}=1" for n in range(300_000)) + ">x</p>"),
        "text/html",
    ),
    "table rows": (lambda: html(f"<table>{rows(100_000)}</table>"), "text/html"),
    "line breaks": (lambda: html("".join(f"{n}<br>" for n in range(300_000))), "text/html"),
    "open comments": (lambda: html("<!-- a " * 300_000), "text/html"),
    "open style": (lambda: html("<style>" + "/*{a" * 300_000), "text/html"),
    "style rules": (
        lambda: html("<style>" + "".join(f".c{n}{{display:none}}" for n in range(100_000))),
        "text/html",
    ),
    "styled elements": (
        lambda: html("".join(f"<i style='color:#fff;left:{n}px'>w{n}</i>" for n in range(60_000))),
        "text/html",
    ),
    "hidden in hidden": (lambda: html("<div style='display:none'>x" * 2_000), "text/html"),
    "zero bytes": (lambda: b"\x00" * 3_000_000, "text/html"),
    "zero bytes as text": (lambda: b"\x00" * 3_000_000, "text/plain"),
    "unknown charset": (lambda: html("x"), "text/html; charset=utf-99"),
    "charset that is none": (lambda: html("x"), "text/html; charset=base64"),
    "wrong charset": (lambda: html("x"), "text/html; charset=utf-16"),
    "nested JSON": (lambda: b"[" * 100_000 + b"]" * 100_000, "application/json"),
    "nested JSON objects": (lambda: b'{"a":' * 100_000, "application/json"),
    "huge JSON number": (lambda: b"[" + b"9" * 1_000_000 + b"]", "application/json"),
    "one long line": (
        lambda: " ".join(str(n * 7919) for n in range(700_000)).encode(),
        "text/plain",
    ),
    "open front matter": (lambda: b"---\n" * 500_000, "text/markdown"),
    "open escapes": (lambda: b"\x1b]" * 1_000_000 + WORDS.encode(), "text/plain"),
    "headings": (
        lambda: "\n".join(f"{'#' * (n % 6 + 1)} {n}" for n in range(300_000)).encode(),
        "text/markdown",
    ),
    "JSON-LD": (
        lambda: html(
            "".join(
                f'<script type="application/ld+json">{"[" * 50_000}</script>' for _ in range(12)
            )
        ),
        "text/html",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
async def test_bomb_ends_as_page_or_error_and_the_next_page_is_read(
    name: str, parsing: ParsingProcesses
) -> None:
    build, content_type = BOMBS[name]
    try:
        page = await parsing.extract(build(), url=URL, content_type=content_type)
        assert len(page.text) <= MAX_TEXT_CHARS
    except (PageEmpty, PageTooLarge):
        pass
    page = await parsing.extract(html("<p>Next.</p>"), url=URL, content_type="text/html")
    assert "harbour39" in page.text


async def test_entities_and_files_of_an_xml_page_are_not_read(
    tmp_path: Path, parsing: ParsingProcesses
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the pirate's key")
    kinds = f'<!ENTITY e SYSTEM "file://{secret}"><!ENTITY % p SYSTEM "file://{secret}">%p;'
    body = f'<?xml version="1.0"?><!DOCTYPE a [{kinds}]><a>{WORDS} &e;</a>'.encode()
    for content_type in ("text/xml", "application/xhtml+xml", "text/html"):
        page = await parsing.extract(body, url=URL, content_type=content_type)
        assert "harbour39" in page.text
        assert "pirate" not in page.text


async def test_memory_of_a_parser_is_bounded() -> None:
    parsing = ParsingProcesses(worker_count=1, time_limit_s=20.0, memory_limit_bytes=400 << 20)
    try:
        many = b"<html><body>" + b"<i>a<b>b</b></i>" * 3_000_000
        with pytest.raises(PageError):
            await parsing.extract(many, url=URL, content_type="text/html")
        page = await parsing.extract(html("<p>Next.</p>"), url=URL, content_type="text/html")
        assert "harbour39" in page.text
    finally:
        await parsing.aclose()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(gzip.compress(bytes(30_000_000))), "gzip"),
        (zlib.compress(bytes(30_000_000)), "deflate"),
        (gzip.compress(bytes(30_000_000)), "gzip"),
    ],
    ids=["gzip in gzip", "deflate", "gzip"],
)
async def test_packed_bomb_is_unpacked_once_and_up_to_the_limit(body: bytes, encoding: str) -> None:
    network = FakeNetwork({PUBLIC: [reply(body, Content_Encoding=encoding)]})
    web_access = WebAccess(
        resolve=FakeNames({"a.example": [[PUBLIC]]}),
        dialler=network,
        limits=AccessLimits(max_page_bytes=100_000),
        respect_robots=False,
    )
    response = await web_access.get(URL)
    assert len(response.body) <= 100_000


async def test_body_that_is_said_to_be_packed_twice_is_refused() -> None:
    network = FakeNetwork({PUBLIC: [reply(gzip.compress(b"x"), Content_Encoding="gzip, gzip")]})
    names = FakeNames({"a.example": [[PUBLIC]]})
    web_access = WebAccess(resolve=names, dialler=network, respect_robots=False)
    with pytest.raises(PageUnreachable):
        await web_access.get(URL)
