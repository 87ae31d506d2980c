"""What one can do with a question and its answer, in both languages and on both screens."""

import re
from pathlib import Path
from typing import Any

import pytest
from page_browser import (  # noqa: F401
    MARKS,
    Look,
    app_server,
    chosen_look,
    chromium,
    page_with_look,
    send_question,
    sync_api,
)
from page_server import FAILURE, ServerThread

from websearch_agent.server.page_words import counted

Page, expect = sync_api.Page, sync_api.expect

pytestmark = MARKS


def tool(page: Page, look: Look, key: str) -> Any:
    """A button or link below the last answer."""
    return page.locator(".answer-tools").last.get_by_text(look.words[key], exact=True)


def copied(page: Page) -> str:
    """Pasted, since the page may not read the clipboard."""
    box = page.locator("#question")
    box.fill("")
    box.press("ControlOrMeta+V")
    text = box.input_value()
    box.fill("")
    assert isinstance(text, str)
    return text


def edit_last(page: Page, text: str) -> None:
    page.locator(".edit-button").last.click()
    page.locator(".edit-box").fill(text)
    page.locator(".edit-box").press("Enter")


# ---- how it is asked -----------------------------------------------------------------------------


def test_options_go_with_the_question_and_are_told(
    viewer: Page, server: ServerThread, look: Look
) -> None:
    viewer.locator("#options > summary").click()
    viewer.locator('[name="mode"]').select_option("quick")
    viewer.locator('[name="time_range"]').select_option("week")
    viewer.locator('[name="include_domains"]').fill("docs.python.org, example.org")
    viewer.locator('[name="exclude_domains"]').fill("example.com")
    viewer.locator('[name="exclude_domains"]').press("Enter")
    expect(viewer.locator(".options-panel")).to_be_hidden()
    told = viewer.locator("#options-told")
    for key in ("depthQuick", "timeWeek"):
        expect(told).to_contain_text(look.words[key])
    language = "zh" if look.locale == "zh-CN" else "en"
    expect(told).to_contain_text(counted(1, "withoutOneSite", "withoutSites", language))
    viewer.locator('label:has([value="always"])').click()
    send_question(viewer, "hello")
    expect(viewer.locator(".answer-tools")).to_be_visible()
    asked = server.service.requests[-1]
    assert (asked.search, asked.mode, asked.time_range) == ("always", "quick", "week")
    assert asked.include_domains == ("docs.python.org", "example.org")
    assert asked.exclude_domains == ("example.com",)
    viewer.locator("#options > summary").click()
    viewer.locator("#clear-options").click()
    expect(told).to_have_text("")


def test_site_that_is_none_is_refused_and_the_question_kept(viewer: Page, look: Look) -> None:
    viewer.locator("#options > summary").click()
    viewer.locator('[name="include_domains"]').fill("no_such domain!")
    send_question(viewer, "hello")
    expect(viewer.get_by_role("alert")).to_be_visible()
    expect(viewer.locator("#question")).to_have_value("hello")
    viewer.context.pages[0].console_errors.clear()  # 422 is an error to the console


def test_shift_enter_begins_a_line_and_enter_sends(viewer: Page, server: ServerThread) -> None:
    box = viewer.locator("#question")
    box.press_sequentially("first")
    box.press("Shift+Enter")
    box.press_sequentially("second")
    box.press("Enter")
    expect(viewer.locator(".answer-tools")).to_be_visible()
    assert server.service.requests[-1].question == "first\nsecond"


def test_draft_survives_a_reload(viewer: Page) -> None:
    viewer.locator("#question").fill("half a ques")
    viewer.reload()
    expect(viewer.locator("#question")).to_have_value("half a ques")


# ---- again -------------------------------------------------------------------------------------


