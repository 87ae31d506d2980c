"""Reading a page from the address to the clean text, over a real loopback server."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import pytest

from tests.pages.test_extract import tiny_pdf
from websearch_agent.errors import AddressNotAllowed, PageEmpty, PageUnreachable, UnsupportedContent
from websearch_agent.pages.reader import WebPageReader, site_of
from websearch_agent.pages.web_access import AccessLimits

pytestmark = pytest.mark.anyio

ARTICLE = (
    "<html><head><title>港口</title></head><body><article><h1>港口</h1>"
    + "<p>港口建于一九〇四年，从那以后一直供渔船使用。</p>" * 8
    + "</article></body></html>"
)
PAGES = {
    "/article": ("text/html; charset=gbk", ARTICLE.encode("gbk")),
    "/file.pdf": ("application/pdf", tiny_pdf("The harbour was built in 1904 by the fishers.")),
    "/empty": ("text/html", b"  "),
    "/shell": ("text/html", b"<html><div id=root></div><script src=a.js></script></html>"),
    "/archive": ("application/zip", b"PK"),
}


class Pages(BaseHTTPRequestHandler):
    silent_request_came = threading.Event()
    silent_client_left = threading.Event()
    endless_bytes_sent = 0

    def do_GET(self) -> None:
        if self.path == "/silent":
            self.silent_request_came.set()
            if self.connection.recv(1) == b"":
                self.silent_client_left.set()
            return
        if self.path == "/endless":
            self._send_endless()
            return
        if self.path == "/moved":
            self.send_response(301)
            self.send_header("Location", "/article")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content_type, body = PAGES.get(self.path, ("text/html", b""))
        self.send_response(200 if self.path in PAGES else 404)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        piece = b"<p>" + b"x" * 65_536 + b"</p>"
        while True:
            try:
                self.wfile.write(piece)
            except OSError:
                self.close_connection = True
                return
            type(self).endless_bytes_sent += len(piece)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


async def test_pages_are_read_and_failures_named(origin: str) -> None:
    reader = WebPageReader.create(allowed_networks=[ip_network("127.0.0.1/32")], worker_count=1)
    try:
        page = await reader.read(f"{origin}/moved")
        assert (page.url, page.final_url) == (f"{origin}/moved", f"{origin}/article")
        assert (page.title, page.site) == ("港口", "127.0.0.1")
        assert "港口建于一九〇四年" in page.text
        assert not page.truncated
        assert (await reader.read(f"{origin}/file.pdf")).title == "A tiny file"
        for path, error in (
            ("/empty", PageEmpty),
            ("/shell", PageEmpty),
            ("/archive", UnsupportedContent),
            ("/missing", PageUnreachable),
        ):
            with pytest.raises(error):
                await reader.read(origin + path)
    finally:
        await reader.aclose()


async def test_cancelled_read_closes_its_connection(origin: str) -> None:
    reader = WebPageReader.create(allowed_networks=[ip_network("127.0.0.1/32")])
    reading = asyncio.create_task(reader.read(f"{origin}/silent"))
    assert await asyncio.to_thread(Pages.silent_request_came.wait, 10)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await asyncio.to_thread(Pages.silent_client_left.wait, 10)
    await reader.aclose()


async def test_endless_page_of_one_letter_is_left_at_the_size_cap(origin: str) -> None:
    reader = WebPageReader.create(
        allowed_networks=[ip_network("127.0.0.1/32")],
        limits=AccessLimits(max_page_bytes=500_000),
        worker_count=1,
    )
    with pytest.raises(PageEmpty, match="over and over"):
        await reader.read(f"{origin}/endless")
    await reader.aclose()
    # What the sockets of both sides hold comes on top of the cap.
    assert Pages.endless_bytes_sent < 50_000_000


async def test_loopback_is_refused_unless_opened(origin: str) -> None:
    reader = WebPageReader.create()
    with pytest.raises(AddressNotAllowed):
        await reader.read(f"{origin}/article")
    await reader.aclose()


def test_site_is_the_host_without_www() -> None:
    assert site_of("https://www.example.com/a") == "example.com"
    assert site_of("http://xn--bcher-kva.example:8080/") == "bücher.example"
