"""Links to conversations in a real browser: making and revoking one, and what its reader sees."""

from typing import Any

import pytest
from page_browser import MARKS, PHONE, app_server, ask, chromium, sync_api  # noqa: F401
from page_server import ServerThread

pytestmark = MARKS
Page = Any
expect = sync_api.expect


@pytest.fixture(name="page")
def owners_page(browser: "sync_api.Browser", server: ServerThread) -> Any:
    """A page whose console may complain: that there is no link yet comes as a 404."""
    context = browser.new_context(base_url=server.server.address, locale="en-GB")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.goto("/")
    yield opened
    context.close()


def open_dialog(page: Page) -> Any:
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name="Share this conversation")
    expect(dialog).to_contain_text("Whoever has the link can read")
    return dialog


def make_link(page: Page) -> str:
    dialog = open_dialog(page)
    dialog.get_by_role("button", name="Create link").click()
    link = dialog.get_by_label("Link to this conversation")
    expect(link).to_be_visible()
    return str(link.input_value())


def test_link_is_made_copied_and_told(page: Page, server: ServerThread) -> None:
    ask(page, "search")
    expect(page.locator(".card")).to_have_count(2)
    link = make_link(page)
    [share] = server.service.store.shares.values()
    assert link == f"{server.server.address}/s/{share.token}"
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It shows 1 question.")
    dialog.get_by_role("button", name="Copy link").click()
    expect(dialog.get_by_role("status")).to_have_text("The link is in the clipboard.")
    # Without a header, the page itself may not read the clipboard: a box shows what is in it.
    dialog.get_by_label("Link to this conversation").evaluate("box => (box.readOnly = false)")
    dialog.get_by_label("Link to this conversation").focus()
    page.keyboard.press("Control+A")
    page.keyboard.press("Control+V")
    expect(dialog.get_by_label("Link to this conversation")).to_have_value(link)


def test_link_is_copied_without_the_clipboard_api(page: Page) -> None:
    page.add_init_script("delete Navigator.prototype.clipboard")
    ask(page, "search")
    expect(page.locator(".card")).to_have_count(2)
    page.reload()
    assert page.evaluate("navigator.clipboard") is None
    make_link(page)
    copy = page.get_by_role("button", name="Copy link")
    copy.click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("in the clipboard")
    expect(copy).to_be_focused()
    expect(page.locator("textarea[readonly]")).to_have_count(0)


def test_link_is_updated_and_revoked(page: Page, server: ServerThread) -> None:
    ask(page, "search")
    expect(page.locator(".card")).to_have_count(2)
    make_link(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Share")).to_be_focused()
    ask(page, "hello")
    expect(page.locator(".answer").nth(1)).to_contain_text("this is a chat")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    dialog = open_dialog(page)
    expect(dialog).to_contain_text("It shows 1 question.")
    dialog.get_by_role("button", name="Update to now").click()
    expect(dialog).to_contain_text("It shows 2 questions.")
    dialog.get_by_role("button", name="Revoke link").click()
    expect(dialog.get_by_role("status")).to_contain_text("The link was revoked.")
    expect(dialog.get_by_role("button", name="Create link")).to_be_focused()
    assert server.service.store.shares == {}


def test_dialog_says_that_sharing_is_off(page: Page) -> None:
    problem = '{"code": "not_allowed", "detail": "WEBSEARCH_SHARING is off."}'
    page.route("**/share", lambda route: route.fulfill(status=403, body=problem))
    ask(page, "hello")
    expect(page.locator(".answer")).to_contain_text("this is a chat")
    dialog = open_dialog(page)
    off = "The operator of this server turned sharing off."
    expect(dialog.get_by_role("status")).to_have_text(off)
    expect(dialog.get_by_role("button")).to_have_text(["Close"])


def test_reader_sees_the_answer_and_nothing_to_change_it(
    page: Page, browser: "sync_api.Browser"
) -> None:
    ask(page, "search")
    expect(page.locator(".card")).to_have_count(2)
    link = make_link(page)
    errors: list[str] = []
    with browser.new_context(locale="en-GB", viewport=PHONE) as context:
        reader = context.new_page()
        reader.on("console", lambda m: m.type == "error" and errors.append(m.text))
        reader.goto(link)
        expect(reader.get_by_role("heading", level=1)).to_have_text("search")
        expect(reader.locator(".shared-line")).to_contain_text("Shared conversation, read only · ")
        expect(reader.locator(".card")).to_have_count(2)
        expect(reader.locator("form, textarea, .answer-tools, .edit-button")).to_have_count(0)
        reader.locator(".citation").first.click()
        expect(reader.locator(".card.is-shown, .floating-card:visible").first).to_be_visible()
        assert reader.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert errors == []


def test_reader_of_a_revoked_link_is_told(
    browser: "sync_api.Browser", server: ServerThread
) -> None:
    with browser.new_context(base_url=server.server.address, locale="zh-CN") as context:
        reader = context.new_page()
        response = reader.goto("/s/no-such-link")
        assert response is not None
        assert response.status == 404
        expect(reader.get_by_role("heading")).to_have_text("此链接无效")
        expect(reader.get_by_role("link", name="自己提一个问题")).to_have_attribute("href", "/")


def test_printed_page_holds_answers_and_addresses_and_no_controls(
    page: Page, browser: "sync_api.Browser"
) -> None:
    ask(page, "search")
    expect(page.locator(".card")).to_have_count(2)
    page.emulate_media(media="print")
    expect(page.locator(".answer")).to_be_visible()
    address = "getComputedStyle(document.querySelector('.card a'), '::after').content"
    assert page.evaluate(address) == '"https://www.example.org/docs/http2"'
    for hidden in (".sidebar", "#composer", ".conversation-head button", ".answer-tools"):
        expect(page.locator(hidden).first).to_be_hidden()