def test_edited_question_takes_the_place_of_the_old_one(
    viewer: Page, server: ServerThread, look: Look
) -> None:
    send_question(viewer, "search")
    expect(viewer.locator(".answer-tools")).to_be_visible()
    edit_last(viewer, "hello")
    expect(viewer.locator(".answer")).to_contain_text("this is a chat")
    expect(viewer.locator(".question")).to_have_text(["hello"])
    assert server.service.requests[-1].replace_turn is not None
    viewer.reload()
    expect(viewer.locator(".question")).to_have_text(["hello"])


def test_editing_an_earlier_question_warns_and_replaces_what_follows(
    viewer: Page, look: Look
) -> None:
    for question in ("search", "hello"):
        send_question(viewer, question)
        expect(viewer.locator(".turn").last.locator(".answer-tools")).to_be_visible()
    viewer.locator(".edit-button").first.click()
    expect(viewer.locator(".edit-note")).to_have_text(look.words["editReplacesLater"])
    viewer.locator(".edit-box").press("Escape")
    expect(viewer.locator(".question")).to_have_text(["search", "hello"])
    viewer.locator(".edit-button").first.click()
    viewer.locator(".edit-box").fill("check")
    viewer.locator(".edit-box").press("Enter")
    expect(viewer.locator(".question")).to_have_text(["check"])
    expect(viewer.locator(".answer-tools")).to_be_visible()


def test_regenerated_answer_replaces_the_last_one(
    viewer: Page, server: ServerThread, look: Look
) -> None:
    send_question(viewer, "hello")
    tool(viewer, look, "regenerate").click()
    expect(viewer.locator(".answer-tools")).to_be_visible()
    expect(viewer.locator(".turn")).to_have_count(1)
    assert len(server.service.requests) == 2
    viewer.reload()
    expect(viewer.locator(".turn")).to_have_count(1)


def test_answer_that_could_not_be_replaced_comes_back(viewer: Page, look: Look) -> None:
    send_question(viewer, "once")
    tool(viewer, look, "regenerate").click()
    failure = viewer.get_by_role("alert")
    expect(failure).to_contain_text(FAILURE.message)
    failure.get_by_role("button", name=look.words["earlierAnswer"]).click()
    expect(viewer.locator(".answer")).to_contain_text("this is a chat")
    expect(failure).to_have_count(0)


def test_only_the_last_answer_is_replaced_by_one_click(viewer: Page, look: Look) -> None:
    for question in ("search", "hello"):
        send_question(viewer, question)
        expect(viewer.locator(".turn").last.locator(".answer-tools")).to_be_visible()
    expect(viewer.locator(".regenerate")).to_have_count(2)
    expect(viewer.locator(".regenerate").first).to_be_hidden()
    expect(viewer.locator(".regenerate").last).to_be_visible()


def test_asking_on_after_a_failed_replacement_keeps_the_earlier_answer(
    viewer: Page, look: Look
) -> None:
    send_question(viewer, "once")
    tool(viewer, look, "regenerate").click()
    expect(viewer.get_by_role("alert")).to_be_visible()
    send_question(viewer, "hello")
    expect(viewer.locator(".question")).to_have_text(["once", "hello"])
    expect(viewer.locator(".answer")).to_have_count(2)
    expect(viewer.get_by_role("alert")).to_have_count(0)
    expect(viewer.locator(".turn").last.locator(".answer-tools")).to_be_visible()
    viewer.reload()
    expect(viewer.locator(".question")).to_have_text(["once", "hello"])


def test_escape_while_composing_leaves_the_edit_alone(viewer: Page) -> None:
    send_question(viewer, "hello")
    expect(viewer.locator(".answer-tools")).to_be_visible()
    viewer.locator(".edit-button").click()
    box = viewer.locator(".edit-box")
    box.fill("ni hao")
    box.dispatch_event("keydown", {"key": "Escape", "isComposing": True, "keyCode": 229})
    expect(box).to_have_value("ni hao")


def test_failed_question_leaves_no_trace_once_it_was_answered(viewer: Page, look: Look) -> None:
    send_question(viewer, "fail")
    viewer.get_by_role("button", name=look.words["tryAgain"]).click()
    expect(viewer.locator(".answer")).to_contain_text("this is a chat")
    viewer.reload()
    expect(viewer.locator(".turn")).to_have_count(1)
    expect(viewer.get_by_role("alert")).to_have_count(0)


