"""Everybody can use the page: axe-core's rules, the keys alone, screen readers, calm, contrast."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from page_browser import (  # noqa: F401
    LOOKS,
    MARKS,
    Look,
    app_page,
    app_server,
    ask,
    chromium,
    name_of,
    send_question,
    sync_api,
)
from page_server import ServerThread

Page, expect = sync_api.Page, sync_api.expect

pytestmark = MARKS

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FIND_VIOLATIONS = """async (rules) => {
  const { violations } = await axe.run({ runOnly: rules, resultTypes: ["violations"] });
  const told = (node) => `${node.target.join(" ")}: ${node.failureSummary}`;
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id} ${told(node)}`));
}"""


def violations(page: Page) -> list[str]:
    """What axe-core finds, one line each; the page keeps its own CSP, the rules come by CDP."""
    page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    found = page.evaluate(FIND_VIOLATIONS, RULES)
    assert isinstance(found, list)
    return found


# ---- the states of the page ---------------------------------------------------------------------


def be_empty(page: Page) -> None:
    expect(page.locator("#suggestions button").first).to_be_visible()


def be_writing(page: Page) -> None:
    send_question(page, "gated")
    expect(page.locator(".answer")).to_contain_text("HTTP/2 is off by default")
    page.locator(".activity > summary").click()


def be_answered(page: Page) -> None:
    send_question(page, "check")
    expect(page.locator(".follow-ups")).to_be_visible()
    page.locator(".passages summary").click()


def show_card(page: Page) -> None:
    be_answered(page)
    page.locator(".citation").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


def show_work(page: Page) -> None:
    send_question(page, "search")
    expect(page.locator(".follow-ups")).to_be_visible()
    page.locator(".activity > summary").click()
    page.locator(".failures summary").click()


def show_technical(page: Page) -> None:
    send_question(page, "technical")
    expect(page.locator(".follow-ups")).to_be_visible()


def have_failed(page: Page) -> None:
    send_question(page, "unsearchable")
    expect(page.get_by_role("alert")).to_be_visible()


def be_stopped(page: Page) -> None:
    be_writing(page)
    page.locator("#stop").click()
    expect(page.locator(".ending-note").first).to_be_visible()


def edit_question(page: Page) -> None:
    be_answered(page)
    page.locator(".edit-button").click()
    expect(page.locator(".edit-box")).to_be_focused()


def choose_options(page: Page) -> None:
    page.locator("#options > summary").click()


def open_list(page: Page) -> None:
    send_question(page, "hello")
    expect(page.locator(".follow-ups")).to_be_visible()
    if page.locator("#open-sidebar").is_visible():
        page.locator("#open-sidebar").click()
    expect(page.locator(".conversation-list a").first).to_be_visible()


def share(page: Page) -> None:
    send_question(page, "hello")
    expect(page.locator(".follow-ups")).to_be_visible()
    page.locator("#share").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def open_settings(page: Page) -> None:
    page.goto("/settings")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("fake-model")).to_be_visible()


def find_nothing(page: Page) -> None:
    page.goto("/c/nothing")
    expect(page.get_by_role("alert")).to_be_visible()


def end_answer(page: Page) -> None:
    """Else the next state finds the model busy."""
    if page.locator("#stop").is_visible():
        page.locator("#stop").click()
        expect(page.locator(".ending-note").first).to_be_visible()


STATES: list[Callable[[Page], None]] = [
    be_empty,
    be_writing,
    be_answered,
    show_card,
    show_work,
    show_technical,
    have_failed,
    be_stopped,
    edit_question,
    choose_options,
    open_list,
    share,
    open_settings,
    find_nothing,
]


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_any_state(
    browser: Any, server: ServerThread, look: Look, scheme: str
) -> None:
    """One browser for all states: the rules alone take a second a state."""
    found = {}
    for reach in STATES:
        context = look.open(browser, server.server.address, color_scheme=scheme)
        page = context.new_page()
        page.goto("/")
        reach(page)
        found[reach.__name__] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), reach.__name__
        end_answer(page)
        context.close()
    assert {state: lines for state, lines in found.items() if lines} == {}


# ---- the keys alone -----------------------------------------------------------------------------


def tab_to(page: Page, selector: str, *, at_most: int = 60) -> None:
    """Press Tab until the focus is there."""
    for _ in range(at_most):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{at_most} tabs did not lead to {selector}")


def test_everything_can_be_done_with_the_keys_alone(page: Page, server: ServerThread) -> None:
    page.locator(".skip-link").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("check")
    page.keyboard.press("Enter")
    expect(page.locator(".follow-ups")).to_be_visible()
    page.locator(".question").focus()
    tab_to(page, ".edit-button")
    tab_to(page, "a.citation")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    tab_to(page, ".support-label")
    expect(page.get_by_role("tooltip")).to_contain_text("partly supported")
    tab_to(page, ".answer-tools button")
    tab_to(page, ".passages summary")
    tab_to(page, ".follow-ups button")
    page.keyboard.press("Enter")
    expect(page.locator(".question")).to_have_text(["check", "What is HTTP/3?"])


def test_keys_lead_to_the_box_edit_the_last_question_and_begin_anew(page: Page) -> None:
    ask(page, "hello")
    expect(page.locator(".answer-tools")).to_be_visible()
    page.locator(".answer-tools button").first.focus()
    page.keyboard.press("/")
    box = page.locator("#question")
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    page.keyboard.press("ArrowUp")
    expect(page.locator(".edit-box")).to_be_focused()
    expect(page.locator(".edit-box")).to_have_value("hello")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Shift+O")
    expect(page.locator("#hero")).to_be_visible()
    expect(box).to_be_focused()


def test_escape_stops_the_answer(page: Page) -> None:
    ask(page, "hang")
    expect(page.locator(".answer")).to_have_text("The first words stand.")
    page.keyboard.press("Escape")
    expect(page.locator(".ending-note")).to_contain_text("Stopped")


def test_focus_stays_on_a_chip_while_words_come_after_it(page: Page, server: ServerThread) -> None:
    ask(page, "gated")
    chip = page.locator(".citation").first
    chip.focus()
    server.gate.open()
    expect(page.locator(".answer-tools")).to_be_visible()
    expect(chip).to_be_focused()


# ---- those who hear it, and those who want calm -------------------------------------------------


def test_live_region_tells_the_steps_and_not_each_word(page: Page, server: ServerThread) -> None:
    page.evaluate("""() => {
      window.heard = [];
      const status = document.getElementById("status");
      const hear = () => status.textContent && heard.push(status.textContent);
      new MutationObserver(hear).observe(status, { childList: true, characterData: true });
    }""")
    ask(page, "gated")
    expect(page.locator(".answer")).to_contain_text("HTTP/2 is off")
    server.gate.open()
    expect(page.locator(".answer-tools")).to_be_visible()
    heard = page.evaluate("heard")
    assert heard == ["Thinking", "Searching", "Reading pages", "Writing the answer", heard[-1]]
    assert heard[-1].startswith("Answer finished")
    assert page.locator(".answer").evaluate("(e) => !e.closest('[aria-live]')")


def test_page_has_landmarks_and_a_heading_for_each_question(page: Page) -> None:
    ask(page, "hello")
    expect(page.locator(".answer-tools")).to_be_visible()
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("navigation")).to_have_count(1)
    expect(page.get_by_role("heading", level=2, name="hello")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("hello")


def test_nothing_moves_for_those_who_want_calm(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    ask(page, "hang")
    moving = "document.getAnimations().length"
    expect(page.locator(".answer")).to_have_text("The first words stand.")
    assert page.evaluate(moving) == 0


def test_reader_is_not_moved_while_words_come(page: Page, server: ServerThread) -> None:
    ask(page, "gated")
    expect(page.locator(".answer")).to_contain_text("HTTP/2 is off")
    before = page.evaluate(
        "[scrollY, document.querySelector('.answer').getBoundingClientRect().top]"
    )
    server.gate.open()
    expect(page.locator(".answer")).to_contain_text("to the client")
    after = page.evaluate(
        "[scrollY, document.querySelector('.answer').getBoundingClientRect().top]"
    )
    assert after == before


# ---- language and theme -------------------------------------------------------------------------


@pytest.mark.parametrize("width", [360, 1280])
def test_no_word_shifts_once_the_first_one_stands(
    page: Page, server: ServerThread, width: int
) -> None:
    """By Chromium's own measure: what comes later stands below, or takes no room."""
    page.set_viewport_size({"width": width, "height": 800})
    ask(page, "gated")
    expect(page.locator(".answer")).to_contain_text("HTTP/2 is off")
    page.evaluate("""() => {
      window.shifted = 0;
      const add = (list) => list.getEntries().forEach((entry) => (window.shifted += entry.value));
      new PerformanceObserver(add).observe({ type: "layout-shift" });
    }""")
    page.wait_for_timeout(600)  # Shifts within half a second of a key do not count.
    server.gate.open()
    expect(page.locator(".follow-ups")).to_be_visible()
    page.wait_for_timeout(200)
    assert page.evaluate("shifted") == 0


def test_theme_is_there_before_the_first_paint(browser: Any, server: ServerThread) -> None:
    context = browser.new_context(base_url=server.server.address, color_scheme="light")
    context.add_cookies([{"name": "ui_theme", "value": "dark", "url": server.server.address}])
    page = context.new_page()
    html = page.request.get("/").text()
    assert re.search(r'<html lang="en" data-theme="dark">', html)
    page.goto("/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 24, 22)"
    context.close()


def test_print_shows_the_answer_and_nothing_of_the_page_around_it(page: Page) -> None:
    ask(page, "check")
    expect(page.locator(".follow-ups")).to_be_visible()
    page.emulate_media(media="print")
    for hidden in ("#sidebar", "#composer", ".answer-tools", ".follow-ups", "#conversation-head"):
        expect(page.locator(hidden)).to_be_hidden()
    for shown in (".question", ".answer", ".support-summary", ".card-title"):
        expect(page.locator(shown).first).to_be_visible()
