"""Engines that cannot honour a filter: left out is not broken."""

import pytest
from agent_parts import answer_of, ask, failed, make_parts
from fakes import FakeEngine, FakeModel, make_results, search_call

from websearch_agent.errors import EngineUnavailable, UnsupportedFilter
from websearch_agent.protocols import ConversationStore

pytestmark = pytest.mark.anyio

LEFT_OUT = FakeEngine(UnsupportedFilter("wiki takes no time range"), name="wiki")


async def test_question_that_no_engine_can_filter_for_is_refused_with_what_to_do(
    store: ConversationStore,
) -> None:
    builtin = FakeEngine(make_results("https://a.example/"), name="builtin")
    parts = make_parts(store, [search_call("q")], engines=[LEFT_OUT], builtin=builtin)
    end = failed(await ask(parts, time_range="week"))
    assert end.code == "unsupported_filter"
    assert "wiki takes no time range" in end.message
    assert "WEBSEARCH_ENGINES" in end.message
    assert not end.retryable
    assert builtin.queries == []


async def test_local_answer_beside_an_engine_left_out_blames_no_network(
    store: ConversationStore,
) -> None:
    local = FakeEngine(make_results("https://a.example/"), name="local")
    replies = [search_call("q"), "In 1932. [1]"]
    parts = make_parts(store, FakeModel(replies), engines=[LEFT_OUT, local])
    answer = answer_of(await ask(parts, time_range="week"))
    assert answer.notices == ()
    assert [failure.code for failure in answer.engine_failures] == ["unsupported_filter"]


async def test_local_answer_beside_a_broken_engine_says_so(store: ConversationStore) -> None:
    local = FakeEngine(make_results("https://a.example/"), name="local")
    broken = FakeEngine(EngineUnavailable("no route"), name="web")
    replies = [search_call("q"), "In 1932. [1]"]
    parts = make_parts(store, FakeModel(replies), engines=[broken, local])
    assert any("no route" in notice for notice in answer_of(await ask(parts)).notices)
