"""Questions that could come next: written while the model is idle, cleaned, stored."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from agent_parts import ask, finished, make_parts
from fakes import FakeModel, Reply

from websearch_agent.agent.first_questions import suggest_questions
from websearch_agent.agent.follow_ups import (
    FOLLOW_UPS_TOKENS,
    KINDS,
    MAX_QUESTION_CHARS,
    clean_follow_ups,
    follow_ups_of,
)
from websearch_agent.agent.run import AgentParts
from websearch_agent.errors import ConversationNotFound, ModelUnavailable, TurnNotFound
from websearch_agent.events import AnswerFinished
from websearch_agent.protocols import ConversationStore

pytestmark = pytest.mark.anyio

ASKED = "When was the red bridge opened?"
NEXT = ("Which bridge is longer?", "Why was it painted red?", "Who repairs the bridge today?")


def reply(*questions: str) -> str:
    return json.dumps({"asked": "What was asked?", **dict(zip(KINDS, questions, strict=True))})


async def answered(
    store: ConversationStore, replies: Sequence[Reply] | FakeModel
) -> tuple[AgentParts, str, str]:
    """A conversation with one answer, and parts whose model says `replies` next."""
    end = finished(await ask(make_parts(store, ["In 1932."]), ASKED, search="never"))
    (turn,) = (await store.load_conversation(end.conversation_id)).turns
    return make_parts(store, replies), end.conversation_id, turn.id


async def test_questions_are_stored_and_the_model_is_asked_once(store: ConversationStore) -> None:
    model = FakeModel([reply(*NEXT)])
    parts, conversation_id, turn_id = await answered(store, model)
    assert await follow_ups_of(conversation_id, turn_id, parts) == NEXT
    assert await follow_ups_of(conversation_id, turn_id, parts) == NEXT
    (call,) = model.calls
    assert call.max_tokens == FOLLOW_UPS_TOKENS
    assert call.json_schema is not None
    assert ASKED in call.messages[-1].content
    assert "In 1932." in call.messages[-1].content
    (turn,) = (await store.load_conversation(conversation_id)).turns
    assert turn.follow_ups == NEXT


async def test_two_clients_at_once_cost_one_call(store: ConversationStore) -> None:
    model = FakeModel([reply(*NEXT)])
    parts, conversation_id, turn_id = await answered(store, model)
    both = [follow_ups_of(conversation_id, turn_id, parts) for _ in range(2)]
    assert await asyncio.gather(*both) == [NEXT, NEXT]
    assert len(model.calls) == 1


async def test_no_questions_while_an_answer_is_written(store: ConversationStore) -> None:
    model = FakeModel(["never"], hang_after=0)
    parts, conversation_id, turn_id = await answered(store, model)
    answering = asyncio.create_task(ask(parts, "hello"))
    await model.hanging.wait()
    assert await follow_ups_of(conversation_id, turn_id, parts) == ()
    assert len(model.calls) == 1
    await parts.end_running()
    await answering


async def test_questions_give_way_to_an_answer_that_begins(store: ConversationStore) -> None:
    model = FakeModel([reply(*NEXT), "Hello!"], hang_after=0)
    parts, conversation_id, turn_id = await answered(store, model)
    suggesting = asyncio.create_task(follow_ups_of(conversation_id, turn_id, parts))
    await model.hanging.wait()
    model.hang_after = None
    assert isinstance((await ask(parts, "hello"))[-1], AnswerFinished)
    assert await suggesting == ()
    assert model.stopped


@pytest.mark.parametrize("how", ["client leaves", "service ends"])
async def test_model_is_stopped_when_nobody_waits(store: ConversationStore, how: str) -> None:
    model = FakeModel([reply(*NEXT)], hang_after=0)
    parts, conversation_id, turn_id = await answered(store, model)
    suggesting = asyncio.create_task(follow_ups_of(conversation_id, turn_id, parts))
    await model.hanging.wait()
    if how == "client leaves":
        suggesting.cancel()
    else:
        await parts.end_running()
    await asyncio.wait([suggesting])
    assert model.stopped


async def test_unknown_conversation_or_turn_is_told(store: ConversationStore) -> None:
    parts, conversation_id, turn_id = await answered(store, [])
    with pytest.raises(ConversationNotFound):
        await follow_ups_of("none", turn_id, parts)
    with pytest.raises(TurnNotFound):
        await follow_ups_of(conversation_id, "none", parts)


async def test_turn_without_an_answer_has_no_questions(store: ConversationStore) -> None:
    parts = make_parts(store, [])
    conversation_id = await store.create_conversation("title")
    turn = await store.begin_turn(conversation_id, ASKED)
    assert await follow_ups_of(conversation_id, turn.id, parts) == ()


async def test_model_that_fails_is_an_error_and_nothing_is_stored(
    store: ConversationStore,
) -> None:
    model = FakeModel([ModelUnavailable("gone"), reply(*NEXT)])
    parts, conversation_id, turn_id = await answered(store, model)
    with pytest.raises(ModelUnavailable):
        await follow_ups_of(conversation_id, turn_id, parts)
    assert await follow_ups_of(conversation_id, turn_id, parts) == NEXT


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("nothing of use", ()),
        ("", ()),
        ('{"compare": ["Why?"], "why": 3, "today": null}', ()),
        ("[1, 2]", ()),
        ('Sure! ```json\n{"compare": "Which bridge is longer?"', ("Which bridge is longer?",)),
        (
            "1. Which bridge is longer?\n- Who built the bridge?",
            ("Which bridge is longer?", "Who built the bridge?"),
        ),
    ],
)
async def test_reply_that_is_not_what_was_asked_for_is_no_error(
    store: ConversationStore, written: str, expected: tuple[str, ...]
) -> None:
    parts, conversation_id, turn_id = await answered(store, [written])
    assert await follow_ups_of(conversation_id, turn_id, parts) == expected


@pytest.mark.parametrize(
    "hostile",
    [
        "Is [this page](https://evil.example) right?",
        "What does https://evil.example/?q=1 say?",
        "Shall I look at www.evil.example?",
        "What is <b>bold</b>?",
        "What does <|im_start|>system mean?",
        "Why does source [3] say so?",
        "What is ```sh {x}```?",
        "Who is at evil.example/login?",
        "Write to me@evil.example?",
        "This is no question.",
        "Why" + " very" * (MAX_QUESTION_CHARS // 5) + " long?",
        "Do you want to know more?",
        "为什么是红色的？",
        "When was the red bridge opened?",
        "When was the bridge opened?",
        "?",
    ],
)
def test_what_is_no_plain_new_question_is_left_out(hostile: str) -> None:
    assert clean_follow_ups([hostile], ASKED) == ()


def test_questions_become_one_visible_line() -> None:
    written = ['1. "Which\u200b bridge\n is \u202elonger?"', "**Who built `the bridge`?**"]
    assert clean_follow_ups(written, ASKED) == ("Which bridge is longer?", "Who built the bridge?")


def test_same_question_comes_once_and_none_that_was_asked() -> None:
    written = ["Who built the bridge?", "who built the bridge ?", "Who paid for the bridge?"]
    assert clean_follow_ups(written, ASKED, asked=["Who paid for the bridge"]) == (
        "Who built the bridge?",
    )


def test_question_about_something_else_is_left_out() -> None:
    answer = "It was opened by Mayor Anna Schmidt, who came from Paris."
    written = [
        "What is the capital of Paris?",
        "Where did Mayor Schmidt live?",
        "Who drew bridges?",
    ]
    kept = clean_follow_ups(written, ASKED, answer=answer)
    assert kept == ("Where did Mayor Schmidt live?", "Who drew bridges?")
    chinese = ["巴黎的天气怎么样？", "红桥是谁设计的？"]
    assert clean_follow_ups(chinese, "红桥是哪年建成的？", answer="1932年。") == (chinese[1],)


def test_script_is_that_of_the_question() -> None:
    both = ["红桥有多长？", "How long is the red bridge?", "Какой длины мост?"]
    assert clean_follow_ups(both, "红桥是哪年建成的？") == ("红桥有多长？",)
    assert clean_follow_ups(both, "Когда открыли красный мост?") == ("Какой длины мост?",)
    assert clean_follow_ups(["HTTPX 支持 HTTP/3 吗？"], "HTTPX 支持 HTTP/2 吗？怎样开启？") == (
        "HTTPX 支持 HTTP/3 吗？",
    )


# ---- first questions ---------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_first_questions_are_in_the_language_and_one_needs_no_search(language: str) -> None:
    questions = suggest_questions((), language)  # type: ignore[arg-type]
    assert len(questions) == 3
    has_chinese = [any("\u4e00" <= letter <= "\u9fff" for letter in q) for q in questions]
    assert set(has_chinese) == {language == "zh"}
    assert "Trafilatura" in "".join(questions)


def test_own_documents_are_asked_about_first() -> None:
    titles = [
        "README",
        "notes.md",
        "Quokkas of\n Rottnest",
        "Quokkas of Rottnest",
        "Ferries",
        "Bikes",
    ]
    english, chinese = (suggest_questions(titles, language) for language in ("en", "zh"))
    assert english[:2] == ("What does “Quokkas of Rottnest” say?", "What does “Ferries” say?")
    assert chinese[0] == "“Quokkas of Rottnest”讲了什么？"
    assert len(english) == 3
    assert suggest_questions(titles, "en") == english


@pytest.mark.parametrize(
    "title",
    ["", "abc", "x" * 61, "<b>Bold</b>", "https://evil.example", "a/b", "[1] Note", "Index"],
)
def test_title_that_is_none_is_not_asked_about(title: str) -> None:
    assert suggest_questions([title], "en") == suggest_questions((), "en")
