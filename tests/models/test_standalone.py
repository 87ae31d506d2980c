"""Follow-ups as they stand alone, and rewrites that are not to be trusted."""

import datetime as dt

import pytest

from websearch_agent.model_calls import Message
from websearch_agent.models.dialects.decision import parse_standalone
from websearch_agent.models.dialects.standalone import MAX_TURNS, is_trusted, shown_turns
from websearch_agent.types import Prompt

TODAY = dt.date(2026, 11, 23)
FERRY = (
    Message("user", "Who runs the ferry to Norholm?"),
    Message("assistant", "Lunda Lines runs it [1]."),
)
SINGER = (Message("user", "你听过海边的风筝吗"), Message("assistant", "听过，很好听。"))


@pytest.mark.parametrize(
    ("history", "question", "rewrite"),
    [
        (FERRY, "How much is it?", "How much is the ferry to Norholm?"),
        (FERRY, "Thanks. When does it leave?", "When does the ferry to Norholm leave?"),
        (FERRY, "How did prices differ?", "How do the prices of the ferry differ?"),
        (FERRY, "What is the capital of Peru?", "What is the capital of Peru?"),
        (SINGER, "谁唱的", "海边的风筝谁唱的"),
        (SINGER, "他是哪里人呢", "海边的风筝的歌手是哪里人"),
    ],
)
def test_rewrite_with_words_of_the_conversation_is_searched(
    history: tuple[Message, ...], question: str, rewrite: str
) -> None:
    reply = f'{{"standalone": "{rewrite}"}}'
    assert parse_standalone(reply, Prompt(TODAY, question, history)) == rewrite


@pytest.mark.parametrize(
    ("history", "question", "rewrite"),
    [
        (FERRY, "How much is it?", "When was the Eiffel Tower opened?"),
        (FERRY, "Is it still used today?", "Is the Eiffel Tower still used today?"),
        (FERRY, "Where can children sit outside?", "Who runs the ferry to Norholm?"),
        (FERRY, "Was it not founded by Lunda?", "Was the ferry founded by Lunda?"),
        (FERRY, "Why doesn't it run in winter?", "Why does the ferry run in winter?"),
        (SINGER, "为什么不好听", "海边的风筝为什么好听"),
        (SINGER, "谁唱的", "鲁迅是哪年出生的"),
        (SINGER, "多少钱能买到唱片", "你听过海边的风筝吗"),
    ],
)
def test_rewrite_that_says_something_else_is_not_trusted(
    history: tuple[Message, ...], question: str, rewrite: str
) -> None:
    assert not is_trusted(rewrite, question, history)


def test_follow_up_that_points_back_takes_the_last_question_along() -> None:
    reply = '{"standalone": "How much is it?"}'
    found = parse_standalone(reply, Prompt(TODAY, "How much is it?", FERRY))
    assert found == "Who runs the ferry to Norholm? How much is it?"


def test_question_about_something_else_takes_nothing_of_the_last_one_along() -> None:
    question = "Who won the 2022 World Cup?"
    for reply in (f'{{"standalone": "{question}"}}', '{"standalone": "Who runs the ferry?"}'):
        assert parse_standalone(reply, Prompt(TODAY, question, FERRY)) == question


def test_long_conversation_shows_its_first_turn_and_the_latest() -> None:
    history = tuple(
        Message(role, f"{role} {number}" + " word" * 100)  # type: ignore[arg-type]
        for number in range(9)
        for role in ("user", "assistant")
    )
    turns = shown_turns(history)
    assert len(turns) == MAX_TURNS
    assert [asked.split()[1] for asked, _ in turns] == ["0", "6", "7", "8"]
    assert all(len(text) < 170 for turn in turns for text in turn)
