"""The page in a real browser against the real app; only the service is a fake."""

import re

import pytest
from page_browser import MARKS, PHONE, app_page, app_server, ask, chromium, sync_api  # noqa: F401
from page_server import LONG_QUESTION, SCRIPT_TITLE, ServerThread
from server.fake_service import (
    PAGE_SOURCE,
)

Page, expect = sync_api.Page, sync_api.expect

pytestmark = MARKS


def test_fresh_page_shows_suggestions_that_ask(page: Page) -> None:
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    suggestions = page.locator("#suggestions button")
    expect(suggestions).to_have_text(["What can HTTPX do?", "Write a haiku."])
    suggestions.last.click()
    expect(page.locator(".answer")).to_contain_text("this is a chat")


def test_chat_turn_shows_no_search(page: Page) -> None:
    ask(page, "hello")
    expect(page.locator(".answer strong")).to_have_text("there")
    expect(page.locator(".activity")).to_be_hidden()
    expect(page.locator(".sources")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/c/c1$"))


def test_search_turn_shows_what_was_done_and_its_sources(page: Page) -> None:
    ask(page, "search")
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".notices")).to_contain_text("No web engine could be reached")
    summary = page.locator(".activity > summary")
    expect(summary).to_have_text(
        "2 searches · 1 page read · 1 search engine failed · 1 page not read"
    )
    summary.click()
    expect(page.locator(".steps")).to_contain_text("ddgs did not answer: asked too often")
    expect(page.locator(".steps")).to_contain_text("no reply in 6 s")
    expect(page.locator(".queries li")).to_have_count(2)


def test_source_links_open_pages_and_marked_documents(page: Page) -> None:
    ask(page, "search")
    link = page.locator(".card[data-number='1'] .card-title a")
    expect(link).to_have_attribute("href", PAGE_SOURCE.url)
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    with page.context.expect_page() as opened:
        page.locator(".card[data-number='2'] .card-title a").click()
    mark = opened.value.locator("#passage")
    expect(mark).to_be_in_viewport()
    expect(mark).to_contain_text("HTTPX supports HTTP/2")


def test_stop_keeps_what_was_written(page: Page, server: ServerThread) -> None:
    ask(page, "hang")
    expect(page.locator(".answer")).to_have_text("The first words stand.")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".ending-note")).to_contain_text("Stopped")
    expect(page.locator(".answer")).to_have_text("The first words stand.")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()


def test_failure_says_what_happened_and_can_be_tried_again(page: Page) -> None:
    ask(page, "fail")
    expect(page.get_by_role("alert")).to_contain_text("The model server does not answer.")
    expect(page.locator(".question")).to_have_text("fail")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".answer")).to_contain_text("this is a chat")
    expect(page.locator(".turn")).to_have_count(1)


def test_unsearchable_question_can_be_answered_without_searching(
    page: Page, server: ServerThread
) -> None:
    ask(page, "unsearchable")
    expect(page.get_by_role("alert").locator("code")).to_have_text("doctor")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.get_by_role("button", name="Answer without searching").click()
    expect(page.locator(".answer")).to_contain_text("this is a chat")
    assert [request.search for request in server.service.requests] == ["auto", "never"]


@pytest.mark.parametrize("text", ["refuse", LONG_QUESTION])
def test_refused_question_comes_back_whole_to_be_changed(
    page: Page, server: ServerThread, text: str
) -> None:
    ask(page, text)
    expect(page.get_by_role("alert")).to_contain_text("At most 20,000 characters are taken.")
    alert, composer = page.get_by_role("alert"), page.locator(".composer-box")
    expect(alert).to_be_in_viewport()
    alert_box, composer_box = alert.bounding_box(), composer.bounding_box()
    assert alert_box["y"] >= 0
    assert alert_box["y"] + alert_box["height"] <= composer_box["y"]
    expect(page.get_by_label("Your question")).to_have_value(text)
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    assert server.service.requests[0].question == text


