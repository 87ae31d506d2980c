"""The guarded GET, on a network that cannot dial. What robots.txt does is in test_robots.py."""

import asyncio
import gzip
import socket
import threading
import zlib
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpcore
import httpx
import pytest

from tests.pages.fake_network import FakeNames, FakeNetwork, redirect, reply
from websearch_agent.errors import (
    AddressNotAllowed,
    PageError,
    PageMissing,
    PageTooLarge,
    PageUnreachable,
    PageWalled,
    UnsupportedContent,
)
from websearch_agent.pages.network import SystemResolver
from websearch_agent.pages.web_access import AccessLimits, WebAccess

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.215.14"


def access(
    network: FakeNetwork, names: dict[str, list[list[str]]], limits: AccessLimits | None = None
) -> WebAccess:
    return WebAccess(resolve=FakeNames(names), dialler=network, limits=limits, respect_robots=False)


async def failure_of(web_access: WebAccess, url: str) -> PageError:
    with pytest.raises(PageError) as caught:
        await web_access.get(url)
    return caught.value


async def test_page_is_read_from_the_address_that_was_checked() -> None:
    network = FakeNetwork({PUBLIC: [reply(b"hello", content_type="text/plain")]})
    response = await access(network, {"example.com": [[PUBLIC]]}).get("http://example.com/a?b#c")
    assert response.body == b"hello"
    assert network.dialled == [f"{PUBLIC}:80"]
    assert b"GET /a?b HTTP/1.1" in network.requests[0]
    assert b"Host: example.com" in network.requests[0]
    assert b"websearch-agent/" in network.requests[0]


async def test_tls_and_host_keep_the_name_although_the_address_is_dialled() -> None:
    network = FakeNetwork({PUBLIC: [reply(b"x")]})
    await access(network, {"example.com": [[PUBLIC]]}).get("https://example.com/")
    assert network.dialled == [f"{PUBLIC}:443"]
    assert network.server_names == ["example.com"]


async def test_second_dns_answer_changes_nothing() -> None:
    names = FakeNames({"rebind.example": [[PUBLIC], ["127.0.0.1"]]})
    network = FakeNetwork({PUBLIC: [reply(b"public")], "127.0.0.1": [reply(b"secret")]})
    web_access = WebAccess(resolve=names, dialler=network, respect_robots=False)
    assert (await web_access.get("http://rebind.example/")).body == b"public"
    assert names.asked == ["rebind.example"]
    assert isinstance(await failure_of(web_access, "http://rebind.example/"), AddressNotAllowed)
    assert network.dialled == [f"{PUBLIC}:80"]


@pytest.mark.parametrize("addresses", [["10.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1"]])
async def test_name_with_an_internal_address_is_never_dialled(addresses: list[str]) -> None:
    network = FakeNetwork({})
    error = await failure_of(access(network, {"in.example": [addresses]}), "http://in.example/")
    assert isinstance(error, AddressNotAllowed)
    assert network.dialled == []


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1/", "http://internal.example/", "file:///etc/passwd", "//169.254.169.254/x",
     "http://2130706433/", "http://user@public.example/", "http://public.example:25/"],
)  # fmt: skip
async def test_redirect_to_a_forbidden_place_is_refused(location: str) -> None:
    network = FakeNetwork({PUBLIC: [redirect(location)]})
    names = {"public.example": [[PUBLIC]], "internal.example": [["192.168.0.1"]]}
    error = await failure_of(access(network, names), "http://public.example/")
    assert isinstance(error, AddressNotAllowed)
    assert network.dialled == [f"{PUBLIC}:80"]


async def test_redirects_are_followed_and_the_last_url_is_told() -> None:
    network = FakeNetwork(
        {PUBLIC: [redirect("/b"), redirect("https://two.example/c"), reply(b"y")]}
    )
    names = {"one.example": [[PUBLIC]], "two.example": [[PUBLIC]]}
    response = await access(network, names).get("http://one.example/a")
    assert response.final_url == "https://two.example/c"
    assert response.body == b"y"


async def test_circle_and_long_chain_of_redirects_end() -> None:
    names = {"loop.example": [[PUBLIC]]}
    circle = FakeNetwork({PUBLIC: [redirect("/b"), redirect("/a")]})
    error = await failure_of(access(circle, names), "http://loop.example/a")
    assert isinstance(error, PageUnreachable)
    assert "circle" in error.message
    chain = FakeNetwork({PUBLIC: [redirect(f"/{step}") for step in range(9)]})
    error = await failure_of(access(chain, names), "http://loop.example/a")
    assert isinstance(error, PageUnreachable)
    assert len(chain.dialled) == 6


