"""A link shows a conversation as it was when it was made, until it is revoked."""

import pytest

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.errors import InvalidRequest, ShareNotFound
from websearch_agent.events import AnswerFailed
from websearch_agent.protocols import ConversationStore
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import Answer

pytestmark = pytest.mark.anyio


async def ask(store: ConversationStore, conversation_id: str, question: str) -> str:
    turn = await store.begin_turn(conversation_id, question)
    await store.finish_turn(turn.id, status="finished", answer=Answer("Words."), failure=None)
    return turn.id


@pytest.fixture
def owned(database: SqliteStore) -> ConversationStore:
    return database.for_owner(LOCAL_OWNER)


async def shown_by(database: SqliteStore, token: str) -> list[str]:
    return [turn.question for turn in (await database.shared.load_shared(token)).turns]


async def test_link_shows_what_was_there_and_not_what_came_later(
    database: SqliteStore, owned: ConversationStore
) -> None:
    conversation_id = await owned.create_conversation("title")
    await ask(owned, conversation_id, "one")
    share = await owned.share_conversation(conversation_id)
    await ask(owned, conversation_id, "two")
    assert share.turn_count == 1
    assert await shown_by(database, share.token) == ["one"]
    assert await owned.load_share(conversation_id) == share


async def test_sharing_again_keeps_the_link_and_shows_more(
    database: SqliteStore, owned: ConversationStore
) -> None:
    conversation_id = await owned.create_conversation("title")
    await ask(owned, conversation_id, "one")
    first = await owned.share_conversation(conversation_id)
    await ask(owned, conversation_id, "two")
    second = await owned.share_conversation(conversation_id)
    assert (second.token, second.turn_count) == (first.token, 2)
    assert second.created_at > first.created_at
    assert await shown_by(database, first.token) == ["one", "two"]


async def test_running_and_failed_turns_are_not_shown_even_when_they_end_later(
    database: SqliteStore, owned: ConversationStore
) -> None:
    conversation_id = await owned.create_conversation("title")
    await ask(owned, conversation_id, "one")
    failed = await owned.begin_turn(conversation_id, "failed")
    failure = AnswerFailed("model_unavailable", "Start it.", True)
    half = Answer("Half")
    await owned.finish_turn(failed.id, status="failed", answer=half, failure=failure)
    stopped = await owned.begin_turn(conversation_id, "stopped")
    await owned.finish_turn(stopped.id, status="stopped", answer=half, failure=None)
    running = await owned.begin_turn(conversation_id, "running")
    share = await owned.share_conversation(conversation_id)
    await owned.finish_turn(running.id, status="finished", answer=half, failure=None)
    assert share.turn_count == 2
    assert await shown_by(database, share.token) == ["one", "stopped"]


async def test_shared_view_does_not_name_the_conversation(
    database: SqliteStore, owned: ConversationStore
) -> None:
    conversation_id = await owned.create_conversation("title")
    await ask(owned, conversation_id, "one")
    share = await owned.share_conversation(conversation_id)
    shared = await database.shared.load_shared(share.token)
    assert shared.created_at == shared.updated_at == share.created_at
    assert conversation_id not in repr(shared)
    assert LOCAL_OWNER not in repr(shared)


async def test_link_keeps_the_title_of_the_sharing(
    database: SqliteStore, owned: ConversationStore
) -> None:
    conversation_id = await owned.create_conversation("title")
    await ask(owned, conversation_id, "one")
    share = await owned.share_conversation(conversation_id)
    await owned.rename_conversation(conversation_id, "another")
    assert (await database.shared.load_shared(share.token)).title == "title"
    await owned.share_conversation(conversation_id)
    assert (await database.shared.load_shared(share.token)).title == "another"


async def test_replaced_turn_is_gone_from_the_link(
    database: SqliteStore, owned: ConversationStore
) -> None:
    conversation_id = await owned.create_conversation("title")
    await ask(owned, conversation_id, "one")
    replaced = await ask(owned, conversation_id, "two")
    share = await owned.share_conversation(conversation_id)
    new = await owned.begin_turn(conversation_id, "new two", replace_turn=replaced)
    assert await shown_by(database, share.token) == ["one"]
    await owned.finish_turn(new.id, status="finished", answer=Answer("New."), failure=None)
    assert await shown_by(database, share.token) == ["one"]
    kept = await owned.load_share(conversation_id)
    assert kept is not None
    assert kept.turn_count == 1


async def test_conversation_without_an_answer_cannot_be_shared(owned: ConversationStore) -> None:
    conversation_id = await owned.create_conversation("title")
    await owned.begin_turn(conversation_id, "running")
    with pytest.raises(InvalidRequest, match="nothing to share"):
        await owned.share_conversation(conversation_id)
    assert await owned.load_share(conversation_id) is None


async def test_revoked_link_leads_nowhere_and_the_next_one_is_another(
    database: SqliteStore, owned: ConversationStore
) -> None:
    conversation_id = await owned.create_conversation("title")
    await ask(owned, conversation_id, "one")
    first = await owned.share_conversation(conversation_id)
    await owned.end_share(conversation_id)
    await owned.end_share(conversation_id)
    assert await owned.load_share(conversation_id) is None
    second = await owned.share_conversation(conversation_id)
    assert second.token != first.token
    with pytest.raises(ShareNotFound):
        await database.shared.load_shared(first.token)
    assert await shown_by(database, second.token) == ["one"]


@pytest.mark.parametrize("token", ["", "\ud800", "é", "%", "' OR 1=1 --", "\x00"])
async def test_odd_token_is_an_unknown_one(
    database: SqliteStore, owned: ConversationStore, token: str
) -> None:
    conversation_id = await owned.create_conversation("title")
    await ask(owned, conversation_id, "one")
    await owned.share_conversation(conversation_id)
    with pytest.raises(ShareNotFound):
        await database.shared.load_shared(token)


async def test_token_is_long_random_and_fit_for_an_address(owned: ConversationStore) -> None:
    tokens = set()
    for title in ("first", "second"):
        conversation_id = await owned.create_conversation(title)
        await ask(owned, conversation_id, "one")
        tokens.add((await owned.share_conversation(conversation_id)).token)
    assert len(tokens) == 2
    for token in tokens:
        assert len(token) == 32
        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


async def test_answer_that_ends_after_the_sharing_is_not_shown(
    database: SqliteStore, owned: ConversationStore
) -> None:
    conversation_id = await owned.create_conversation("title")
    await ask(owned, conversation_id, "one")
    running = await owned.begin_turn(conversation_id, "running")
    await ask(owned, conversation_id, "behind it")
    share = await owned.share_conversation(conversation_id)
    await owned.finish_turn(
        running.id, status="finished", answer=Answer("Came later."), failure=None
    )
    assert share.turn_count == 1
    assert await shown_by(database, share.token) == ["one"]


async def test_answer_without_a_word_is_not_shown_and_cannot_be_shared(
    database: SqliteStore, owned: ConversationStore
) -> None:
    conversation_id = await owned.create_conversation("title")
    stopped = await owned.begin_turn(conversation_id, "stopped at once")
    empty = Answer("", finish_reason="stopped")
    await owned.finish_turn(stopped.id, status="stopped", answer=empty, failure=None)
    with pytest.raises(InvalidRequest):
        await owned.share_conversation(conversation_id)
    await ask(owned, conversation_id, "one")
    share = await owned.share_conversation(conversation_id)
    assert await shown_by(database, share.token) == ["one"]