def asked_questions(page: Page, server: ServerThread, *, count: int) -> list[str]:
    """The questions that have reached the service, as soon as there are so many of them."""
    for _ in range(500):
        if len(server.service.requests) >= count:
            break
        page.wait_for_timeout(20)
    return [request.question for request in server.service.requests]


def test_stop_before_the_first_word_offers_to_ask_again(page: Page, server: ServerThread) -> None:
    ask(page, "silent")
    asked_questions(page, server, count=1)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".ending-note")).to_have_text("Stopped before anything was written.")
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert asked_questions(page, server, count=2) == ["silent", "silent"]


def test_search_switch_is_of_the_conversation_and_not_called_a_decision(page: Page) -> None:
    page.locator(".switch label", has_text="Always").click()
    ask(page, "search")
    expect(page.locator(".steps")).to_contain_text("Searched, as you asked")
    expect(page.locator(".steps")).not_to_contain_text("decided")
    expect(page.get_by_role("radio", name="Always")).to_be_checked()
    page.get_by_role("button", name="New conversation").first.click()
    expect(page.get_by_role("radio", name="Auto")).to_be_checked()


def test_answer_without_a_source_can_be_searched_for(page: Page, server: ServerThread) -> None:
    ask(page, "hello")
    page.get_by_role("button", name="Search for it").click()
    expect(page.locator(".answer-tools")).to_be_visible()
    assert [request.search for request in server.service.requests] == ["auto", "always"]
    expect(page.locator(".turn")).to_have_count(1)


def test_foreign_text_never_becomes_markup(page: Page) -> None:
    ask(page, "hostile")
    expect(page.locator(".card-title")).to_have_text(SCRIPT_TITLE)
    expect(page.locator(".card-meta")).to_contain_text("<b>site</b>")
    expect(page.locator(".answer")).to_contain_text("<script>document.title='hacked'</script>")
    expect(page.locator(".thread img, .thread script")).to_have_count(0)
    expect(page).to_have_title("hostile")


def test_phone_width_does_not_scroll_sideways(page: Page) -> None:
    page.set_viewport_size(PHONE)
    ask(page, "wide")
    expect(page.locator(".card")).to_be_visible()
    expect(page.locator(".table-frame")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 360
    assert page.evaluate("document.querySelector('.table-frame').scrollWidth") > 360


def test_reload_shows_the_stored_conversation(page: Page) -> None:
    ask(page, "search")
    expect(page.locator(".card")).to_have_count(2)
    page.reload()
    expect(page.locator(".question")).to_have_text("search")
    expect(page.locator(".citation")).to_have_count(2)
    expect(page.locator(".card")).to_have_count(2)


def test_composing_with_an_input_method_does_not_send(page: Page, server: ServerThread) -> None:
    box = page.get_by_label("Your question")
    box.fill("ni hao")
    box.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "keyCode": 229})
    page.keyboard.press("Shift+Enter")
    expect(box).to_have_value("ni hao\n")
    assert server.service.requests == []


def test_chinese_browser_gets_a_chinese_page(
    browser: "sync_api.Browser", server: ServerThread
) -> None:
    context = browser.new_context(base_url=server.server.address, locale="zh-CN")
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("heading", name="您想了解什么？")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    context.close()


def test_sources_that_are_taken_up_again_are_told(page: Page) -> None:
    ask(page, "reuse")
    summary = page.locator(".activity > summary")
    expect(summary).to_have_text("Answers from the sources of an earlier answer")
    expect(summary).to_be_visible()
    expect(page.locator(".card")).to_have_count(1)


def test_reason_and_thoughts_are_shown_apart_from_the_answer(page: Page) -> None:
    ask(page, "thinking")
    turn = page.locator(".turn").last
    expect(turn).to_contain_text("recent event · 96 % sure")
    expect(turn).to_contain_text("Let me <b>think</b>.")
    expect(page.locator(".answer")).to_have_text("Thought over.")
