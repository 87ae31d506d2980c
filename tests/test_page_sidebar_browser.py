"""The list of conversations in a real browser: order, search, names, deletion, tabs, phones."""

import datetime as dt
from typing import Any

import pytest
from page_browser import MARKS, PHONE, app_page, app_server, chromium, sync_api  # noqa: F401
from page_server import ServerThread

from websearch_agent.conversations import Conversation, Turn
from websearch_agent.types import Answer

pytestmark = MARKS
Page = Any
expect = sync_api.expect

HOSTILE_TITLE = "<img src=x onerror=\"document.title='hacked'\">\u202etxt\u200b"


def add_conversations(server: ServerThread, *titles: str, days_ago: float = 0) -> None:
    """The last one is the newest, as the store keeps them; ids are `c-` and the first word."""
    now = dt.datetime.now().astimezone()
    for title in titles:
        made = now - dt.timedelta(days=days_ago)
        words = title.split()[0]
        turn = Turn(f"t-{words}", title, made, "finished", Answer(text=f"About {title}."))
        kept = Conversation(f"c-{words}", title, made, made, (turn,))
        server.service.store.conversations[kept.id] = kept


def titles_of(page: Page) -> Any:
    return page.locator(".conversation-item a")


def open_menu(page: Page, title: str) -> None:
    page.locator(".conversation-item", has_text=title).hover()
    page.get_by_role("button", name=f"Rename or delete: {title}").click()


def delete(page: Page, title: str) -> None:
    open_menu(page, title)
    page.get_by_role("menuitem", name="Delete").click()


def test_conversations_are_grouped_by_when_they_were_used(page: Page, server: ServerThread) -> None:
    today = dt.datetime.now().replace(hour=12).astimezone()
    for days in (400, 20, 5, 1, 0):
        add_conversations(server, f"used-{days}", days_ago=days)
    page.reload()
    expect(titles_of(page)).to_have_text([f"used-{days}" for days in (0, 1, 5, 20, 400)])
    old = (today - dt.timedelta(days=400)).strftime("%B %Y")
    headings = ["Today", "Yesterday", "Last 7 days", "Last 30 days", old]
    expect(page.locator("#conversations h2")).to_have_text(headings)
    expect(page.get_by_role("list", name="Yesterday").get_by_role("link")).to_have_text("used-1")


def test_search_finds_words_of_answers_and_escape_ends_it(page: Page, server: ServerThread) -> None:
    add_conversations(server, "apples", "pears", "plums")
    page.reload()
    expect(titles_of(page)).to_have_count(3)
    box = page.get_by_role("searchbox", name="Search conversations")
    box.fill("about PEARS")
    expect(titles_of(page)).to_have_text(["pears"])
    box.fill("cherries")
    expect(titles_of(page)).to_have_count(0)
    note = page.locator("#conversations-note")
    expect(note).to_have_text("No conversation holds these words.")
    page.keyboard.press("Escape")
    expect(box).to_have_value("")
    expect(box).to_be_focused()
    expect(titles_of(page)).to_have_count(3)
    expect(note).to_have_text("")


def test_late_reply_to_an_older_search_changes_nothing(page: Page, server: ServerThread) -> None:
    add_conversations(server, "apples", "pears")
    held: list[Any] = []
    page.route("**/api/conversations?*search=app", lambda route: held.append(route))
    page.reload()
    box = page.get_by_role("searchbox")
    with page.expect_request("**/api/conversations?*search=app"):
        box.fill("app")
    box.fill("pear")
    expect(titles_of(page)).to_have_text(["pears"])
    with page.expect_response("**/api/conversations?*search=app"):
        held[0].continue_()
    expect(titles_of(page)).to_have_text(["pears"])


