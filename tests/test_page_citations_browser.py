"""Citation chips in a real browser: the card beside them, its words, and where it leads."""

import re

import pytest
from page_browser import (  # noqa: F401
    MARKS,
    Look,
    app_page,
    app_server,
    ask,
    chosen_look,
    chromium,
    page_with_look,
    send_question,
    sync_api,
)
from server.fake_service import PAGE_SOURCE

Page, expect = sync_api.Page, sync_api.expect

pytestmark = MARKS


@pytest.mark.parametrize("is_stored", [False, True])
def test_pointing_at_a_chip_shows_the_words_it_rests_on(page: Page, is_stored: bool) -> None:
    ask(page, "quote")
    expect(page.locator(".card")).to_have_count(1)
    if is_stored:
        page.reload()
    chips = page.locator(".citation")
    card = page.get_by_role("tooltip")
    chips.nth(0).hover()
    expect(card).to_contain_text("HTTP/2 in practice")
    expect(card).to_contain_text("example.org · 2026-10-02")
    expect(card.locator("mark")).to_have_text("Proxies are read from the environment.")
    expect(card).to_contain_text("Citation added by the program")
    page.locator(".question").hover()
    expect(page.locator("#floating-card")).to_be_hidden()
    chips.nth(1).hover()
    expect(card.locator("mark")).to_have_text("The client speaks HTTP/2.")
    expect(card).not_to_contain_text("Citation added")
    page.locator(".question").hover()
    expect(page.locator("#floating-card")).to_be_hidden()
    chips.nth(2).hover()
    expect(card).to_contain_text("HTTP/2 in practice")
    expect(card.locator("mark")).to_have_count(0)


def test_pointer_can_go_into_the_card(page: Page) -> None:
    ask(page, "check")
    expect(page.locator(".answer-tools")).to_be_visible()
    page.locator(".citation").first.hover()
    link = page.locator("#floating-card a")
    link.hover()
    page.wait_for_timeout(500)  # longer than a card stays when the pointer has left
    expect(link).to_be_visible()
    expect(link).to_have_attribute("href", f"{PAGE_SOURCE.url}#:~:text=Proxies")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


def test_keys_lead_into_the_card_and_back(page: Page) -> None:
    ask(page, "check")
    expect(page.locator(".answer-tools")).to_be_visible()
    page.locator(".edit-button").focus()
    page.keyboard.press("Tab")
    chip = page.locator(".citation").first
    expect(chip).to_be_focused()
    expect(page.get_by_role("tooltip")).to_be_visible()
    page.keyboard.press("Enter")
    card = page.get_by_role("dialog")
    expect(card).to_have_accessible_name(re.compile("^Source 1 .*HTTP/2 in practice"))
    expect(card.get_by_role("link", name="Open the page at these words")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(chip).to_be_focused()


def test_card_leads_to_the_words_among_the_sources(viewer: Page, look: Look) -> None:
    send_question(viewer, "quote")
    expect(viewer.locator(".card")).to_have_count(1)
    passage, mark = viewer.locator(".passages blockquote").nth(1), viewer.locator(".passages mark")
    show = viewer.get_by_role("button", name=look.words["showInSources"])
    viewer.locator(".citation").nth(1).click()
    show.click()
    expect(mark).to_have_text("The client speaks HTTP/2.")
    expect(mark).to_be_in_viewport()
    expect(passage).to_be_focused()
    expect(passage.locator(".passage-heading")).to_have_text("HTTP/2 in short")
    expect(passage).not_to_contain_text("**")
    viewer.locator(".citation").nth(2).click()
    show.click()
    expect(mark).to_have_count(0)
    expect(viewer.locator(".card")).to_be_focused()


def test_tap_shows_the_card_and_a_tap_elsewhere_hides_it(viewer: Page, look: Look) -> None:
    send_question(viewer, "quote")
    expect(viewer.locator(".card")).to_have_count(1)
    chip, card = viewer.locator(".citation").nth(1), viewer.get_by_role("dialog")
    press = chip.tap if look.is_phone else chip.click
    press()
    expect(card.locator("mark")).to_have_text("The client speaks HTTP/2.")
    box = card.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= look.viewport["width"]
    viewer.locator(".question").click()
    expect(card).to_be_hidden()


def test_chip_has_a_name_for_those_who_hear_it(page: Page) -> None:
    ask(page, "search")
    expect(page.locator(".answer-tools")).to_be_visible()
    chip = page.locator(".citation[data-source='2']")
    expect(chip).to_have_accessible_name("Source 2: HTTPX README")
