"""Keys of requests: the owner's own, for a day, and gone with what they stand for."""

import datetime as dt
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.protocols import ConversationStore
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import Answer

pytestmark = pytest.mark.anyio

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


async def keyed_turn(store: ConversationStore, key: str = "k") -> tuple[str, str]:
    """The ids of a conversation and its turn, which was made with the key."""
    conversation_id = await store.create_conversation("kept")
    turn = await store.begin_turn(conversation_id, "question?")
    await store.remember_key(key, body_hash="hash", turn_id=turn.id)
    await store.finish_turn(turn.id, status="finished", answer=Answer("Words."), failure=None)
    return conversation_id, turn.id


def keys_in(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM idempotency_keys")]


async def test_key_leads_to_its_turn_with_the_answer(store: ConversationStore) -> None:
    conversation_id, turn_id = await keyed_turn(store)
    found = await store.find_key("k")
    assert found is not None
    assert (found.body_hash, found.conversation_id) == ("hash", conversation_id)
    assert (found.turn.id, found.turn.status) == (turn_id, "finished")
    assert found.turn.answer == Answer("Words.")


@pytest.mark.parametrize("key", ["unknown", "K", "k "])
async def test_other_key_leads_nowhere(store: ConversationStore, key: str) -> None:
    await keyed_turn(store)
    assert await store.find_key(key) is None


async def test_newest_turn_takes_the_key(store: ConversationStore) -> None:
    await keyed_turn(store)
    _, newest = await keyed_turn(store)
    found = await store.find_key("k")
    assert found is not None
    assert found.turn.id == newest


async def test_key_is_its_owners_own(database: SqliteStore) -> None:
    ann = await database.accounts.add_user("ann", "correct horse battery")
    _, of_local = await keyed_turn(database.for_owner(LOCAL_OWNER))
    assert await database.for_owner(ann.id).find_key("k") is None
    _, of_ann = await keyed_turn(database.for_owner(ann.id))
    found = [await database.for_owner(owner).find_key("k") for owner in (LOCAL_OWNER, ann.id)]
    assert [one and one.turn.id for one in found] == [of_local, of_ann]


@pytest.mark.parametrize(("hours", "is_kept"), [(23.9, True), (24, False)])
async def test_key_is_kept_for_a_day_and_then_erased(
    path: Path, hours: float, is_kept: bool
) -> None:
    times = [NOW]
    database = SqliteStore(path, now=lambda: times[-1])
    await database.open()
    store = database.for_owner(LOCAL_OWNER)
    await keyed_turn(store)
    times.append(NOW + dt.timedelta(hours=hours))
    found = await store.find_key("k")
    await keyed_turn(store, "other")
    left = keys_in(path)
    await database.close()
    assert (found is not None) is is_kept
    assert sorted(left) == (["k", "other"] if is_kept else ["other"])


async def test_old_key_is_erased_at_the_next_start(path: Path) -> None:
    times = [NOW]
    database = SqliteStore(path, now=lambda: times[-1])
    await database.open()
    await keyed_turn(database.for_owner(LOCAL_OWNER))
    await database.close()
    times.append(NOW + dt.timedelta(hours=24))
    await database.open()
    left = keys_in(path)
    await database.close()
    assert left == []


Erasing = Callable[[SqliteStore, ConversationStore, str, str], Awaitable[object]]


async def replace_turn(
    _: SqliteStore, store: ConversationStore, conversation_id: str, turn_id: str
) -> None:
    turn = await store.begin_turn(conversation_id, "another?", replace_turn=turn_id)
    await store.finish_turn(turn.id, status="finished", answer=Answer("Other."), failure=None)


ERASING: dict[str, Erasing] = {
    "its conversation": lambda _, store, conversation_id, __: store.delete_conversation(
        conversation_id
    ),
    "everything": lambda _, store, __, ___: store.delete_all(),
    "the user": lambda database, _, __, ___: database.accounts.remove_user("ann"),
    "the turn, by another": replace_turn,
}


@pytest.mark.parametrize("what", ERASING)
async def test_key_is_erased_with(database: SqliteStore, path: Path, what: str) -> None:
    ann = await database.accounts.add_user("ann", "correct horse battery")
    store, other = database.for_owner(ann.id), database.for_owner(LOCAL_OWNER)
    await keyed_turn(other, "of another owner")
    ids = await keyed_turn(store)
    await ERASING[what](database, store, *ids)
    assert await store.find_key("k") is None
    assert keys_in(path) == ["of another owner"]
