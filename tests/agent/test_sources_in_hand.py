"""Follow-ups from the sources of an earlier turn, and pages that the person named."""

from dataclasses import replace

import pytest
from agent_parts import A, B, answer_of, ask, failed, finished, make_parts
from fakes import FakeEngine, FakeModel, make_results, search_call

from websearch_agent.errors import PageUnreachable
from websearch_agent.events import DecisionMade, SourcesSelected
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.prompts import answer_example
from websearch_agent.protocols import ConversationStore

pytestmark = pytest.mark.anyio

SEARCH = '{"task": "specific_fact", "needs": "web"}'
QUERIES = '{"queries": ["bridge"]}'
REUSE = '{"task": "more_from_sources", "needs": "sources"}'
ADDRESS = "https://named.example/page"


async def test_follow_up_is_answered_from_the_sources_in_hand(store: ConversationStore) -> None:
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
    store: ConversationStore,
) -> None:
    standalone, more = '{"standalone": "More?"}', '{"queries": ["x"]}'
    model = FakeModel([SEARCH, QUERIES, "In 1932 [1].", standalone, more, "Long [2]."])
    parts = replace(make_parts(store, model), dialect=SchemaDialect())
    first = finished(await ask(parts))
    again = await ask(parts, "More?", conversation_id=first.conversation_id, search="always")
    assert answer_of(again).search_queries == ("More?", "x")


async def test_sources_in_hand_are_offered_to_a_model_with_tools(store: ConversationStore) -> None:
    model = FakeModel([search_call("bridge"), "In 1932 [1].", "As said, in 1932 [1]."])
    parts = make_parts(store, model)
    first = finished(await ask(parts))
    answer = answer_of(await ask(parts, "Again?", conversation_id=first.conversation_id))
    assert "opened in 1932 by the mayor" in model.calls[-1].messages[-1].content
    assert [citation.source_number for citation in answer.citations] == [1]
    assert [source.number for source in answer.sources] == [1]
    assert answer.notices == ()


async def test_page_that_the_person_named_is_opened_and_no_engine_asked(
    store: ConversationStore,
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


async def test_named_page_that_cannot_be_read_ends_the_answer(store: ConversationStore) -> None:
    engine = FakeEngine(make_results(A))
    model = FakeModel([search_call(f"ferries {ADDRESS}")])
    parts = make_parts(
        store, model, engines=(engine,), pages={ADDRESS: PageUnreachable("answered 404")}
    )
    failure = failed(await ask(parts, f"What does {ADDRESS} say?"))
    assert failure.code == "no_page_readable"
    assert failure.message == f"{ADDRESS} could not be opened: answered 404"
    assert engine.queries == []


async def test_one_named_page_of_two_that_cannot_be_read_is_told(store: ConversationStore) -> None:
    model = FakeModel([search_call("pages"), "In 1932 [1]."])
    parts = make_parts(store, model, pages={ADDRESS: PageUnreachable("answered 404")})
    events = await ask(parts, f"Compare {ADDRESS} and {A}")
    assert answer_of(events).notices == (f"{ADDRESS} could not be opened: answered 404",)
    assert [source.url for source in answer_of(events).sources] == [A]


async def test_address_that_runs_into_chinese_is_tried_shorter(store: ConversationStore) -> None:
    page = "https://named.example/a"
    model = FakeModel([search_call("页面"), "渡轮从五月开始运营 [1]。"])
    parts = make_parts(store, model, pages={page: "渡轮从五月开始运营。"})
    answer = answer_of(await ask(parts, f"{page}这一页说了什么？"))
    assert [source.url for source in answer.sources] == [page]
    assert answer.notices == ()


async def test_named_page_is_not_opened_when_searching_is_switched_off(
    store: ConversationStore,
) -> None:
    parts = make_parts(store, ["I cannot open it."], pages={ADDRESS: "text"})
    events = await ask(parts, f"What does {ADDRESS} say?", search="never")
    assert not [event for event in events if isinstance(event, SourcesSelected)]


NAMES_SOURCE_1 = '{"source": "1"}'


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("The bridge was opened in 1932 by the mayor.", True),
        ("Use git reset to undo the last commit.", False),
        ("这座桥 the red bridge 于一九三二年开放。", True),
        ("可以使用 git reset 撤销。", False),
        ("这座桥于一九三二年开放。", False),
    ],
)
async def test_source_that_the_model_names_when_asked_must_come_near_the_answer(
    store: ConversationStore, text: str, cited: bool
) -> None:
    model = FakeModel([SEARCH, QUERIES, text, NAMES_SOURCE_1])
    engine = FakeEngine(make_results(A))
    parts = replace(make_parts(store, model, engines=(engine,)), dialect=SchemaDialect())
    assert bool(answer_of(await ask(parts)).citations) is cited


async def test_search_that_found_nothing_is_no_reason_to_guess(store: ConversationStore) -> None:
    model = FakeModel([SEARCH, QUERIES, "I believe it is blue."])
    parts = replace(make_parts(store, model, engines=(FakeEngine(),)), dialect=SchemaDialect())
    answer = answer_of(await ask(parts))
    assert answer.text.startswith("The search found nothing")
    assert answer.unanswered
    assert answer.sources == answer.notices == ()
    assert len(model.calls) == 2


async def test_guess_after_a_search_that_found_nothing_is_told(store: ConversationStore) -> None:
    model = FakeModel([search_call("red bridge"), "I believe it is blue."])
    answer = answer_of(await ask(make_parts(store, model, engines=(FakeEngine(),))))
    (notice,) = answer.notices
    assert notice.startswith("The search found nothing to read")
    assert not answer.unanswered


async def test_copy_of_the_prompts_example_never_goes_out(store: ConversationStore) -> None:
    (_, _), (_, example) = answer_example("When?")
    model = FakeModel([SEARCH, QUERIES, example, "It was opened in 1932 [1]."])
    parts = replace(make_parts(store, model), dialect=SchemaDialect())
    answer = answer_of(await ask(parts))
    assert answer.text == "It was opened in 1932 [1]."
    assert answer.usage.model_calls == 4
    assert example not in [message.content for message in model.calls[-1].messages]


async def test_answer_that_begins_like_the_example_is_kept_whole(store: ConversationStore) -> None:
    (_, _), (_, example) = answer_example("When?")
    text = f"{example[:20]} much about it [1]."
    parts = replace(make_parts(store, [SEARCH, QUERIES, text]), dialect=SchemaDialect())
    assert answer_of(await ask(parts)).text == text
