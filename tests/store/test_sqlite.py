from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from websearch_agent.errors import ConversationNotFound, StoreError
from websearch_agent.events import (
    AnswerFailed,
)
from websearch_agent.model_calls import Usage
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import Answer, Citation, Passage, Source

pytestmark = pytest.mark.anyio

ANSWER = Answer(
    text="事实 [1]",
    citations=(Citation(1, "https://example.org", "T", 3, 6, "quote"),),
    sources=(Source(1, "https://example.org", "T", "example.org", (Passage("u", "事实", 0, 2),)),),
    usage=Usage(1, 2, 3),
    timings={"total": 1.5},
    notices=("note",),
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "conversations.db")
    await store.open()
    yield store
    await store.close()


async def test_conversation_survives_a_restart(store: SqliteStore, tmp_path: Path) -> None:
    conversation_id = await store.create_conversation("title")
    turn = await store.begin_turn(conversation_id, "question?")
    await store.finish_turn(turn.id, status="finished", answer=ANSWER, failure=None)
    await store.close()
    reopened = SqliteStore(tmp_path / "conversations.db")
    await reopened.open()
    loaded = await reopened.load_conversation(conversation_id)
    await reopened.close()
    assert loaded.turns[0].question == "question?"
    assert loaded.turns[0].answer == ANSWER


async def test_question_is_stored_before_its_answer(store: SqliteStore) -> None:
    conversation_id = await store.create_conversation("title")
    await store.begin_turn(conversation_id, "first")
    await store.begin_turn(conversation_id, "second")
    loaded = await store.load_conversation(conversation_id)
    assert [(t.question, t.status) for t in loaded.turns] == [
        ("first", "running"),
        ("second", "running"),
    ]


async def test_turns_of_a_dead_process_are_marked_as_stopped(store: SqliteStore) -> None:
    conversation_id = await store.create_conversation("title")
    await store.begin_turn(conversation_id, "question")
    await store.mark_abandoned_turns()
    loaded = await store.load_conversation(conversation_id)
    assert loaded.turns[0].status == "stopped"


async def test_failure_is_kept_with_its_turn(store: SqliteStore) -> None:
    conversation_id = await store.create_conversation("title")
    turn = await store.begin_turn(conversation_id, "question")
    failure = AnswerFailed("model_unavailable", "Start it.", True)
    await store.finish_turn(turn.id, status="failed", answer=None, failure=failure)
    loaded = await store.load_conversation(conversation_id)
    assert loaded.turns[0].failure == failure


async def test_deleting_removes_the_turns_and_an_unknown_id_is_told(store: SqliteStore) -> None:
    conversation_id = await store.create_conversation("title")
    await store.begin_turn(conversation_id, "question")
    await store.delete_conversation(conversation_id)
    assert await store.list_conversations() == []
    with pytest.raises(ConversationNotFound):
        await store.load_conversation(conversation_id)
    with pytest.raises(ConversationNotFound):
        await store.delete_conversation(conversation_id)


async def test_latest_conversation_is_listed_first(store: SqliteStore) -> None:
    first = await store.create_conversation("first")
    second = await store.create_conversation("second")
    await store.begin_turn(first, "again")
    assert [c.id for c in await store.list_conversations()] == [first, second]


async def test_unusable_file_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = SqliteStore(tmp_path / "file" / "conversations.db")
    with pytest.raises(StoreError, match="WEBSEARCH_DATABASE_URL"):
        await store.open()


async def test_damaged_file_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "conversations.db"
    path.write_bytes(b"this is no database, and more than enough bytes of it" * 50)
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="not a database"):
        await store.open()
    assert path.read_bytes().startswith(b"this is no database")
