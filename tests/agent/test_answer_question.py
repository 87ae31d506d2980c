"""The whole agent, from the question to the stored answer, with fakes at its edges."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from agent_parts import TEXTS, A, B, answer_of, ask, failed, finished, make_parts
from fakes import (
    FakeEngine,
    FakeModel,
    FakeReader,
    Reply,
    make_results,
    search_call,
)
from slow_store import SlowStore

from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.errors import (
    EngineUnavailable,
    ModelUnavailable,
)
from websearch_agent.events import (
    AnswerRestarted,
    AnswerStarted,
    DecisionMade,
    PageFinished,
    SourcesSelected,
)
from websearch_agent.model_calls import TextDelta
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.protocols import ConversationStore
from websearch_agent.types import AnswerRequest, Page, SearchQuery, SearchResult

pytestmark = pytest.mark.anyio


async def test_question_is_searched_read_and_answered_with_citations(
    store: ConversationStore,
) -> None:
    parts = make_parts(store, [search_call("red bridge opened"), "It was opened in 1932 [1]."])
    events = await ask(parts)
    answer = answer_of(events)
    assert answer.text == "It was opened in 1932 [1]."
    assert answer.search_queries == ("red bridge opened",)
    assert answer.sources[0].number == 1
    assert answer.citations[0].url == answer.sources[0].url == A
    assert answer.citations[0].quote == TEXTS[A]
    assert answer.statements[0].source_numbers == (1,)
    assert answer.usage.model_calls == 2
    assert [type(e) for e in events if not isinstance(e, PageFinished)][:4] == [
        AnswerStarted,
        DecisionMade,
        type(events[2]),
        SourcesSelected,
    ]


async def test_chat_costs_one_model_call_and_no_search(store: ConversationStore) -> None:
    engine = FakeEngine(make_results(A))
    events = await ask(make_parts(store, ["Hello!"], engines=[engine]), "hello")
    assert answer_of(events).text == "Hello!"
    assert answer_of(events).usage.model_calls == 1
    assert engine.queries == []


async def test_never_offers_no_tool(store: ConversationStore) -> None:
    model = FakeModel(["I think 1932."])
    await ask(make_parts(store, model), search="never")
    assert model.calls[0].tools == ()


async def test_unknown_marker_is_dropped_and_counted(store: ConversationStore) -> None:
    parts = make_parts(store, [search_call("q"), "True [1]. Invented [42]."])
    answer = answer_of(await ask(parts))
    assert answer.text == "True [1]. Invented."
    assert answer.dropped_markers == 1


async def test_text_before_a_search_is_taken_back(store: ConversationStore) -> None:
    class Talkative(FakeModel):
        async def stream(self, call):  # type: ignore[no-untyped-def,override]
            first = not self.calls
            async for delta in super().stream(call):
                if first and hasattr(delta, "tool_calls"):
                    delta = replace(delta, tool_calls=search_call("q"))
                yield delta

    parts = make_parts(store, Talkative(["Let me look that up.", "It was in 1932 [1]."]))
    events = await ask(parts)
    assert any(isinstance(e, AnswerRestarted) for e in events)
    assert answer_of(events).text == "It was in 1932 [1]."


async def test_numbers_stay_over_the_turns_of_a_conversation(store: ConversationStore) -> None:
    engine = FakeEngine(make_results(A))
    parts = make_parts(store, [search_call("q"), "In 1932 [1]."], engines=[engine])
    first = finished(await ask(parts))
    both = FakeEngine(make_results(B, A))
    again = make_parts(
        store, [search_call("q"), "It is 500 metres long [2], from 1932 [1]."], engines=[both]
    )
    second = answer_of(await ask(again, "red bridge", conversation_id=first.conversation_id))
    assert {s.number: s.url for s in second.sources} == {1: A, 2: B}
    assert [c.url for c in second.citations] == [B, A]


async def test_page_that_redirects_keeps_its_number_too(store: ConversationStore) -> None:
    class Redirecting(FakeReader):
        async def read(self, url: str, *, fresh: bool = False, intranet: bool = False) -> Page:
            return replace(await super().read(url), final_url="https://moved.example/page")

    def parts(*replies: Reply) -> AgentParts:
        made = make_parts(store, list(replies), engines=[FakeEngine(make_results(A))])
        return replace(made, reader=Redirecting({A: TEXTS[A]}))

    first = finished(await ask(parts(search_call("q"), "In 1932 [1].")))
    second = answer_of(
        await ask(parts(search_call("q"), "1932 [1]."), conversation_id=first.conversation_id)
    )
    assert [source.number for source in second.sources] == [1]


async def test_number_that_the_model_was_not_shown_is_dropped(store: ConversationStore) -> None:
    only_a, only_b = (FakeEngine(make_results(url)) for url in (A, B))
    first = finished(
        await ask(make_parts(store, [search_call("q"), "In 1932 [1]."], engines=[only_a]))
    )
    again = make_parts(
        store, [search_call("q"), "Long [2]. Fish sleep at night [1]."], engines=[only_b]
    )
    second = answer_of(await ask(again, conversation_id=first.conversation_id))
    assert second.text == "Long [2]. Fish sleep at night."
    assert second.dropped_markers == 1


async def test_earlier_source_can_be_cited_in_a_chat_that_still_shows_its_number(
    store: ConversationStore,
) -> None:
    parts = make_parts(store, [search_call("q"), "In 1932 [1].", "En 1932 [1]."])
    first = finished(await ask(parts))
    second = answer_of(await ask(parts, "Say it in French", conversation_id=first.conversation_id))
    assert [citation.url for citation in second.citations] == [A]
    assert [source.number for source in second.sources] == [1]


async def test_second_search_keeps_what_the_first_one_found(store: ConversationStore) -> None:
    class Engine(FakeEngine):
        async def search(self, query: SearchQuery) -> list[SearchResult]:
            return make_results(A) if query.query == "first bridge" else make_results(B)

    replies = [
        search_call("first bridge"),
        search_call("second bridge"),
        "In 1932 [1], 500 metres [2].",
    ]
    answer = answer_of(await ask(make_parts(store, replies, engines=[Engine()]), "red bridge"))
    assert {source.number: source.url for source in answer.sources} == {1: A, 2: B}
    assert answer.dropped_markers == 0


async def test_second_search_that_fails_does_not_cost_the_answer(store: ConversationStore) -> None:
    class Engine(FakeEngine):
        async def search(self, query: SearchQuery) -> list[SearchResult]:
            if query.query == "second bridge":
                raise EngineUnavailable("no route")
            return make_results(A)

    replies = [search_call("first bridge"), search_call("second bridge"), "In 1932 [1]."]
    answer = answer_of(await ask(make_parts(store, replies, engines=[Engine()])))
    assert answer.text == "In 1932 [1]."
    assert answer.sources[0].url == A
    assert [failure.reason for failure in answer.engine_failures] == ["no route"]


async def test_retry_after_an_empty_reply_reads_markers_afresh(store: ConversationStore) -> None:
    model = FakeModel([search_call("q"), "  ", "Long [2]. Red."], chunk_chars=1)
    answer = answer_of(await ask(make_parts(store, model), "red bridge"))
    assert [c.source_number for c in answer.citations] == [2]
    assert answer.text == "Long [2]. Red."


async def test_failed_half_answer_is_not_shown_to_the_model_again(store: ConversationStore) -> None:
    class Breaking(FakeModel):
        async def stream(self, call):  # type: ignore[no-untyped-def,override]
            yield TextDelta("Half an answ")
            raise ModelUnavailable("gone")

    first = await ask(make_parts(store, Breaking([])), "hello")
    assert failed(first).code == "model_unavailable"
    started = first[0]
    assert isinstance(started, AnswerStarted)
    model = FakeModel(["Hi!"])
    await ask(make_parts(store, model), "again", conversation_id=started.conversation_id)
    assert [m.content for m in model.calls[0].messages[1:]] == ["again"]


async def test_answer_is_stored_though_the_client_leaves_meanwhile(tmp_path: Path) -> None:
    store = SlowStore(tmp_path / "slow.db")
    await store.database.open()
    stream = answer_question(AnswerRequest("hello"), make_parts(store, ["Hello!"]))
    started = await anext(stream)
    assert isinstance(started, AnswerStarted)

    async def read_on() -> None:
        async for _ in stream:
            pass

    reader = asyncio.create_task(read_on())
    await store.storing.wait()
    reader.cancel()
    await asyncio.wait([reader], timeout=0.01)
    store.go_on.set()
    await asyncio.wait([reader])
    await stream.aclose()
    (turn,) = (await store.load_conversation(started.conversation_id)).turns
    await store.database.close()
    assert turn.status == "finished"
    assert turn.answer is not None
    assert turn.answer.text == "Hello!"


async def test_ending_the_service_ends_the_streams(store: ConversationStore) -> None:
    model = FakeModel(["never"], hang_after=0)
    parts = make_parts(store, model)
    reader = asyncio.create_task(ask(parts, "hello"))
    await model.hanging.wait()
    await parts.end_running()
    assert failed(await reader).code == "stopped"


async def test_question_is_stored_while_another_one_is_being_answered(
    store: ConversationStore,
) -> None:
    model = FakeModel(["One.", "never", "never"])
    parts = make_parts(store, model)
    first = finished(await ask(parts, "hello"))
    model.hang_after = 0
    busy = asyncio.create_task(ask(parts, "second", conversation_id=first.conversation_id))
    await model.hanging.wait()
    waiting = answer_question(AnswerRequest("third", conversation_id=first.conversation_id), parts)
    assert isinstance(await anext(waiting), AnswerStarted)
    await waiting.aclose()
    await parts.end_running()
    await busy
    turns = (await store.load_conversation(first.conversation_id)).turns
    assert [(t.question, t.status) for t in turns] == [
        ("hello", "finished"),
        ("second", "stopped"),
        ("third", "stopped"),
    ]


async def test_conversation_deleted_meanwhile_is_told(tmp_path: Path) -> None:
    store = SlowStore(tmp_path / "slow.db")
    await store.database.open()
    reader = asyncio.create_task(ask(make_parts(store, ["Hello!"]), "hello"))
    await store.storing.wait()
    (summary,) = await store.list_conversations()
    await store.delete_conversation(summary.id)
    store.go_on.set()
    assert failed(await reader).code == "conversation_not_found"
    await store.database.close()


async def test_follow_up_shows_the_model_the_conversation(store: ConversationStore) -> None:
    parts = make_parts(store, ["It is a bridge."])
    first = finished(await ask(parts, "What is it?", search="never"))
    model = FakeModel(["Red."])
    await ask(make_parts(store, model), "Which colour?", conversation_id=first.conversation_id)
    assert [m.content for m in model.calls[0].messages[1:]] == [
        "What is it?",
        "It is a bridge.",
        "Which colour?",
    ]


async def test_schema_dialect_goes_the_same_way(store: ConversationStore) -> None:
    decision = '{"task": "specific_fact", "needs": "web"}'
    replies = [decision, '{"queries": ["bridge"]}', "In 1932 [1]."]
    parts = replace(make_parts(store, replies), dialect=SchemaDialect())
    events = await ask(parts)
    assert answer_of(events).text == "In 1932 [1]."
    queries = ("When was the red bridge opened?", "bridge")
    assert DecisionMade(True, queries, "specific fact") in events


@pytest.mark.parametrize(("renamed", "title"), [(None, "Other?"), ("Mine", "Mine")])
async def test_conversation_is_called_after_the_question_that_took_the_first_ones_place(
    store: ConversationStore, renamed: str | None, title: str
) -> None:
    parts = make_parts(store, ["Yes.", "No."])
    first = await ask(parts, "Secret?", search="never")
    conversation_id = first[-1].conversation_id  # type: ignore[union-attr]
    (turn,) = (await store.load_conversation(conversation_id)).turns
    if renamed:
        await store.rename_conversation(conversation_id, renamed)
    await ask(
        parts, "Other?", search="never", conversation_id=conversation_id, replace_turn=turn.id
    )
    assert (await store.load_conversation(conversation_id)).title == title
