"""How the page shows what the sources say of each statement, in a real browser."""

import pytest
from page_browser import MARKS, PHONE, app_page, app_server, ask, chromium, sync_api  # noqa: F401
from page_server import OPINION, PARTIAL, SUPPORTED, UNSUPPORTED, ServerThread
from server.fake_service import PAGE_SOURCE

Page, expect = sync_api.Page, sync_api.expect

pytestmark = MARKS

# What WCAG asks of text of this size at level AA.
MIN_CONTRAST = 4.5
CONTRAST = """(element) => {
  const canvas = document.createElement("canvas").getContext("2d");
  const channels = (color) => {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = (color) =>
    channels(color).reduce((sum, c, i) => sum + [0.2126, 0.7152, 0.0722][i] * linear(c / 255), 0);
  let behind = element;
  const isClear = (one) => getComputedStyle(one).backgroundColor === "rgba(0, 0, 0, 0)";
  while (isClear(behind)) behind = behind.parentElement;
  const [low, high] = [
    light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor),
  ].sort((one, other) => one - other);
  return (high + 0.05) / (low + 0.05);
}"""


def texts_of(page: Page, level: str) -> str:
    """The text that is marked with this level, without the labels."""
    pieces = page.locator(f".statement[data-support='{level}']").all_text_contents()
    return "".join(pieces)


@pytest.mark.parametrize("is_stored", [False, True])
def test_each_statement_is_marked_by_its_support(page: Page, is_stored: bool) -> None:
    ask(page, "check")
    expect(page.locator(".card")).to_have_count(1)
    if is_stored:
        page.reload()
    expect(page.locator(".support-summary")).to_be_visible()
    assert texts_of(page, "supported") == SUPPORTED.replace("[1]", "")
    assert texts_of(page, "partial") == PARTIAL
    assert texts_of(page, "unsupported") == UNSUPPORTED.replace("[1]", "")
    expect(page.locator(".statement", has_text=OPINION)).to_have_count(0)
    labels = page.locator(".support-label")
    expect(labels).to_have_text(["partly supported", "not supported · not so in the source: 1999"])


def test_kinds_of_support_differ_in_more_than_colour(page: Page) -> None:
    ask(page, "check")
    expect(page.locator(".support-label")).to_have_count(2)
    styles = [
        page.locator(f".statement[data-support='{level}']").first.evaluate(
            "(e) => ['Line', 'Style'].map((part) => getComputedStyle(e)[`textDecoration${part}`])"
        )
        for level in ("supported", "partial", "unsupported")
    ]
    assert styles == [["underline", style] for style in ("solid", "dotted", "dashed")]


def test_label_stands_behind_its_statement_and_tells_why_by_keyboard(page: Page) -> None:
    ask(page, "check")
    label = page.get_by_role("button", name="not supported · not so in the source: 1999")
    expect(label).to_be_visible()
    page.locator(".citation").nth(1).focus()
    page.keyboard.press("Tab")
    expect(label).to_be_focused()
    tooltip = page.get_by_role("tooltip")
    expect(tooltip).to_contain_text("Nearest words, in source 1:")
    expect(tooltip.locator("mark")).to_have_text("The client speaks HTTP/2.")
    expect(tooltip).to_contain_text("Checked by the model: it can be wrong.")
    expect(label).to_have_attribute("aria-describedby", "floating-card")
    page.keyboard.press("Escape")
    expect(page.locator("#floating-card")).to_be_hidden()


def test_tap_on_a_label_tells_why(browser: object, server: ServerThread) -> None:
    context = browser.new_context(
        base_url=server.server.address, locale="en-GB", has_touch=True, viewport=PHONE
    )
    opened = context.new_page()
    opened.goto("/")
    ask(opened, "check")
    opened.locator(".support-label").first.tap()
    expect(opened.get_by_role("dialog")).to_contain_text("Checked by comparing words")
    assert opened.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    context.close()


def test_summary_counts_what_could_be_checked(page: Page) -> None:
    ask(page, "check")
    expect(page.locator(".support-summary")).to_have_text(
        "1 of 3 statements supported by 1 source · 1 in part · 1 not supported"
        " · rewritten once for lack of support"
    )


def test_answer_that_was_not_checked_shows_nothing_of_it(page: Page) -> None:
    ask(page, "search")
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".support-summary")).to_be_hidden()
    expect(page.locator(".statement, .support-label")).to_have_count(0)


def test_unanswered_question_is_told(page: Page) -> None:
    ask(page, "unanswered")
    expect(page.locator(".ending .notices")).to_have_text("The sources do not say.")
    expect(page.locator(".support-summary")).to_have_text(
        "The statement is not supported by the sources"
    )


def test_chips_tell_what_their_source_says_and_who_added_them(page: Page) -> None:
    ask(page, "check")
    expect(page.locator(".card")).to_have_count(1)
    added, written = page.locator(".citation").nth(0), page.locator(".citation").nth(1)
    expect(added).to_have_accessible_name(
        "Source 1 (added by the check): HTTP/2 in practice. This source says the statement."
    )
    expect(written).to_have_accessible_name(
        "Source 1: HTTP/2 in practice. This source does not say the statement."
    )
    assert added.evaluate("(chip) => getComputedStyle(chip).outlineStyle") == "dotted"
    added.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("This source says the statement.")
    page.locator(".question").hover()
    expect(page.locator("#floating-card")).to_be_hidden()
    written.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("This source does not say the statement.")


def test_card_opens_the_page_at_the_words_of_the_citation(page: Page) -> None:
    ask(page, "check")
    expect(page.locator(".card")).to_have_count(1)
    page.locator(".citation").first.click()
    page.get_by_role("button", name="Show among the sources").click()
    expect(page.locator(".passages mark")).to_have_text("Proxies are read from the environment.")
    links = page.get_by_role("link", name="Open the page at these words")
    expect(links).to_have_count(2)
    expect(links.first).to_have_attribute("href", f"{PAGE_SOURCE.url}#:~:text=Some")
    link = links.last
    expect(link).to_have_attribute("href", f"{PAGE_SOURCE.url}#:~:text=Proxies")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_labels_have_the_contrast_of_aa(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    ask(page, "check")
    for found in (".support-label.is-partial", ".support-label.is-unsupported", ".support-summary"):
        assert page.locator(found).evaluate(CONTRAST) >= MIN_CONTRAST


def test_chinese_page_has_chinese_words(browser: object, server: ServerThread) -> None:
    context = browser.new_context(base_url=server.server.address, locale="zh-CN")
    opened = context.new_page()
    opened.goto("/")
    opened.get_by_label("您的问题").fill("check")
    opened.keyboard.press("Enter")
    expect(opened.locator(".support-label")).to_have_text(
        ["部分有依据", "缺乏依据 · 来源中并非如此：1999"]
    )
    expect(opened.locator(".support-summary")).to_contain_text(
        "3 句中有 1 句得到来源支持（共 1 个来源）"
    )
    context.close()
