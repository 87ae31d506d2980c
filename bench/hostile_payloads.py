"""Hostile texts in every place of the page, in a real Chromium: does one of them act?

    python bench/hostile_payloads.py ../shared/data/urls/xss.jsonl [-n 200] [--places url,answer]

Each row (`payload`, `src`) becomes a source's title, passage and address, a query, a failure, a
question, a model's answer (loaded and streamed), a document, and the same in the terminal. The
real app serves the page; only the service behind it is made up (`hostile_service.py`). After each
batch nothing may have run, no dialog have come, no request have gone to another host, the page be
where it was, and nothing stand in it that is not of our own making; a refusal of the page's policy
counts as a miss, for then only the second wall held. Some links are clicked. A batch with a miss is
run again row by row. The last line is one JSON object; exit status 1 on a miss. Needs playwright
and /usr/bin/chromium.
"""

import argparse
import asyncio
import contextlib
import io
import json
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostile_service import (
    DOCUMENT_ROWS,
    STORED,
    HostileService,
    addressed,
    running_app,
    source_turns,
    stream_events,
    titled,
    work_turns,
)
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as BrowserError

from websearch_agent import events
from websearch_agent.cli.terminal import TerminalView

PLACES = (*STORED, "stream", "document", "terminal")
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-sync"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
# Whatever the page tries: no name but ours has an address.
ARGUMENTS += ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
BATCH_ROWS = 200
# Each row is rendered again with every later one of its answer.
STREAM_ROWS = 40
CLICKED_LINKS = 3
TIMEOUT_MS = 30_000

# ---- the browser -------------------------------------------------------------------------------

CANARY = """(() => {
  const ran = [];
  const known = new Set(Object.getOwnPropertyNames(window));
  for (const name of ["alert", "confirm", "prompt", "print", "open"])
    window[name] = () => { ran.push(name + "() ran"); };
  addEventListener("securitypolicyviolation", (event) =>
    ran.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  Object.defineProperty(window, "_takeRan", { value: () => [...ran.splice(0),
    ...Object.getOwnPropertyNames(window).filter((name) => !known.has(name) && name !== "_takeRan")
      .map((name) => `new global: ${name}`)] });
})()"""

# What our own templates and scripts make, and nothing else.
STRANGE = """() => {
  const tags = new Set(`a article bdi blockquote body br button code del details dialog div em
    fieldset form h1 h2 h3 h4 h5 h6 head header hr html img input label legend li link main mark
    meta nav noscript ol option p path pre progress rect s script section select span strong summary
    svg table tbody td textarea th thead title tr ul`.split(/\\s+/));
  const maths = new Set(`math menclose mfrac mi mmultiscripts mn mo mover mpadded mprescripts mroot
    mrow mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder
    munderover`.split(/\\s+/));
  const isMaths = (one) => one.namespaceURI.endsWith("/MathML") && maths.has(one.localName);
  const found = [];
  for (const one of document.querySelectorAll("*")) {
    const isKnown = tags.has(one.localName) && !one.closest("math");
    if (!isKnown && !isMaths(one)) found.push(`element: ${one.localName}`);
    for (const { name, value } of one.attributes) {
      const isOurs = one.id === "question" || one.matches(".floating-card, .menu, .toast-place");
      if (name.startsWith("on") || (name === "style" && !isOurs) || name === "srcdoc")
        found.push(`attribute: ${one.localName} ${name}=${value}`);
      if (!["href", "src", "action", "formaction", "xlink:href", "srcset"].includes(name)) continue;
      const { origin, protocol, username } = new URL(value, location.href);
      const isLink = one.localName === "a" && /^https?:$/.test(protocol) && !username;
      if (origin !== location.origin && !isLink) found.push(`address: ${one.localName} ${value}`);
      if (isLink && origin !== location.origin && one.rel !== "noopener noreferrer nofollow")
        found.push(`rel: ${one.rel} ${value}`);
    }
  }
  for (const one of document.querySelectorAll(".thread, .prose, #conversations, .document-head"))
    for (const acting of one.querySelectorAll("img, script, link, meta, form, input, noscript"))
      found.push(`element in foreign text: ${acting.localName}`);
  return found;
}"""


