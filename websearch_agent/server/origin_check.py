"""Refuses what another site makes a browser send in somebody's name (CSRF)."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from websearch_agent.config import Settings
from websearch_agent.errors import NotAllowed
from websearch_agent.server.problems import answer_agent_error
from websearch_agent.server.session_cookie import carries_session

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
LOGIN_PATHS = frozenset({"/login", "/logout"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class OriginCheck:
    """Every request that changes something must come from our own page, or from no browser.

    Browsers say so in `Sec-Fetch-Site` or `Origin`, which a page cannot change. A request with a
    session's cookie must have one of them; programs with a key have none, and need none.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self._public_origin = origin_of(settings.public_url) if settings.public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            reason = self._reason_to_refuse(scope)
            if reason is not None:
                await answer_agent_error(NotAllowed(reason))(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _reason_to_refuse(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        sites, origins = headers.getlist("sec-fetch-site"), headers.getlist("origin")
        if any(site not in ("same-origin", "none") for site in sites):
            return "The request comes from another site."
        if any(not self._is_own(origin, scope, headers) for origin in origins):
            return (
                "The request comes from another site. If this is your server behind a proxy, set "
                "WEBSEARCH_PUBLIC_URL to the address that browsers show."
            )
        if not sites and not origins and _needs_origin(scope, headers):
            return "The request says not where it comes from: send the header Origin."
        return None

    def _is_own(self, origin: str, scope: Scope, headers: Headers) -> bool:
        # "null" (a sandboxed frame, a file) is no origin, and therefore never ours.
        own = origin_of(f"{scope['scheme']}://{headers.get('host', '')}")
        said = origin_of(origin)
        return said is not None and said in (own, self._public_origin)


def _needs_origin(scope: Scope, headers: Headers) -> bool:
    if scope["path"] in LOGIN_PATHS:
        return True
    return carries_session(scope) and "authorization" not in headers


def origin_of(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None for what has no host."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