async def test_no_cookie_is_sent_back() -> None:
    network = FakeNetwork({PUBLIC: [reply(b"1", Set_Cookie="id=7"), reply(b"2")]})
    web_access = access(network, {"example.com": [[PUBLIC]]})
    await web_access.get("http://example.com/")
    await web_access.get("http://example.com/")
    assert not any(b"cookie" in request.lower() for request in network.requests)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, PageMissing, "does not have the page"),
        (410, PageMissing, "does not have the page any more"),
        (401, PageWalled, "wants a login for the page"),
        (403, PageUnreachable, "refuses to give the page to a program"),
        (503, PageUnreachable, "has an error of its own"),
        (304, PageUnreachable, "does not give the page out"),
    ],
)
async def test_error_status_is_told_in_words(
    status: int, kind: type[PageError], words: str
) -> None:
    network = FakeNetwork({PUBLIC: [reply(b"<h1>Forbidden</h1>", status=status)]})
    error = await failure_of(access(network, {"a.example": [[PUBLIC]]}), "http://a.example/")
    assert type(error) is kind
    assert error.message == f"a.example {words} (HTTP {status})"


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (403, b"<title>Just a moment...</title><p>Checking your browser.", {}),
        (403, b"<h1>Just a moment...</h1><p>Checking your browser.</p>", {}),
        (503, b"<script>window._cf_chl_opt={}</script>", {}),
        (403, b"<p>Please wait.", {"Cf_Mitigated": "challenge"}),
        (429, b"<script src='https://ct.captcha-delivery.com/c.js'></script>", {}),
        (403, gzip.compress(b"<title>Robot check</title>"), {"Content_Encoding": "gzip"}),
        (405, "<title>百度安全验证</title>".encode(), {}),
    ],
)
async def test_robot_check_with_an_error_status_is_a_wall(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    network = FakeNetwork({PUBLIC: [reply(body, status=status, **headers)]})
    error = await failure_of(access(network, {"a.example": [[PUBLIC]]}), "http://a.example/")
    assert isinstance(error, PageWalled)
    assert error.message == f"a.example shows a robot check (HTTP {status})"


@pytest.mark.parametrize(
    ("value", "told"),
    [("30", "; it asks to wait 30 s"), ("Wed, 21 Oct 2026 07:28:00 GMT", ""), ("9" * 99, "")],
)
async def test_asked_too_often_tells_how_long_to_wait(value: str, told: str) -> None:
    network = FakeNetwork({PUBLIC: [reply(b"slow down", status=429, Retry_After=value)]})
    error = await failure_of(access(network, {"a.example": [[PUBLIC]]}), "http://a.example/")
    assert error.message == f"a.example is asked too often (HTTP 429){told}"


async def test_unreachable_and_unknown_hosts_are_told_without_the_url() -> None:
    web_access = access(FakeNetwork({}), {"down.example": [[PUBLIC]]})
    for host in ("down.example", "unknown.example"):
        error = await failure_of(web_access, f"http://{host}/?key=secret")
        assert isinstance(error, PageUnreachable)
        assert host in error.message
        assert "secret" not in error.message


async def test_next_address_is_tried_when_the_first_does_not_answer() -> None:
    network = FakeNetwork({PUBLIC: [reply(b"ok")]})
    names = {"two.example": [["93.184.215.99", PUBLIC]]}
    assert (await access(network, names).get("http://two.example/")).body == b"ok"
    assert network.dialled == ["93.184.215.99:80", f"{PUBLIC}:80"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate"])
async def test_packed_body_is_unpacked(encoding: str) -> None:
    text = b"packed text " * 1000
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(text),
        "deflate": zlib.compress(text),
        "raw deflate": raw.compress(text) + raw.flush(),
    }[encoding]
    network = FakeNetwork({PUBLIC: [reply(packed, Content_Encoding=encoding.split()[-1])]})
    response = await access(network, {"a.example": [[PUBLIC]]}).get("http://a.example/")
    assert response.body == text
    assert not response.truncated


@pytest.mark.parametrize("body", [gzip.compress(bytes(50_000_000)), gzip.compress(b"") * 10_000])
async def test_gzip_bomb_is_cut_off(body: bytes) -> None:
    network = FakeNetwork({PUBLIC: [reply(body, Content_Encoding="gzip")]})
    limits = AccessLimits(max_page_bytes=100_000)
    response = await access(network, {"a.example": [[PUBLIC]]}, limits).get("http://a.example/")
    assert response.truncated
    assert len(response.body) <= 100_000


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "gzip"])
async def test_encoding_that_was_not_asked_for_or_is_damaged_is_refused(encoding: str) -> None:
    network = FakeNetwork({PUBLIC: [reply(b"not packed", Content_Encoding=encoding)]})
    error = await failure_of(access(network, {"a.example": [[PUBLIC]]}), "http://a.example/")
    assert isinstance(error, PageUnreachable)


