"""Logging in and out in a real browser: without scripts, on a phone, and after a session's end."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from page_browser import MARKS, PHONE, chromium  # noqa: F401
from server.fake_service import NOW, FakeService, make_server

from websearch_agent.config import Settings
from websearch_agent.conversations import Conversation
from websearch_agent.server.run import AnsweringServer

pytestmark = MARKS

PASSWORD = "correct horse battery"
# Refused logins are errors to the browser, which says so in the console.
EXPECTED = ("status of 401", "status of 429")


class LockedServer:
    """The app with one user, in a thread of its own."""

    def __init__(self) -> None:
        self.service = FakeService()
        self.server: AnsweringServer | None = None
        self.started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        await self.service.accounts.add_user("ann", PASSWORD)
        self.server = make_server(self.service, Settings(_env_file=None))  # type: ignore[call-arg]
        self.started.set()
        await self.server.serve(sockets=[self.server.listener])  # type: ignore[attr-defined]


@pytest.fixture(name="locked")
def locked_server() -> Iterator[LockedServer]:
    running = LockedServer()
    running.thread.start()
    assert running.started.wait(10)
    yield running
    assert running.server is not None
    running.server.should_exit = True
    running.thread.join(10)


@pytest.fixture(name="open_page")
def page_opener(browser: Any, locked: LockedServer) -> Iterator[Any]:
    """Opens the login page on a fresh profile; its console must not complain of anything else."""
    complaints: list[str] = []
    contexts = []

    def listen(message: Any) -> None:
        if message.type in ("error", "warning") and not any(e in message.text for e in EXPECTED):
            complaints.append(message.text)

    def open_page(path: str = "/", **options: Any) -> Any:
        assert locked.server is not None
        options = {"locale": "en-GB", **options}
        context = browser.new_context(base_url=locked.server.address, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def log_in(page: Any, password: str = PASSWORD) -> None:
    page.locator("#name").fill("ann")
    page.locator("#password").fill(password)
    page.locator("button[type=submit]").click()


@pytest.mark.parametrize("scripts", [True, False])
def test_login_leads_to_the_page_that_was_asked_for(
    open_page: Any, locked: LockedServer, scripts: bool
) -> None:
    conversations = locked.service.for_owner("user-ann").store.conversations
    conversations["c1"] = Conversation("c1", "Kept", NOW, NOW)
    page = open_page("/c/c1", java_script_enabled=scripts)
    assert "/login?next=%2Fc%2Fc1" in page.url
    log_in(page)
    page.wait_for_url("**/c/c1")
    assert page.locator(".account-name").text_content() == "ann"


def test_logging_out_ends_the_session_and_shows_the_form(
    open_page: Any, locked: LockedServer
) -> None:
    page = open_page()
    log_in(page)
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    assert locked.service.accounts.sessions == {}
    page.goto("/")
    assert "/login" in page.url


def test_wrong_password_is_said_and_the_name_is_kept(open_page: Any) -> None:
    page = open_page()
    log_in(page, "guess")
    assert "do not belong together" in page.get_by_role("alert").text_content()
    assert page.locator("#name").input_value() == "ann"
    assert page.locator("#password").input_value() == ""
    page.wait_for_function("document.activeElement.id === 'password'")


def test_after_too_many_failures_the_button_waits(open_page: Any) -> None:
    page = open_page()
    for _ in range(6):
        log_in(page, "guess")
        page.get_by_role("alert").wait_for()
    assert "Too many failed logins" in page.get_by_role("alert").text_content()
    assert page.locator("button[type=submit]").is_disabled()


def test_session_that_ended_leads_to_the_login_and_back_to_the_question(
    open_page: Any, locked: LockedServer
) -> None:
    page = open_page()
    log_in(page)
    page.locator("#suggestions button").first.wait_for()
    page.get_by_label("Your question").fill("Hello?")
    locked.service.accounts.sessions.clear()
    page.keyboard.press("Enter")
    page.wait_for_url("**/login?next=%2F")
    log_in(page)
    page.locator("#suggestions button").first.wait_for()
    assert page.get_by_label("Your question").input_value() == "Hello?"


def test_form_fits_a_phone_and_speaks_chinese(open_page: Any) -> None:
    page = open_page(locale="zh-CN", viewport=PHONE)
    assert page.locator("h1").text_content() == "登录"
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    log_in(page, "guess")
    assert page.get_by_role("alert").text_content() == "用户名与密码不匹配。"
    log_in(page)
    # They come by the script that also connects the button.
    page.locator("#suggestions button").first.wait_for()
    page.get_by_role("button", name="显示对话列表").click()
    page.get_by_role("button", name="退出登录").wait_for()


def test_whoever_comes_back_to_the_form_is_sent_on(open_page: Any) -> None:
    page = open_page()
    log_in(page)
    page.wait_for_selector(".account-name")
    page.goto("/login?next=//evil.example")
    assert page.locator(".account-name").is_visible()
