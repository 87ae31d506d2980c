"""An answer outlives the page that asked: reloads, lost connections, other tabs."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cuttable_line import CuttableLine
from page_browser import (  # noqa: F401
    MARKS,
    Look,
    app_server,
    chosen_look,
    chromium,
    page_with_look,
    send_question,
    sync_api,
    watched_page,
)
from page_server import ServerThread

Page, expect = sync_api.Page, sync_api.expect

pytestmark = MARKS

FIRST = "HTTP/2 is off by default"
LAST = "Pass http2=True to the client"
GONE = {"code": "answer_not_found", "detail": "It is gone.", "retryable": False}


def expect_first_words(page: Page, look: Look) -> None:
    expect(page.locator(".answer")).to_contain_text(FIRST)
    expect(page.get_by_role("button", name=look.words["stop"], exact=True)).to_be_visible()


def expect_whole_answer(page: Page) -> None:
    expect(page.locator(".answer")).to_contain_text(LAST)
    expect(page.locator(".answer .citation")).to_have_count(2)
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator("#stop")).to_be_hidden()
    expect(page.locator(".failure")).to_have_count(0)


def open_list(page: Page, look: Look) -> None:
    if look.is_phone:
        page.locator("#open-sidebar").click()


def test_reload_in_mid_answer_goes_on(viewer: Page, server: ServerThread, look: Look) -> None:
    send_question(viewer, "gated")
    expect_first_words(viewer, look)
    viewer.reload()
    expect_first_words(viewer, look)
    expect(viewer.locator(".activity > summary")).to_be_visible()
    server.gate.open()
    expect_whole_answer(viewer)
    assert len(server.service.requests) == 1


def test_answer_that_ended_during_a_reload_is_there(
    viewer: Page, server: ServerThread, look: Look
) -> None:
    send_question(viewer, "gated")
    expect_first_words(viewer, look)
    address = viewer.url
    viewer.goto("about:blank")
    server.gate.open()
    viewer.goto(address)
    expect_whole_answer(viewer)


def test_other_conversation_leaves_the_answer_going_on(
    viewer: Page, server: ServerThread, look: Look
) -> None:
    send_question(viewer, "gated")
    expect_first_words(viewer, look)
    viewer.locator('[data-action="new-conversation"]:visible').first.click()
    expect(viewer).to_have_url(re.compile(r"/$"))
    send_question(viewer, "hello")
    expect(viewer.locator(".answer")).to_contain_text("this is a chat")
    server.gate.open()
    open_list(viewer, look)
    viewer.locator(".conversation-list a", has_text="gated").click()
    expect_whole_answer(viewer)


def test_back_and_forward_show_what_was_there(viewer: Page, look: Look) -> None:
    send_question(viewer, "hello")
    expect(viewer.locator(".answer")).to_contain_text("this is a chat")
    viewer.go_back()
    expect(viewer.locator("#hero")).to_be_visible()
    expect(viewer.locator(".turn")).to_have_count(0)
    viewer.go_forward()
    expect(viewer.locator(".question")).to_have_text("hello")
    expect(viewer.locator(".answer")).to_contain_text("this is a chat")


@pytest.fixture(name="line")
def line_to_the_server(server: ServerThread) -> Iterator[CuttableLine]:
    line = CuttableLine(server.server.address)
    yield line
    line.close()


@pytest.fixture(name="traveller")
def page_over_the_line(browser: Any, line: CuttableLine, look: Look) -> Iterator[Page]:
    """Its console may complain: a lost connection is an error there."""
    context = look.open(browser, line.address)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def test_lost_connection_is_told_and_the_answer_goes_on(
    traveller: Page, line: CuttableLine, server: ServerThread, look: Look
) -> None:
    send_question(traveller, "gated")
    expect_first_words(traveller, look)
    line.cut()
    note = traveller.locator(".connection-note")
    expect(note).to_have_text(look.words["reconnecting"])
    expect(traveller.locator(".answer")).to_contain_text(FIRST)
    line.mend()
    expect(note).to_be_hidden()
    server.gate.open()
    expect_whole_answer(traveller)
    assert len(server.service.requests) == 1


def test_answer_that_ended_while_the_line_was_cut_is_shown_whole(
    traveller: Page, line: CuttableLine, server: ServerThread, look: Look
) -> None:
    send_question(traveller, "gated")
    expect_first_words(traveller, look)
    line.cut()
    expect(traveller.locator(".connection-note")).to_be_visible()
    server.gate.open()
    line.mend()
    expect_whole_answer(traveller)


def test_question_that_found_no_server_is_kept_and_can_be_sent_again(
    traveller: Page, line: CuttableLine, look: Look
) -> None:
    line.cut()
    send_question(traveller, "hello")
    failure = traveller.get_by_role("alert")
    expect(failure).to_contain_text(look.words["unreachableText"])
    expect(traveller.locator(".question")).to_have_text("hello")
    line.mend()
    failure.get_by_role("button", name=look.words["tryAgain"]).click()
    expect(traveller.locator(".answer")).to_contain_text("this is a chat")
    expect(traveller.locator(".turn")).to_have_count(1)


def test_two_tabs_on_one_conversation_stay_in_step(
    viewer: Page, server: ServerThread, look: Look
) -> None:
    send_question(viewer, "hello")
    expect(viewer.locator(".answer-tools")).to_be_visible()
    other = watched_page(viewer.context)
    other.goto(viewer.url)
    expect(other.locator(".turn")).to_have_count(1)
    send_question(viewer, "gated")
    expect(other.locator(".question")).to_have_text(["hello", "gated"])
    expect(other.locator(".turn").last.locator(".answer")).to_contain_text(FIRST)
    expect(other.locator("#stop")).to_be_visible()
    server.gate.open()
    for page in (viewer, other):
        expect(page.locator(".turn").last.locator(".answer")).to_contain_text(LAST)
        expect(page.locator("#stop")).to_be_hidden()
    assert other.console_errors == []


def test_stop_in_one_tab_stops_the_answer_in_both(viewer: Page, look: Look) -> None:
    send_question(viewer, "gated")
    expect_first_words(viewer, look)
    other = watched_page(viewer.context)
    other.goto(viewer.url)
    expect_first_words(other, look)
    other.locator("#stop").click()
    for page in (viewer, other):
        expect(page.locator(".ending-note").first).to_have_text(look.words["stopped"])
        expect(page.locator(".answer")).to_contain_text(FIRST)
        expect(page.locator("#ask")).to_be_visible()


def test_stopped_answer_stays_marked(viewer: Page, look: Look) -> None:
    send_question(viewer, "gated")
    expect_first_words(viewer, look)
    viewer.locator("#stop").click()
    expect(viewer.locator(".ending-note").first).to_have_text(look.words["stopped"])
    viewer.reload()
    expect(viewer.locator(".ending-note").first).to_have_text(look.words["stopped"])
    expect(viewer.locator(".answer")).to_contain_text(FIRST)


def test_question_can_be_stopped_before_the_server_has_begun(viewer: Page, look: Look) -> None:
    send_question(viewer, "waiting")
    expect(viewer.locator("#stop")).to_be_visible()
    viewer.locator("#stop").click()
    expect(viewer.locator(".ending-note")).to_have_text(look.words["stoppedEmpty"])
    expect(viewer.get_by_role("button", name=look.words["askAgain"])).to_be_visible()


def test_tab_that_was_busy_shows_afterwards_what_was_asked_in_another(
    viewer: Page, server: ServerThread, look: Look
) -> None:
    send_question(viewer, "hello")
    expect(viewer.locator(".answer-tools")).to_be_visible()
    other = watched_page(viewer.context)
    other.goto(viewer.url)
    send_question(viewer, "gated")
    expect(viewer.locator(".turn").last.locator(".answer")).to_contain_text(FIRST)
    viewer.evaluate(
        """(conversation_id) => fetch("/api/answers", {
            method: "POST",
            headers: {"Content-Type": "application/json"},
            body: JSON.stringify({question: "search", conversation_id}),
          }).then(() => new BroadcastChannel("websearch-agent").postMessage(
            {kind: "conversations_changed"}))""",
        viewer.url.rsplit("/", 1)[1],
    )
    server.gate.open()
    for page in (viewer, other):
        expect(page.locator(".question")).to_have_text(["hello", "gated", "search"])


def test_question_asked_while_the_conversation_loads_stands_behind_the_others(
    viewer: Page, look: Look
) -> None:
    send_question(viewer, "search")
    expect(viewer.locator(".answer-tools")).to_be_visible()
    held: list[Any] = []

    def hold_first(route: Any) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    viewer.route("**/api/conversations/c1?render=true", hold_first)
    viewer.reload()
    send_question(viewer, "hello")
    viewer.wait_for_timeout(300)
    held[0].continue_()
    expect(viewer.locator(".question")).to_have_text(["search", "hello"])
    expect(viewer.locator(".answer").last).to_contain_text("this is a chat")


def test_question_that_waits_comes_back_to_the_box_when_one_goes_elsewhere(
    viewer: Page, look: Look
) -> None:
    send_question(viewer, "waiting")
    expect(viewer.locator("#stop")).to_be_visible()
    viewer.locator('[data-action="new-conversation"]:visible').first.click()
    expect(viewer.locator("#question")).to_have_value("waiting")


def test_garbled_address_shows_the_conversation_all_the_same(viewer: Page) -> None:
    send_question(viewer, "hello")
    expect(viewer.locator(".answer-tools")).to_be_visible()
    address = viewer.url
    viewer.goto("about:blank")
    viewer.goto(f"{address}#50%")
    expect(viewer.locator(".answer")).to_contain_text("this is a chat")


def test_words_stay_when_the_server_broke_down_without_storing_them(
    traveller: Page, line: CuttableLine, server: ServerThread, look: Look
) -> None:
    send_question(traveller, "gated")
    expect_first_words(traveller, look)
    line.cut()
    expect(traveller.locator(".connection-note")).to_be_visible()
    kept = server.service.store.conversations["c1"]
    lost = replace(kept.turns[0], status="stopped", answer=None)
    server.service.store.conversations["c1"] = replace(kept, turns=(lost,))
    traveller.route("**/api/answers/*", lambda route: route.fulfill(status=404, json=GONE))
    line.mend()
    expect(traveller.get_by_role("alert")).to_contain_text(look.words["interrupted"])
    expect(traveller.locator(".answer")).to_contain_text(FIRST)
    expect(traveller.get_by_role("button", name=look.words["tryAgain"])).to_be_visible()
