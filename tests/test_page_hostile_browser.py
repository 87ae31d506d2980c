"""Hostile texts on the page in a real browser, and what the reader is told of them."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

# The measuring script's own watch: what it takes for a miss must be tried somewhere.
from hostile_payloads import PLACES, Watch, check_place
from hostile_service import HostileService, running_app
from page_browser import MARKS, app_page, app_server, ask, chromium, sync_api  # noqa: F401
from page_server import ServerThread
from server.fake_service import PAGE_SOURCE, FakeService, make_answer

from websearch_agent.events import AgentEvent, AnswerDelta, SourcesSelected
from websearch_agent.types import Answer, AnswerRequest, Filtered, Source

Page, expect = sync_api.Page, sync_api.expect

pytestmark = MARKS

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=https://elsewhere.example/x.png onerror=alert(1)>",
    "</title><svg/onload=alert(1)>",
    "javascript:alert(1)",
    " jav\tascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "//elsewhere.example/x",
    "https://plain.example@elsewhere.example/",
    'https://elsewhere.example/" onmouseover="alert(1)',
    "[click](javascript:alert(1)) ![x](https://elsewhere.example/x.png)",
    "```<iframe srcdoc='<script>alert(1)</script>'>",
    "<style>*{background:url(https://elsewhere.example/s.css)}</style>",
    "<form action=https://elsewhere.example/><button autofocus onfocus=alert(1)>",
    "<base href=//elsewhere.example/><meta http-equiv=refresh content=0;url=//elsewhere.example>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=alert(1)>'>",
    r"$$\text{</mtext><img src=x onerror=alert(1)>} \href{javascript:alert(1)}{x}$$",
    r"$\text{<annotation-xml encoding=text/html><img src=x onerror=alert(1)>}$ $\style{a}x$",
    r"\(x = \color{red;background:url(https://elsewhere.example/)}{y}\) \[\cssId{tooltip}{z} = 1\]",
    "```html\n<img src=x onerror=alert(1)><script>alert(1)</script>\n```",
    '```python"onmouseover="alert(1)\nprint("<img src=x onerror=alert(1)>")\n```',
    "{{constructor.constructor('alert(1)')()}} ${alert(1)} {reason} $& `x`",
    "\u202egpj.exe\u2066\u200b\U000e0041\x1b[2J",
)

INVISIBLE = r"/[\u0000-\u0008\u001b\u200b\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u"


@pytest.fixture(name="service")
def hostile_service() -> HostileService:
    return HostileService()


@pytest.fixture(name="watch")
def watched_page(browser: Any, service: HostileService) -> Iterator[Watch]:
    with running_app(service) as base:
        watch = Watch(browser, base)
        yield watch
        watch.context.close()


@pytest.mark.parametrize("place", PLACES)
def test_hostile_text_does_nothing(watch: Watch, service: HostileService, place: str) -> None:
    assert check_place(watch, service, place, PAYLOADS) == []


@pytest.mark.parametrize(
    ("act", "miss"),
    [
        ("alert(1)", "alert() ran"),
        ("window.mine = 1", "new global: mine"),
        ("document.querySelector('.thread').append(new Image())", "element in foreign text: img"),
        ("fetch('https://elsewhere.example/').catch(() => {})", "policy: connect-src"),
        ("document.body.setAttribute('style', 'color: red')", "attribute: body style"),
        ("document.body.append(document.createElement('marquee'))", "element: marquee"),
        ("document.querySelector('a').href = 'javascript:1'", "address: a javascript:1"),
        ("document.querySelector('.thread').innerHTML = '<b>x</b>'", "policy: require-trusted"),
    ],
)
def test_watch_notices_what_acts(
    watch: Watch, service: HostileService, act: str, miss: str
) -> None:
    service.rows = ("Plain",)
    watch.open("/")
    # A string that becomes markup throws where the policy holds.
    watch.page.evaluate(f"async () => {{ try {{ {act} }} catch {{}} }}")
    assert any(one.startswith(miss) for one in watch.misses("/"))


def test_foreign_text_shows_no_character_that_nobody_sees(
    watch: Watch, service: HostileService
) -> None:
    for place in ("title", "snippet", "work", "answer", "stream"):
        check_place(watch, service, place, PAYLOADS[-1:])
        shown = watch.page.locator(".thread").evaluate("(thread) => thread.textContent")
        assert "gpj.exe" in shown
        is_clean = f"(thread) => !{INVISIBLE}.test(thread.textContent)"
        assert watch.page.locator(".thread").evaluate(is_clean), place


def shown_by_dom(watch: Watch, service: HostileService, *parts: str) -> list[str]:
    """What is left of each HTML when the page shows it."""
    service.rows = ("Plain",)
    watch.open("/")
    shown: list[str] = watch.page.evaluate(
        """async (parts) => {
          const { showServerHtml } = await import("/static/dom.js");
          return parts.map((html) => {
            const box = document.createElement("div");
            showServerHtml(box, html);
            return box.innerHTML;
          });
        }""",
        parts,
    )
    return shown


# What the server should not have sent, and what the page leaves of it.
FORMULAS_AND_CODE = [
    (
        '<math display="block" onclick="alert(1)" style="position:fixed"><mi>x</mi></math>',
        '<math display="block"><mi>x</mi></math>',
    ),
    (
        '<math href="javascript:alert(1)"><mrow xlink:href="javascript:alert(1)"'
        ' class="citation" id="tooltip"><mi href="https://elsewhere.example/">x</mi></mrow>'
        "</math>",
        "<math><mrow><mi>x</mi></mrow></math>",
    ),
    (
        '<math><mspace width="1em"></mspace><mspace width="99em"></mspace>'
        '<mo lspace="-9em" rspace="0.2em">=</mo></math>',
        '<math><mspace width="1em"></mspace><mspace></mspace><mo rspace="0.2em">=</mo></math>',
    ),
    (
        '<math><mtable><mtr><mtd class="align-left">a</mtd><mtd class="card">b</mtd></mtr>'
        "</mtable></math>",
        '<math><mtable><mtr><mtd class="align-left">a</mtd><mtd>b</mtd></mtr></mtable></math>',
    ),
    # HTML in the places where MathML lets HTML in.
    (
        '<math><mtext><p>a<a href="#source-1">b</a><img src="/x.png"></p></mtext></math>',
        "<math><mtext>ab</mtext></math>",
    ),
    (
        '<math><annotation-xml encoding="text/html"><p>a</p></annotation-xml></math>',
        "<math>a</math>",
    ),
    (
        "<math><semantics><mi>x</mi><annotation>y</annotation></semantics></math>",
        "<math>xy</math>",
    ),
    (
        '<math><maction actiontype="statusline" xlink:href="javascript:alert(1)">x</maction>'
        "</math>",
        "<math>x</math>",
    ),
    (
        "<math><mtext><mglyph><style>a</style></mglyph><mi>x</mi></mtext></math>",
        "<math><mtext>ax</mtext></math>",
    ),
    (
        "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=/x.png>'>",
        "<math><mtext>&lt;!--</mtext></math>",
    ),
    ("<math><mi><svg><desc><p>x</p></desc></svg></mi></math>", "<math><mi>x</mi></math>"),
    ("<svg><math><mi>x</mi></math></svg>", "x"),
    ("<mi>x</mi><mtext>y</mtext>", "xy"),
    (
        '<pre data-language="python" class="card"><code class="card"><span class="hl-string">'
        '"a"</span><span class="card" id="tooltip">b</span></code></pre>',
        '<pre data-language="python"><code><span class="hl-string">"a"</span>'
        "<span>b</span></code></pre>",
    ),
]


def test_second_belt_leaves_of_formulas_and_code_what_draws_them(
    watch: Watch, service: HostileService
) -> None:
    left = shown_by_dom(watch, service, *(html for html, _ in FORMULAS_AND_CODE))
    assert left == [shown for _, shown in FORMULAS_AND_CODE]
    # What is left reads the same once more: no part of it becomes something else.
    assert shown_by_dom(watch, service, *left) == left


def test_second_belt_takes_out_what_the_server_should_not_have_sent(
    watch: Watch, service: HostileService
) -> None:
    html = (
        '<p onclick="alert(1)" id="tooltip">a<img src="/x.png"><b>b</b></p>'
        '<a class="source-link" href="javascript:alert(1)">c</a><a href="/documents/d">d</a>'
        '<svg><a href="https://elsewhere.example/">e</a></svg><a href="#source-1">f</a>'
        "<template><script>alert(1)</script></template>"
    )
    assert shown_by_dom(watch, service, html) == [
        '<p>ab</p><a class="source-link">c</a>'
        '<a href="/documents/d">d</a>e<a href="#source-1">f</a>'
    ]


def test_page_of_a_browser_without_trusted_types_shows_answers(
    browser: Any, server: ServerThread
) -> None:
    context = browser.new_context(base_url=server.server.address, locale="en-GB")
    # As such a browser is: it knows neither the object nor the two lines of the policy.
    context.add_init_script("delete globalThis.trustedTypes")

    def loosen(route: Any) -> None:
        response = route.fetch()
        policy = response.headers["content-security-policy"].partition("; require-trusted")[0]
        route.fulfill(
            response=response, headers={**response.headers, "content-security-policy": policy}
        )

    context.route(f"{server.server.address}/", loosen)
    opened = context.new_page()
    opened.goto("/")
    assert opened.evaluate("typeof trustedTypes") == "undefined"
    ask(opened, "hello")
    expect(opened.locator(".answer strong")).to_have_text("there")
    context.close()


ORDINARY = """Words with **weight** and `code` [1].

