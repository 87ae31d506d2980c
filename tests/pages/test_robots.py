"""robots.txt is asked for before a page, once, and obeyed."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from tests.pages.fake_network import FakeNames, FakeNetwork, redirect, reply
from websearch_agent.errors import AddressNotAllowed, PageUnreachable, RobotsDisallowed
from websearch_agent.pages.robots import (
    MAX_ORIGINS,
    MAX_ROBOTS_BYTES,
    RULES_TTL_S,
    TROUBLE_TTL_S,
    RobotsGate,
    RobotsReply,
    parse_robots,
)
from websearch_agent.pages.web_access import AccessLimits, WebAccess

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.215.14"
NAMES = {"a.example": [[PUBLIC]], "b.example": [[PUBLIC]], "in.example": [["10.0.0.1"]]}
CLOSED = b"User-agent: *\nDisallow: /closed/\n"
TOKEN = "websearch-agent"


def access(network: FakeNetwork, *, respect_robots: bool = True) -> WebAccess:
    return WebAccess(resolve=FakeNames(dict(NAMES)), dialler=network, respect_robots=respect_robots)


def asked_for(network: FakeNetwork) -> list[str]:
    """Host and path of each request, in order."""
    found = []
    for request in network.requests:
        if not request.startswith(b"GET"):
            continue
        lines = request.decode().splitlines()
        host = next(line.split()[1] for line in lines if line.lower().startswith("host:"))
        found.append(host + lines[0].split()[1])
    return found


class Site:
    """Answers with what the test says next; counts how often it was asked."""

    def __init__(self, *replies: RobotsReply | Exception) -> None:
        self.replies = list(replies)
        self.asked: list[str] = []

    async def __call__(self, url: str) -> RobotsReply:
        self.asked.append(url)
        answer = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_closed_page_is_never_asked_for() -> None:
    network = FakeNetwork({PUBLIC: [reply(CLOSED), reply(b"open page")]})
    web_access = access(network)
    with pytest.raises(RobotsDisallowed) as caught:
        await web_access.get("http://a.example/closed/page")
    assert "a.example asks programs not to read this page" in caught.value.message
    assert "WEBSEARCH_RESPECT_ROBOTS=false" in caught.value.message
    assert (await web_access.get("http://a.example/open")).body == b"open page"
    assert asked_for(network) == ["a.example/robots.txt", "a.example/open"]


async def test_setting_switches_robots_off() -> None:
    network = FakeNetwork({PUBLIC: [reply(b"page")]})
    response = await access(network, respect_robots=False).get("http://a.example/closed/page")
    assert response.body == b"page"
    assert asked_for(network) == ["a.example/closed/page"]


async def test_robots_of_a_redirects_site_are_asked_too() -> None:
    network = FakeNetwork(
        {PUBLIC: [reply(status=404), redirect("http://b.example/closed/x"), reply(CLOSED)]}
    )
    with pytest.raises(RobotsDisallowed, match=r"b\.example"):
        await access(network).get("http://a.example/")
    assert asked_for(network) == ["a.example/robots.txt", "a.example/", "b.example/robots.txt"]


async def test_redirect_of_robots_is_followed_under_the_same_guard() -> None:
    network = FakeNetwork({PUBLIC: [redirect("http://b.example/r.txt"), reply(CLOSED)]})
    with pytest.raises(RobotsDisallowed):
        await access(network).get("http://a.example/closed/x")


@pytest.mark.parametrize("inside", ["http://in.example/r.txt", "http://127.0.0.1/r", "file:///r"])
async def test_robots_that_redirect_to_an_internal_address_do_not_open_the_site(
    inside: str,
) -> None:
    network = FakeNetwork({PUBLIC: [redirect(inside), reply(b"page")]})
    with pytest.raises(PageUnreachable, match=r"robots\.txt of a\.example .*redirects"):
        await access(network).get("http://a.example/")
    assert asked_for(network) == ["a.example/robots.txt"]


async def test_internal_site_is_refused_before_its_robots_are_asked_for() -> None:
    network = FakeNetwork({})
    with pytest.raises(AddressNotAllowed):
        await access(network).get("http://in.example/")
    assert network.dialled == []


async def test_redirects_without_end_are_no_rules() -> None:
    circle = [redirect("/b.txt"), redirect("/robots.txt")]
    network = FakeNetwork({PUBLIC: [*circle, reply(b"page")]})
    assert (await access(network).get("http://a.example/")).body == b"page"


async def test_robots_that_do_not_come_in_time_close_the_site_and_say_so() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/robots.txt":
            await asyncio.Event().wait()
        return httpx.Response(200, text="page")

    web_access = WebAccess(
        transport=httpx.MockTransport(answer), limits=AccessLimits(robots_timeout_s=0.02)
    )
    with pytest.raises(PageUnreachable) as caught:
        await web_access.get("http://a.example/")
    assert "robots.txt of a.example could not be read" in caught.value.message
    assert "took longer than 0.02 s" in caught.value.message


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418])
async def test_client_error_means_no_rules(status: int) -> None:
    site = Site(RobotsReply(status))
    await RobotsGate(site).check(httpx.URL("https://a.example/x"))  # raises what it forbids
    assert site.asked == ["https://a.example/robots.txt"]


@pytest.mark.parametrize(
    "answer", [RobotsReply(500), RobotsReply(503), RobotsReply(429), PageUnreachable("refused")]
)
async def test_site_in_trouble_is_left_alone_and_asked_again_soon(
    answer: RobotsReply | Exception,
) -> None:
    now = [0.0]
    site = Site(answer, RobotsReply(200))
    gate = RobotsGate(site, seconds=lambda: now[0])
    for _ in range(2):
        with pytest.raises(PageUnreachable, match="WEBSEARCH_RESPECT_ROBOTS=false"):
            await gate.check(httpx.URL("https://a.example/x"))
    assert len(site.asked) == 1
    now[0] += TROUBLE_TTL_S
    await gate.check(httpx.URL("https://a.example/x"))
    assert len(site.asked) == 2


async def test_rules_are_kept_for_a_day_and_outlive_trouble() -> None:
    now = [0.0]
    site = Site(RobotsReply(200, CLOSED), RobotsReply(500), RobotsReply(200))
    gate = RobotsGate(site, seconds=lambda: now[0])
    closed = httpx.URL("https://a.example/closed/x")
    for later_s, asked in ((0.0, 1), (RULES_TTL_S - 1, 1), (1.0, 2)):
        now[0] += later_s
        with pytest.raises(RobotsDisallowed):
            await gate.check(closed)
        assert len(site.asked) == asked
    now[0] += TROUBLE_TTL_S
    await gate.check(closed)


async def test_pages_read_together_ask_once_for_each_origin() -> None:
    site = Site(RobotsReply(200, b""))
    gate = RobotsGate(site)
    urls = ["https://a.example/1", "https://a.example/2?x", "https://A.example:443/3"]
    urls += ["http://a.example/1", "https://a.example:8443/1"]
    await asyncio.gather(*(gate.check(httpx.URL(url)) for url in urls * 3))
    assert sorted(site.asked) == [
        "http://a.example/robots.txt",
        "https://a.example/robots.txt",
        "https://a.example:8443/robots.txt",
    ]


async def test_only_so_many_sites_are_remembered() -> None:
    site = Site(RobotsReply(404))
    gate = RobotsGate(site)
    for number in range(MAX_ORIGINS + 1):
        await gate.check(httpx.URL(f"https://s{number}.example/"))
    await gate.check(httpx.URL("https://s0.example/"))
    assert site.asked.count("https://s0.example/robots.txt") == 2


def may_read(robots: bytes, path: str = "/x") -> bool:
    return parse_robots(robots).can_fetch(f"https://a.example{path}", TOKEN)


@pytest.mark.parametrize(
    ("lines", "path", "allowed"),
    [
        (["User-agent: *", "Disallow: /"], "/x", False),
        (["User-agent: *", "Disallow:"], "/x", True),
        (["User-agent: *", "Disallow: /", "Allow: /x"], "/x", True),
        (["User-agent: *", "Disallow: /*.pdf$"], "/a/b.pdf", False),
        (["User-agent: *", "Disallow: /*.pdf$"], "/a/b.pdf?x", True),
        (["User-agent: WebSearch-Agent", "Disallow: /"], "/x", False),
        (["User-agent: websearch-agent/9.9", "Disallow: /"], "/x", False),
        (["User-agent: websearch-agent", "Allow: /", "User-agent: *", "Disallow: /"], "/x", True),
        (["User-agent: other", "Disallow: /"], "/x", True),
        (["User-agent: websearch", "Disallow: /"], "/x", True),
        (["User-agent: websearch-agent-two", "Disallow: /"], "/x", True),
        (["User-agent: other", "User-agent: *", "Disallow: /"], "/x", False),
        (["User-agent: other # we", "User-agent: websearch-agent #", "Disallow: /"], "/x", False),
        (["user-agent other", "disallow: /"], "/x", True),
        (["User-agent: *", "Disallow: /港口"], "/%E6%B8%AF%E5%8F%A3/1", False),
        (["<html><title>Not found</title>", "<p>User-agent", "Disallow: /"], "/x", True),
        ([""], "/x", True),
    ],
)  # fmt: skip
def test_rules_that_concern_this_program_are_found(
    lines: Sequence[str], path: str, allowed: bool
) -> None:
    for line_end in ("\n", "\r\n"):
        assert may_read(line_end.join(lines).encode(), path) is allowed
    assert may_read(b"\xef\xbb\xbf" + "\n".join(lines).encode(), path) is allowed


def test_line_cut_off_at_the_size_limit_is_no_rule() -> None:
    head = b"User-agent: *\nDisallow: /closed\n"
    padding = b"#" * (MAX_ROBOTS_BYTES - len(head) - len(b"\nDisallow: /")) + b"\n"
    cut = head + padding + b"Disallow: /"
    assert len(cut) == MAX_ROBOTS_BYTES
    assert may_read(cut, "/x")
    assert not may_read(cut, "/closed")


def test_thousands_of_programs_and_rules_are_read_in_bounded_memory() -> None:
    """Each rule copied to each name would be 225 million of them."""
    names = b"".join(b"User-agent: program-%d\n" % number for number in range(15_000))
    rules = b"".join(b"Disallow: /%d\n" % number for number in range(15_000))
    assert may_read(names + rules + b"User-agent: *\nDisallow: /closed")
    assert not may_read(names + b"User-agent: *\n" + rules, "/14999")


@pytest.mark.parametrize("pattern", [b"a*" * 200_000 + b"b", b"*" * 400_000 + b"b", b"%$" * 90_000])
def test_rule_made_to_be_slow_is_matched(pattern: bytes) -> None:
    assert may_read(b"User-agent: *\nDisallow: /" + pattern, "/" + "a" * 4000)
