"""The page in a real browser against the real app; only the service is a fake."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from server.fake_service import (
    PAGE_SOURCE,
    FakeService,
    chat_script,
    make_answer,
    make_server,
    search_script,
)

from websearch_agent.server.run import AnsweringServer
from websearch_agent.types import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    AnswerRequest,
    DecisionMade,
    SourcesSelected,
)

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Page, expect = sync_api.Page, sync_api.expect

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]

FAILURE = AnswerFailed("model_unavailable", "The model server does not answer.", retryable=True)
SCRIPT_TITLE = "<img src=x onerror=\"document.title='hacked'\"><script>alert(1)</script>"
HOSTILE_SOURCE = replace(PAGE_SOURCE, title=SCRIPT_TITLE, site="<b>site</b>")
LONG_WORD = "https://example.org/" + "long-path-" * 40


async def hanging_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield DecisionMade(search=False)
    yield AnswerDelta("The first words stand.")
    await asyncio.Event().wait()


async def failing_once_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    if len([asked for asked in service.requests if asked.question == request.question]) == 1:
        yield service.start(request)
        yield FAILURE
        return
    async for event in chat_script(service, request):
        yield event


async def hostile_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    text = "Raw <script>document.title='hacked'</script> ![x](http://127.0.0.1:9/x.png) [1]"
    yield service.start(request)
    yield SourcesSelected((HOSTILE_SOURCE,))
    yield AnswerDelta(text)
    yield service.finish(make_answer(text, sources=(HOSTILE_SOURCE,)))


async def wide_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    row = "| " + " | ".join(f"column {number}" for number in range(12)) + " |"
    table = f"{row}\n{'|---' * 12}|\n{row}"
    text = f"{LONG_WORD} [1]\n\n```\n{'x = 1; ' * 60}\n```\n\n{table}\n"
    source = replace(PAGE_SOURCE, title=LONG_WORD, url=LONG_WORD)
    yield service.start(request)
    yield SourcesSelected((source,))
    yield AnswerDelta(text)
    yield service.finish(make_answer(text, sources=(source,)))


class ServerThread:
    """The app in a thread of its own, so that Playwright's sync API can be used."""

    def __init__(self) -> None:
        self.service: FakeService | None = None
        self.server: AnsweringServer | None = None
        self.started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self.service = FakeService(
            chat_script,
            search=search_script,
            hang=hanging_script,
            fail=failing_once_script,
            hostile=hostile_script,
            wide=wide_script,
        )
        self.server = make_server(self.service)
        self.started.set()
        await self.server.serve(sockets=[self.server.listener])  # type: ignore[attr-defined]


@pytest.fixture
def server() -> Iterator[ServerThread]:
    running = ServerThread()
    running.thread.start()
    assert running.started.wait(10)
    yield running
    running.server.should_exit = True
    running.thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser: "sync_api.Browser", server: ServerThread) -> Iterator[Page]:
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


def ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def test_fresh_page_shows_suggestions_that_ask(page: Page) -> None:
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    suggestions = page.locator("#suggestions button")
    expect(suggestions).to_have_count(3)
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
    expect(summary).to_have_text("2 searches · 1 page read · 2 failed")
    summary.click()
    expect(page.locator(".steps")).to_contain_text("ddgs did not answer: asked too often")
    expect(page.locator(".steps")).to_contain_text("no reply in 6 s")
    expect(page.locator(".queries li")).to_have_count(2)


def test_citation_leads_to_its_card(page: Page) -> None:
    ask(page, "search")
    chip = page.locator(".citation[data-source='2']")
    expect(chip).to_have_accessible_name("Source 2: HTTPX README")
    chip.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("HTTPX README")
    chip.click()
    card = page.locator(".card[data-number='2']")
    expect(card).to_have_class(re.compile("is-shown"))
    expect(card).to_be_in_viewport()
    expect(card).to_be_focused()


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
    expect(page.get_by_role("button", name="Ask")).to_be_visible()


def test_failure_says_what_happened_and_can_be_tried_again(page: Page) -> None:
    ask(page, "fail")
    expect(page.get_by_role("alert")).to_contain_text("The model server does not answer.")
    expect(page.locator(".question")).to_have_text("fail")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".answer")).to_contain_text("this is a chat")
    expect(page.locator(".turn")).to_have_count(1)


def test_lost_connection_is_told(page: Page) -> None:
    cut = 'event: answer_html\ndata: {"block":0,"html":"<p>Half an</p>"}\n\n'
    page.route(
        "**/api/answers", lambda route: route.fulfill(body=cut, content_type="text/event-stream")
    )
    ask(page, "anything")
    expect(page.get_by_role("alert")).to_contain_text("Connection lost")
    expect(page.locator(".answer")).to_have_text("Half an")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_foreign_text_never_becomes_markup(page: Page) -> None:
    ask(page, "hostile")
    expect(page.locator(".card-title")).to_have_text(SCRIPT_TITLE)
    expect(page.locator(".card-meta")).to_contain_text("<b>site</b>")
    expect(page.locator(".answer")).to_contain_text("<script>document.title='hacked'</script>")
    expect(page.locator(".thread img, .thread script")).to_have_count(0)
    expect(page).to_have_title("websearch-agent")


def test_phone_width_does_not_scroll_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    ask(page, "wide")
    expect(page.locator(".card")).to_be_visible()
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


def test_conversation_can_be_deleted(page: Page) -> None:
    ask(page, "hello")
    item = page.locator("#conversations li")
    expect(item).to_have_count(1)
    item.hover()
    page.get_by_role("button", name="Delete conversation: hello").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete conversation").click()
    expect(item).to_have_count(0)
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()


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
