"""The page about the API: readable in every theme and width, and usable by everybody."""

from typing import Any

import pytest
from page_browser import (  # noqa: F401
    DESKTOP_ENGLISH,
    MARKS,
    PHONE_CHINESE,
    Look,
    app_server,
    chromium,
    name_of,
    sync_api,
    watched_page,
)
from page_server import ServerThread
from test_page_accessibility_browser import violations

expect = sync_api.expect

pytestmark = MARKS


@pytest.mark.parametrize("look", [DESKTOP_ENGLISH, PHONE_CHINESE], ids=name_of)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(
    browser: Any, server: ServerThread, look: Look, scheme: str
) -> None:
    context = look.open(browser, server.server.address, color_scheme=scheme)
    page = watched_page(context)
    page.goto("/docs")
    closed = violations(page)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    opened = violations(page)
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = page.evaluate(
        "[...document.querySelectorAll('pre, dt, dd, h4')]"
        ".filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
    )
    errors = page.console_errors
    context.close()
    assert (closed, opened) == ([], [])
    assert fits
    assert cut == []
    assert errors == []


def test_link_of_an_error_leads_to_its_line(browser: Any, server: ServerThread) -> None:
    context = DESKTOP_ENGLISH.open(browser, server.server.address)
    page = watched_page(context)
    page.goto("/docs#error-idempotency_key_reused")
    line = page.locator("#error-idempotency_key_reused")
    expect(line).to_be_in_viewport()
    expect(line).to_contain_text("Use a new key")
    expect(page.locator("main")).to_have_attribute("lang", "en")
    context.close()
