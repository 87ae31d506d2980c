"""How fast and how calm the page is: the real server and agent, the mocks' model and web, Chromium.

    python bench/page_speed.py ../shared/mocks [-n 20] [--token-ms 8] [--viewport 1280x900]

1. Time from the server's first `answer_delta` with a word to the word on screen: from the agent's
   event to the frame that Chromium has painted with it.
2. An answer of 3,000 words with 40 citations, a table and code: tasks of the page's main thread
   over 50 and 100 ms by Chromium's own trace, and layout shifts after the first word.

The last line is one JSON object. Needs Chromium (tests/chromium.py finds it) and a quiet machine.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import uvicorn
from chromium import find_chromium
from mocks import configure, program_on, running_mocks
from playwright.sync_api import Page, sync_playwright

from websearch_agent.config import Settings
from websearch_agent.events import AgentEvent, AnswerDelta
from websearch_agent.server.app import create_app
from websearch_agent.server.run import AnsweringServer, address_of, bind_listener
from websearch_agent.types import AnswerRequest

LONG_QUESTION = "Describe topic-3 at length: what is its rated capacity?"
WORDS, CITATIONS = 3000, 40
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
# The word is on screen when the frame that holds it has been painted: two callbacks later.
WATCH = """
window.shifts = [];
window.firstWordAt = null;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const moved = entry.sources.map((s) => s.node?.parentElement?.className ?? "");
    window.shifts.push({ at: performance.timeOrigin + entry.startTime, value: entry.value, moved });
  }
}).observe({ type: "layout-shift", buffered: true });
new MutationObserver(() => {
  if (window.firstWordAt !== null) return;
  const answers = document.querySelectorAll(".turn:last-child .answer");
  if (!answers[0]?.textContent.trim()) return;
  window.firstWordAt = 0;
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    const now = () => performance.timeOrigin + performance.now();
    channel.port1.onmessage = () => (window.firstWordAt = now());
    channel.port2.postMessage(0);
  });
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("mocks", type=Path)
    parser.add_argument("-n", type=int, default=20, help="questions for the first figure")
    parser.add_argument("--token-ms", type=float, default=8.0, help="the model's time for a token")
    parser.add_argument("--viewport", default="1280x900")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.viewport.split("x"))
    with running_mocks(arguments.mocks) as (base, _):
        changes = {"token_ms": arguments.token_ms, "search_ms": 20, "page_ms": 20}
        asyncio.run(configure(base, {**changes, "rules": [long_rule()]}))
        with served_program(base) as (address, clock), sync_playwright() as playwright:
            executable = str(find_chromium())
            browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": width, "height": height})
            page.add_init_script(WATCH)
            figures = measure_first_word(page, address, clock, count=arguments.n)
            figures |= measure_long_answer(page, address)
            browser.close()
    print(json.dumps({"bench": "page_speed", "viewport": arguments.viewport, **figures}))


# ---- the answer ----------------------------------------------------------------------------------


def long_rule() -> dict[str, str]:
    """The mocks' model writes this when it is shown sources for LONG_QUESTION."""
    return {
        "name": "long",
        "when": "(?=.*----- sources )(?=.*Describe topic-3 at length)",
        "reply": long_answer(),
    }


def long_answer() -> str:
    blocks = [
        "## Overview",
        "| Part | Value | Source |\n|---|---|---|\n" + "| a | 12 units | b |\n" * 8,
    ]
    blocks.append("```python\n" + "".join(f"value_{n} = measure({n})\n" for n in range(25)) + "```")
    words = sum(len(block.split()) for block in blocks)
    for number in range(CITATIONS):
        share = (WORDS - words) // (CITATIONS - number)
        filler = " ".join(f"word{number}x{index}" for index in range(share - 12))
        sentence = f"The rated capacity of topic-3 is {1000 + number} units [{number % 5 + 1}]."
        if number % 10 == 5:
            blocks.append(f"### Part {number}")
        blocks.append(f"{sentence} It was measured with {filler}.")
        words += len(blocks[-1].split())
    return "\n\n".join(blocks)


# ---- the server --------------------------------------------------------------------------------


@dataclass
class FirstDeltas:
    """When each answer's first `AnswerDelta` was told, in seconds since the epoch."""

    times: list[float] = field(default_factory=list)


