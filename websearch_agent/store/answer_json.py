"""Answers as JSON text for the database, and back: what went in comes out equal."""

from pydantic import TypeAdapter

from websearch_agent.events import (
    AnswerFailed,
)
from websearch_agent.types import Answer

_answer = TypeAdapter(Answer)
_failure = TypeAdapter(AnswerFailed)


def answer_to_json(answer: Answer) -> str:
    return _answer.dump_json(answer).decode()


def answer_from_json(text: str) -> Answer:
    return _answer.validate_json(text)


def failure_to_json(failure: AnswerFailed) -> str:
    return _failure.dump_json(failure).decode()


def failure_from_json(text: str) -> AnswerFailed:
    return _failure.validate_json(text)
