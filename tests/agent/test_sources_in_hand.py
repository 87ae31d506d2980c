"""Follow-ups from the sources of an earlier turn, and pages that the person named."""

from dataclasses import replace

import pytest
from agent_parts import A, B, answer_of, ask, finished, make_parts
from fakes import FakeEngine, FakeModel, make_results, search_call

from websearch_agent.errors import PageUnreachable
from websearch_agent.events import DecisionMade, Notice, SourcesSelected
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

SEARCH = '{"task": "specific_fact", "needs": "web"}'
QUERIES = '{"queries": ["bridge"]}'
REUSE = '{"task": "more_from_sources", "needs": "sources"}'
ADDRESS = "https://named.example/page"


async def test_follow_up_is_answered_from_the_sources_in_hand(store: SqliteStore) -> None:
    engine = FakeEngine(make_results(A, B))
    model = FakeModel([SEARCH, QUERIES, "In 1932 [1].", REUSE, "It is 500 metres long [2]."])
    parts = replace(make_parts(store, model, engines=(engine,)), dialect=SchemaDialect())
    first = finished(await ask(parts))
    events = await ask(parts, "What else?", conversation_id=first.conversation_id)
    answer = answer_of(events)
    assert answer.text == "It is 500 metres long [2]."
    assert [source.number for source in answer.sources] == [1, 2]
    assert answer.search_queries == ()
    assert len(engine.queries) == 2  # the whole question and the key word, of the first turn
    assert [event for event in events if isinstance(event, DecisionMade)] == [
        DecisionMade(False, reason="more from sources", reuse=True)
    ]
    assert "500 metres" in model.calls[-1].messages[-1].content


async def test_searching_is_not_replaced_by_the_sources_in_hand_when_always(
    store: SqliteStore,
) -> None:
    model = FakeModel(
        [SEARCH, QUERIES, "In 1932 [1].", '{"standalone": "More?", "queries": ["x"]}', "Long [2]."]
    )
    parts = replace(make_parts(store, model), dialect=SchemaDialect())
    first = finished(await ask(parts))
    again = await ask(parts, "More?", conversation_id=first.conversation_id, search="always")
    assert answer_of(again).search_queries == ("More?", "x")


async def test_sources_in_hand_are_offered_to_a_model_with_tools(store: SqliteStore) -> None:
    model = FakeModel([search_call("bridge"), "In 1932 [1].", "As said, in 1932 [1]."])
    parts = make_parts(store, model)
    first = finished(await ask(parts))
    answer = answer_of(await ask(parts, "Again?", conversation_id=first.conversation_id))
    assert "opened in 1932 by the mayor" in model.calls[-1].messages[-1].content
    assert [citation.source_number for citation in answer.citations] == [1]
    assert [source.number for source in answer.sources] == [1]
    assert answer.notices == ()


async def test_page_that_the_person_named_is_opened_and_no_engine_asked(
    store: SqliteStore,
) -> None:
    engine = FakeEngine(make_results(A))
    model = FakeModel([search_call("named page"), "It is about ferries [1]."])
    parts = make_parts(
        store, model, engines=(engine,), pages={ADDRESS: "The ferries run from May on."}
    )
    events = await ask(parts, f"What does {ADDRESS} say?")
    assert engine.queries == []
    (sources,) = [event.sources for event in events if isinstance(event, SourcesSelected)]
    assert [source.url for source in sources] == [ADDRESS]
    assert answer_of(events).search_queries == (ADDRESS,)


async def test_named_page_that_cannot_be_read_is_told_and_the_rest_is_searched(
    store: SqliteStore,
) -> None:
    engine = FakeEngine(make_results(A))
    model = FakeModel([search_call(f"ferries {ADDRESS}"), "In 1932 [1]."])
    parts = make_parts(
        store, model, engines=(engine,), pages={ADDRESS: PageUnreachable("answered 404")}
    )
    events = await ask(parts, f"What does {ADDRESS} say?")
    assert [query.query for query in engine.queries] == ["ferries"]
    told = [event.message for event in events if isinstance(event, Notice)]
    assert told == [f"{ADDRESS} could not be opened: answered 404"]
    assert answer_of(events).page_failures[0].url == ADDRESS


async def test_named_page_is_not_opened_when_searching_is_switched_off(
    store: SqliteStore,
) -> None:
    parts = make_parts(store, ["I cannot open it."], pages={ADDRESS: "text"})
    events = await ask(parts, f"What does {ADDRESS} say?", search="never")
    assert not [event for event in events if isinstance(event, SourcesSelected)]
