"""The whole agent, from the question to the stored answer, with fakes at its edges."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from agent_parts import TEXTS, A, B, C, answer_of, ask, finished, make_parts
from fakes import (
    FakeEngine,
    FakeModel,
    FakeReader,
    Reply,
    make_results,
    search_call,
)

from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.errors import (
    ContextTooLong,
    EngineUnavailable,
    InvalidModelOutput,
    ModelUnavailable,
    PageUnreachable,
)
from websearch_agent.events import (
    AgentEvent,
    AnswerFailed,
    AnswerRestarted,
    AnswerStarted,
    DecisionMade,
    Notice,
    PageFinished,
    SourcesSelected,
)
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import (
    AnswerRequest,
    Page,
    SearchQuery,
    SearchResult,
    TextDelta,
)

pytestmark = pytest.mark.anyio


def failed(events: list[AgentEvent]) -> AnswerFailed:
    assert isinstance(events[-1], AnswerFailed), events[-1]
    return events[-1]


async def test_question_is_searched_read_and_answered_with_citations(store: SqliteStore) -> None:
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


async def test_chat_costs_one_model_call_and_no_search(store: SqliteStore) -> None:
    engine = FakeEngine(make_results(A))
    events = await ask(make_parts(store, ["Hello!"], engines=[engine]), "hello")
    assert answer_of(events).text == "Hello!"
    assert answer_of(events).usage.model_calls == 1
    assert engine.queries == []


async def test_never_offers_no_tool(store: SqliteStore) -> None:
    model = FakeModel(["I think 1932."])
    await ask(make_parts(store, model), search="never")
    assert model.calls[0].tools == ()


async def test_unknown_marker_is_dropped_and_counted(store: SqliteStore) -> None:
    parts = make_parts(store, [search_call("q"), "True [1]. Invented [42]."])
    answer = answer_of(await ask(parts))
    assert answer.text == "True [1]. Invented."
    assert answer.dropped_markers == 1


async def test_text_before_a_search_is_taken_back(store: SqliteStore) -> None:
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


async def test_numbers_stay_over_the_turns_of_a_conversation(store: SqliteStore) -> None:
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


async def test_page_that_redirects_keeps_its_number_too(store: SqliteStore) -> None:
    class Redirecting(FakeReader):
        async def read(self, url: str) -> Page:
            return replace(await super().read(url), final_url="https://moved.example/page")

    def parts(*replies: Reply) -> AgentParts:
        made = make_parts(store, list(replies), engines=[FakeEngine(make_results(A))])
        return replace(made, reader=Redirecting({A: TEXTS[A]}))

    first = finished(await ask(parts(search_call("q"), "In 1932 [1].")))
    second = answer_of(
        await ask(parts(search_call("q"), "1932 [1]."), conversation_id=first.conversation_id)
    )
    assert [source.number for source in second.sources] == [1]


async def test_number_that_the_model_was_not_shown_is_dropped(store: SqliteStore) -> None:
    only_a, only_b = (FakeEngine(make_results(url)) for url in (A, B))
    first = finished(
        await ask(make_parts(store, [search_call("q"), "In 1932 [1]."], engines=[only_a]))
    )
    again = make_parts(store, [search_call("q"), "Long [2]. Red [1]."], engines=[only_b])
    second = answer_of(await ask(again, conversation_id=first.conversation_id))
    assert second.text == "Long [2]. Red."
    assert second.dropped_markers == 1


async def test_earlier_source_can_be_cited_in_a_chat_that_still_shows_its_number(
    store: SqliteStore,
) -> None:
    parts = make_parts(store, [search_call("q"), "In 1932 [1].", "En 1932 [1]."])
    first = finished(await ask(parts))
    second = answer_of(await ask(parts, "Say it in French", conversation_id=first.conversation_id))
    assert [citation.url for citation in second.citations] == [A]
    assert [source.number for source in second.sources] == [1]


async def test_second_search_keeps_what_the_first_one_found(store: SqliteStore) -> None:
    class Engine(FakeEngine):
        async def search(self, query: SearchQuery) -> list[SearchResult]:
            return make_results(A) if query.query == "first" else make_results(B)

    replies = [search_call("first"), search_call("second"), "In 1932 [1], 500 metres [2]."]
    answer = answer_of(await ask(make_parts(store, replies, engines=[Engine()]), "red bridge"))
    assert {source.number: source.url for source in answer.sources} == {1: A, 2: B}
    assert answer.dropped_markers == 0


async def test_second_search_that_fails_does_not_cost_the_answer(store: SqliteStore) -> None:
    class Engine(FakeEngine):
        async def search(self, query: SearchQuery) -> list[SearchResult]:
            if query.query == "second":
                raise EngineUnavailable("no route")
            return make_results(A)

    replies = [search_call("first"), search_call("second"), "In 1932 [1]."]
    answer = answer_of(await ask(make_parts(store, replies, engines=[Engine()])))
    assert answer.text == "In 1932 [1]."
    assert answer.sources[0].url == A
    assert [failure.reason for failure in answer.engine_failures] == ["no route"]


async def test_retry_after_an_empty_reply_reads_markers_afresh(store: SqliteStore) -> None:
    model = FakeModel([search_call("q"), "  ", "Long [2]. Red."], chunk_chars=1)
    answer = answer_of(await ask(make_parts(store, model), "red bridge"))
    assert [c.source_number for c in answer.citations] == [2]
    assert answer.text == "Long [2]. Red."


async def test_failed_half_answer_is_not_shown_to_the_model_again(store: SqliteStore) -> None:
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


class SlowStore(SqliteStore):
    """Says when it has begun to store, and waits for the word to go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.storing, self.go_on = asyncio.Event(), asyncio.Event()

    async def finish_turn(self, *args: object, **kwargs: object) -> None:
        self.storing.set()
        await self.go_on.wait()
        await super().finish_turn(*args, **kwargs)  # type: ignore[arg-type]


