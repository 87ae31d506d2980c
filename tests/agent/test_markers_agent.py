"""The whole agent with a model that speaks Megrez's protocol."""

from dataclasses import replace

import pytest
from agent_parts import A, B, answer_of, ask, make_parts
from fakes import FakeEngine, FakeModel, make_results

from websearch_agent.models.dialects.markers import MarkersDialect
from websearch_agent.models.profile import find_profile
from websearch_agent.protocols import ConversationStore

pytestmark = pytest.mark.anyio


def call(query: str) -> str:
    return f'<|function_start|>{{"name": "search_web", "arguments": {{"query": "{query}"}}}}'


async def test_second_call_searches_and_answers(store: ConversationStore) -> None:
    engine = FakeEngine(make_results(A, B))
    model = FakeModel([call("bridge"), call("bridge opening"), "In 1932[citation:1]."])
    dialect = MarkersDialect(find_profile("megrez-3b-instruct"))
    parts = replace(make_parts(store, model, engines=(engine,)), dialect=dialect)
    answer = answer_of(await ask(parts))
    assert answer.text == "In 1932[1]."
    assert [query.query for query in engine.queries] == ["bridge", "bridge opening"]
    assert answer.citations[0].url == answer.sources[0].url
    roles = [message.role for message in model.calls[-1].messages]
    assert roles[-1] == "observation"


async def test_prompts_hold_in_the_ancestors_window(store: ConversationStore) -> None:
    long_page = "The red bridge was opened in 1932 by the mayor. " * 400
    model = FakeModel(
        [call("bridge"), "In 1932[citation:1]."], context_window=4096, answer_tokens=512
    )
    dialect = MarkersDialect(find_profile("megrez-3b-instruct"))
    parts = make_parts(store, model, pages={A: long_page, B: long_page})
    answer = answer_of(await ask(replace(parts, dialect=dialect), mode="quick"))
    assert answer.citations
    for made in model.calls:
        (tokens,) = await model.count_tokens(["".join(m.content for m in made.messages)])
        assert tokens + made.max_tokens <= 4096
        assert made.max_tokens <= 512
