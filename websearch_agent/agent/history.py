"""What a conversation's earlier turns are to the next question."""

from collections.abc import Sequence
from dataclasses import replace

from websearch_agent.conversations import (
    Turn,
)
from websearch_agent.model_calls import Message
from websearch_agent.types import Source


def history_messages(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """Question and answer of each turn that has both, oldest first, always in pairs.

    A turn that failed in mid-answer is left out: its half sentence is nothing to go on from.
    """
    messages: list[Message] = []
    for turn in turns:
        if turn.status != "failed" and turn.answer is not None and turn.answer.text.strip():
            messages.append(Message("user", turn.question))
            messages.append(Message("assistant", turn.answer.text.strip()))
    return tuple(messages)


def conversation_sources(turns: Sequence[Turn]) -> tuple[Source, ...]:
    """Each source once, by number; the latest turn's passages where there are several."""
    by_number = {
        source.number: source
        for turn in turns
        if turn.answer is not None
        for source in turn.answer.sources
    }
    return tuple(by_number[number] for number in sorted(by_number))


def sources_in_hand(turns: Sequence[Turn]) -> tuple[Source, ...]:
    """The sources of the latest finished turn that had any, with their passages.

    Without their summaries: these were written for that turn's question.
    """
    for turn in reversed(turns):
        if turn.status == "finished" and turn.answer is not None and turn.answer.sources:
            return tuple(replace(source, summary="") for source in turn.answer.sources)
    return ()
