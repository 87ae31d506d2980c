"""The settings page in a real browser: choices, state of model and engines, erasing all data."""

import datetime as dt
from typing import Any

import pytest
from page_browser import MARKS, PHONE, app_page, app_server, chromium, sync_api  # noqa: F401
from page_server import ServerThread

from websearch_agent.conversations import Conversation
from websearch_agent.model_calls import ModelStatus

pytestmark = MARKS
Page = Any
expect = sync_api.expect

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def add_conversations(server: ServerThread, *names: str) -> None:
    for name in names:
        server.service.store.conversations[name] = Conversation(name, name, NOW, NOW)


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_theme_shows_at_once_and_on_every_page(page: Page) -> None:
    page.goto("/settings")
    light = background(page)
    page.get_by_label("Theme").select_option("Dark")
    dark = background(page)
    assert dark != light
    page.goto("/")
    assert background(page) == dark
    page.goto("/settings")
    expect(page.get_by_label("Theme")).to_have_value("dark")
    page.get_by_label("Theme").select_option("Same as the system")
    assert background(page) == light


def test_language_is_changed_for_all_pages_and_back(page: Page) -> None:
    page.goto("/settings")
    page.get_by_label("Language", exact=True).select_option("中文")
    expect(page.get_by_role("heading", name="设置")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.goto("/")
    expect(page.get_by_role("heading", name="您想了解什么？")).to_be_visible()
    page.goto("/settings")
    page.get_by_label("语言", exact=True).select_option("跟随浏览器")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def test_questions_start_from_what_was_chosen(page: Page, server: ServerThread) -> None:
    page.goto("/settings")
    page.get_by_label("Web search").select_option("Always")
    page.get_by_label("Depth").select_option("Quick")
    page.get_by_role("link", name="Back to the questions").click()
    expect(page.get_by_role("radio", name="Always")).to_be_checked()
    page.get_by_label("Your question").fill("hello")
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_contain_text("this is a chat")
    [request] = server.service.requests
    assert (request.search, request.mode) == ("always", "quick")


def test_model_is_watched_until_it_is_ready(page: Page, server: ServerThread) -> None:
    downloading = ModelStatus("downloading", done_bytes=250_000_000, total_bytes=1_000_000_000)
    server.service.model.current = downloading
    page.goto("/settings")
    state = page.locator("#model-state")
    expect(page.locator("#model-name")).to_have_text("fake-model")
    expect(state).to_contain_text("25 %")
    server.service.model.current = ModelStatus("ready")
    expect(state).to_have_text("The model is ready")


def test_failed_model_says_why(page: Page, server: ServerThread) -> None:
    server.service.model.current = ModelStatus("failed", "The disk is full.")
    page.goto("/settings")
    expect(page.locator("#model-state")).to_have_text(
        "The model could not be made ready. The disk is full."
    )


def test_engines_tell_whether_they_rest_and_why(page: Page) -> None:
    engines = (
        '{"engines": [{"name": "ddgs", "rests_for_s": 41.2, "code": "x", "reason": "<b>often</b>"},'
        ' {"name": "local", "rests_for_s": null, "code": "", "reason": ""}]}'
    )
    page.route(
        "**/api/engines", lambda route: route.fulfill(body=engines, content_type="application/json")
    )
    page.goto("/settings")
    lines = page.get_by_role("region", name="Search engines").get_by_role("listitem")
    expect(lines).to_have_text(["ddgsrests for 42 s: <b>often</b>", "localin use"])


def test_engines_of_the_server_are_listed(page: Page, server: ServerThread) -> None:
    page.goto("/settings")
    names = [state.name for state in server.service.engine_states()]
    expect(page.locator(".engine-name")).to_have_text(names)


def test_all_data_is_erased_once_the_word_is_typed(page: Page, server: ServerThread) -> None:
    add_conversations(server, "first", "second")
    page.goto("/settings")
    page.get_by_role("button", name="Delete all my data").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("You have 2 conversations.")
    box = page.get_by_label("Type “delete” to confirm")
    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("Type the word “delete” first.")
    assert len(server.service.store.conversations) == 2
    box.fill("Delete")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#delete-result")).to_have_text("Done: 2 conversations were erased.")
    expect(page.get_by_role("button", name="Delete all my data")).to_be_focused()
    assert server.service.store.conversations == {}


def test_leaving_the_dialog_erases_nothing(page: Page, server: ServerThread) -> None:
    add_conversations(server, "first")
    page.goto("/settings")
    page.get_by_role("button", name="Delete all my data").click()
    page.get_by_label("Type “delete” to confirm").fill("delete")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert set(server.service.store.conversations) == {"first"}


def test_erasing_empties_the_pages_of_other_tabs(page: Page, server: ServerThread) -> None:
    add_conversations(server, "first")
    page.goto("/c/first")
    expect(page.locator("[aria-current=page]")).to_have_text("first")
    other = page.context.new_page()
    other.goto("/settings")
    other.get_by_role("button", name="Delete all my data").click()
    other.get_by_label("Type “delete” to confirm").fill("delete")
    other.keyboard.press("Enter")
    expect(page.locator(".conversation-item")).to_have_count(0)
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_page_fits_a_phone(browser: "sync_api.Browser", server: ServerThread, locale: str) -> None:
    options = {"base_url": server.server.address, "locale": locale, "viewport": PHONE}
    with browser.new_context(**options) as context:
        page = context.new_page()
        page.goto("/settings")
        expect(page.locator("#model-name")).to_have_text("fake-model")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
