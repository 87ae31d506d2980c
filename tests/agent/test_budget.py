"""The prompt fits the window, whatever is asked of it."""

import datetime as dt
from typing import cast

import pytest
from fakes import FakeModel
from hypothesis import given, settings
from hypothesis import strategies as st

from websearch_agent.agent.budget import count_prompt, fit_prompt
from websearch_agent.agent.select import fill_budget
from websearch_agent.agent.state import AgentContext
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.protocols import Dialect
from websearch_agent.types import (
    Evidence,
    Message,
    Passage,
    Prompt,
    SearchSwitch,
    Source,
)

pytestmark = pytest.mark.anyio


class Context:
    """As much of an `AgentContext` as the budget looks at."""

    def __init__(self, window: int, dialect: Dialect | None = None) -> None:
        self.model = FakeModel([], context_window=window)
        self.dialect = dialect or SchemaDialect()


def make_sources(count: int, chars: int) -> tuple[Source, ...]:
    passages = (Passage("u", "x" * chars, 0, chars), Passage("u", "y" * chars, 0, chars))
    return tuple(Source(n, "u", "title", "site", passages) for n in range(1, count + 1))


@given(
    window=st.sampled_from([2048, 4096, 32768]),
    dialect=st.sampled_from([SchemaDialect(), ToolsDialect()]),
    search=st.sampled_from(["never", "auto"]),
    question=st.integers(1, 3000),
    turns=st.integers(0, 30),
    source_count=st.integers(0, 12),
    passage_chars=st.integers(1, 6000),
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
) -> None:
    context = cast(AgentContext, Context(window, dialect))
    history = (Message("user", "why? " * 40), Message("assistant", "because. " * 200)) * turns
    evidence = Evidence(("query",), make_sources(source_count, passage_chars))
    prompt = Prompt(dt.date(2026, 1, 1), "q" * question, history, evidence, search)
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
    chosen = fill_budget(ranked, [10, 10, 10, 10], budget_tokens=155, max_sources=5)
    assert [p.text for p in chosen] == ["1", "3", "4"]


def test_no_more_sources_than_asked_for_and_the_rest_goes_to_the_best() -> None:
    ranked = [passage("a", "1"), passage("b", "2"), passage("c", "3"), passage("a", "4")]
    chosen = fill_budget(ranked, [10, 10, 10, 10], budget_tokens=1000, max_sources=2)
    assert [p.text for p in chosen] == ["1", "2", "4"]