class WatchedService:
    """The program, which notes when an answer's first words are there."""

    def __init__(self, service: Any, deltas: FirstDeltas) -> None:
        self._service = service
        self._deltas = deltas

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def for_owner(self, owner_id: str) -> "WatchedService":
        return WatchedService(self._service.for_owner(owner_id), self._deltas)

    async def answer_question(self, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
        seen = False
        async for event in self._service.answer_question(request):
            # Signs of Markdown alone are no word that could be shown.
            if isinstance(event, AnswerDelta) and not seen and any(map(str.isalnum, event.text)):
                seen = True
                self._deltas.times.append(time.time())
            yield event


@contextmanager
def served_program(base: str) -> Iterator[tuple[str, FirstDeltas]]:
    """The real app over the real agent, in a thread of its own."""
    listener = bind_listener("127.0.0.1", 0)
    deltas = FirstDeltas()
    stopped = threading.Event()
    servers: list[AnsweringServer] = []

    async def serve() -> None:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(_env_file=None, auth="off", data_dir=Path(folder))  # type: ignore[call-arg]
            async with program_on(base) as service:
                watched = WatchedService(service, deltas)
                app = create_app(lambda: watched, settings)  # type: ignore[arg-type,return-value]
                config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=2)
                servers.append(AnsweringServer(config, address_of(listener)))
                await servers[0].serve(sockets=[listener])
        stopped.set()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        yield address_of(listener), deltas
    finally:
        servers[0].should_exit = True
        thread.join(10)


# ---- the page ------------------------------------------------------------------------------------


def ask(page: Page, address: str, question: str) -> None:
    """On a fresh page; returns when the answer is finished."""
    page.goto(address)
    page.locator("#question").fill(question)
    page.keyboard.press("Enter")
    page.locator(".answer-tools").wait_for(timeout=180_000)


def measure_first_word(
    page: Page, address: str, clock: FirstDeltas, *, count: int
) -> dict[str, Any]:
    delays_ms = []
    for number in range(count + 1):
        ask(page, address, f"What is the rated capacity of topic-{number}?")
        shown_at = page.evaluate("window.firstWordAt") / 1000
        delays_ms.append(1000 * (shown_at - clock.times[-1]))
    counted = sorted(delays_ms[1:])  # the first one warms up
    return {
        "first_word_ms_median": round(statistics.median(counted), 1),
        "first_word_ms_p95": round(counted[int(0.95 * (len(counted) - 1))], 1),
        "questions": len(counted),
    }


def measure_long_answer(page: Page, address: str) -> dict[str, Any]:
    page.goto(address)
    page.wait_for_timeout(1000)
    browser = page.context.browser
    assert browser is not None
    browser.start_tracing(
        page=page,
        categories=["devtools.timeline", "toplevel", "disabled-by-default-devtools.timeline"],
    )
    page.locator("#question").fill(LONG_QUESTION)
    page.keyboard.press("Enter")
    page.locator(".answer-tools").wait_for(timeout=600_000)
    page.wait_for_timeout(1500)
    tasks = main_thread_tasks(json.loads(browser.stop_tracing()))
    first_word_at = page.evaluate("window.firstWordAt")
    shifts = [shift for shift in page.evaluate("window.shifts") if shift["at"] > first_word_at + 50]
    text = page.locator(".answer").inner_text()
    return {
        "long_answer_words": len(text.split()),
        "long_answer_citations": page.locator("a.citation").count(),
        "tasks_over_50_ms": sum(ms > 50 for ms in tasks),
        "tasks_over_100_ms": sum(ms > 100 for ms in tasks),
        "longest_task_ms": round(max(tasks, default=0.0), 1),
        "layout_shift_after_first_word": round(sum(shift["value"] for shift in shifts), 5),
        "shifted": sorted({name for shift in shifts for name in shift["moved"]}),
    }


def main_thread_tasks(trace: dict[str, Any]) -> list[float]:
    """Milliseconds of each task of the page's main thread."""
    events = trace["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"].get("name") == "CrRendererMain"
    }
    return [
        event["dur"] / 1000
        for event in events
        if event.get("ph") == "X"
        and event["name"] in ("RunTask", "ThreadControllerImpl::RunTask")
        and (event["pid"], event["tid"]) in mains
    ]


if __name__ == "__main__":
    main()
