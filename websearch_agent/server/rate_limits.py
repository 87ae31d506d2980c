"""How often somebody may ask, request anything, or fail to log in."""

import asyncio
import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from websearch_agent.accounts import Identity, User
from websearch_agent.config import Settings
from websearch_agent.errors import TooManyRequests
from websearch_agent.protocols import AccountStore
from websearch_agent.server.answer_queue import PlaceHolder
from websearch_agent.server.client_address import client_of, is_loopback_client
from websearch_agent.server.problems import answer_agent_error
from websearch_agent.store.credentials import fold_user_name

QUESTIONS_PER_MINUTE_WITH_LOGIN = 30
REQUESTS_PER_MINUTE = 600
FAILED_LOGINS_OF_NAME = RateLimitItemPerMinute(5, 5, namespace="LOGIN-NAME")
FAILED_LOGINS_OF_CLIENT = RateLimitItemPerMinute(20, 5, namespace="LOGIN-CLIENT")
MAX_NAME_LENGTH = 64


class QuestionLimit:
    """Questions of one user, key or (without a login) client in a minute; None is any number."""

    def __init__(self, per_minute: int | None) -> None:
        self._item = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def count(self, asker: str) -> None:
        """Raises TooManyRequests, and counts only what was let through."""
        if self._item is None or await self._limiter.hit(self._item, asker):
            return
        raise TooManyRequests(
            f"At most {self._item.amount} questions a minute are answered "
            "(WEBSEARCH_QUESTIONS_PER_MINUTE). Ask again a little later.",
            retry_after_s=await _seconds_to_wait(self._limiter, self._item, asker),
        )


def questions_per_minute(settings: Settings, *, login_needed: bool) -> int | None:
    """The number that is set (0 is any), else 30 where a login is needed."""
    if settings.questions_per_minute is None:
        return QUESTIONS_PER_MINUTE_WITH_LOGIN if login_needed else None
    return settings.questions_per_minute or None


def asker_of(identity: Identity, scope: Scope) -> str:
    """By what questions are counted. All sessions of a user count as one: a login makes a new
    one, each key by itself, and without a login the client's address."""
    if identity.kind == "local":
        return f"client {client_of(scope)}"
    return identity.credential_id if identity.kind == "key" else f"user {identity.owner_id}"


def holder_of(identity: Identity, scope: Scope) -> PlaceHolder:
    """Who takes a place: a user with all keys, or a client's address. Who asks on this machine
    without a login may be the only person there is."""
    if identity.kind == "local":
        return PlaceHolder(client_of(scope), may_take_all=is_loopback_client(scope))
    return PlaceHolder(identity.owner_id)


class LoginLimit:
    """Counts failed logins by name and by client.

    One password is checked at a time: a check takes some 64 MB, and attempts sent at once would
    all pass before the first has failed.
    """

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._checking = asyncio.Lock()

    async def check_password(
        self, accounts: AccountStore, name: str, password: str, *, client: str
    ) -> User | None:
        """As the accounts say. Raises TooManyRequests without a look at the password."""
        counted = (
            (FAILED_LOGINS_OF_NAME, fold_user_name(name)[:MAX_NAME_LENGTH]),
            (FAILED_LOGINS_OF_CLIENT, client),
        )
        async with self._checking:
            for item, key in counted:
                if not await self._limiter.test(item, key):
                    wait_s = await _seconds_to_wait(self._limiter, item, key)
                    message = "Too many failed logins. Try again later."
                    raise TooManyRequests(message, retry_after_s=wait_s)
            user = await accounts.check_password(name, password)
            if user is None:
                for item, key in counted:
                    await self._limiter.hit(item, key)
            else:  # Whoever knows the password may mistype it again; the client is not forgiven.
                await self._limiter.clear(*counted[0])
            return user


class RequestLimit:
    """Answers 429 to a client with more than `per_minute` requests of any kind.

    Not where anybody on this machine may ask without a login.
    """

    def __init__(self, app: ASGIApp, *, per_minute: int = REQUESTS_PER_MINUTE) -> None:
        self.app = app
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_limited(scope):
            client = client_of(scope)
            if not await self._limiter.hit(self._item, client):
                error = TooManyRequests(
                    f"At most {self._item.amount} requests a minute are answered.",
                    retry_after_s=await _seconds_to_wait(self._limiter, self._item, client),
                )
                await answer_agent_error(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _is_limited(self, scope: Scope) -> bool:
        return bool(scope["app"].state.login_needed) or not is_loopback_client(scope)


async def _seconds_to_wait(limiter: MovingWindowRateLimiter, item: RateLimitItem, key: str) -> int:
    window = await limiter.get_window_stats(item, key)
    return max(1, math.ceil(window.reset_time - time.time()))
