"""A question may take the place of an earlier one; nothing is lost before it has an answer."""

import pytest

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.conversations import Turn
from websearch_agent.errors import ConversationNotFound, InvalidRequest, TurnNotFound
from websearch_agent.events import AnswerFailed
from websearch_agent.protocols import ConversationStore
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import Answer

pytestmark = pytest.mark.anyio

FAILURE = AnswerFailed("model_unavailable", "Start it.", True)


async def three_turns(store: ConversationStore) -> tuple[str, list[Turn]]:
    conversation_id = await store.create_conversation("title")
    for question in ("one", "two", "three"):
        turn = await store.begin_turn(conversation_id, question)
        answer = Answer(f"answer {question}")
        await store.finish_turn(turn.id, status="finished", answer=answer, failure=None)
    return conversation_id, list((await store.load_conversation(conversation_id)).turns)


async def questions_in(store: ConversationStore, conversation_id: str) -> list[str]:
    return [turn.question for turn in (await store.load_conversation(conversation_id)).turns]


async def test_running_replacement_hides_the_turn_and_those_behind_it(
    store: ConversationStore,
) -> None:
    conversation_id, turns = await three_turns(store)
    await store.begin_turn(conversation_id, "new two", replace_turn=turns[1].id)
    loaded = await store.load_conversation(conversation_id)
    assert [(turn.question, turn.status) for turn in loaded.turns] == [
        ("one", "finished"),
        ("new two", "running"),
    ]
    assert await store.list_conversations(search="three") == []


@pytest.mark.parametrize("status", ["finished", "stopped"])
async def test_answer_erases_what_was_replaced(store: ConversationStore, status: str) -> None:
    conversation_id, turns = await three_turns(store)
    new = await store.begin_turn(conversation_id, "new two", replace_turn=turns[1].id)
    await store.finish_turn(new.id, status=status, answer=Answer("words"), failure=None)
    await store.begin_turn(conversation_id, "next")
    assert await questions_in(store, conversation_id) == ["one", "new two", "next"]
    with pytest.raises(ConversationNotFound):
        await store.finish_turn(turns[2].id, status="stopped", answer=None, failure=None)


@pytest.mark.parametrize(
    ("status", "answer", "failure"),
    [
        ("failed", None, FAILURE),
        ("failed", Answer("half"), FAILURE),
        ("stopped", Answer(" "), None),
        ("stopped", None, None),
    ],
)
async def test_without_an_answer_the_replaced_turns_are_back(
    store: ConversationStore, status: str, answer: Answer | None, failure: AnswerFailed | None
) -> None:
    conversation_id, turns = await three_turns(store)
    new = await store.begin_turn(conversation_id, "new two", replace_turn=turns[1].id)
    await store.finish_turn(new.id, status=status, answer=answer, failure=failure)
    assert (await store.load_conversation(conversation_id)).turns == tuple(turns)


async def test_replacement_of_a_dead_process_is_dropped_and_the_others_are_back(
    database: SqliteStore,
) -> None:
    store = database.for_owner(LOCAL_OWNER)
    conversation_id, turns = await three_turns(store)
    await store.begin_turn(conversation_id, "new one", replace_turn=turns[0].id)
    await store.begin_turn(conversation_id, "behind it")
    await database.mark_abandoned_turns()
    loaded = await store.load_conversation(conversation_id)
    assert [(turn.question, turn.status) for turn in loaded.turns] == [
        ("one", "finished"),
        ("two", "finished"),
        ("three", "finished"),
        ("behind it", "stopped"),
    ]


async def test_turn_asked_behind_a_replacement_stays_when_that_has_its_answer(
    store: ConversationStore,
) -> None:
    conversation_id, turns = await three_turns(store)
    new = await store.begin_turn(conversation_id, "new one", replace_turn=turns[0].id)
    await store.begin_turn(conversation_id, "behind it")
    await store.finish_turn(new.id, status="finished", answer=Answer("words"), failure=None)
    assert await questions_in(store, conversation_id) == ["new one", "behind it"]


@pytest.mark.parametrize("place", [0, 2])
async def test_running_turn_and_those_before_it_cannot_be_replaced(
    store: ConversationStore, place: int
) -> None:
    conversation_id, turns = await three_turns(store)
    running = await store.begin_turn(conversation_id, "running")
    for replaced in (running.id, turns[place].id):
        with pytest.raises(InvalidRequest, match="still being answered"):
            await store.begin_turn(conversation_id, "new", replace_turn=replaced)
    assert await questions_in(store, conversation_id) == ["one", "two", "three", "running"]


async def test_hidden_turn_cannot_be_replaced_once_more(store: ConversationStore) -> None:
    conversation_id, turns = await three_turns(store)
    await store.begin_turn(conversation_id, "new two", replace_turn=turns[1].id)
    with pytest.raises(TurnNotFound):
        await store.begin_turn(conversation_id, "again", replace_turn=turns[2].id)


@pytest.mark.parametrize("odd_id", ["", "\ud800", "é", "unknown", "\x00"])
async def test_turn_that_is_not_there_cannot_be_replaced(
    store: ConversationStore, odd_id: str
) -> None:
    conversation_id, turns = await three_turns(store)
    before = await store.list_conversations()
    with pytest.raises(TurnNotFound):
        await store.begin_turn(conversation_id, "new", replace_turn=odd_id)
    assert (await store.load_conversation(conversation_id)).turns == tuple(turns)
    assert await store.list_conversations() == before


async def test_replacement_can_be_replaced_and_moves_the_conversation_up(
    store: ConversationStore,
) -> None:
    conversation_id, turns = await three_turns(store)
    await store.create_conversation("newer")
    for question in ("first try", "second try"):
        new = await store.begin_turn(conversation_id, question, replace_turn=turns[0].id)
        await store.finish_turn(new.id, status="finished", answer=Answer("words"), failure=None)
        turns = [new]
    assert await questions_in(store, conversation_id) == ["second try"]
    assert (await store.list_conversations())[0].id == conversation_id


async def test_turns_of_other_conversations_stay(store: ConversationStore) -> None:
    conversation_id, turns = await three_turns(store)
    other_id, others = await three_turns(store)
    new = await store.begin_turn(conversation_id, "new one", replace_turn=turns[0].id)
    assert (await store.load_conversation(other_id)).turns == tuple(others)
    await store.finish_turn(new.id, status="finished", answer=Answer("words"), failure=None)
    assert (await store.load_conversation(other_id)).turns == tuple(others)


async def test_follow_ups_are_kept_with_their_turn_and_go_with_it(
    store: ConversationStore,
) -> None:
    conversation_id, turns = await three_turns(store)
    await store.save_follow_ups(turns[1].id, ["What next?", "然后呢？"])
    loaded = await store.load_conversation(conversation_id)
    assert [turn.follow_ups for turn in loaded.turns] == [(), ("What next?", "然后呢？"), ()]
    new = await store.begin_turn(conversation_id, "new one", replace_turn=turns[0].id)
    await store.finish_turn(new.id, status="finished", answer=Answer("words"), failure=None)
    with pytest.raises(TurnNotFound):
        await store.save_follow_ups(turns[1].id, ["Too late?"])
