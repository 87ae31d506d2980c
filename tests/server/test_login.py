"""The login form, the session's cookie, failed logins, and where a login may lead."""

from urllib.parse import urlencode

import httpx
import pytest
from server.doors import PASSWORD, Doors, serve_users
from server.fake_service import FakeService, serve

from websearch_agent.config import Settings
from websearch_agent.server.login import own_path

pytestmark = pytest.mark.anyio

FORM = {"name": "ann", "password": PASSWORD}
WRONG = {"name": "ann", "password": "guess"}
PROXIED = Settings(trusted_proxies="127.0.0.0/8")  # type: ignore[arg-type]
BY_HTTPS = {"X-Forwarded-Proto": "https"}


async def log_in(doors: Doors, form: dict[str, str] = FORM, **headers: str) -> httpx.Response:
    async with doors.client(**headers) as browser:
        return await browser.post("/login", data=form)


def cookie_parts(response: httpx.Response) -> tuple[str, set[str]]:
    """The cookie's name, and its attributes in lower case."""
    named, *attributes = response.headers["set-cookie"].split("; ")
    return named.partition("=")[0], {attribute.lower() for attribute in attributes}


async def test_login_leads_on_with_a_cookie_that_scripts_cannot_read() -> None:
    async with serve_users() as doors:
        response = await log_in(doors, {**FORM, "next": "/c/c1?x=1"})
    name, attributes = cookie_parts(response)
    assert (response.status_code, response.headers["location"]) == (303, "/c/c1?x=1")
    assert name == "websearch_session"
    assert attributes == {"httponly", "max-age=2592000", "path=/", "samesite=lax"}


@pytest.mark.parametrize(
    ("settings", "headers"),
    [(PROXIED, BY_HTTPS), (Settings(public_url="https://ask.example"), {})],
)
async def test_cookie_of_https_is_secure_and_bound_to_the_host(
    settings: Settings, headers: dict[str, str]
) -> None:
    async with serve_users(settings=settings) as doors:
        response = await log_in(doors, **headers)
        name, attributes = cookie_parts(response)
        cookie = response.headers["set-cookie"].partition(";")[0]
        async with doors.client(**headers, Cookie=cookie) as ann:
            read = await ann.get("/api/conversations")
            out = await ann.post("/logout")
    assert name == "__Host-websearch_session"
    assert {"secure", "path=/", "httponly", "samesite=lax"} <= attributes
    assert read.status_code == 200
    assert {"secure", "max-age=0"} <= cookie_parts(out)[1]
    assert doors.service.accounts.sessions == {}


async def test_https_takes_no_session_that_http_could_have_planted() -> None:
    async with serve_users(settings=PROXIED) as doors:
        cookie = (await log_in(doors)).headers["set-cookie"].partition(";")[0]
        async with doors.client(**BY_HTTPS, Cookie=cookie) as ann:
            assert (await ann.get("/api/conversations")).status_code == 401


async def test_forwarded_headers_of_a_stranger_are_not_believed() -> None:
    async with serve_users() as doors:
        response = await log_in(doors, **BY_HTTPS)
    assert cookie_parts(response)[0] == "websearch_session"


async def test_each_login_makes_a_new_session_and_ends_the_one_before() -> None:
    async with serve_users() as doors, doors.client() as browser:
        await browser.post("/login", data=FORM)
        first = browser.cookies["websearch_session"]
        await browser.post("/login", data=FORM)
        second = browser.cookies["websearch_session"]
    assert first != second
    assert list(doors.service.accounts.sessions) == [second]


async def test_session_that_somebody_planted_is_not_taken_over() -> None:
    async with serve_users() as doors, doors.client() as browser:
        browser.cookies.set("websearch_session", "planted")
        await browser.post("/login", data=FORM)
    assert "planted" not in doors.service.accounts.sessions


@pytest.mark.parametrize("form", [WRONG, {"name": "nobody", "password": "guess"}, {"name": ""}])
async def test_wrong_login_says_the_same_for_known_and_unknown_names(form: dict[str, str]) -> None:
    async with serve_users() as doors:
        response = await log_in(doors, form)
    assert response.status_code == 401
    assert "User name and password do not belong together." in response.text
    assert "set-cookie" not in response.headers
    assert "guess" not in response.text


async def test_name_and_next_are_text_on_the_page_again() -> None:
    form = {"name": '"><script>x', "password": "guess", "next": '/"><script>y'}
    async with serve_users() as doors:
        response = await log_in(doors, form)
    assert "<script>x" not in response.text
    assert "<script>y" not in response.text
    assert "&#34;&gt;&lt;script&gt;x" in response.text


