"""Answers that are stopped end with what was written; questions that take the place of others."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from agent_parts import answer_of, ask, failed, finished, make_parts
from fakes import FakeModel, search_call
from slow_store import SlowStore

from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerStarted,
    CitationAdded,
    StatementVerified,
)
from websearch_agent.protocols import ConversationStore
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio


async def begin(
    parts: AgentParts, question: str, **more: str
) -> tuple[AnswerStarted, asyncio.Task[list[AgentEvent]]]:
    """How the answer began, and the task that reads its other events."""
    stream = answer_question(AnswerRequest(question, **more), parts)  # type: ignore[arg-type]
    started = await anext(stream)
    assert isinstance(started, AnswerStarted)

    async def read_on() -> list[AgentEvent]:
        return [event async for event in stream]

    return started, asyncio.create_task(read_on())


async def test_stopped_answer_ends_as_finished_with_what_was_written(
    store: ConversationStore,
) -> None:
    model = FakeModel(["It was a long time ago in a town."], hang_after=3)
    parts = make_parts(store, model)
    stream = answer_question(AnswerRequest("hello"), parts)
    started = await anext(stream)
    assert isinstance(started, AnswerStarted)
    events: list[AgentEvent] = []
    while not any(isinstance(event, AnswerDelta) for event in events):
        events.append(await anext(stream))

    assert parts.stop_answer(started.turn_id)

    events += [event async for event in stream]
    answer = answer_of(events)
    assert answer.finish_reason == "stopped"
    assert answer.text == "".join(e.text for e in events if isinstance(e, AnswerDelta))
    assert "It was a long time ago in a town.".startswith(answer.text.strip())
    assert 0 < len(answer.text) < 30
    assert model.stopped
    (turn,) = (await store.load_conversation(started.conversation_id)).turns
    assert (turn.status, turn.answer) == ("stopped", answer)
    assert not parts.stop_answer(started.turn_id)


async def test_whole_statements_of_a_stopped_answer_are_checked(store: ConversationStore) -> None:
    text = "The red bridge was opened in 1932 [1]. It was painted blue in 1999 by nobody at all."
    model = FakeModel([search_call("q"), text], hang_after=9)
    parts = make_parts(store, model)
    stream = answer_question(AnswerRequest("When was the red bridge opened?"), parts)
    events = [await anext(stream)]
    while not any(isinstance(event, CitationAdded) for event in events):
        events.append(await anext(stream))
    started = events[0]
    assert isinstance(started, AnswerStarted)
    await model.hanging.wait()

    assert parts.stop_answer(started.turn_id)

    events += [event async for event in stream]
    answer = answer_of(events)
    first, broken_off = answer.statements
    assert first.support is not None
    assert first.support.level == "supported"
    assert broken_off.support is None
    assert answer.verification == "fast"
    assert [e.statement for e in events if isinstance(e, StatementVerified)] == [first]


async def test_stopped_answer_is_not_checked_where_checking_is_off(
    store: ConversationStore,
) -> None:
    model = FakeModel([search_call("q"), "In 1932 [1]. It was long ago in a town."], hang_after=4)
    parts = make_parts(store, model)
    request = AnswerRequest("When was the red bridge opened?", verification="off")
    stream = answer_question(request, parts)
    events = [await anext(stream)]
    while not any(isinstance(event, CitationAdded) for event in events):
        events.append(await anext(stream))
    started = events[0]
    assert isinstance(started, AnswerStarted)
    assert parts.stop_answer(started.turn_id)
    events += [event async for event in stream]
    assert answer_of(events).citations
    assert answer_of(events).verification is None
    assert not any(isinstance(event, StatementVerified) for event in events)


async def test_answer_that_waits_for_another_one_can_be_stopped(store: ConversationStore) -> None:
    model = FakeModel(["never", "never"], hang_after=0)
    parts = make_parts(store, model)
    started, first = await begin(parts, "first")
    await model.hanging.wait()
    waiting, second = await begin(parts, "second", conversation_id=started.conversation_id)

    assert parts.stop_answer(waiting.turn_id)

    assert answer_of(await second).text == ""
    assert not first.done()
    await parts.end_running()
    await first


async def test_answer_of_another_owner_cannot_be_stopped(store: ConversationStore) -> None:
    model = FakeModel(["never"], hang_after=0)
    parts = make_parts(store, model)
    started, reading = await begin(parts, "hello")
    await model.hanging.wait()
    assert not replace(parts, owner_id="somebody else").stop_answer(started.turn_id)
    assert not reading.done()
    await parts.end_running()
    await reading


async def test_answer_that_is_being_stored_is_no_longer_stopped(tmp_path: Path) -> None:
    store = SlowStore(tmp_path / "slow.db")
    await store.database.open()
    parts = make_parts(store, ["Hello!"])
    started, reading = await begin(parts, "hello")
    await store.storing.wait()
    assert not parts.stop_answer(started.turn_id)
    store.go_on.set()
    assert answer_of(await reading).finish_reason == "stop"
    await store.database.close()


async def test_question_takes_the_place_of_a_turn(store: ConversationStore) -> None:
    parts = make_parts(store, ["One.", "Two.", "Other."])
    first = finished(await ask(parts, "one"))
    second = await ask(parts, "two", conversation_id=first.conversation_id)
    assert isinstance(second[0], AnswerStarted)
    again = {"conversation_id": first.conversation_id, "replace_turn": second[0].turn_id}
    assert answer_of(await ask(parts, "other", **again)).text == "Other."
    turns = (await store.load_conversation(first.conversation_id)).turns
    assert [turn.question for turn in turns] == ["one", "other"]


async def test_replaced_turn_is_not_shown_to_the_model(store: ConversationStore) -> None:
    parts = make_parts(store, ["One."])
    started, reading = await begin(parts, "one")
    await reading
    model = FakeModel(["Other."])
    again = {"conversation_id": started.conversation_id, "replace_turn": started.turn_id}
    await ask(make_parts(store, model), "other", **again)
    assert [message.content for message in model.calls[0].messages[1:]] == ["other"]


async def test_turn_is_not_replaced_while_its_conversation_is_answered(
    store: ConversationStore,
) -> None:
    model = FakeModel(["One.", "never"])
    parts = make_parts(store, model)
    started, reading = await begin(parts, "one")
    await reading
    model.hang_after = 0
    _, busy = await begin(parts, "two", conversation_id=started.conversation_id)
    await model.hanging.wait()
    again = {"conversation_id": started.conversation_id, "replace_turn": started.turn_id}
    refused = failed(await ask(parts, "other", **again))
    assert refused.code == "invalid_request"
    assert "still being answered" in refused.message
    await parts.end_running()
    await busy


async def test_replacing_a_turn_needs_its_conversation(store: ConversationStore) -> None:
    refused = failed(await ask(make_parts(store, []), "other", replace_turn="t1"))
    assert refused.code == "invalid_request"
    assert "conversation_id" in refused.message
    assert await store.list_conversations() == []


async def test_replacement_stopped_before_its_first_word_replaces_nothing(
    store: ConversationStore,
) -> None:
    first = finished(await ask(make_parts(store, ["Yes."]), "First?", search="never"))
    (turn,) = (await store.load_conversation(first.conversation_id)).turns
    model = FakeModel(["never"], hang_after=0)
    parts = make_parts(store, model)
    replacement = {"conversation_id": first.conversation_id, "replace_turn": turn.id}
    started, reading = await begin(parts, "Other?", **replacement, search="never")
    await model.hanging.wait()
    assert parts.stop_answer(started.turn_id)
    assert answer_of(await reading).text == ""
    conversation = await store.load_conversation(first.conversation_id)
    assert conversation.title == "First?"
    assert [kept.question for kept in conversation.turns] == ["First?"]