@dataclass
class Watch:
    """A fresh browser page of the app at `base` that writes down what should not happen."""

    browser: Browser
    base: str
    seen: list[str] = field(default_factory=list)
    clicking: bool = False

    def __post_init__(self) -> None:
        self.context = self.browser.new_context(base_url=self.base, locale="en-GB")
        self.context.add_init_script(CANARY)
        self.context.route(lambda url: not url.startswith(f"{self.base}/"), lambda r: r.abort())
        self.context.on("request", lambda request: self._check_request(request.url))
        self.context.set_default_timeout(TIMEOUT_MS)
        self.page = self.context.new_page()
        self.page.on("dialog", self._dismiss)
        self.page.on("download", lambda download: self.seen.append(f"download: {download.url}"))
        self.page.on("popup", lambda page: self.clicking or self.seen.append(f"popup: {page.url}"))
        self.page.on("pageerror", lambda error: self.seen.append(f"error: {error}"))
        self.page.on("console", self._check_console)

    def _check_request(self, url: str) -> None:
        if not url.startswith(f"{self.base}/") and not (self.clicking and url.startswith("http")):
            self.seen.append(f"request: {url}")

    def _dismiss(self, dialog: Any) -> None:
        self.seen.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _check_console(self, message: Any) -> None:
        if message.type in ("error", "warning") and not self.clicking:
            self.seen.append(f"console: {message.text}")

    def open(self, path: str) -> None:
        self.page.goto(path)

    def misses(self, path: str) -> list[str]:
        """What has happened since the last call on the page that should be at `path`."""
        if self.page.url.partition("#")[0] != self.base + path:
            self.seen.append(f"left for {self.page.url}")
            self.page.goto(path)
        found = self.seen + self.page.evaluate("_takeRan()") + self.page.evaluate(STRANGE)
        self.seen = []
        return found

    def use(self) -> None:
        """Open what is folded, point at some chips and labels, click some links."""
        self.page.evaluate(
            # Not the options: their panel lies over the answer.
            "for (const one of document.querySelectorAll('.thread details')) one.open = true"
        )
        for found in ("a.citation", ".support-label"):
            for one in self.page.locator(f"{found}:visible").all()[:CLICKED_LINKS]:
                one.hover(force=True, timeout=2000)
        # A card that comes after the pointer has left would lie over a link.
        self.page.mouse.move(1, 1)
        self.page.wait_for_timeout(400)
        self.page.locator("#floating-card").wait_for(state="hidden")
        self.clicking = True
        links = ".thread a[target]:visible, .prose a[target]:visible, .document-meta a:visible"
        for one in self.page.locator(links).all()[:CLICKED_LINKS]:
            with self.page.expect_popup() as opened:
                one.click(force=True, timeout=2000)
            opened.value.close()
        self.clicking = False


def check_place(
    watch: Watch, service: HostileService, place: str, rows: Sequence[str]
) -> list[str]:
    """The misses of these rows in one place of the page."""
    if place == "terminal":
        # Playwright's own loop runs in this thread.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(check_terminal, rows).result()
    service.rows, service.turns = rows, ()
    if place == "document":
        return check_documents(watch, rows)
    if place == "stream":
        watch.open("/")
        watch.page.get_by_label("Your question").fill("Plain?")
        watch.page.keyboard.press("Enter")
        watch.page.wait_for_selector(".card", state="attached", timeout=60_000)
        watch.page.wait_for_selector(".turn:not(.is-writing) .support-summary:not([hidden])")
    else:
        service.turns = tuple(STORED[place](rows))
        watch.open("/c/c")
        watch.page.locator(".turn").nth(len(service.turns) - 1).wait_for(state="attached")
        watch.page.locator("#conversations li").nth(len(rows) - 1).wait_for(state="attached")
    watch.use()
    return watch.misses("/c/c")


def check_documents(watch: Watch, rows: Sequence[str]) -> list[str]:
    found: list[str] = []
    for number in range(0, len(rows), DOCUMENT_ROWS):
        path = f"/documents/{number}?start=0&end={len(rows[number])}"
        watch.open(path)
        if number == 0:
            watch.use()
        found += watch.misses(path)
    watch.open("/documents/missing")
    # The browser itself tells that the answer was a 404.
    watch.seen = [one for one in watch.seen if "404" not in one]
    return found + watch.misses("/documents/missing")


