"""Chromium, the app it opens, and a page that must not complain: fixtures to import."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_server import ServerThread

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = Path("/usr/bin/chromium")
PHONE = {"width": 360, "height": 740}
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
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
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


def ask(page: Any, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
