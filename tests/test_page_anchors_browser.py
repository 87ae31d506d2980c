"""Links to the very words in a real browser: a long page scrolls to them, and to nothing else."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from page_browser import CHROMIUM, CHROMIUM_ARGUMENTS, MARKS, sync_api

from websearch_agent.citations.anchors import link_to_words

pytestmark = MARKS

FILLER = "<p>Nothing of this is quoted.</p>\n" * 80
# Each stands far from the others; the id is where its quote must lead.
PLACES = {
    "plain": "<p>The red <b>bridge</b> of the <a href='#x'>old town</a> was opened in 1932, by the"
    " mayor &amp; his wife — after years.</p>",
    "chinese": "<p>红桥于1932年由市长主持<b>开通</b>，全长五百米，是当地最著名的一座建筑。</p>",
    "spaces": "<p>Proxies   are\nread from the&nbsp;environment.</p>",
    "list": "<ul><li>the first item is a long one, indeed</li><li>the last is short</li></ul>",
    "table": "<table><tr><td>Length</td><td>five hundred metres in all</td></tr></table>",
    "code": "<pre>pip install one-two\nrun --now a,b</pre>",
    "footnotes": "<p>Water boils at a hundred<sup>[4]</sup> degrees, and earlier in the hills.</p>",
    "school": "<p>The tower is old school.</p>",
    "tower": "<p>They say so: The tower is old.</p>",
    "block": "<p>It stands firm.</p><p>The house is old.</p>",
}
HOUSE = "<p>The house is older than it looks, but the house is old enough.</p>"
PAGE = f"<!doctype html><meta charset=utf-8><title>Long</title>{HOUSE}" + "".join(
    f"{FILLER}<div id={name}>{html}</div>" for name, html in PLACES.items()
)


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write((PAGE + FILLER).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/page"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def page(address: str) -> Iterator["sync_api.Page"]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        yield browser.new_page(viewport={"width": 800, "height": 600})
        browser.close()


def open_at(page: "sync_api.Page", link: str) -> None:
    page.goto("about:blank")
    page.goto(link)
    # The browser looks for the words before it draws the page.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


TOWER = "The tower is old school.\n\nThey say so: The tower is old."
HOUSES = "but the house is old enough.\n\nIt stands firm.\n\nThe house is old."


@pytest.mark.parametrize(
    ("quote", "place", "page_text"),
    [
        ("opened in 1932", "plain", ""),
        ("The red **bridge** of the old town was opened in 1932, by the mayor & his wife — after"
         " years.", "plain", ""),
        ("The red bridge of the [old town](#x) was opened", "plain", ""),
        ("红桥于1932年由市长主持**开通**，全长五百米，是当地最著名的一座建筑。", "chinese", ""),
        ("全长五百米", "chinese", ""),
        ("主持**开通**，", "chinese", ""),
        ("Proxies are read from the environment.", "spaces", ""),
        ("- the first item is a long one, indeed\n- the last is short", "list", ""),
        ("| Length | five hundred metres in all |", "table", ""),
        ("```\npip install one-two\nrun --now a,b\n```", "code", ""),
        ("Water boils at a hundred[4] degrees, and earlier in the hills.", "footnotes", ""),
        ("The tower is old.", "school", ""),
        ("The tower is old.", "tower", TOWER),
        ("The house is old.", "block", HOUSES),
    ],
)  # fmt: skip
def test_link_scrolls_to_the_words(
    page: "sync_api.Page", address: str, quote: str, place: str, page_text: str
) -> None:
    open_at(page, link_to_words(address, quote, page_text=page_text))
    sync_api.expect(page.locator(f"#{place}")).to_be_in_viewport()
    assert page.evaluate("scrollY") > 0


@pytest.mark.parametrize(
    "quote", ["The red bridge was opened in 1933", "红桥于1933年", "Proxies are read by nobody"]
)
def test_words_that_are_not_on_the_page_do_not_scroll(
    page: "sync_api.Page", address: str, quote: str
) -> None:
    link = link_to_words(address, quote)
    assert ":~:text=" in link
    open_at(page, link)
    assert page.evaluate("scrollY") == 0


def test_words_go_before_the_fragment_of_the_address(page: "sync_api.Page", address: str) -> None:
    open_at(page, link_to_words(f"{address}#plain", "The tower is old school"))
    sync_api.expect(page.locator("#school")).to_be_in_viewport()
    open_at(page, link_to_words(f"{address}#plain", "words that are not there"))
    sync_api.expect(page.locator("#plain")).to_be_in_viewport()


def test_words_are_highlighted(page: "sync_api.Page", address: str) -> None:
    """Only a picture shows the browser's own mark: with and without it they differ."""
    open_at(page, link_to_words(address, "opened in 1932"))
    sync_api.expect(page.locator("#plain")).to_be_in_viewport()
    marked = page.locator("#plain").screenshot()
    page.add_style_tag(content="::target-text { background: none; color: inherit }")
    assert page.locator("#plain").screenshot() != marked
