"""Reading a page from the address to the clean text, over a real loopback server."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import ClassVar

import pytest

from tests.pages.test_extract import tiny_pdf
from websearch_agent.errors import (
    AddressNotAllowed,
    PageEmpty,
    PageMissing,
    PageUnreachable,
    PageWalled,
    RobotsDisallowed,
    UnsupportedContent,
)
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
    "/login": ("text/html", b"<title>Log in</title><p>Please log in to continue."),
    "/soft-404": ("text/html", b"<title>Page not found</title><p>Use the search."),
    "/overloaded": ("text/html", b"<title>503 Service Unavailable</title><p>Busy."),
    "/robots.txt": ("text/plain", b"User-agent: *\nDisallow: /private/\n"),
    "/private/notes": ("text/html", ARTICLE.encode()),
    "/kept-from-caches": ("text/html; charset=utf-8", ARTICLE.encode()),
}


class Pages(BaseHTTPRequestHandler):
    requests: ClassVar[list[str]] = []
    held_request_came = threading.Event()
    held = threading.Event()
    silent_request_came = threading.Event()
    silent_client_left = threading.Event()
    endless_bytes_sent = 0

    def do_GET(self) -> None:
        self.requests.append(self.path)
        if self.path == "/held":
            self.held_request_came.set()
            self.held.wait(10)
            self.path = "/article"
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
        if self.path == "/kept-from-caches":
            self.send_header("Cache-Control", "no-store")
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
        page = await reader.read(f"{origin}/moved", intranet=True)
        assert (page.url, page.final_url) == (f"{origin}/moved", f"{origin}/article")
        assert (page.title, page.site) == ("港口", "127.0.0.1")
        assert "港口建于一九〇四年" in page.text
        assert not page.truncated
        assert (await reader.read(f"{origin}/file.pdf", intranet=True)).title == "A tiny file"
        for path, error in (
            ("/empty", PageEmpty),
            ("/shell", PageWalled),
            ("/login", PageWalled),
            ("/soft-404", PageMissing),
            ("/overloaded", PageUnreachable),
            ("/archive", UnsupportedContent),
            ("/missing", PageMissing),
            ("/private/notes", RobotsDisallowed),
        ):
            with pytest.raises(error):
                await reader.read(origin + path, intranet=True)
    finally:
        await reader.aclose()


LOOPBACK = [ip_network("127.0.0.1/32")]


async def test_page_and_lasting_failure_are_fetched_once(origin: str, tmp_path: Path) -> None:
    Pages.requests.clear()
    for _ in range(2):  # the second reader finds what the first one kept
        reader = WebPageReader.create(
            allowed_networks=LOOPBACK, cache_path=tmp_path / "pages.db", worker_count=1
        )
        for path in ("/moved#part", "/article", "/article#end"):
            page = await reader.read(origin + path, intranet=True)
            assert (page.url, page.final_url) == (origin + path, f"{origin}/article")
            assert page.title == "港口"
        with pytest.raises(PageMissing, match="does not have the page"):
            await reader.read(f"{origin}/missing", intranet=True)
        await reader.aclose()
    assert sorted(Pages.requests) == ["/article", "/missing", "/moved", "/robots.txt"]


async def test_fresh_page_is_fetched_again_and_kept(origin: str, tmp_path: Path) -> None:
    Pages.requests.clear()
    reader = WebPageReader.create(
        allowed_networks=LOOPBACK, cache_path=tmp_path / "pages.db", worker_count=1
    )
    first = await reader.read(f"{origin}/article", intranet=True)
    again = await reader.read(f"{origin}/article", fresh=True, intranet=True)
    kept = await reader.read(f"{origin}/article", intranet=True)
    await reader.aclose()
    assert Pages.requests.count("/article") == 2
    assert first.fetched_at < again.fetched_at == kept.fetched_at


async def test_page_of_the_intranet_does_not_come_out_of_the_cache_for_a_public_engine(
    origin: str, tmp_path: Path
) -> None:
    reader = WebPageReader.create(
        allowed_networks=LOOPBACK, cache_path=tmp_path / "pages.db", worker_count=1
    )
    assert (await reader.read(f"{origin}/article", intranet=True)).title == "港口"
    with pytest.raises(AddressNotAllowed, match="a public search engine"):
        await reader.read(f"{origin}/article")
    await reader.aclose()


async def test_what_is_over_soon_or_not_to_be_stored_is_fetched_again(
    origin: str, tmp_path: Path
) -> None:
    Pages.requests.clear()
    reader = WebPageReader.create(
        allowed_networks=LOOPBACK, cache_path=tmp_path / "pages.db", worker_count=1
    )
    for _ in range(2):
        await reader.read(f"{origin}/kept-from-caches", intranet=True)
        with pytest.raises(PageUnreachable):
            await reader.read(f"{origin}/overloaded", intranet=True)
    await reader.aclose()
    assert Pages.requests.count("/kept-from-caches") == 2
    assert Pages.requests.count("/overloaded") == 2


async def test_cached_page_of_an_opened_network_is_not_given_once_it_is_closed(
    origin: str, tmp_path: Path
) -> None:
    cache_path = tmp_path / "pages.db"
    name = origin.replace("127.0.0.1", "localhost")
    reader = WebPageReader.create(
        allowed_networks=[ip_network("127.0.0.1/32"), ip_network("::1/128")], cache_path=cache_path
    )
    assert (await reader.read(f"{name}/article", intranet=True)).site == "localhost"
    await reader.aclose()
    reader = WebPageReader.create(
        allowed_networks=[ip_network("10.0.0.0/8")], cache_path=cache_path
    )
    with pytest.raises(AddressNotAllowed):
        await reader.read(f"{name}/article", intranet=True)
    await reader.aclose()


async def test_two_readers_of_a_page_fetch_it_once_and_one_may_leave(origin: str) -> None:
    Pages.requests.clear()
    Pages.held_request_came.clear()
    Pages.held.clear()
    reader = WebPageReader.create(allowed_networks=LOOPBACK, worker_count=1)
    first = asyncio.create_task(reader.read(f"{origin}/held", intranet=True))
    second = asyncio.create_task(reader.read(f"{origin}/held#two", intranet=True))
    assert await asyncio.to_thread(Pages.held_request_came.wait, 10)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    Pages.held.set()
    assert (await second).url == f"{origin}/held#two"
    assert Pages.requests.count("/held") == 1
    await reader.aclose()


async def test_robots_setting_opens_what_robots_txt_closes(origin: str, tmp_path: Path) -> None:
    cache_path = tmp_path / "pages.db"
    for respect_robots in (True, False, True):
        reader = WebPageReader.create(
            allowed_networks=LOOPBACK,
            respect_robots=respect_robots,
            cache_path=cache_path,
            worker_count=1,
        )
        if respect_robots:
            with pytest.raises(RobotsDisallowed, match="WEBSEARCH_RESPECT_ROBOTS=false"):
                await reader.read(f"{origin}/private/notes", intranet=True)
        else:
            assert (await reader.read(f"{origin}/private/notes", intranet=True)).title == "港口"
        await reader.aclose()


async def test_page_is_read_although_the_cache_cannot_be_written(
    origin: str, tmp_path: Path
) -> None:
    (tmp_path / "pages.db").mkdir()
    reader = WebPageReader.create(
        allowed_networks=LOOPBACK, cache_path=tmp_path / "pages.db", worker_count=1
    )
    assert (await reader.read(f"{origin}/article", intranet=True)).title == "港口"
    await reader.aclose()


async def test_closing_the_reader_ends_what_is_being_read(origin: str) -> None:
    Pages.silent_request_came.clear()
    reader = WebPageReader.create(allowed_networks=LOOPBACK)
    reading = asyncio.create_task(reader.read(f"{origin}/silent", intranet=True))
    assert await asyncio.to_thread(Pages.silent_request_came.wait, 10)
    await reader.aclose()
    with pytest.raises(PageUnreachable, match="the program is ending"):
        await reading


async def test_cancelled_read_closes_its_connection(origin: str) -> None:
    Pages.silent_request_came.clear()
    Pages.silent_client_left.clear()
    reader = WebPageReader.create(allowed_networks=[ip_network("127.0.0.1/32")])
    reading = asyncio.create_task(reader.read(f"{origin}/silent", intranet=True))
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
        await reader.read(f"{origin}/endless", intranet=True)
    await reader.aclose()
    # What the sockets of both sides hold comes on top of the cap.
    assert Pages.endless_bytes_sent < 50_000_000


async def test_loopback_is_refused_unless_opened(origin: str) -> None:
    reader = WebPageReader.create()
    with pytest.raises(AddressNotAllowed):
        await reader.read(f"{origin}/article", intranet=True)
    await reader.aclose()


def test_site_is_the_host_without_www() -> None:
    assert site_of("https://www.example.com/a") == "example.com"
    assert site_of("http://xn--bcher-kva.example:8080/") == "bücher.example"
