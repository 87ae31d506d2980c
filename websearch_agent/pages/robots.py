"""robots.txt (RFC 9309): asked before a page, once for each site.

The rules apply to every page, also to one whose address the person wrote: the setting
WEBSEARCH_RESPECT_ROBOTS decides, nothing else. Crawl-delay is no part of the RFC and is not
kept: a question reads a few pages of a site, once.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from protego import Protego

from websearch_agent.errors import AddressNotAllowed, PageUnreachable, RobotsDisallowed
from websearch_agent.pages.single_flight import SingleFlight

PRODUCT_TOKEN = "websearch-agent"  # noqa: S105 - the name in robots.txt, no secret
# The RFC asks for at least so much to be read, and allows to keep it for a day.
MAX_ROBOTS_BYTES = 500 * 1024
RULES_TTL_S = 24 * 3600.0
# A site in trouble is asked again soon: until then none of its pages is read.
TROUBLE_TTL_S = 60.0
MAX_ORIGINS = 1000
# Of a larger file (the largest allowed takes up to 0.2 s) the event loop must not feel anything.
_PARSED_AT_ONCE_BYTES = 20_000

# All ways of writing the field that Protego understands.
_USER_AGENT_LINE = re.compile(r"\s*user(?:-|\s+)?agent(?:\s*:|\s)\s*(.*)", re.IGNORECASE)
_NAME = re.compile(r"[a-z_-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RobotsReply:
    """What a site answered when it was asked for its robots.txt."""

    status: int
    body: bytes = b""


FetchRobots = Callable[[str], Awaitable[RobotsReply]]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """`rules=None` and no trouble: everything may be read."""

    rules: Protego | None
    trouble: str
    expires_at: float


class RobotsGate:
    """Lets pages through that their site's robots.txt allows. Belongs to one event loop."""

    def __init__(
        self, fetch: FetchRobots, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._verdicts: OrderedDict[str, _Verdict] = OrderedDict()
        self._flights: SingleFlight[_Verdict] = SingleFlight()

    async def check(self, target: httpx.URL) -> None:
        """Return if the page may be read.

        Raises RobotsDisallowed, and PageUnreachable while the file itself cannot be had
        (server error, no connection, no time, asked too often): the RFC has the whole site left
        alone then.
        """
        origin = _origin(target)
        verdict = self._verdicts.get(origin)
        if verdict is None or verdict.expires_at <= self._seconds():
            verdict = await self._flights.run(origin, lambda: self._ask(origin))
        if verdict.trouble:
            raise PageUnreachable(
                f"the robots.txt of {target.host} could not be read ({verdict.trouble}), so its "
                "pages are left alone; WEBSEARCH_RESPECT_ROBOTS=false reads them anyway"
            )
        if verdict.rules and not verdict.rules.can_fetch(str(target), PRODUCT_TOKEN):
            raise RobotsDisallowed(
                f"{target.host} asks programs not to read this page (robots.txt); "
                "WEBSEARCH_RESPECT_ROBOTS=false reads it anyway"
            )

    async def aclose(self) -> None:
        """End what is being fetched."""
        await self._flights.aclose()

    async def _ask(self, origin: str) -> _Verdict:
        try:
            verdict = await self._verdict_on(await self._fetch(f"{origin}/robots.txt"))
        except AddressNotAllowed:
            # The site itself: its page goes through the same guard, which says why. (A file that
            # redirects to such an address is PageUnreachable.)
            return _Verdict(None, "", 0.0)
        except PageUnreachable as error:
            verdict = self._trouble(error.message)
        known = self._verdicts.get(origin)
        if verdict.trouble and known and not known.trouble:
            # Rules that have run out are better than none while the site is in trouble.
            verdict = _Verdict(known.rules, "", verdict.expires_at)
        self._verdicts[origin] = verdict
        self._verdicts.move_to_end(origin)
        if len(self._verdicts) > MAX_ORIGINS:
            self._verdicts.popitem(last=False)
        return verdict

    async def _verdict_on(self, reply: RobotsReply) -> _Verdict:
        if reply.status >= 500 or reply.status == 429:
            return self._trouble(f"HTTP {reply.status}")
        expires_at = self._seconds() + RULES_TTL_S
        if not 200 <= reply.status < 300:  # 4xx: the site has no rules
            return _Verdict(None, "", expires_at)
        if len(reply.body) > _PARSED_AT_ONCE_BYTES:
            rules = await asyncio.to_thread(parse_robots, reply.body)
        else:
            rules = parse_robots(reply.body)
        return _Verdict(rules, "", expires_at)

    def _trouble(self, reason: str) -> _Verdict:
        return _Verdict(None, reason, self._seconds() + TROUBLE_TTL_S)


def parse_robots(body: bytes) -> Protego:
    """The rules that concern this program; a line cut off at the size limit is left out.

    Protego copies every rule to every name of its group: in 500 KiB 15,000 names and as many
    rules fit, which would take minutes and all memory. So all other programs get one name.
    """
    if len(body) >= MAX_ROBOTS_BYTES:
        body = body[:MAX_ROBOTS_BYTES].rpartition(b"\n")[0]
    lines = body.decode("utf-8-sig", errors="replace").splitlines()
    return Protego.parse("\n".join(_with_known_name(line) for line in lines))


def _with_known_name(line: str) -> str:
    match = _USER_AGENT_LINE.match(line.partition("#")[0])
    if match is None:
        return line
    value = match[1].strip()
    name = _NAME.match(value)
    if value.startswith("*"):
        return "User-agent: *"
    is_ours = name is not None and name[0].lower() == PRODUCT_TOKEN
    return f"User-agent: {PRODUCT_TOKEN if is_ours else 'another-program'}"


def _origin(target: httpx.URL) -> str:
    """Scheme, host and port, as a URL begins with them."""
    return str(target.copy_with(raw_path=b"/", fragment=None)).rstrip("/")