def test_follow_up_questions_ask_by_a_click(viewer: Page, server: ServerThread, look: Look) -> None:
    send_question(viewer, "hello")
    expect(viewer.get_by_role("heading", name=look.words["followUps"])).to_be_visible()
    viewer.get_by_role("button", name="What is HTTP/3?").click()
    expect(viewer.locator(".question")).to_have_text(["hello", "What is HTTP/3?"])
    expect(viewer.locator(".turn").last.locator(".answer-tools")).to_be_visible()
    assert server.service.requests[-1].conversation_id == "c1"
    expect(viewer.locator(".turn").first.locator(".follow-ups")).to_have_count(0)


# ---- to take away ------------------------------------------------------------------------------


def test_copy_takes_the_answer_as_markdown_with_its_sources(viewer: Page, look: Look) -> None:
    send_question(viewer, "search")
    tool(viewer, look, "copyAnswer").click()
    expect(viewer.get_by_text(look.words["copied"], exact=True)).to_be_visible()
    text = copied(viewer)
    assert "HTTPX supports **HTTP/2** [2]" in text
    assert "https://www.example.org/docs/http2" in text


def test_link_leads_to_the_very_answer(viewer: Page, look: Look) -> None:
    for question in ("search", "check", "hello"):
        send_question(viewer, question)
        expect(viewer.locator(".turn").last.locator(".answer-tools")).to_be_visible()
    viewer.locator(".answer-tools").nth(1).get_by_text(look.words["copyLink"]).click()
    expect(viewer.get_by_text(look.words["copied"], exact=True)).to_be_visible()
    address = copied(viewer)
    assert re.search(r"/c/c1#turn-.+$", address)
    viewer.goto("about:blank")
    viewer.goto(address)
    expect(viewer.locator(".question", has_text="check")).to_be_in_viewport()


def test_answer_and_conversation_are_saved_as_files(
    viewer: Page, look: Look, tmp_path: Path
) -> None:
    send_question(viewer, "search")
    for save in (tool(viewer, look, "saveAnswer"), viewer.locator("#export")):
        with viewer.expect_download() as download:
            save.click()
        assert download.value.suggested_filename.endswith(".md")
        download.value.save_as(tmp_path / "saved.md")
        assert "HTTPX supports **HTTP/2** [2]" in (tmp_path / "saved.md").read_text()


def test_code_is_coloured_and_copied(viewer: Page, look: Look) -> None:
    send_question(viewer, "technical")
    expect(viewer.locator(".answer-tools")).to_be_visible()
    code = viewer.locator(".code-frame")
    expect(code.locator(".code-language")).to_have_text("python")
    assert code.locator("[class^='hl-']").count() >= 3
    code.get_by_role("button", name=look.words["copyCode"]).click()
    expect(viewer.get_by_text(look.words["copied"], exact=True)).to_be_visible()
    assert copied(viewer).startswith("import httpx\nclient = httpx.Client(http2=True)")


def test_maths_is_drawn_and_money_stays_text(viewer: Page) -> None:
    send_question(viewer, "technical")
    expect(viewer.locator(".answer math mfrac")).to_have_count(1)
    expect(viewer.locator(".answer")).to_contain_text("Prices are $5 and $10.")


@pytest.mark.parametrize("question", ["technical", "wide"])
def test_no_answer_makes_the_page_wider_than_the_screen(viewer: Page, question: str) -> None:
    send_question(viewer, question)
    expect(viewer.locator(".answer-tools")).to_be_visible()
    assert viewer.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_gave_nothing_is_folded_away(viewer: Page, look: Look) -> None:
    send_question(viewer, "search")
    folded = viewer.locator(".failures")
    expect(folded.locator("li").first).to_be_hidden()
    folded.locator("summary").click()
    expect(folded).to_contain_text("slow.example.net")
    expect(folded).to_contain_text("ddgs")
