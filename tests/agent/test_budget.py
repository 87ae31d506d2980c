"""The prompt fits the window, whatever is asked of it."""

import datetime as dt
from typing import cast

import pytest
from fakes import FakeModel
from hypothesis import given, settings
from hypothesis import strategies as st

from websearch_agent.agent.budget import count_prompt, fit_prompt
from websearch_agent.agent.select import Room, fill_budget, share_out
from websearch_agent.agent.state import AgentContext
from websearch_agent.model_calls import Message
from websearch_agent.models.dialects.markers import MarkersDialect
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.models.profile import find_profile
from websearch_agent.protocols import Dialect
from websearch_agent.types import AnswerRequest, Evidence, Passage, Prompt, SearchSwitch, Source

pytestmark = pytest.mark.anyio

MEGREZ = MarkersDialect(find_profile("megrez-3b-instruct"))


class Context:
    """As much of an `AgentContext` as the budget looks at."""

    def __init__(self, window: int, dialect: Dialect | None = None) -> None:
        self.request = AnswerRequest("question?")
        self.model = FakeModel([], context_window=window)
        self.dialect = dialect or SchemaDialect()


def make_sources(count: int, chars: int) -> tuple[Source, ...]:
    passages = (Passage("u", "x" * chars, 0, chars), Passage("u", "y" * chars, 0, chars))
    return tuple(Source(n, "u", "title", "site", passages) for n in range(1, count + 1))


@given(
    window=st.sampled_from([2048, 4096, 32768]),
    dialect=st.sampled_from([SchemaDialect(), ToolsDialect(), MEGREZ]),
    search=st.sampled_from(["never", "auto"]),
    question=st.integers(1, 3000),
    turns=st.integers(0, 30),
    source_count=st.integers(0, 12),
    passage_chars=st.integers(1, 6000),
    in_hand_count=st.integers(0, 8),
)
@settings(deadline=None)
async def test_prompt_and_answer_always_fit(
    window: int,
    dialect: Dialect,
    search: SearchSwitch,
    question: int,
    turns: int,
    source_count: int,
    passage_chars: int,
    in_hand_count: int,
) -> None:
    context = cast(AgentContext, Context(window, dialect))
    history = (Message("user", "why? " * 40), Message("assistant", "because. " * 200)) * turns
    evidence = None
    if source_count:
        evidence = Evidence(("query",), make_sources(source_count, passage_chars))
    in_hand = () if evidence else make_sources(in_hand_count, passage_chars)
    prompt = Prompt(dt.date(2026, 1, 1), "q" * question, history, evidence, search, in_hand=in_hand)
    fitted = await fit_prompt(prompt, context)
    used = await count_prompt(context, fitted)
    assert used + fitted.max_tokens <= window
    assert fitted.max_tokens >= 128
    assert fitted.question == prompt.question


async def test_latest_turns_are_kept_in_whole_pairs() -> None:
    context = cast(AgentContext, Context(2048))
    history = tuple(
        Message(role, f"{role} {turn} " + "x" * 700)  # type: ignore[arg-type]
        for turn in range(9)
        for role in ("user", "assistant")
    )
    fitted = await fit_prompt(Prompt(dt.date(2026, 1, 1), "q", history), context)
    assert fitted.history == history[-len(fitted.history) :]
    assert 2 <= len(fitted.history) < len(history)
    assert fitted.history[0].role == "user"


def passage(url: str, text: str) -> Passage:
    return Passage(url, text, 0, len(text))


def test_each_page_is_heard_before_any_is_heard_twice() -> None:
    ranked = [passage("a", "1"), passage("a", "2"), passage("b", "3"), passage("c", "4")]
    chosen = fill_budget(ranked, [10, 10, 10, 10], Room(197, max_sources=5))
    assert [p.text for p in chosen] == ["1", "3", "4"]


def test_no_more_sources_than_asked_for_and_the_rest_goes_to_the_best() -> None:
    ranked = [passage("a", "1"), passage("b", "2"), passage("c", "3"), passage("a", "4")]
    chosen = fill_budget(ranked, [10, 10, 10, 10], Room(1000, max_sources=2))
    assert [p.text for p in chosen] == ["1", "2", "4"]


@pytest.mark.parametrize("answer_tokens", [600, 1200, 3000, 9000])
async def test_latest_turn_stays_however_long_it_is(answer_tokens: int) -> None:
    context = cast("AgentContext", Context(4096, ToolsDialect()))
    history = (Message("user", "hi"), Message("assistant", "word" * answer_tokens))
    fitted = await fit_prompt(Prompt(dt.date(2026, 1, 1), "And then?", history), context)
    assert fitted.history[0] == history[0]
    kept = len(fitted.history[1].content) // 4
    assert kept == answer_tokens or kept > 1000
    assert fitted.max_tokens == 512


async def test_older_turns_are_shortened_before_they_go() -> None:
    context = cast("AgentContext", Context(4096, ToolsDialect()))
    history = (Message("user", "why?"), Message("assistant", "word" * 900)) * 3
    fitted = await fit_prompt(Prompt(dt.date(2026, 1, 1), "And then?", history), context)
    lengths = [len(message.content) // 4 for message in fitted.history[1::2]]
    assert lengths[-1] == 900
    assert len(lengths) > 1
    assert all(250 < length < 350 for length in lengths[:-1])


@pytest.mark.parametrize(
    ("tokens", "sources", "passages"), [(700, 3, 4), (1400, 3, 4), (6000, 5, 6), (16_000, 5, 16)]
)
def test_wide_window_shows_more_of_each_source(tokens: int, sources: int, passages: int) -> None:
    room = share_out(tokens, source_tokens=max(tokens, 1400), max_sources=5)
    assert (room.max_sources, room.passages_per_source) == (sources, passages)


def test_window_of_32768_tokens_is_used_for_sources() -> None:
    ranked = [
        Passage(f"https://{page}.example/", f"{page} {place}", place, place + 3, score=1.0)
        for place in range(40)
        for page in range(5)
    ]
    room = share_out(16_000, source_tokens=16_000, max_sources=5)
    chosen = fill_budget(ranked, [180] * len(ranked), room)
    assert 14_000 < 180 * len(chosen) < 16_000
