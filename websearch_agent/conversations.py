"""Conversations as they are stored."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from websearch_agent.events import AnswerFailed
from websearch_agent.types import Answer


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what became of it. `failure` is set when `status` is `failed`.

    `follow_ups` are questions that could come next, once they were asked for.
    """

    id: str
    question: str
    created_at: dt.datetime
    status: Literal["running", "finished", "stopped", "failed"]
    answer: Answer | None = None
    failure: AnswerFailed | None = None
    follow_ups: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class KeyedTurn:
    """The turn that a request with an idempotency key made. `body_hash` is that of its body."""

    body_hash: str
    conversation_id: str
    turn: Turn


@dataclass(frozen=True, slots=True)
class Share:
    """A link by which anybody may read a conversation as it was at `created_at`.

    `token` is the secret part of the link; `turn_count` is how many turns it shows.
    """

    token: str
    created_at: dt.datetime
    turn_count: int
