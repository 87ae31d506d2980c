"""The event stream under hard conditions: text that cannot be encoded, and slow rendering."""

import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from server.fake_service import PAGE_SOURCE, FakeService, make_answer, serve

from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    SourcesSelected,
)
from websearch_agent.server.render import BlockChange, IncrementalRenderer, render_html
from websearch_agent.server.streaming import RENDER_INTERVAL_S, HtmlUpdates, encode_event
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

HALF = "\ud83d"


async def half_character_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    source = replace(PAGE_SOURCE, title=f"Half {HALF}", url=f"https://a.example/{HALF}")
    yield service.start(request)
    yield SourcesSelected((source,))
    yield AnswerDelta(f"Half {HALF} [1]")
    yield service.finish(make_answer(f"Half {HALF} [1]", sources=(source,)))


async def test_half_character_breaks_no_stream() -> None:
    async with (
        serve(FakeService(half_character_script)) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        body = {"question": "q", "render": True}
        headers = {"Accept": "text/event-stream"}
        stream = await client.post("/api/answers", json=body, headers=headers)
        answer = await client.post("/api/answers", json={"question": "q"})
    assert "event: answer_finished" in stream.text
    assert "<p>Half ? <a " in stream.text.replace('\\"', '"')
    assert answer.json()["text"] == "Half ? [1]"
    assert answer.json()["sources"][0]["title"] == "Half ?"


class SlowRenderer(IncrementalRenderer):
    """Takes `seconds` of the given clock, and notes in which threads it ran."""

    def __init__(self, clock: "Clock", seconds: float) -> None:
        super().__init__()
        self.clock = clock
        self.seconds = seconds
        self.threads: list[int] = []

    def render_changes(self, text: str) -> list[BlockChange]:
        self.clock.now_s += self.seconds
        self.threads.append(threading.get_ident())
        return super().render_changes(text)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(("seconds", "pause_s"), [(0.0, RENDER_INTERVAL_S), (1.0, 4.0)])
async def test_slow_rendering_runs_in_a_thread_and_waits_longer_for_the_next(
    seconds: float, pause_s: float
) -> None:
    clock = Clock()
    renderer = SlowRenderer(clock, seconds)
    updates = HtmlUpdates(renderer, clock)
    updates.observe(AnswerDelta("one"))
    assert updates.wait_s() == 0.0

    changes = await updates.render()
    assert changes == [BlockChange(0, "<p>one</p>")]
    sent = b'event: answer_html\ndata: {"block":0,"html":"<p>one</p>"}\n\n'
    assert encode_event(changes[0]) == sent

    assert updates.wait_s() is None
    updates.observe(AnswerDelta(" two"))
    assert updates.wait_s() == pytest.approx(pause_s)
    assert renderer.threads[0] != threading.get_ident()


async def test_half_character_is_rendered_as_a_question_mark() -> None:
    assert render_html(f"a {HALF}") == "<p>a ?</p>"
