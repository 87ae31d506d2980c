"""Conversations are found by the words of their titles, questions and answers."""

import pytest

from websearch_agent.errors import InvalidRequest
from websearch_agent.protocols import ConversationStore
from websearch_agent.types import Answer, Source

pytestmark = pytest.mark.anyio


@pytest.fixture
async def searched(store: ConversationStore) -> ConversationStore:
    """Three conversations: about a bridge, in Chinese, and with signs that databases know."""
    contents = {
        "Die BRÜCKE am Fluß": [("When was it opened?", "It was **opened** in 1932 [1].")],
        "桥": [
            ("红桥是哪年建成的？", "红桥建成于一九三二年。"),
            ("多长？", "约 ＨＴＴＰ 两百米。"),
        ],
        "Signs": [("Is it 100% sure?", "snake_case and C:\\path, not snakeXcase.")],
    }
    for title, turns in contents.items():
        conversation_id = await store.create_conversation(title)
        for question, text in turns:
            turn = await store.begin_turn(conversation_id, question)
            source = Source(1, "https://example.org/hidden", "Hidden", "example.org", ())
            answer = Answer(text, sources=(source,))
            await store.finish_turn(turn.id, status="finished", answer=answer, failure=None)
    return store


@pytest.mark.parametrize(
    ("search", "titles"),
    [
        ("", ["Signs", "桥", "Die BRÜCKE am Fluß"]),
        (" \t\x00 ", ["Signs", "桥", "Die BRÜCKE am Fluß"]),
        ("brücke", ["Die BRÜCKE am Fluß"]),
        ("FLUSS", ["Die BRÜCKE am Fluß"]),
        ("Opened 1932 brücke", ["Die BRÜCKE am Fluß"]),
        ("opened 1933", []),
        ("红桥", ["桥"]),
        ("建成 两百米", ["桥"]),
        ("http", ["桥"]),
        ("100%", ["Signs"]),
        ("10%", []),
        ("snake_case", ["Signs"]),
        ("snake_", ["Signs"]),
        ("c:\\PATH", ["Signs"]),
        ("a\\", []),
        ("'", []),
        ("\ud800", ["Signs", "桥", "Die BRÜCKE am Fluß"]),
        ("hidden", []),
        ("example.org", []),
    ],
)
async def test_search_finds_conversations_with_all_words_in_any_case(
    searched: ConversationStore, search: str, titles: list[str]
) -> None:
    found = await searched.list_conversations(search=search)
    assert [kept.title for kept in found] == titles


async def test_signs_of_databases_stand_for_themselves(searched: ConversationStore) -> None:
    assert await searched.list_conversations(search="snake%case") == []
    assert await searched.list_conversations(search="s_ake_case") == []


async def test_limit_takes_the_latest_that_fit(searched: ConversationStore) -> None:
    (found,) = await searched.list_conversations(search="e", limit=1)
    assert found.title == "Signs"


async def test_question_is_found_while_it_is_being_answered(store: ConversationStore) -> None:
    conversation_id = await store.create_conversation("title")
    await store.begin_turn(conversation_id, "Where is the lighthouse?")
    (found,) = await store.list_conversations(search="lighthouse")
    assert found.id == conversation_id


async def test_overlong_search_is_refused(store: ConversationStore) -> None:
    with pytest.raises(InvalidRequest, match="501 characters; at most 500"):
        await store.list_conversations(search="a" * 501)


async def test_new_title_is_found_and_the_old_one_is_not(store: ConversationStore) -> None:
    conversation_id = await store.create_conversation("old")
    summary = await store.rename_conversation(conversation_id, "  The\n NEW\u202e one ")
    assert summary.title == "The NEW one"
    assert await store.list_conversations(search="old") == []
    assert await store.list_conversations(search="new") == [summary]


async def test_renaming_does_not_move_a_conversation_up(store: ConversationStore) -> None:
    first = await store.create_conversation("first")
    await store.create_conversation("second")
    await store.rename_conversation(first, "renamed")
    assert [kept.title for kept in await store.list_conversations()] == ["second", "renamed"]


@pytest.mark.parametrize("title", ["", "  \n", "\u200b\x00", "\ud800", "x" * 201])
async def test_title_that_is_empty_or_overlong_is_refused(
    store: ConversationStore, title: str
) -> None:
    conversation_id = await store.create_conversation("kept")
    with pytest.raises(InvalidRequest, match="title"):
        await store.rename_conversation(conversation_id, title)
    assert (await store.load_conversation(conversation_id)).title == "kept"
