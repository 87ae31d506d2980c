"""What is deleted is gone for everybody, can be brought back for an hour, and is then erased."""

import datetime as dt
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.errors import ConversationNotFound, ShareNotFound, TurnNotFound
from websearch_agent.protocols import ConversationStore
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import Answer

pytestmark = pytest.mark.anyio

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> dt.datetime:
        return self.time

    def move(self, **distance: float) -> None:
        self.time += dt.timedelta(**distance)


async def open_at(path: Path, clock: Clock) -> SqliteStore:
    database = SqliteStore(path, now=clock)
    await database.open()
    return database


async def make_conversation(store: ConversationStore, title: str = "kept") -> tuple[str, str]:
    """With one answered turn: the ids of both."""
    conversation_id = await store.create_conversation(title)
    turn = await store.begin_turn(conversation_id, "question?")
    await store.finish_turn(turn.id, status="finished", answer=Answer("Words."), failure=None)
    return conversation_id, turn.id


def rows_in(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert isinstance(count, int)
    return count


Attempt = Callable[[ConversationStore, str], Awaitable[object]]
ATTEMPTS: dict[str, Attempt] = {
    "load": lambda store, its_id: store.load_conversation(its_id),
    "begin_turn": lambda store, its_id: store.begin_turn(its_id, "again?"),
    "rename": lambda store, its_id: store.rename_conversation(its_id, "title"),
    "delete": lambda store, its_id: store.delete_conversation(its_id),
    "share": lambda store, its_id: store.share_conversation(its_id),
    "load_share": lambda store, its_id: store.load_share(its_id),
    "end_share": lambda store, its_id: store.end_share(its_id),
}


@pytest.mark.parametrize("name", ATTEMPTS)
async def test_nothing_can_be_done_with_a_deleted_conversation(
    store: ConversationStore, name: str
) -> None:
    conversation_id, _ = await make_conversation(store)
    await store.delete_conversation(conversation_id)
    with pytest.raises(ConversationNotFound):
        await ATTEMPTS[name](store, conversation_id)


async def test_deleted_conversation_is_not_listed_found_or_counted(database: SqliteStore) -> None:
    store = database.for_owner(LOCAL_OWNER)
    conversation_id, turn_id = await make_conversation(store)
    await store.delete_conversation(conversation_id)
    assert await store.list_conversations() == []
    assert await store.list_conversations(search="question") == []
    assert await database.count_conversations() == 0
    with pytest.raises(TurnNotFound):
        await store.save_follow_ups(turn_id, ["More?"])


async def test_link_of_a_deleted_conversation_leads_nowhere_until_it_is_back(
    database: SqliteStore,
) -> None:
    store = database.for_owner(LOCAL_OWNER)
    conversation_id, _ = await make_conversation(store)
    share = await store.share_conversation(conversation_id)
    await store.delete_conversation(conversation_id)
    with pytest.raises(ShareNotFound):
        await database.shared.load_shared(share.token)
    await store.restore_conversation(conversation_id)
    assert (await database.shared.load_shared(share.token)).title == "kept"


async def test_restored_conversation_is_as_it_was(store: ConversationStore) -> None:
    conversation_id, _ = await make_conversation(store)
    before = await store.load_conversation(conversation_id)
    await store.delete_conversation(conversation_id)
    summary = await store.restore_conversation(conversation_id)
    assert summary.title == "kept"
    assert await store.load_conversation(conversation_id) == before


async def test_conversation_that_was_not_deleted_cannot_be_restored(
    store: ConversationStore,
) -> None:
    conversation_id, _ = await make_conversation(store)
    with pytest.raises(ConversationNotFound):
        await store.restore_conversation(conversation_id)


@pytest.mark.parametrize(("minutes", "is_back"), [(59.9, True), (60, False)])
async def test_deletion_can_be_undone_for_an_hour(
    path: Path, minutes: float, is_back: bool
) -> None:
    clock = Clock()
    database = await open_at(path, clock)
    store = database.for_owner(LOCAL_OWNER)
    conversation_id, _ = await make_conversation(store)
    await store.delete_conversation(conversation_id)
    clock.move(minutes=minutes)
    try:
        await store.restore_conversation(conversation_id)
    except ConversationNotFound:
        assert not is_back
    listed = [kept.id for kept in await store.list_conversations()]
    await database.close()
    assert listed == ([conversation_id] if is_back else [])


@pytest.mark.parametrize("how", ["at the next start", "at a later deletion, also of another"])
async def test_deleted_conversation_is_erased_after_an_hour(path: Path, how: str) -> None:
    clock = Clock()
    database = await open_at(path, clock)
    store = database.for_owner(LOCAL_OWNER)
    conversation_id, _ = await make_conversation(store)
    await store.share_conversation(conversation_id)
    await store.delete_conversation(conversation_id)
    assert rows_in(path, "conversations") == 1
    clock.move(hours=1)
    if how == "at the next start":
        await database.close()
        await database.open()
    else:
        user = await database.accounts.add_user("ann", "correct horse battery")
        other = database.for_owner(user.id)
        await other.delete_conversation(await other.create_conversation("other"))
    kept = rows_in(path, "conversations")
    left = [rows_in(path, table) for table in ("turns", "shares")]
    await database.close()
    assert kept == (0 if how == "at the next start" else 1)
    assert left == [0, 0]


async def test_deleting_everything_erases_at_once_what_was_deleted_before_too(
    database: SqliteStore, path: Path
) -> None:
    store = database.for_owner(LOCAL_OWNER)
    for title in ("first", "second"):
        conversation_id, _ = await make_conversation(store, title)
        await store.share_conversation(conversation_id)
    await store.delete_conversation(conversation_id)
    assert await store.delete_all() == 2
    assert [rows_in(path, table) for table in ("conversations", "turns", "shares")] == [0, 0, 0]
    assert await store.delete_all() == 0


async def test_answer_that_ends_after_the_deletion_is_refused_and_no_turn_runs_for_ever(
    store: ConversationStore,
) -> None:
    conversation_id, _ = await make_conversation(store)
    turn = await store.begin_turn(conversation_id, "second?")
    await store.delete_conversation(conversation_id)
    with pytest.raises(ConversationNotFound, match="deleted while it was being answered"):
        await store.finish_turn(turn.id, status="finished", answer=Answer("Late."), failure=None)
    await store.restore_conversation(conversation_id)
    loaded = await store.load_conversation(conversation_id)
    assert [turn.status for turn in loaded.turns] == ["finished", "stopped"]


async def test_deleted_conversation_is_not_adopted(database: SqliteStore) -> None:
    store = database.for_owner(LOCAL_OWNER)
    conversation_id, _ = await make_conversation(store)
    await store.delete_conversation(conversation_id)
    await database.accounts.add_user("ann", "correct horse battery")
    assert await database.accounts.adopt_conversations("ann") == 0
    assert (await store.restore_conversation(conversation_id)).id == conversation_id