def test_title_is_text_and_loses_what_nobody_sees(page: Page, server: ServerThread) -> None:
    add_conversations(server, HOSTILE_TITLE, "من كتب هذا")
    page.reload()
    expect(titles_of(page)).to_have_count(2)
    hostile = titles_of(page).nth(1)
    expect(hostile).to_have_text("<img src=x onerror=\"document.title='hacked'\">txt")
    expect(page.locator("#conversations img")).to_have_count(0)
    assert titles_of(page).nth(0).evaluate("link => getComputedStyle(link).direction") == "rtl"
    hostile.click()
    expect(page.locator(".question")).to_contain_text("<img")
    expect(page.locator(".thread img")).to_have_count(0)


def test_conversation_is_renamed_in_place(page: Page, server: ServerThread) -> None:
    add_conversations(server, "first", "second")
    page.goto("/c/c-first")
    expect(page).to_have_title("first")
    open_menu(page, "first")
    page.get_by_role("menuitem", name="Rename").click()
    box = page.get_by_role("textbox", name="New name of the conversation")
    expect(box).to_be_focused()
    expect(box).to_have_value("first")
    box.fill("  ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("A name is needed.")
    box.fill("ein neuer Name")
    page.keyboard.press("Enter")
    renamed = page.locator(".conversation-item a", has_text="ein neuer Name")
    expect(renamed).to_be_focused()
    expect(page).to_have_title("ein neuer Name")
    assert server.service.store.conversations["c-first"].title == "ein neuer Name"


def test_escape_and_an_input_method_do_not_rename(page: Page, server: ServerThread) -> None:
    add_conversations(server, "first")
    page.reload()
    titles_of(page).focus()
    page.keyboard.press("F2")
    box = page.get_by_role("textbox", name="New name of the conversation")
    box.fill("xin")
    box.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "keyCode": 229})
    expect(box).to_be_visible()
    page.keyboard.press("Escape")
    expect(titles_of(page)).to_have_text("first")
    expect(titles_of(page)).to_be_focused()
    assert server.service.store.conversations["c-first"].title == "first"


def test_refused_name_is_told_and_the_old_one_stays(
    browser: "sync_api.Browser", server: ServerThread
) -> None:
    add_conversations(server, "first")
    # Not the fixture's page: a refused request is an error in the console.
    with browser.new_context(base_url=server.server.address, locale="en-GB") as context:
        page = context.new_page()
        page.goto("/")
        titles_of(page).focus()
        server.service.store.conversations.clear()
        page.keyboard.press("F2")
        page.keyboard.type("other")
        page.keyboard.press("Enter")
        told = "The conversation could not be renamed: There is no such conversation."
        expect(page.locator(".toast")).to_have_text(told)
        expect(titles_of(page)).to_have_count(0)


def test_deleted_conversation_can_be_brought_back(page: Page, server: ServerThread) -> None:
    add_conversations(server, "first", "second", "third")
    page.reload()
    delete(page, "second")
    expect(titles_of(page)).to_have_text(["third", "first"])
    expect(titles_of(page).nth(1)).to_be_focused()
    assert set(server.service.store.deleted) == {"c-second"}
    expect(page.get_by_role("status").filter(has_text="Conversation deleted")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(titles_of(page)).to_have_count(3)
    expect(page.locator(".toast")).to_have_count(0)
    assert server.service.store.deleted == {}


def test_deleting_the_open_conversation_empties_the_page_until_undo(
    page: Page, server: ServerThread
) -> None:
    add_conversations(server, "first", "second")
    page.goto("/c/c-second")
    expect(page.locator(".question")).to_have_text("second")
    delete(page, "second")
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    expect(page).to_have_url(f"{server.server.address}/")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".question")).to_have_text("second")
    expect(page).to_have_url(f"{server.server.address}/c/c-second")
    expect(page.locator("[aria-current=page]")).to_have_text("second")


