"""Answers as JSON text for the database, and back: what went in comes out equal.

Answers that an earlier version stored lack fields that came later: they get their defaults.
"""

from dataclasses import replace

from pydantic import TypeAdapter

from websearch_agent.events import (
    AnswerFailed,
)
from websearch_agent.types import ANSWER_SCHEMA_VERSION, Answer

_answer = TypeAdapter(Answer)
_failure = TypeAdapter(AnswerFailed)


def answer_to_json(answer: Answer) -> str:
    return _answer.dump_json(answer).decode()


def answer_from_json(text: str) -> Answer:
    """The answer in today's form, and so with today's `schema_version`."""
    return replace(_answer.validate_json(text), schema_version=ANSWER_SCHEMA_VERSION)


def failure_to_json(failure: AnswerFailed) -> str:
    return _failure.dump_json(failure).decode()


def failure_from_json(text: str) -> AnswerFailed:
    return _failure.validate_json(text)