async def test_html_over_the_limit_is_cut_and_pdf_is_refused() -> None:
    names = {"a.example": [[PUBLIC]]}
    limits = AccessLimits(max_page_bytes=1000)
    html = FakeNetwork({PUBLIC: [reply(b"<p>" + b"x" * 5000)]})
    response = await access(html, names, limits).get("http://a.example/")
    assert (len(response.body), response.truncated) == (1000, True)
    pdf = FakeNetwork({PUBLIC: [reply(b"%PDF-1.7" + b"x" * 5000, content_type="application/pdf")]})
    error = await failure_of(access(pdf, names, limits), "http://a.example/")
    assert isinstance(error, PageTooLarge)


async def test_picture_is_refused_before_its_body_is_read() -> None:
    network = FakeNetwork({PUBLIC: [reply(b"GIF89a", content_type="image/gif")]})
    error = await failure_of(access(network, {"a.example": [[PUBLIC]]}), "http://a.example/")
    assert isinstance(error, UnsupportedContent)


async def test_huge_header_is_refused() -> None:
    network = FakeNetwork({PUBLIC: [reply(b"x", X_Long="a" * 300_000)]})
    error = await failure_of(access(network, {"a.example": [[PUBLIC]]}), "http://a.example/")
    assert isinstance(error, PageUnreachable)


class EndlessBody(httpx.AsyncByteStream):
    """One byte after the other, each soon enough for any read time-out."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.001)
            yield b"x"


async def test_dripping_page_ends_with_the_total_time() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=EndlessBody()))
    limits = AccessLimits(total_timeout_s=0.05)
    web_access = WebAccess(transport=transport, limits=limits, respect_robots=False)
    error = await failure_of(web_access, "http://drip.example/")
    assert isinstance(error, PageUnreachable)
    assert "0.05 s" in error.message


async def test_silent_site_ends_with_the_read_time() -> None:
    def never(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    web_access = WebAccess(transport=httpx.MockTransport(never), respect_robots=False)
    error = await failure_of(web_access, "http://silent.example/")
    assert isinstance(error, PageUnreachable)
    assert error.message == "silent.example did not answer in time"


async def test_slow_resolver_ends_with_the_connect_time() -> None:
    async def never(host: str, port: int) -> list[object]:
        await asyncio.Event().wait()
        return []

    limits = AccessLimits(connect_timeout_s=0.02)
    web_access = WebAccess(resolve=never, dialler=FakeNetwork({}), limits=limits)  # type: ignore[arg-type]
    assert isinstance(await failure_of(web_access, "http://slow.example/"), PageUnreachable)


async def test_opened_network_is_read_on_its_own_port() -> None:
    network = FakeNetwork({"10.0.0.7": [reply(b"intranet")]})
    web_access = WebAccess(
        allowed_networks=[ip_network("10.0.0.0/24")],
        resolve=FakeNames({"wiki": [["10.0.0.7"]]}),
        dialler=network,
        respect_robots=False,
    )
    assert (await web_access.get("http://wiki:9000/")).body == b"intranet"


async def test_hanging_look_ups_take_their_own_threads_only() -> None:
    hanging, started = threading.Event(), threading.Semaphore(0)

    def hang(host: str, port: int) -> list[IPv4Address | IPv6Address]:
        started.release()
        hanging.wait()
        return [ip_address(PUBLIC)]

    before = set(threading.enumerate())
    resolver = SystemResolver(max_at_once=2, look_up=hang)
    waiting = [asyncio.create_task(resolver(f"{n}.example", 80)) for n in range(50)]
    for _ in range(2):
        assert await asyncio.to_thread(started.acquire)  # the loop's own pool is free
    threads = [t for t in set(threading.enumerate()) - before if t.name.startswith("look-up")]
    assert [thread.daemon for thread in threads] == [True, True]
    waiting[0].cancel()
    hanging.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [[ip_address(PUBLIC)]] * 49


async def test_look_ups_that_nobody_waits_for_do_not_keep_others_waiting() -> None:
    hanging = threading.Event()

    def hang(host: str, port: int) -> list[IPv4Address | IPv6Address]:
        if host.startswith("slow"):
            hanging.wait()
        return [ip_address(PUBLIC)]

    resolver = SystemResolver(max_at_once=2, max_threads=4, look_up=hang)
    try:
        for pair in (("slow1", "slow2"), ("slow3",)):
            left = [asyncio.create_task(resolver(name, 80)) for name in pair]
            await asyncio.sleep(0)
            for task in left:
                task.cancel()
            await asyncio.wait(left)
        assert await resolver("honest.example", 80) == [ip_address(PUBLIC)]
        last = asyncio.create_task(resolver("slow4", 80))
        await asyncio.sleep(0)
        with pytest.raises(httpcore.ConnectError, match="the resolver is busy"):
            await resolver("one.too.many", 80)
    finally:
        hanging.set()
    assert await last == [ip_address(PUBLIC)]


async def test_unknown_name_is_a_connection_that_failed() -> None:
    def fail(host: str, port: int) -> list[IPv4Address | IPv6Address]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(httpcore.ConnectError, match=r"no\.example has no address"):
        await SystemResolver(look_up=fail)("no.example", 80)
