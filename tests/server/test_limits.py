"""How many questions and requests one user, key or client may send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from server.doors import serve_users
from server.fake_accounts import FakeAccounts
from server.fake_service import FakeService, serve
from starlette.types import Receive, Scope, Send

from websearch_agent.accounts import LOCAL_IDENTITY, Identity
from websearch_agent.config import Settings
from websearch_agent.errors import TooManyRequests
from websearch_agent.server.answer_queue import PlaceHolder
from websearch_agent.server.app import create_app
from websearch_agent.server.client_address import addresses_to_believe, client_of
from websearch_agent.server.rate_limits import (
    LoginLimit,
    RequestLimit,
    asker_of,
    holder_of,
    questions_per_minute,
)
from websearch_agent.store.credentials import fold_user_name

pytestmark = pytest.mark.anyio

QUESTION = {"question": "q"}


async def test_questions_are_counted_for_each_key_and_for_a_user_whatever_the_session() -> None:
    settings = Settings(questions_per_minute=2)
    async with serve_users(settings=settings) as doors:
        clients = {
            "key": await doors.key_client("ann"),
            "other key": await doors.key_client("ann"),
            "session": await doors.session_client("ann"),
            "new session": await doors.session_client("ann"),
            "ben": await doors.session_client("ben"),
        }
        statuses: dict[str, list[int]] = {}
        for name, client in clients.items():
            async with client:
                asked = [await client.post("/api/answers", json=QUESTION) for _ in range(3)]
            statuses[name] = [response.status_code for response in asked]
            refused = asked[-1]
            assert refused.json()["code"] == "too_many_requests"
            assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert statuses.pop("new session") == [429, 429, 429]
    assert set(map(tuple, statuses.values())) == {(200, 200, 429)}


async def test_without_a_login_addresses_are_counted_and_reading_is_not() -> None:
    settings = Settings(questions_per_minute=1)
    async with (
        serve(FakeService(), settings) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        first = await client.post("/api/answers", json=QUESTION)
        second = await client.post("/api/answers", json=QUESTION)
        read = [(await client.get("/api/conversations")).status_code for _ in range(5)]
    assert (first.status_code, second.status_code) == (200, 429)
    assert read == [200] * 5


@pytest.mark.parametrize(
    ("value", "login_needed", "expected"),
    [(None, True, 30), (None, False, None), (0, True, None), (7, False, 7), (7, True, 7)],
)
def test_questions_are_limited_where_a_login_is_needed_unless_set(
    value: int | None, login_needed: bool, expected: int | None
) -> None:
    settings = Settings(questions_per_minute=value)
    assert questions_per_minute(settings, login_needed=login_needed) == expected


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::1"),
        ("unknown", "unknown"),
        ("x" * 500, "x" * 64),
    ],
)
def test_client_is_an_address_or_the_network_that_one_household_has(
    address: str, client: str
) -> None:
    assert client_of({"type": "http", "client": (address, 1234)}) == client


def test_client_without_an_address_is_one_client() -> None:
    assert client_of({"type": "http", "client": None}) == ""


def test_trusted_networks_are_known_on_sockets_of_both_kinds() -> None:
    settings = Settings(trusted_proxies="10.0.0.0/8,2001:db8::/32")  # type: ignore[arg-type]
    believed = addresses_to_believe(settings.trusted_proxies)
    assert believed == ["10.0.0.0/8", "2001:db8::/32", "::ffff:10.0.0.0/104"]


def test_keys_count_by_themselves_and_wait_as_their_user() -> None:
    scope = {"type": "http", "client": ("192.0.2.7", 1)}
    key = Identity("u1", "ann", "key", frozenset(), "k1")
    session = Identity("u1", "ann", "session", frozenset(), "s1")
    assert (asker_of(key, scope), asker_of(session, scope)) == ("k1", "user u1")
    assert asker_of(LOCAL_IDENTITY, scope) == "client 192.0.2.7"
    assert holder_of(key, scope) == holder_of(session, scope) == PlaceHolder("u1")


def test_who_asks_without_a_login_may_take_all_places_on_this_machine_only() -> None:
    here, there = ({"type": "http", "client": (host, 1)} for host in ("127.0.0.1", "192.0.2.7"))
    assert holder_of(LOCAL_IDENTITY, here) == PlaceHolder("127.0.0.1", may_take_all=True)
    assert holder_of(LOCAL_IDENTITY, there) == PlaceHolder("192.0.2.7")
    user = Identity("u1", "ann", "session", frozenset(), "s1")
    assert not holder_of(user, here).may_take_all


@asynccontextmanager
async def limited_client(address: str, *, login_needed: bool) -> AsyncIterator[httpx.AsyncClient]:
    """A client at `address` of an app that takes three requests a minute."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    app = create_app(FakeService, Settings())
    app.state.login_needed = login_needed
    limited = RequestLimit(answer, per_minute=3)

    async def with_app(scope: Scope, receive: Receive, send: Send) -> None:
        await limited({**scope, "app": app}, receive, send)

    transport = httpx.ASGITransport(with_app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize(
    ("address", "login_needed", "last"),
    [
        ("192.0.2.7", True, 429),
        ("192.0.2.7", False, 429),
        ("127.0.0.1", True, 429),
        ("127.0.0.1", False, 204),
        ("::1", False, 204),
    ],
)
async def test_requests_of_one_client_are_limited_but_not_on_this_machine_without_a_login(
    address: str, login_needed: bool, last: int
) -> None:
    async with limited_client(address, login_needed=login_needed) as client:
        responses = [await client.get("/anything") for _ in range(4)]
    assert [response.status_code for response in responses] == [204, 204, 204, last]
    if last == 429:
        assert 1 <= int(responses[-1].headers["retry-after"]) <= 60
        assert responses[-1].headers["content-type"] == "application/problem+json"


async def test_failed_logins_of_all_forms_of_a_name_count_together() -> None:
    limit, accounts = LoginLimit(), FakeAccounts()
    # The same name to the accounts: composed before it is made small, or after.
    forms = ("J\u030cx", "\u01f0x", "j\u030cX", "\uff2a\u030cx", "\u01f0X")
    assert len({fold_user_name(form) for form in forms}) == 1
    for number, form in enumerate(forms):
        assert await limit.check_password(accounts, form, "wrong", client=f"c{number}") is None
    with pytest.raises(TooManyRequests):
        await limit.check_password(accounts, forms[0], "wrong", client="another")
    assert len(accounts.password_checks) == len(forms)