| a | b |
|---|--:|
| 1 | 2 |

```python
print("<b>")
```

$$
x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}
$$

With $a \\neq 0$ it costs $5 or $6, and \\(\\boxed{42}\\) is boxed [1].

1. one
2. two [1]

> said
"""


async def ordinary_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    answer = make_answer(ORDINARY, sources=(PAGE_SOURCE,))
    yield service.start(request)
    yield SourcesSelected((PAGE_SOURCE,))
    yield AnswerDelta(ORDINARY)
    yield service.finish(answer)


def test_formulas_are_laid_out_and_code_is_coloured(page: Page, server: ServerThread) -> None:
    server.service.scripts["ordinary"] = ordinary_script
    ask(page, "ordinary")
    answer = page.locator(".answer")
    expect(answer.locator("math")).to_have_count(3)
    expect(answer.locator('math[display="block"] msqrt')).to_have_count(1)
    expect(answer).to_contain_text("it costs $5 or $6, and")
    # A fraction is laid out as one: it stands higher than a line of it.
    high, line = (answer.locator(one).first.bounding_box() for one in ("mfrac", "mfrac mi"))
    assert high["height"] > 1.8 * line["height"]
    colours = "(found) => getComputedStyle(found).color"
    name, plain = (answer.locator(one).first for one in (".hl-builtin", "pre code"))
    assert name.evaluate(colours) != plain.evaluate(colours)
    expect(page.get_by_role("math").first).to_be_visible()


def test_ordinary_use_meets_no_refusal_of_the_policy(browser: Any, server: ServerThread) -> None:
    server.service.scripts["ordinary"] = ordinary_script
    watch = Watch(browser, server.server.address)
    page = watch.page
    watch.open("/")
    for question in ("search", "ordinary", "check", "quote", "thinking"):
        ask(page, question)
        expect(page.locator(".turn").last.locator(".answer")).not_to_be_empty()
        expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    page.locator(".citation").first.hover()
    page.locator(".citation").first.click()
    found = watch.misses("/c/c1")
    page.reload()
    expect(page.locator(".turn")).to_have_count(5)
    page.locator(".citation").first.hover()
    page.locator(".answer math").first.hover()
    found += watch.misses("/c/c1")
    watch.open("/documents/httpx%2FREADME.md?start=0&end=30")
    expect(page.locator("#passage")).to_be_visible()
    found += watch.misses("/documents/httpx%2FREADME.md?start=0&end=30")
    watch.context.close()
    assert found == []


# ---- what was filtered is shown ------------------------------------------------------------------

FILTERED_SOURCE = replace(PAGE_SOURCE, filtered=Filtered(3, 12, 1))


def told_answer() -> Answer:
    answer = make_answer("So it is [1].", sources=(FILTERED_SOURCE,))
    return replace(answer, removed_links=2, refused_queries=("it holds a <b>secret</b>",))


async def filtered_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield SourcesSelected((FILTERED_SOURCE,))
    yield AnswerDelta("So it is [1].")
    yield service.finish(told_answer())


@pytest.mark.parametrize("is_stored", [False, True])
def test_what_was_filtered_is_counted_and_shown(
    page: Page, server: ServerThread, is_stored: bool
) -> None:
    server.service.scripts["filtered"] = filtered_script
    ask(page, "filtered")
    expect(page.locator(".card")).to_have_count(1)
    if is_stored:
        page.reload()
    expect(page.locator(".card-filtered")).to_have_text(
        "Filtered: 3 hidden parts, 12 invisible characters, 1 forged mark made harmless"
    )
    expect(page.locator(".ending-note")).to_have_text(
        [
            "2 links are shown as text: they lead to no source.",
            "A search query was changed or not sent: it holds a <b>secret</b>",
        ]
    )


def test_nothing_is_told_where_nothing_was_filtered(page: Page) -> None:
    ask(page, "search")
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".card-filtered")).to_have_count(0)
    expect(page.locator(".ending-note")).to_have_count(0)


def test_chinese_page_tells_what_was_filtered_in_chinese(
    browser: Any, server: ServerThread
) -> None:
    server.service.scripts["filtered"] = filtered_script
    context = browser.new_context(base_url=server.server.address, locale="zh-CN")
    opened = context.new_page()
    opened.goto("/")
    opened.get_by_label("您的问题").fill("filtered")
    opened.keyboard.press("Enter")
    expect(opened.locator(".card-filtered")).to_have_text(
        "已过滤：3 处隐藏内容、12 个不可见字符、1 处伪造标记已失效"
    )
    expect(opened.locator(".ending-note").first).to_have_text(
        "有 2 个链接以文字显示：它们不指向任何来源。"
    )
    context.close()


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"url": "https://www.example.org/a", "site": "example.org"}, ["example.org"]),
        (
            {"url": "https://evil.example/a", "site": "bank.example"},
            ["bank.example", "evil.example"],
        ),
        ({"url": "https://bаnk.example/", "site": ""}, ["xn--bnk-6cd.example"]),
        ({"url": "https://bank.example@evil.example/", "site": ""}, ["evil.example"]),
    ],
)
def test_card_tells_the_host_whatever_the_page_calls_itself(
    page: Page, server: ServerThread, changes: dict[str, str], places: list[str]
) -> None:
    source: Source = replace(PAGE_SOURCE, date=None, **changes)  # type: ignore[arg-type]

    async def script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
        yield service.start(request)
        yield SourcesSelected((source,))
        yield AnswerDelta("So [1].")
        yield service.finish(make_answer("So [1].", sources=(source,)))

    server.service.scripts["named"] = script
    ask(page, "named")
    expect(page.locator(".card-meta span")).to_have_text([*places, "Web page"])
    links = 0 if "@" in source.url else 1
    expect(page.locator(".card-title a")).to_have_count(links)