def test_list_is_used_by_keyboard_alone(page: Page, server: ServerThread) -> None:
    add_conversations(server, "first", "second", "third")
    page.reload()
    expect(titles_of(page)).to_have_count(3)
    page.get_by_role("searchbox").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(titles_of(page).nth(1)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_be_hidden()
    expect(page.get_by_role("button", name="Rename or delete: second")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Delete")
    expect(titles_of(page)).to_have_text(["third", "first"])
    page.keyboard.press("Escape")
    expect(page.locator(".toast")).to_have_count(0)


def test_escape_takes_the_message_away_and_leaves_the_answer_alone(
    page: Page, server: ServerThread
) -> None:
    add_conversations(server, "first")
    page.reload()
    page.get_by_label("Your question").fill("hang")
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_have_text("The first words stand.")
    delete(page, "first")
    expect(page.locator(".toast")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".toast")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()


def test_message_goes_by_itself_but_not_while_it_has_the_focus(
    page: Page, server: ServerThread
) -> None:
    add_conversations(server, "first", "second")
    page.clock.install()
    page.reload()
    delete(page, "first")
    undo = page.get_by_role("button", name="Undo")
    undo.focus()
    page.clock.fast_forward(30_000)
    expect(undo).to_be_focused()
    titles_of(page).focus()
    page.clock.fast_forward(9_000)
    expect(undo).to_have_count(0)


def test_other_tabs_follow(page: Page, server: ServerThread) -> None:
    add_conversations(server, "first", "second")
    page.goto("/c/c-first")
    other = page.context.new_page()
    other.goto("/")
    expect(titles_of(other)).to_have_count(2)
    titles_of(other).nth(0).focus()
    other.keyboard.press("F2")
    other.keyboard.type("renamed")
    other.keyboard.press("Enter")
    expect(titles_of(page)).to_have_text(["renamed", "first"])
    delete(other, "first")
    expect(titles_of(page)).to_have_text(["renamed"])
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()


def test_list_of_a_thousand_shows_the_newest_first_and_the_rest_on_request(
    page: Page, server: ServerThread
) -> None:
    add_conversations(server, *[f"number-{number}" for number in range(1000)])
    page.reload()
    expect(titles_of(page)).to_have_count(100)
    page.get_by_role("button", name="Show older ones").click()
    expect(titles_of(page)).to_have_count(1000)
    expect(titles_of(page).nth(100)).to_be_focused()
    expect(page.locator("#conversations-note")).to_contain_text("Only the last 1,000 are listed.")


def test_unchanged_list_is_left_as_it_is(page: Page, server: ServerThread) -> None:
    add_conversations(server, "first", "second")
    page.reload()
    expect(titles_of(page)).to_have_count(2)
    first = titles_of(page).nth(0).element_handle()
    with page.expect_response("**/api/conversations?*"):
        page.evaluate(
            "new BroadcastChannel('websearch-agent').postMessage({kind: 'conversations_changed'})"
        )
    assert first.evaluate("link => link.isConnected")


@pytest.mark.parametrize("way", ["Escape", "shade", "button"])
def test_drawer_on_a_phone_takes_the_focus_and_gives_it_back(
    page: Page, server: ServerThread, way: str
) -> None:
    add_conversations(server, "first")
    page.set_viewport_size(PHONE)
    page.reload()
    opener = page.get_by_role("button", name="Show conversations")
    opener.click()
    expect(page.get_by_role("button", name="Hide conversations")).to_be_focused()
    expect(titles_of(page)).to_be_visible()
    assert page.locator(".main").evaluate("main => main.inert")
    if way == "Escape":
        page.keyboard.press("Escape")
    elif way == "shade":
        page.mouse.click(350, 400)
    else:
        page.get_by_role("button", name="Hide conversations").click()
    expect(titles_of(page)).to_be_hidden()
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")
    assert not page.locator(".main").evaluate("main => main.inert")


def test_message_on_a_phone_leaves_the_question_box_free(page: Page, server: ServerThread) -> None:
    add_conversations(server, "first", "second")
    page.set_viewport_size(PHONE)
    page.goto("/c/c-second")
    expect(page.locator(".question")).to_have_text("second")
    page.get_by_role("button", name="Show conversations").click()
    page.get_by_role("button", name="Rename or delete: first").click()
    page.get_by_role("menuitem", name="Delete").click()
    toast, box = page.locator(".toast").bounding_box(), page.locator("#composer").bounding_box()
    assert toast["y"] + toast["height"] <= box["y"]
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
