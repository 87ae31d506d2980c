"""Chromium, the app it opens, and a page that must not complain: fixtures to import."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from chromium import MISSING, find_chromium, is_required
from page_server import ServerThread

from websearch_agent.server.page_words import page_words

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = find_chromium()
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
MARKS = [
    pytest.mark.browser,
    # Where a browser is required, as in CI, a missing one fails at its start instead.
    pytest.mark.skipif(CHROMIUM is None and not is_required(), reason=MISSING),
]


@pytest.fixture(name="server")
def app_server() -> Iterator[ServerThread]:
    running = ServerThread()
    running.thread.start()
    assert running.started.wait(10)
    yield running
    running.server.should_exit = True
    running.thread.join(10)


@pytest.fixture(name="browser", scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS
        )
        yield launched
        launched.close()


@pytest.fixture(name="page")
def app_page(browser: Any, server: ServerThread) -> Iterator[Any]:
    """The page on a fresh profile; the test fails if its console shows an error."""
    context = browser.new_context(base_url=server.server.address, locale="en-GB")
    opened = context.new_page()
    errors: list[str] = []
    opened.on("console", lambda message: message.type == "error" and errors.append(message.text))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto("/")
    yield opened
    context.close()
    assert errors == []


@dataclass(frozen=True)
class Look:
    """In which language and on what screen the page is used."""

    locale: str
    viewport: dict[str, int]

    @property
    def is_phone(self) -> bool:
        return self.viewport == PHONE

    @property
    def words(self) -> Mapping[str, str]:
        return page_words("zh" if self.locale.startswith("zh") else "en")

    def open(self, browser: Any, address: str, **options: Any) -> Any:
        """A context of a fresh profile."""
        options = {"viewport": self.viewport, "locale": self.locale, **options}
        if self.is_phone:
            options |= {"has_touch": True, "is_mobile": True}
        return browser.new_context(base_url=address, **options)


DESKTOP_ENGLISH = Look("en-GB", DESKTOP)
DESKTOP_CHINESE = Look("zh-CN", DESKTOP)
PHONE_ENGLISH = Look("en-GB", PHONE)
PHONE_CHINESE = Look("zh-CN", PHONE)
LOOKS = [DESKTOP_ENGLISH, DESKTOP_CHINESE, PHONE_ENGLISH, PHONE_CHINESE]


def name_of(look: Look) -> str:
    return f"{look.locale}-{'phone' if look.is_phone else 'desktop'}"


@pytest.fixture(name="look", params=[DESKTOP_ENGLISH, PHONE_CHINESE], ids=name_of)
def chosen_look(request: pytest.FixtureRequest) -> Look:
    """Both languages and both screens; tests of the layout ask for all four."""
    look: Look = request.param
    return look


@pytest.fixture(name="viewer")
def page_with_look(browser: Any, server: ServerThread, look: Look) -> Iterator[Any]:
    """The page as `look` says; the test fails if its console shows an error."""
    context = look.open(browser, server.server.address)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = watched_page(context)
    opened.goto("/")
    yield opened
    errors = opened.console_errors
    context.close()
    assert errors == []


def watched_page(context: Any) -> Any:
    """A page that keeps what its console complains about in `console_errors`."""
    opened = context.new_page()
    opened.console_errors = []
    keep = opened.console_errors.append
    opened.on("console", lambda message: message.type == "error" and keep(message.text))
    opened.on("pageerror", lambda error: keep(str(error)))
    return opened


def send_question(page: Any, question: str) -> None:
    """In either language."""
    page.locator("#question").fill(question)
    page.locator("#question").press("Enter")


def ask(page: Any, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
