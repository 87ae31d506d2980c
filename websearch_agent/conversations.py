"""Conversations as they are stored."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from websearch_agent.events import AnswerFailed
from websearch_agent.types import Answer


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what became of it. `failure` is set when `status` is `failed`."""

    id: str
    question: str
    created_at: dt.datetime
    status: Literal["running", "finished", "stopped", "failed"]
    answer: Answer | None = None
    failure: AnswerFailed | None = None


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A conversation without its turns."""

    id: str
    title: str
    created_at: dt.datetime
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with its turns, oldest first."""

    id: str
    title: str
    created_at: dt.datetime
    updated_at: dt.datetime
    turns: tuple[Turn, ...] = ()
