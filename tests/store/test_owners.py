"""Two owners in one database: each sees what is its own, and cannot tell what the other has."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.conversations import Turn
from websearch_agent.errors import ConversationNotFound, NotAuthenticated, TurnNotFound
from websearch_agent.protocols import ConversationStore
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import Answer

pytestmark = pytest.mark.anyio
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class TwoOwners:
    """Alice has a conversation with a turn that is being answered; Mallory has none."""

    alice: ConversationStore
    mallory: ConversationStore
    conversation_id: str
    turn: Turn


@pytest.fixture(params=["user", "local"])
async def two(database: SqliteStore, request: pytest.FixtureRequest) -> TwoOwners:
    """Mallory is another user, and once somebody without a login."""
    alice = await database.accounts.add_user("alice", "correct horse battery")
    mallory = await database.accounts.add_user("mallory", "correct horse battery")
    other = mallory.id if request.param == "user" else LOCAL_OWNER
    store = database.for_owner(alice.id)
    conversation_id = await store.create_conversation("private")
    turn = await store.begin_turn(conversation_id, "secret question")
    return TwoOwners(store, database.for_owner(other), conversation_id, turn)


Attempt = Callable[[ConversationStore, str], Awaitable[object]]
ATTEMPTS: dict[str, Attempt] = {
    "load": lambda store, conversation_id: store.load_conversation(conversation_id),
    "delete": lambda store, conversation_id: store.delete_conversation(conversation_id),
    "begin_turn": lambda store, conversation_id: store.begin_turn(conversation_id, "mine now"),
    "replace": lambda store, conversation_id: store.begin_turn(
        conversation_id, "mine now", replace_turn="t1"
    ),
    "rename": lambda store, conversation_id: store.rename_conversation(conversation_id, "mine"),
    "restore": lambda store, conversation_id: store.restore_conversation(conversation_id),
    "share": lambda store, conversation_id: store.share_conversation(conversation_id),
    "load_share": lambda store, conversation_id: store.load_share(conversation_id),
    "end_share": lambda store, conversation_id: store.end_share(conversation_id),
}


async def error_of(attempt: Attempt, store: ConversationStore, conversation_id: str) -> str:
    with pytest.raises(ConversationNotFound) as caught:
        await attempt(store, conversation_id)
    assert type(caught.value) is ConversationNotFound
    return caught.value.message.replace(conversation_id, "ID")


@pytest.mark.parametrize("name", ATTEMPTS)
async def test_conversation_of_another_is_one_that_never_was(two: TwoOwners, name: str) -> None:
    foreign = await error_of(ATTEMPTS[name], two.mallory, two.conversation_id)
    assert foreign == await error_of(ATTEMPTS[name], two.mallory, UNKNOWN_ID)
    kept = await two.alice.load_conversation(two.conversation_id)
    assert [turn.question for turn in kept.turns] == ["secret question"]


@pytest.mark.parametrize("name", ATTEMPTS)
@pytest.mark.parametrize("odd_id", ["", "\ud800", "é", "' OR 1=1 --", "%", "\x00"])
async def test_odd_id_is_an_unknown_one(two: TwoOwners, name: str, odd_id: str) -> None:
    with pytest.raises(ConversationNotFound):
        await ATTEMPTS[name](two.alice, odd_id)


async def test_list_holds_ones_own_only(two: TwoOwners) -> None:
    own = await two.mallory.create_conversation("own")
    assert [kept.id for kept in await two.mallory.list_conversations()] == [own]
    assert [kept.id for kept in await two.alice.list_conversations()] == [two.conversation_id]


async def test_limit_counts_ones_own_only(two: TwoOwners) -> None:
    own = await two.mallory.create_conversation("own")
    await two.alice.create_conversation("newer")
    assert [kept.id for kept in await two.mallory.list_conversations(limit=1)] == [own]


async def test_foreign_turn_cannot_be_finished(two: TwoOwners) -> None:
    with pytest.raises(ConversationNotFound):
        await two.mallory.finish_turn(
            two.turn.id, status="finished", answer=Answer(text="forged"), failure=None
        )
    (turn,) = (await two.alice.load_conversation(two.conversation_id)).turns
    assert (turn.status, turn.answer) == ("running", None)


async def test_foreign_turn_gets_no_follow_ups(two: TwoOwners) -> None:
    with pytest.raises(TurnNotFound):
        await two.mallory.save_follow_ups(two.turn.id, ["Forged?"])
    (turn,) = (await two.alice.load_conversation(two.conversation_id)).turns
    assert turn.follow_ups == ()


async def test_turn_of_another_conversation_cannot_be_replaced(two: TwoOwners) -> None:
    own = await two.mallory.create_conversation("own")
    for store, conversation_id in ((two.mallory, own), (two.alice, two.conversation_id)):
        with pytest.raises(TurnNotFound):
            await store.begin_turn(conversation_id, "new", replace_turn="unknown")
    with pytest.raises(TurnNotFound):
        await two.mallory.begin_turn(own, "new", replace_turn=two.turn.id)
    (turn,) = (await two.alice.load_conversation(two.conversation_id)).turns
    assert turn.question == "secret question"


async def test_search_finds_ones_own_only(two: TwoOwners) -> None:
    assert await two.mallory.list_conversations(search="secret") == []
    (found,) = await two.alice.list_conversations(search="secret")
    assert found.id == two.conversation_id


async def test_deleted_conversation_of_another_cannot_be_restored(two: TwoOwners) -> None:
    await two.alice.delete_conversation(two.conversation_id)
    await error_of(ATTEMPTS["restore"], two.mallory, two.conversation_id)
    assert (await two.alice.restore_conversation(two.conversation_id)).title == "private"


async def test_deleting_everything_leaves_what_others_have(two: TwoOwners) -> None:
    await two.mallory.create_conversation("own")
    assert await two.mallory.delete_all() == 1
    assert await two.mallory.list_conversations() == []
    assert (await two.alice.load_conversation(two.conversation_id)).title == "private"


async def test_foreign_turn_does_not_move_the_conversation_up(two: TwoOwners) -> None:
    before = await two.alice.list_conversations()
    await error_of(ATTEMPTS["begin_turn"], two.mallory, two.conversation_id)
    assert await two.alice.list_conversations() == before


async def test_deleting_ones_own_leaves_the_others(two: TwoOwners) -> None:
    own = await two.mallory.create_conversation("own")
    await two.mallory.delete_conversation(own)
    assert (await two.alice.load_conversation(two.conversation_id)).title == "private"


async def test_removed_user_leaves_nothing_and_can_make_nothing_new(
    database: SqliteStore, two: TwoOwners
) -> None:
    await two.mallory.create_conversation("own")
    await database.accounts.remove_user("alice")
    assert await two.alice.list_conversations() == []
    await error_of(ATTEMPTS["load"], two.alice, two.conversation_id)
    with pytest.raises(NotAuthenticated, match="removed"):
        await two.alice.create_conversation("too late")
    assert await database.count_conversations() == 1


async def test_adopting_gives_what_was_held_without_a_login(database: SqliteStore) -> None:
    local = database.for_owner(LOCAL_OWNER)
    conversation_id = await local.create_conversation("before the login")
    await local.begin_turn(conversation_id, "question")
    alice = await database.accounts.add_user("alice", "correct horse battery")
    bob = await database.accounts.add_user("bob", "correct horse battery")
    assert await database.accounts.adopt_conversations("Alice") == 1
    adopted = await database.for_owner(alice.id).load_conversation(conversation_id)
    assert [turn.question for turn in adopted.turns] == ["question"]
    assert await local.list_conversations() == []
    assert await database.accounts.adopt_conversations("bob") == 0
    assert await database.for_owner(bob.id).list_conversations() == []
