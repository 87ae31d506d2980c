"""The cookie that holds a session's token."""

from fastapi import Request
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from websearch_agent.config import Settings

PLAIN_NAME = "websearch_session"
# A browser takes a name with this prefix only with Secure, Path=/ and no Domain, so that neither
# http nor another name of the domain can plant one.
SECURE_NAME = "__Host-websearch_session"
SECONDS_PER_DAY = 24 * 60 * 60


def is_secure(scope: Scope, settings: Settings) -> bool:
    """Whether the browser speaks https: as the request says, or the public address."""
    return scope["scheme"] == "https" or (settings.public_url or "").startswith("https:")


def session_token(request: Request) -> str | None:
    cookie = SECURE_NAME if is_secure(request.scope, _settings(request)) else PLAIN_NAME
    return request.cookies.get(cookie) or None


def carries_session(scope: Scope) -> bool:
    """Whether there is any cookie of ours, valid or not."""
    cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
    return PLAIN_NAME in cookies or SECURE_NAME in cookies


def set_session_cookie(request: Request, response: Response, token: str) -> None:
    settings = _settings(request)
    secure = is_secure(request.scope, settings)
    response.set_cookie(
        SECURE_NAME if secure else PLAIN_NAME,
        token,
        max_age=settings.session_days * SECONDS_PER_DAY,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def clear_session_cookie(request: Request, response: Response) -> None:
    secure = is_secure(request.scope, _settings(request))
    name = SECURE_NAME if secure else PLAIN_NAME
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