async def test_sixth_failed_login_of_a_name_waits_and_its_password_is_not_looked_at() -> None:
    async with serve_users() as doors:
        for _ in range(5):
            assert (await log_in(doors, WRONG)).status_code == 401
        refused = await log_in(doors, {**FORM, "name": " ANN ".strip()})
        other = await log_in(doors, {**FORM, "name": "ben"})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 300
    assert f"in {refused.headers['retry-after']} seconds" in refused.text
    assert other.status_code == 303
    assert doors.service.accounts.password_checks == ["ann"] * 5 + ["ben"]


async def test_client_that_tries_many_names_has_to_wait_too() -> None:
    async with serve_users() as doors:
        for number in range(20):
            form = {"name": f"name{number}", "password": "guess"}
            assert (await log_in(doors, form)).status_code == 401
        assert (await log_in(doors, FORM)).status_code == 429


async def test_logins_that_succeed_are_not_counted() -> None:
    async with serve_users() as doors:
        statuses = {(await log_in(doors)).status_code for _ in range(25)}
    assert statuses == {303}


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"&".join([b"a=1"] * 9), 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"name=\xff", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"name=%ff", 400),
    ],
)
async def test_broken_form_is_a_problem(
    headers: dict[str, str], content: bytes, status: int
) -> None:
    async with serve_users() as doors, doors.client(**headers) as browser:
        response = await browser.post("/login", content=content)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "/a\\b",
        "\\/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/ /x",
        "evil.example",
        "",
        "/" + "a" * 2000,
        "/login?next=/login",
        "/logout",
    ],
)
def test_login_leads_to_no_other_place(path: str) -> None:
    assert own_path(path) == "/"


@pytest.mark.parametrize(
    "path", ["/", "/c/abc", "/settings", "/documents/a%2Fb?start=1&end=2", "/c/对话"]
)
def test_login_leads_back_to_our_own_pages(path: str) -> None:
    assert own_path(path) == path


async def test_page_without_a_session_leads_to_the_login_and_back() -> None:
    async with serve_users() as doors, doors.client() as browser:
        asked = await browser.get("/documents/httpx%2FREADME.md?start=3")
        form = await browser.get(asked.headers["location"])
        await browser.post("/login", data=FORM)
        again = await browser.get(asked.headers["location"])
    assert asked.status_code == 303
    assert 'name="next" value="/documents/httpx/README.md?start=3"' in form.text
    assert (again.status_code, again.headers["location"]) == (
        303,
        "/documents/httpx/README.md?start=3",
    )


@pytest.mark.parametrize("path", ["/", "/c/c1", "/settings"])
async def test_every_page_of_ones_own_asks_for_a_login(path: str) -> None:
    async with serve_users() as doors, doors.client() as browser:
        asked = await browser.get(path)
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        f"/login?{urlencode({'next': path})}",
    )


async def test_page_names_the_user_and_can_end_the_session() -> None:
    async with serve_users() as doors, await doors.session_client("ann") as ann:
        page = await ann.get("/")
        out = await ann.post("/logout")
        after = await ann.get("/")
    assert 'class="account-name" dir="auto" title="ann">ann</span>' in page.text
    assert (out.status_code, out.headers["location"]) == (303, "/login")
    assert doors.service.accounts.sessions == {}
    assert after.status_code == 303


async def test_without_a_login_there_is_no_form_and_nobody_to_log_out() -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as browser:
        page = await browser.get("/")
        form = await browser.get("/login?next=/c/c1")
        headers = {"Sec-Fetch-Site": "same-origin"}
        sent = await browser.post("/login", data=FORM, headers=headers)
    assert 'id="account"' not in page.text
    assert (form.status_code, form.headers["location"]) == (303, "/c/c1")
    assert (sent.status_code, "set-cookie" in sent.headers) == (303, False)


@pytest.mark.parametrize(
    ("accept", "words", "lang"),
    [("zh-CN,zh;q=0.9", "用户名", "zh-CN"), ("de", "User name", "en"), ("", "User name", "en")],
)
async def test_form_speaks_the_browsers_language(accept: str, words: str, lang: str) -> None:
    headers = {"Accept-Language": accept}
    async with serve_users() as doors, doors.client(**headers) as browser:
        html = (await browser.get("/login")).text
    assert f'<html lang="{lang}">' in html
    assert words in html
