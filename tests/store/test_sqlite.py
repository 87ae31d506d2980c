import asyncio
import stat
from pathlib import Path

import pytest

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.errors import ConversationNotFound, StoreError
from websearch_agent.events import (
    AnswerFailed,
)
from websearch_agent.model_calls import Usage
from websearch_agent.protocols import ConversationStore
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


async def test_processes_that_start_at_once_all_open_a_new_file(tmp_path: Path) -> None:
    for number in range(10):
        stores = [SqliteStore(tmp_path / f"{number}.db") for _ in range(4)]
        await asyncio.gather(*(store.open() for store in stores))
        for store in stores:
            await store.close()


async def test_conversation_survives_a_restart(database: SqliteStore, path: Path) -> None:
    store = database.for_owner(LOCAL_OWNER)
    conversation_id = await store.create_conversation("title")
    turn = await store.begin_turn(conversation_id, "question?")
    await store.finish_turn(turn.id, status="finished", answer=ANSWER, failure=None)
    await database.close()
    reopened = SqliteStore(path)
    await reopened.open()
    loaded = await reopened.for_owner(LOCAL_OWNER).load_conversation(conversation_id)
    await reopened.close()
    assert loaded.turns[0].question == "question?"
    assert loaded.turns[0].answer == ANSWER


async def test_question_is_stored_before_its_answer(store: ConversationStore) -> None:
    conversation_id = await store.create_conversation("title")
    await store.begin_turn(conversation_id, "first")
    await store.begin_turn(conversation_id, "second")
    loaded = await store.load_conversation(conversation_id)
    assert [(t.question, t.status) for t in loaded.turns] == [
        ("first", "running"),
        ("second", "running"),
    ]


async def test_turns_of_a_dead_process_are_marked_as_stopped(database: SqliteStore) -> None:
    store = database.for_owner(LOCAL_OWNER)
    conversation_id = await store.create_conversation("title")
    await store.begin_turn(conversation_id, "question")
    await database.mark_abandoned_turns()
    loaded = await store.load_conversation(conversation_id)
    assert loaded.turns[0].status == "stopped"


async def test_failure_is_kept_with_its_turn(store: ConversationStore) -> None:
    conversation_id = await store.create_conversation("title")
    turn = await store.begin_turn(conversation_id, "question")
    failure = AnswerFailed("model_unavailable", "Start it.", True)
    await store.finish_turn(turn.id, status="failed", answer=None, failure=failure)
    loaded = await store.load_conversation(conversation_id)
    assert loaded.turns[0].failure == failure


async def test_deleting_removes_the_turns_and_an_unknown_id_is_told(
    store: ConversationStore,
) -> None:
    conversation_id = await store.create_conversation("title")
    await store.begin_turn(conversation_id, "question")
    await store.delete_conversation(conversation_id)
    assert await store.list_conversations() == []
    with pytest.raises(ConversationNotFound):
        await store.load_conversation(conversation_id)
    with pytest.raises(ConversationNotFound):
        await store.delete_conversation(conversation_id)


async def test_latest_conversation_is_listed_first(store: ConversationStore) -> None:
    first = await store.create_conversation("first")
    second = await store.create_conversation("second")
    await store.begin_turn(first, "again")
    assert [c.id for c in await store.list_conversations()] == [first, second]


async def test_unusable_file_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = SqliteStore(tmp_path / "file" / "conversations.db")
    with pytest.raises(StoreError, match="WEBSEARCH_DATABASE_URL"):
        await store.open()


def test_damaged_file_is_told_and_left_alone(path: Path) -> None:
    path.write_bytes(b"this is no database, and more than enough bytes of it" * 50)
    with pytest.raises(StoreError, match="not a database"):
        asyncio.run(SqliteStore(path).open())
    assert path.read_bytes().startswith(b"this is no database")


async def test_turn_of_a_deleted_conversation_is_no_broken_database(
    store: ConversationStore,
) -> None:
    conversation_id = await store.create_conversation("title")
    turn = await store.begin_turn(conversation_id, "question")
    await store.delete_conversation(conversation_id)
    with pytest.raises(ConversationNotFound):
        await store.begin_turn(conversation_id, "question")
    with pytest.raises(ConversationNotFound, match="deleted while it was being answered"):
        await store.finish_turn(turn.id, status="finished", answer=ANSWER, failure=None)


async def test_database_that_is_not_open_says_so(path: Path) -> None:
    with pytest.raises(StoreError, match="not open"):
        await SqliteStore(path).for_owner(LOCAL_OWNER).list_conversations()


async def test_new_files_and_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "conversations.db"
    database = SqliteStore(path)
    await database.open()
    await database.for_owner(LOCAL_OWNER).create_conversation("title")
    rights = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    folder = stat.S_IMODE(path.parent.stat().st_mode)
    await database.close()
    names = ("conversations.db", "conversations.db-wal", "conversations.db-shm")
    assert rights == dict.fromkeys(names, 0o600)
    assert folder == 0o700


async def test_folder_that_was_there_keeps_its_rights(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o750)
    database = SqliteStore(folder / "conversations.db")
    await database.open()
    await database.close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750


def beginnings(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes()[:15] for file in folder.iterdir()}


@pytest.mark.parametrize("name", [":memory:", "a?mode=memory.db", "ä b%20.db"])
async def test_any_file_name_is_a_file(tmp_path: Path, name: str) -> None:
    database = SqliteStore(tmp_path / name)
    await database.open()
    await database.for_owner(LOCAL_OWNER).create_conversation("title")
    await database.close()
    assert beginnings(tmp_path) == {name: b"SQLite format 3"}