async def test_answer_is_stored_though_the_client_leaves_meanwhile(tmp_path: Path) -> None:
    store = SlowStore(tmp_path / "slow.db")
    await store.open()
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
    await store.close()
    assert turn.status == "finished"
    assert turn.answer is not None
    assert turn.answer.text == "Hello!"


async def test_ending_the_service_ends_the_streams(store: SqliteStore) -> None:
    model = FakeModel(["never"], hang_after=0)
    parts = make_parts(store, model)
    reader = asyncio.create_task(ask(parts, "hello"))
    await model.hanging.wait()
    await parts.end_running()
    assert failed(await reader).code == "stopped"


async def test_question_is_stored_while_another_one_is_being_answered(
    store: SqliteStore,
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
    await store.open()
    reader = asyncio.create_task(ask(make_parts(store, ["Hello!"]), "hello"))
    await store.storing.wait()
    (summary,) = await store.list_conversations()
    await store.delete_conversation(summary.id)
    store.go_on.set()
    assert failed(await reader).code == "conversation_not_found"
    await store.close()


async def test_follow_up_shows_the_model_the_conversation(store: SqliteStore) -> None:
    parts = make_parts(store, ["It is a bridge."])
    first = finished(await ask(parts, "What is it?", search="never"))
    model = FakeModel(["Red."])
    await ask(make_parts(store, model), "Which colour?", conversation_id=first.conversation_id)
    assert [m.content for m in model.calls[0].messages[1:]] == [
        "What is it?",
        "It is a bridge.",
        "Which colour?",
    ]


async def test_failed_pages_never_become_sources_and_are_told(store: SqliteStore) -> None:
    parts = make_parts(
        store,
        [search_call("q"), "In 1932 [1]."],
        pages={B: PageUnreachable("HTTP 404"), C: None},
    )
    answer = answer_of(await ask(replace(parts, reading_deadline_s=0.05)))
    assert [s.url for s in answer.sources] == [A]
    assert {f.url for f in answer.page_failures} == {B, C}


async def test_all_pages_failing_is_an_error_with_the_reasons(store: SqliteStore) -> None:
    gone = {url: PageUnreachable("HTTP 404") for url in TEXTS}
    events = await ask(make_parts(store, [search_call("q")], pages=gone))
    assert failed(events).code == "no_page_readable"
    assert "HTTP 404" in failed(events).message


async def test_all_engines_failing_is_an_error_and_the_chat_still_works(
    store: SqliteStore,
) -> None:
    dead = FakeEngine(EngineUnavailable("no route"), name="ddgs")
    parts = make_parts(store, [search_call("q"), "Hi!"], engines=[dead])
    events = await ask(parts)
    assert failed(events).code == "no_engine_answered"
    assert "ddgs: no route" in failed(events).message
    assert answer_of(await ask(parts, "hello")).text == "Hi!"


async def test_builtin_collection_answers_when_no_engine_can_and_says_so(
    store: SqliteStore,
) -> None:
    dead = FakeEngine(EngineUnavailable("no route"), name="ddgs")
    hits = make_results("https://www.python-httpx.org", engine="builtin")
    builtin = FakeEngine([replace(hits[0], document_id="builtin:1")], name="builtin")
    parts = make_parts(
        store, [search_call("httpx"), "An HTTP client [1]."], engines=[dead], builtin=builtin
    )
    events = await ask(parts, "What is httpx?")
    answer = answer_of(events)
    assert answer.sources[0].kind == "builtin"
    assert answer.engine_failures[0].engine == "ddgs"
    assert "built-in" in answer.notices[0]
    assert any(isinstance(e, Notice) for e in events)


async def test_builtin_collection_that_holds_nothing_is_told_in_the_question_s_language(
    store: SqliteStore,
) -> None:
    dead = FakeEngine(EngineUnavailable("no route"), name="ddgs")
    parts = make_parts(
        store, [search_call("天气")], engines=[dead], builtin=FakeEngine(name="builtin")
    )
    failure = failed(await ask(parts, "今天天气怎么样？"))
    assert failure.code == "no_engine_answered"
    assert "内置文档中也没有相关内容" in failure.message
    assert "WEBSEARCH_SEARXNG_URL" in failure.message


async def test_answer_that_names_no_source_says_so(store: SqliteStore) -> None:
    parts = make_parts(store, [search_call("q"), "I believe that it is so."])
    assert answer_of(await ask(parts)).notices == (
        "This answer names no source: check it against the sources that were read.",
    )


async def test_builtin_collection_is_not_asked_while_an_engine_answers(
    store: SqliteStore,
) -> None:
    builtin = FakeEngine(make_results(B), name="builtin")
    parts = make_parts(store, [search_call("q"), "In 1932 [1]."], builtin=builtin)
    await ask(parts)
    assert builtin.queries == []


async def test_only_the_local_index_answering_is_told(store: SqliteStore) -> None:
    dead = FakeEngine(EngineUnavailable("no route"), name="ddgs")
    local = FakeEngine(make_results(A), name="local")
    parts = make_parts(store, [search_call("q"), "In 1932 [1]."], engines=[dead, local])
    assert "local index" in answer_of(await ask(parts)).notices[0]


async def test_searches_are_bounded(store: SqliteStore) -> None:
    model = FakeModel([search_call("a"), search_call("b"), "Done [1]."])
    answer = answer_of(await ask(make_parts(store, model)))
    assert answer.search_queries == ("a", "b")
    assert [bool(call.tools) for call in model.calls] == [True, True, False]


async def test_empty_reply_is_asked_for_once_more(store: SqliteStore) -> None:
    parts = make_parts(store, ["\n", "Hello!"])
    assert answer_of(await ask(parts, "hello")).text == "Hello!"


async def test_reply_that_the_dialect_could_not_read_is_not_asked_for_again(
    store: SqliteStore,
) -> None:
    model = FakeModel([InvalidModelOutput("broken"), "Hello!"])
    assert failed(await ask(make_parts(store, model), "hello")).code == "invalid_model_output"
    assert len(model.calls) == 1


async def test_empty_answer_is_an_error(store: SqliteStore) -> None:
    parts = make_parts(store, ["  ", "\n"])
    assert failed(await ask(parts, "hello")).code == "invalid_model_output"


async def test_refused_length_is_shrunk_once(store: SqliteStore) -> None:
    model = FakeModel([ContextTooLong("too long"), "Hello!"])
    assert answer_of(await ask(make_parts(store, model), "hello")).text == "Hello!"
    assert model.calls[1].max_tokens <= model.calls[0].max_tokens


async def test_dead_model_is_told_and_the_question_is_kept(store: SqliteStore) -> None:
    events = await ask(make_parts(store, [ModelUnavailable("Start the server.")]))
    assert failed(events) == AnswerFailed("model_unavailable", "Start the server.", True)
    (summary,) = await store.list_conversations()
    (turn,) = (await store.load_conversation(summary.id)).turns
    assert (turn.status, turn.question) == ("failed", "When was the red bridge opened?")


async def test_closing_the_stream_stops_the_model_and_keeps_what_was_written(
    store: SqliteStore,
) -> None:
    model = FakeModel(["Once upon a time there was"], hang_after=2)
    stream = answer_question(AnswerRequest("tell a story"), make_parts(store, model))
    started = await anext(stream)
    assert isinstance(started, AnswerStarted)
    async for _ in stream:
        if model.hanging.is_set():
            break
        await asyncio.wait([asyncio.create_task(model.hanging.wait())], timeout=0.01)
    await stream.aclose()
    assert model.stopped
    (turn,) = (await store.load_conversation(started.conversation_id)).turns
    assert turn.status == "stopped"
    assert turn.answer is not None
    assert "Once upon a time".startswith(turn.answer.text[:16])
    assert turn.answer.finish_reason == "stopped"


async def test_answer_that_takes_too_long_ends(store: SqliteStore) -> None:
    model = FakeModel(["never"], hang_after=0)
    parts = replace(make_parts(store, model), answer_deadline_s=0.05)
    assert failed(await ask(parts, "hello")).code == "deadline_exceeded"


@pytest.mark.parametrize("question", ["", "   \n", "x" * 1_000_000])
async def test_unusable_question_is_refused_and_not_stored(
    store: SqliteStore, question: str
) -> None:
    assert failed(await ask(make_parts(store, []), question)).code == "invalid_request"
    assert await store.list_conversations() == []


async def test_unknown_conversation_is_told(store: SqliteStore) -> None:
    events = await ask(make_parts(store, []), "hello", conversation_id="nowhere")
    assert failed(events).code == "conversation_not_found"


async def test_question_too_long_for_the_window_is_told(store: SqliteStore) -> None:
    model = FakeModel([], context_window=2048)
    events = await ask(make_parts(store, model), "word " * 3000)
    assert failed(events).code == "invalid_request"
    assert "too long for this model" in failed(events).message


async def test_unexpected_error_ends_the_stream_without_its_text(store: SqliteStore) -> None:
    def explode(call: object) -> Reply:
        raise RuntimeError("secret detail")

    events = await ask(make_parts(store, [explode]), "hello")  # type: ignore[list-item]
    assert failed(events).code == "internal_error"
    assert "secret" not in failed(events).message


async def test_schema_dialect_goes_the_same_way(store: SqliteStore) -> None:
    decision = '{"task": "specific_fact", "needs": "web"}'
    replies = [decision, '{"queries": ["bridge"]}', "In 1932 [1]."]
    parts = replace(make_parts(store, replies), dialect=SchemaDialect())
    events = await ask(parts)
    assert answer_of(events).text == "In 1932 [1]."
    queries = ("When was the red bridge opened?", "bridge")
    assert DecisionMade(True, queries, "specific fact") in events
