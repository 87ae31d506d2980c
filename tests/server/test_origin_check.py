"""Requests that another site makes a browser send are refused; programs and our page are not."""

import httpx
import pytest
from server.doors import PASSWORD, serve_users
from server.fake_service import FakeService, serve

from websearch_agent.config import Settings

pytestmark = pytest.mark.anyio

PUBLIC = Settings(public_url="https://ask.example")
PROXIED = Settings(trusted_proxies="127.0.0.0/8", allowed_hosts="ask.example")  # type: ignore[arg-type]

REFUSED = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "{own}.evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost:[80"},
    {"Origin": "{own}", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
]
TAKEN = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "{own}"},
    {"Origin": "{own}", "Sec-Fetch-Site": "same-origin"},
]
CHANGES = [
    ("POST", "/api/answers"),
    ("DELETE", "/api/conversations/c1"),
    ("POST", "/login"),
    ("POST", "/logout"),
]


def filled(headers: dict[str, str], address: str) -> dict[str, str]:
    return {name: value.format(own=address) for name, value in headers.items()}


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_change_from_another_site_is_403(method: str, path: str) -> None:
    async with serve_users() as doors, await doors.session_client("ann") as ann:
        del ann.headers["Sec-Fetch-Site"]
        for headers in REFUSED:
            response = await ann.request(method, path, headers=filled(headers, doors.address))
            assert (response.status_code, response.json()["code"]) == (403, "not_allowed"), headers
        assert len(doors.service.accounts.sessions) == 1
        assert doors.service.requests == []


@pytest.mark.parametrize("headers", TAKEN)
async def test_change_from_our_own_page_is_taken(headers: dict[str, str]) -> None:
    async with serve_users() as doors, await doors.session_client("ann") as ann:
        del ann.headers["Sec-Fetch-Site"]
        sent = filled(headers, doors.address)
        asked = await ann.post("/api/answers", json={"question": "q"}, headers=sent)
        deleted = await ann.delete("/api/conversations/c1", headers=sent)
        out = await ann.post("/logout", headers=sent)
    assert (asked.status_code, deleted.status_code, out.status_code) == (200, 204, 303)


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_session_without_a_sign_of_its_origin_is_403(method: str, path: str) -> None:
    async with serve_users() as doors, await doors.session_client("ann") as ann:
        del ann.headers["Sec-Fetch-Site"]
        response = await ann.request(method, path)
    assert response.status_code == 403
    assert "Origin" in response.json()["detail"]


async def test_form_of_another_site_cannot_log_somebody_in() -> None:
    form = {"name": "ann", "password": PASSWORD}
    async with serve_users() as doors, doors.client() as browser:
        del browser.headers["Sec-Fetch-Site"]
        foreign = await browser.post("/login", data=form, headers={"Origin": "https://e.example"})
        unsigned = await browser.post("/login", data=form)
    assert (foreign.status_code, unsigned.status_code) == (403, 403)
    assert doors.service.accounts.password_checks == []


async def test_key_needs_no_origin() -> None:
    async with serve_users() as doors, await doors.key_client("ann") as program:
        assert (await program.post("/api/answers", json={"question": "q"})).status_code == 200


async def test_without_a_login_other_sites_are_refused_as_well() -> None:
    service = FakeService()
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as browser:
        for headers in REFUSED:
            sent = filled(headers, address)
            response = await browser.post("/api/answers", json={"question": "q"}, headers=sent)
            assert response.status_code == 403, headers
    assert service.requests == []


async def test_reading_is_not_checked_for_links_from_elsewhere_lead_here() -> None:
    async with serve_users() as doors, await doors.session_client("ann") as ann:
        response = await ann.get("/", headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://ask.example", 200),
        ("https://ask.example:443", 200),
        ("http://ask.example", 403),
        ("https://ask.example:444", 403),
        ("https://ask.example.evil", 403),
    ],
)
async def test_public_address_is_our_own_origin(origin: str, status: int) -> None:
    async with serve_users(settings=PUBLIC) as doors, await doors.key_client("ann") as program:
        sent = {"Origin": origin}
        response = await program.post("/api/answers", json={"question": "q"}, headers=sent)
    assert response.status_code == status


@pytest.mark.parametrize(("scheme", "status"), [("https", 200), ("http", 403)])
async def test_trusted_proxy_says_by_which_scheme_the_browser_came(
    scheme: str, status: int
) -> None:
    sent = {"Host": "ask.example", "X-Forwarded-Proto": "https"}
    sent["Origin"] = f"{scheme}://ask.example"
    async with serve_users(settings=PROXIED) as doors, await doors.key_client("ann") as program:
        response = await program.post("/api/answers", json={"question": "q"}, headers=sent)
    assert response.status_code == status
