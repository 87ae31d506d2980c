"""Conversations that their caller keeps: asked with all messages, and nothing is stored."""

import asyncio
from dataclasses import replace

import pytest
from agent_parts import B, answer_of, failed, make_parts
from fakes import FakeModel, Reply, TextAndCalls, search_call

from websearch_agent.agent.chat import answer_chat
from websearch_agent.agent.run import AgentParts
from websearch_agent.agent.unstored import turns_before_question
from websearch_agent.chats import ChatRequest
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFinished,
    AnswerRestarted,
    AnswerStarted,
    FunctionsCalled,
    SearchFinished,
)
from websearch_agent.model_calls import Message, ModelCall, Tool, ToolCall
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.protocols import ConversationStore
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

WEATHER = Tool(
    "get_weather",
    "The weather of a city now.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CLOCK = Tool("get_time", "The time now.", {"type": "object", "properties": {}})
CALL = ToolCall("call_7", "get_weather", '{"city": "Lunda"}')
WITH_RESULT = (
    Message("user", "What is the weather in Lunda?"),
    Message("assistant", "", tool_calls=(CALL,)),
    Message("tool", "12 degrees, rain", tool_call_id="call_7"),
)


async def ask_chat(
    parts: AgentParts, *messages: Message, functions: tuple[Tool, ...] = (), **more: object
) -> list[AgentEvent]:
    choice = more.pop("function_choice", "auto")
    question = next(m.content for m in reversed(messages) if m.role == "user")
    options = AnswerRequest(question, **more)  # type: ignore[arg-type]
    chat = ChatRequest(messages, options, functions, choice)  # type: ignore[arg-type]
    return [event async for event in answer_chat(chat, parts)]


def with_schema(parts: AgentParts) -> AgentParts:
    return replace(parts, dialect=SchemaDialect())


def calls_of(events: list[AgentEvent]) -> tuple[ToolCall, ...]:
    (called,) = [event for event in events if isinstance(event, FunctionsCalled)]
    assert answer_of(events).finish_reason == "tool_calls"
    return called.calls


def text_of(events: list[AgentEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, AnswerDelta))


# ---- the conversation --------------------------------------------------------------------------


async def test_chat_is_answered_from_its_messages_and_nothing_is_stored(
    store: ConversationStore,
) -> None:
    model = FakeModel([search_call("red bridge length"), "It is 500 metres long [2]."])
    events = await ask_chat(
        make_parts(store, model),
        Message("user", "When was the red bridge opened?"),
        Message("assistant", "It was opened in 1932 [3]."),
        Message("user", "And how long is it?"),
    )
    answer = answer_of(events)
    assert [citation.url for citation in answer.citations] == [B]
    shown = [message.content for message in model.calls[0].messages[1:]]
    assert shown[:2] == ["When was the red bridge opened?", "It was opened in 1932."]
    assert shown[2].endswith("And how long is it?")
    assert await store.list_conversations() == []


def test_what_was_said_before_the_question_becomes_turns() -> None:
    turns = turns_before_question(
        (
            Message("assistant", "Welcome!"),
            Message("user", "First"),
            Message("user", "and second?"),
            Message("assistant", "Answer [1], see `a[0]` and [1](https://x.example)."),
            *WITH_RESULT,
            Message("assistant", "Rain."),
            Message("user", "Not answered"),
            Message("user", "Now?"),
        )
    )
    assert [(turn.question, turn.answer and turn.answer.text) for turn in turns] == [
        ("First\n\nand second?", "Answer, see `a` and [1](https://x.example)."),
        ("What is the weather in Lunda?", "Rain."),
    ]


async def test_instructions_of_the_caller_reach_every_answering_call(
    store: ConversationStore,
) -> None:
    instructions = "Speak like a pirate."
    model = FakeModel([search_call("bridge"), "Arr, 1932 [1]."])
    parts = make_parts(store, model)
    await ask_chat(parts, Message("user", "When was it opened?"), instructions=instructions)
    assert all(instructions in call.messages[0].content for call in model.calls)
    small = FakeModel(['{"task": "small_talk", "needs": "nothing"}', "Arr!"])
    parts = with_schema(make_parts(store, small))
    await ask_chat(parts, Message("user", "Hello"), instructions=instructions)
    assert instructions in small.calls[-1].messages[0].content


async def test_answer_is_no_longer_than_the_caller_wants(store: ConversationStore) -> None:
    model = FakeModel(["Short."])
    question = Message("user", "Hello")
    await ask_chat(make_parts(store, model), question, search="never", max_answer_tokens=200)
    assert model.calls[0].max_tokens == 200


async def test_small_limit_holds_for_the_answer_and_leaves_room_to_decide(
    store: ConversationStore,
) -> None:
    decision = '{"task": "small_talk", "needs": "nothing"}'
    model = FakeModel([decision, "Hi."])
    question = Message("user", "Hello")
    await ask_chat(with_schema(make_parts(store, model)), question, max_answer_tokens=5)
    decided, answered = (call.max_tokens for call in model.calls)
    assert answered == 5 < decided
    model = FakeModel(["Hi."])
    await ask_chat(make_parts(store, model), question, search="never", max_answer_tokens=5)
    assert model.calls[0].max_tokens == 5


# ---- functions of the caller, by a model that takes tools ---------------------------------------


async def test_function_that_the_model_calls_is_handed_to_the_caller(
    store: ConversationStore,
) -> None:
    model = FakeModel([(CALL,)])
    question = Message("user", "What is the weather in Lunda?")
    events = await ask_chat(make_parts(store, model), question, functions=(WEATHER,))
    assert calls_of(events) == (CALL,)
    assert [tool.name for tool in model.calls[0].tools] == ["get_weather", "search_web"]
    assert isinstance(events[0], AnswerStarted)
    assert answer_of(events).usage.model_calls == 1


async def test_model_with_functions_may_still_search_the_web(store: ConversationStore) -> None:
    replies: list[Reply] = [search_call("bridge"), search_call("bridge"), "In 1932 [1]."]
    events = await ask_chat(
        make_parts(store, replies), Message("user", "When was it opened?"), functions=(WEATHER,)
    )
    assert answer_of(events).citations
    assert answer_of(events).usage.model_calls == 3
    assert any(isinstance(event, SearchFinished) for event in events)
    assert [type(event) for event in events].count(AnswerStarted) == 1


async def test_model_with_functions_may_just_answer(store: ConversationStore) -> None:
    events = await ask_chat(
        make_parts(store, ["Hello!"]), Message("user", "Hi"), functions=(WEATHER,)
    )
    assert text_of(events) == answer_of(events).text == "Hello!"


async def test_what_is_said_before_a_search_is_not_the_answer(store: ConversationStore) -> None:
    first = TextAndCalls("Let me look that up.", search_call("bridge"))
    replies: list[Reply] = [first, search_call("bridge"), "In 1932 [1]."]
    events = await ask_chat(
        make_parts(store, replies), Message("user", "When was it opened?"), functions=(WEATHER,)
    )
    restart = next(n for n, event in enumerate(events) if isinstance(event, AnswerRestarted))
    assert text_of(events[:restart]) == "Let me look that up."
    assert text_of(events[restart:]) == answer_of(events).text == "In 1932 [1]."
    citation = answer_of(events).citations[0]
    assert answer_of(events).text[citation.start_index : citation.end_index] == "[1]"


async def test_what_is_said_before_a_call_stays_with_it(store: ConversationStore) -> None:
    events = await ask_chat(
        make_parts(store, [TextAndCalls("One moment.", (CALL,))]),
        Message("user", "What is the weather in Lunda?"),
        functions=(WEATHER,),
    )
    assert calls_of(events) == (CALL,)
    assert answer_of(events).text == "One moment."


async def test_several_calls_are_one_where_the_caller_wants_it(store: ConversationStore) -> None:
    calls = (CALL, ToolCall("c2", "get_time", "{}"))
    messages, functions = (Message("user", "Hi"),), (WEATHER, CLOCK)
    for parallel, expected in ((True, calls), (False, calls[:1])):
        chat = ChatRequest(messages, AnswerRequest("Hi"), functions, parallel_calls=parallel)
        parts = make_parts(store, [calls])
        assert calls_of([event async for event in answer_chat(chat, parts)]) == expected


async def test_answer_beside_functions_links_nowhere_and_cites_nothing(
    store: ConversationStore,
) -> None:
    said = "See ![x](https://evil.example/?q=secret) and [docs](https://evil.example) [7]."
    events = await ask_chat(make_parts(store, [said]), *WITH_RESULT, functions=(WEATHER,))
    answer = answer_of(events)
    assert text_of(events) == answer.text
    assert "](" not in answer.text
    assert "[7]" not in answer.text
    assert (answer.removed_links, answer.dropped_markers) == (2, 1)


async def test_results_are_answered_from(store: ConversationStore) -> None:
    model = FakeModel(["It rains at 12 degrees."])
    events = await ask_chat(make_parts(store, model), *WITH_RESULT, functions=(WEATHER,))
    assert answer_of(events).text == "It rains at 12 degrees."
    assert model.calls[0].messages[1:] == WITH_RESULT
    assert [tool.name for tool in model.calls[0].tools] == ["get_weather", "search_web"]


async def test_search_behind_results_knows_them(store: ConversationStore) -> None:
    model = FakeModel([search_call("bridge"), search_call("bridge"), "In 1932 [1]."])
    events = await ask_chat(make_parts(store, model), *WITH_RESULT, functions=(WEATHER,))
    assert answer_of(events).citations
    for call in model.calls[1:]:
        assert any("12 degrees, rain" in message.content for message in call.messages)


async def test_silence_behind_results_is_an_error(store: ConversationStore) -> None:
    events = await ask_chat(make_parts(store, [""]), *WITH_RESULT, functions=(WEATHER,))
    assert failed(events).code == "invalid_model_output"


@pytest.mark.parametrize(
    ("choice", "offered", "forced"),
    [("required", ["get_weather", "get_time"], True), ("get_time", ["get_time"], True)],
)
async def test_choice_of_the_caller_holds(
    store: ConversationStore, choice: str, offered: list[str], forced: bool
) -> None:
    model = FakeModel([(ToolCall("c", "get_time", "{}"),)])
    events = await ask_chat(
        make_parts(store, model),
        Message("user", "Hi"),
        functions=(WEATHER, CLOCK),
        function_choice=choice,
    )
    assert calls_of(events)[0].name == "get_time"
    assert [tool.name for tool in model.calls[0].tools] == offered
    assert model.calls[0].force_tool is forced


async def test_choice_of_none_leaves_the_functions_out(store: ConversationStore) -> None:
    model = FakeModel(["Hello!"])
    question = Message("user", "Hi")
    await ask_chat(make_parts(store, model), question, functions=(WEATHER,), function_choice="none")
    assert [tool.name for tool in model.calls[0].tools] == ["search_web"]


@pytest.mark.parametrize("unsearched", ["I know that.", (), search_call("bridge")])
async def test_search_that_was_asked_for_is_made_where_no_function_is_called(
    store: ConversationStore, unsearched: Reply
) -> None:
    model = FakeModel([unsearched, search_call("bridge"), "In 1932 [1]."])
    question = Message("user", "When was it opened?")
    events = await ask_chat(
        make_parts(store, model), question, functions=(WEATHER,), search="always"
    )
    assert text_of(events) == "In 1932 [1]."
    assert answer_of(events).citations
    assert [tool.name for tool in model.calls[0].tools] == ["get_weather", "search_web"]
    assert model.calls[0].force_tool


async def test_function_may_be_called_before_the_search_that_was_asked_for(
    store: ConversationStore,
) -> None:
    question = Message("user", "What is the weather in Lunda?")
    events = await ask_chat(
        make_parts(store, [(CALL,)]), question, functions=(WEATHER,), search="always"
    )
    assert calls_of(events) == (CALL,)


async def test_search_that_was_asked_for_is_made_behind_results(store: ConversationStore) -> None:
    model = FakeModel([search_call("bridge"), "In 1932 [1]."])
    events = await ask_chat(make_parts(store, model), *WITH_RESULT, search="always")
    assert answer_of(events).citations
    small = FakeModel(['{"queries": ["bridge"]}', "In 1932 [1]."] * 2)
    parts = with_schema(make_parts(store, small))
    events = await ask_chat(parts, *WITH_RESULT, functions=(WEATHER,), search="always")
    assert any(isinstance(event, SearchFinished) for event in events)


async def test_call_of_a_function_that_was_not_offered_fails(store: ConversationStore) -> None:
    calls = (ToolCall("c", "format_disk", "{}"),)
    events = await ask_chat(
        make_parts(store, [calls]), Message("user", "Hi"), functions=(WEATHER,), search="never"
    )
    assert failed(events).code == "invalid_model_output"


# ---- by one that does not ------------------------------------------------------------------------


async def test_small_model_chooses_and_fills_a_function_by_constrained_json(
    store: ConversationStore,
) -> None:
    model = FakeModel(['{"function": "get_weather"}', '{"city": "Lunda"}'])
    question = Message("user", "What is the weather in Lunda?")
    events = await ask_chat(
        with_schema(make_parts(store, model)), question, functions=(WEATHER, CLOCK)
    )
    (call,) = calls_of(events)
    assert (call.name, call.arguments) == ("get_weather", '{"city": "Lunda"}')
    choice = model.calls[0].json_schema
    assert choice is not None
    assert choice["properties"]["function"] == {  # type: ignore[index]
        "type": "string",
        "enum": ["get_weather", "get_time", "none"],
    }
    assert model.calls[1].json_schema == WEATHER.parameters
    assert not any(call.tools for call in model.calls)


async def test_small_model_that_needs_no_function_decides_as_always(
    store: ConversationStore,
) -> None:
    decision = '{"task": "specific_fact", "needs": "web"}'
    replies = ['{"function": "none"}', decision, '{"queries": ["bridge"]}', "In 1932 [1]."]
    events = await ask_chat(
        with_schema(make_parts(store, replies)),
        Message("user", "When was the bridge opened?"),
        functions=(WEATHER,),
    )
    assert answer_of(events).citations
    assert answer_of(events).usage.model_calls == 4


async def test_small_model_reads_the_results_as_data(store: ConversationStore) -> None:
    model = FakeModel(['{"wants": "the weather", "function": "none"}', "It rains."])
    parts = with_schema(make_parts(store, model))
    events = await ask_chat(parts, *WITH_RESULT, functions=(WEATHER, CLOCK))
    assert answer_of(events).text == "It rains."
    assert "(Result of get_weather: 12 degrees, rain)" in model.calls[0].messages[-1].content
    shown = model.calls[-1].messages
    assert shown[2].content == 'get_weather({"city": "Lunda"})'
    assert "12 degrees, rain" in shown[3].content
    assert "no instructions" in shown[3].content
    assert all(message.role != "tool" for message in shown)


async def test_small_model_is_not_offered_again_what_it_has_just_called(
    store: ConversationStore,
) -> None:
    model = FakeModel(["It rains."])
    parts = with_schema(make_parts(store, model))
    events = await ask_chat(parts, *WITH_RESULT, functions=(WEATHER,))
    assert answer_of(events).text == "It rains."
    assert len(model.calls) == 1


async def test_choice_that_was_not_offered_fails(store: ConversationStore) -> None:
    parts = with_schema(make_parts(store, ['{"function": "format_disk"}']))
    events = await ask_chat(parts, Message("user", "Hi"), functions=(WEATHER,))
    assert failed(events).code == "invalid_model_output"


# ---- bounds --------------------------------------------------------------------------------------


async def test_oldest_messages_go_where_the_window_is_too_small(store: ConversationStore) -> None:
    model = FakeModel(["Rain."], context_window=2048)
    long = "word " * 1200
    before = (Message("user", long), Message("assistant", long))
    await ask_chat(make_parts(store, model), *before, *WITH_RESULT, functions=(WEATHER,))
    assert model.calls[0].messages[1:] == WITH_RESULT


async def test_results_that_do_not_fit_fail_in_words(store: ConversationStore) -> None:
    model = FakeModel(["Rain."], context_window=2048)
    result = Message("tool", "word " * 3000, tool_call_id="call_7")
    events = await ask_chat(make_parts(store, model), *WITH_RESULT[:2], result)
    failure = failed(events)
    assert failure.code == "context_too_long"
    assert "fewer or shorter" in failure.message


async def test_caller_who_leaves_stops_the_model(store: ConversationStore) -> None:
    def answer(call: ModelCall) -> str:
        return "A long answer that nobody will read to its end."

    model = FakeModel([answer], hang_after=2)
    chat = ChatRequest(WITH_RESULT, AnswerRequest(WITH_RESULT[0].content), (WEATHER,))
    events = answer_chat(chat, make_parts(store, model))
    reading = asyncio.create_task(anext_until_hanging(events))
    await model.hanging.wait()
    reading.cancel()
    await asyncio.wait([reading])
    await events.aclose()
    assert model.stopped


async def anext_until_hanging(events: object) -> None:
    async for event in events:  # type: ignore[attr-defined]
        assert not isinstance(event, AnswerFinished)
