"""A conversation of which nothing is stored: its caller sends all of it with each question."""

import datetime as dt
import re
import secrets
from collections.abc import Sequence

from websearch_agent import prompts
from websearch_agent.conversations import Conversation, ConversationSummary, Turn
from websearch_agent.events import AnswerFailed
from websearch_agent.model_calls import Message
from websearch_agent.types import Answer, new_boundary

# The sources behind earlier numbers are not known here: the new ones begin at 1 again.
_MARKER = re.compile(r" ?\[\d+\](?!\()")


class UnstoredConversation:
    """A `TurnStore` that holds one conversation for as long as its question is answered."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        now = dt.datetime.now(dt.UTC)
        self._conversation = Conversation(secrets.token_hex(8), "", now, now, tuple(turns))

    async def create_conversation(self, title: str) -> str:
        return self._conversation.id

    async def load_conversation(self, conversation_id: str) -> Conversation:
        return self._conversation

    async def rename_conversation(self, conversation_id: str, title: str) -> ConversationSummary:
        known = self._conversation
        return ConversationSummary(known.id, title, known.created_at, known.updated_at)

    async def begin_turn(
        self, conversation_id: str, question: str, *, replace_turn: str | None = None
    ) -> Turn:
        return Turn(secrets.token_hex(8), question, dt.datetime.now(dt.UTC), "running")

    async def finish_turn(
        self, turn_id: str, *, status: str, answer: Answer | None, failure: AnswerFailed | None
    ) -> None: ...

    async def save_follow_ups(self, turn_id: str, questions: Sequence[str]) -> None: ...


def turns_before_answer(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """The turns before the last question, and as one more what functions brought for it so far."""
    results = results_behind_question(messages)
    if not results:
        return turns_before_question(messages)
    boundary = new_boundary()
    brought = [prompts.function_result(n, result=text, boundary=boundary) for n, text in results]
    question = next(m.content for m in reversed(messages) if m.role == "user")
    return (*turns_before_question(messages), _answered(question, "\n\n".join(brought)))


def results_behind_question(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """Name and result of each function that was called for the last question."""
    questions = [place for place, message in enumerate(messages) if message.role == "user"]
    behind = messages[questions[-1] + 1 :] if questions else ()
    names = {call.id: call.name for message in behind for call in message.tool_calls}
    return [
        (names.get(message.tool_call_id or "", ""), message.content)
        for message in behind
        if message.role == "tool"
    ]


def turns_before_question(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """What was asked and answered before the last message of the user.

    Messages of one side behind each other count as one; a question that nobody answered, and calls
    of functions with their results, are left out.
    """
    questions = [place for place, message in enumerate(messages) if message.role == "user"]
    turns: list[Turn] = []
    asked: list[str] = []
    said: list[str] = []
    for message in messages[: questions[-1] + 1] if questions else ():
        if message.role == "user":
            if said:
                turns.append(_answered("\n\n".join(asked), "\n\n".join(said)))
                asked, said = [], []
            asked.append(message.content)
        elif message.role == "assistant" and asked and message.content.strip():
            said.append(_MARKER.sub("", message.content).strip())
    return tuple(turns)


def _answered(question: str, answer: str) -> Turn:
    now = dt.datetime.now(dt.UTC)
    return Turn(secrets.token_hex(8), question, now, "finished", Answer(answer))
