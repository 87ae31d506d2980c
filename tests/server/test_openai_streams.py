"""Streams of the OpenAI APIs: what was sent stays, and silence is not taken for an end."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.events import AgentEvent, AnswerDelta, AnswerFinished, AnswerStarted
from websearch_agent.server.openai_answers import SentText
from websearch_agent.server.openai_chat import ChatReply
from websearch_agent.server.openai_chat_body import ChatBody
from websearch_agent.server.openai_responses import ResponsesReply
from websearch_agent.server.openai_responses_body import ResponsesBody
from websearch_agent.server.streaming import PING
from websearch_agent.types import Answer

BASE = "http://127.0.0.1:1"


@given(st.lists(st.lists(st.text(max_size=3), max_size=3), min_size=1, max_size=4))
def test_answer_stands_at_its_offset_behind_every_dropped_beginning(
    attempts: list[list[str]],
) -> None:
    sent = SentText()
    received = "".join(_send(sent, attempts))
    answer = "".join(attempts[-1])
    assert received == sent.text
    assert sent.text[sent.offset :] == answer
    sent.rest_of(f"{answer} more")
    assert sent.text[sent.offset :] == f"{answer} more"


def _send(sent: SentText, attempts: list[list[str]]) -> Iterator[str]:
    for place, pieces in enumerate(attempts):
        if place:
            sent.restart()
        for piece in pieces:
            yield sent.add(piece)


def test_dropped_beginning_is_parted_from_the_answer_by_a_blank_line() -> None:
    sent = SentText()
    sent.add("Let me look.")
    sent.restart()
    sent.restart()
    assert [sent.add(""), sent.add("It "), sent.add("does.")] == ["", "\n\nIt ", "does."]
    assert (sent.text, sent.offset) == ("Let me look.\n\nIt does.", 14)


def test_rest_of_an_answer_that_was_not_streamed_is_parted_too() -> None:
    sent = SentText()
    sent.add("Let me look.")
    sent.restart()
    assert sent.rest_of("Yes.") == "\n\nYes."


async def with_silence() -> AsyncIterator[AgentEvent | None]:
    yield AnswerStarted("c", "t")
    yield None
    yield AnswerDelta("Yes.")
    yield AnswerFinished("c", Answer("Yes."))


@pytest.mark.anyio
async def test_silence_is_filled_with_comments() -> None:
    chat = ChatBody.model_validate({"model": "m", "messages": [{"role": "user", "content": "q"}]})
    response = ResponsesBody.model_validate({"model": "m", "input": "q"})
    for reply in (ChatReply(chat, BASE), ResponsesReply(response, BASE)):
        sent = [piece async for piece in reply.stream(with_silence())]
        assert sent.count(PING) == 1
        assert PING.startswith(b":")
        assert PING.endswith(b"\n\n")
        assert b"Yes." in b"".join(sent[sent.index(PING) :])
