"""What a person is told when engines, pages, the model or the question itself fail."""

import asyncio
from dataclasses import replace

import pytest
from agent_parts import TEXTS, A, B, C, answer_of, ask, failed, make_parts
from fakes import (
    FakeEngine,
    FakeModel,
    Reply,
    make_results,
    search_call,
)

from websearch_agent.agent.run import answer_question
from websearch_agent.errors import (
    ContextTooLong,
    EngineUnavailable,
    InvalidModelOutput,
    ModelUnavailable,
    PageUnreachable,
)
from websearch_agent.events import (
    AnswerFailed,
    AnswerStarted,
    Notice,
)
from websearch_agent.protocols import ConversationStore
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio


async def test_failed_pages_never_become_sources_and_are_told(store: ConversationStore) -> None:
    parts = make_parts(
        store,
        [search_call("q"), "In 1932 [1]."],
        pages={B: PageUnreachable("HTTP 404"), C: None},
    )
    answer = answer_of(await ask(replace(parts, reading_deadline_s=0.05)))
    assert [s.url for s in answer.sources] == [A]
    assert {f.url for f in answer.page_failures} == {B, C}


async def test_all_pages_failing_is_an_error_with_the_reasons(store: ConversationStore) -> None:
    gone = {url: PageUnreachable("HTTP 404") for url in TEXTS}
    events = await ask(make_parts(store, [search_call("q")], pages=gone))
    assert failed(events).code == "no_page_readable"
    assert "HTTP 404" in failed(events).message


async def test_all_engines_failing_is_an_error_and_the_chat_still_works(
    store: ConversationStore,
) -> None:
    dead = FakeEngine(EngineUnavailable("no route"), name="ddgs")
    parts = make_parts(store, [search_call("q"), "Hi!"], engines=[dead])
    events = await ask(parts)
    assert failed(events).code == "no_engine_answered"
    assert "ddgs: no route" in failed(events).message
    assert answer_of(await ask(parts, "hello")).text == "Hi!"


async def test_builtin_collection_answers_when_no_engine_can_and_says_so(
    store: ConversationStore,
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
    store: ConversationStore,
) -> None:
    dead = FakeEngine(EngineUnavailable("no route"), name="ddgs")
    parts = make_parts(
        store, [search_call("天气")], engines=[dead], builtin=FakeEngine(name="builtin")
    )
    failure = failed(await ask(parts, "今天天气怎么样？"))
    assert failure.code == "no_engine_answered"
    assert "内置文档中也没有相关内容" in failure.message
    assert "WEBSEARCH_SEARXNG_URL" in failure.message


async def test_answer_that_names_no_source_says_so(store: ConversationStore) -> None:
    parts = make_parts(store, [search_call("q"), "I believe that it is so."])
    assert answer_of(await ask(parts)).notices == (
        "This answer names no source: check it against the sources that were read.",
    )


async def test_builtin_collection_is_not_asked_while_an_engine_answers(
    store: ConversationStore,
) -> None:
    builtin = FakeEngine(make_results(B), name="builtin")
    parts = make_parts(store, [search_call("q"), "In 1932 [1]."], builtin=builtin)
    await ask(parts)
    assert builtin.queries == []


async def test_only_the_local_index_answering_is_told(store: ConversationStore) -> None:
    dead = FakeEngine(EngineUnavailable("no route"), name="ddgs")
    local = FakeEngine(make_results(A), name="local")
    parts = make_parts(store, [search_call("q"), "In 1932 [1]."], engines=[dead, local])
    assert "local index" in answer_of(await ask(parts)).notices[0]


async def test_searches_are_bounded(store: ConversationStore) -> None:
    model = FakeModel([search_call("one bridge"), search_call("two bridges"), "Done [1]."])
    answer = answer_of(await ask(make_parts(store, model)))
    assert answer.search_queries == ("one bridge", "two bridges")
    assert [bool(call.tools) for call in model.calls] == [True, True, False]


async def test_empty_reply_is_asked_for_once_more(store: ConversationStore) -> None:
    parts = make_parts(store, ["\n", "Hello!"])
    assert answer_of(await ask(parts, "hello")).text == "Hello!"


async def test_reply_that_the_dialect_could_not_read_is_not_asked_for_again(
    store: ConversationStore,
) -> None:
    model = FakeModel([InvalidModelOutput("broken"), "Hello!"])
    assert failed(await ask(make_parts(store, model), "hello")).code == "invalid_model_output"
    assert len(model.calls) == 1


async def test_empty_answer_is_an_error(store: ConversationStore) -> None:
    parts = make_parts(store, ["  ", "\n"])
    assert failed(await ask(parts, "hello")).code == "invalid_model_output"


async def test_refused_length_is_shrunk_once(store: ConversationStore) -> None:
    model = FakeModel([ContextTooLong("too long"), "Hello!"])
    assert answer_of(await ask(make_parts(store, model), "hello")).text == "Hello!"
    assert model.calls[1].max_tokens <= model.calls[0].max_tokens


async def test_dead_model_is_told_and_the_question_is_kept(store: ConversationStore) -> None:
    events = await ask(make_parts(store, [ModelUnavailable("Start the server.")]))
    assert failed(events) == AnswerFailed("model_unavailable", "Start the server.", True)
    (summary,) = await store.list_conversations()
    (turn,) = (await store.load_conversation(summary.id)).turns
    assert (turn.status, turn.question) == ("failed", "When was the red bridge opened?")


async def test_closing_the_stream_stops_the_model_and_keeps_what_was_written(
    store: ConversationStore,
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


async def test_answer_that_takes_too_long_ends(store: ConversationStore) -> None:
    model = FakeModel(["never"], hang_after=0)
    parts = replace(make_parts(store, model), answer_deadline_s=0.05)
    assert failed(await ask(parts, "hello")).code == "deadline_exceeded"


@pytest.mark.parametrize("question", ["", "   \n", "x" * 1_000_000])
async def test_unusable_question_is_refused_and_not_stored(
    store: ConversationStore, question: str
) -> None:
    assert failed(await ask(make_parts(store, []), question)).code == "invalid_request"
    assert await store.list_conversations() == []


async def test_unknown_conversation_is_told(store: ConversationStore) -> None:
    events = await ask(make_parts(store, []), "hello", conversation_id="nowhere")
    assert failed(events).code == "conversation_not_found"


async def test_question_too_long_for_the_window_is_told(store: ConversationStore) -> None:
    model = FakeModel([], context_window=2048)
    events = await ask(make_parts(store, model), "word " * 3000)
    assert failed(events).code == "invalid_request"
    assert "too long for this model" in failed(events).message


async def test_unexpected_error_ends_the_stream_without_its_text(store: ConversationStore) -> None:
    def explode(call: object) -> Reply:
        raise RuntimeError("secret detail")

    events = await ask(make_parts(store, [explode]), "hello")  # type: ignore[list-item]
    assert failed(events).code == "internal_error"
    assert "secret" not in failed(events).message