def check_terminal(rows: Sequence[str]) -> list[str]:
    """What the terminal is sent may break lines, and nothing else."""
    steering = [f"\x1b]8;;{row}\x07{row}\x1b[2J\x9b5n\r\x08\u202e" for row in rows]
    turns = work_turns(steering) + source_turns(addressed, steering)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        for turn in turns + source_turns(titled, steering):
            asyncio.run(_show(steering, events.AnswerFinished("c", turn.answer)))
    shown = set(out.getvalue() + err.getvalue()) - {"\n", "\t"}
    return [f"terminal: {char!r}" for char in shown if _steers(char)]


async def _show(rows: Sequence[str], end: events.AnswerFinished) -> None:
    async def all_events() -> AsyncGenerator[events.AgentEvent, None]:
        async for event in stream_events(rows, pause_s=0):
            yield event
        yield end

    await TerminalView().show(all_events())


def _steers(char: str) -> bool:
    """Control, direction and zero-width characters; joiners are letters' business."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs") and char not in "\u200c\u200d"


# ---- the run -----------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, help="a JSONL file with `payload` and `src`")
    parser.add_argument("-n", type=int, default=None, help="only every so many-th row, n in all")
    parser.add_argument("--places", default=",".join(PLACES))
    arguments = parser.parse_args()
    if not arguments.rows.is_file():
        parser.error(f"{arguments.rows} is no file: name a JSONL file with `payload` and `src`")
    rows = [json.loads(line) for line in arguments.rows.read_text().splitlines() if line]
    step = 1 if arguments.n is None else max(1, len(rows) // arguments.n)
    places = [place for place in PLACES if place in arguments.places.split(",")]
    started = time.monotonic()
    misses = run(rows[::step], places)
    print_table(rows[::step], places, misses)
    figures = {"rows": len(rows[::step]), "places": places, "misses": sum(misses.values())}
    seconds = round(time.monotonic() - started)
    print(json.dumps({"eval": "hostile_payloads", **figures, "seconds": seconds}))
    sys.exit(bool(misses))


def run(rows: Sequence[dict[str, str]], places: Sequence[str]) -> Counter[tuple[str, str]]:
    """How many rows missed, by source and place; each miss is printed."""
    misses: Counter[tuple[str, str]] = Counter()
    service = HostileService()
    with sync_playwright() as playwright, running_app(service) as base:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        for place in places:
            size = STREAM_ROWS if place == "stream" else BATCH_ROWS
            for start in range(0, len(rows), size):
                batch = rows[start : start + size]
                print(f"{place}: row {start} of {len(rows)}", file=sys.stderr)
                for row, found in missing_rows(browser, base, service, place, batch):
                    misses[row["src"], place] += 1
                    print(f"MISS {place} {row.get('id')}: {found[:3]} {row['payload'][:200]!r}")
            print(
                f"{place}: {sum(n for (_, at), n in misses.items() if at == place)} misses",
                flush=True,
            )
        browser.close()
    return misses


def missing_rows(
    browser: Browser, base: str, service: HostileService, place: str, rows: Sequence[dict[str, str]]
) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The rows that miss; if a batch does and none of its rows alone, its first stands for it."""
    found = check_rows(browser, base, service, place, rows)
    if not found:
        return
    alone = [(row, check_rows(browser, base, service, place, [row])) for row in rows]
    missed = [(row, ones) for row, ones in alone if ones]
    yield from missed or [(rows[0], ["in a batch only", *found])]


def check_rows(
    browser: Browser, base: str, service: HostileService, place: str, rows: Sequence[dict[str, str]]
) -> list[str]:
    watch = Watch(browser, base)
    try:
        return check_place(watch, service, place, [row["payload"] for row in rows])
    except BrowserError as error:
        return [f"browser: {str(error)[:300]}", *watch.seen]
    finally:
        watch.context.close()


def print_table(
    rows: Sequence[dict[str, str]], places: Sequence[str], misses: Counter[tuple[str, str]]
) -> None:
    print(" | ".join(["source", "rows", *places]))
    for src, count in Counter(row["src"] for row in rows).most_common():
        print(" | ".join([src, str(count), *(str(misses[src, place]) for place in places)]))


if __name__ == "__main__":
    main()
