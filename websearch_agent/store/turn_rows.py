"""Turns in the database: which of them are to be seen, and what takes the place of others."""

import datetime as dt
import json
from typing import Literal, cast

from sqlalchemy import ColumnElement, Executable, RowMapping, delete, exists, select, update

from websearch_agent.conversations import Turn
from websearch_agent.events import AnswerFailed
from websearch_agent.store.answer_json import (
    answer_from_json,
    answer_to_json,
    failure_from_json,
    failure_to_json,
)
from websearch_agent.store.schema import turns
from websearch_agent.store.search_words import fold
from websearch_agent.types import Answer

Status = Literal["running", "finished", "stopped", "failed"]

_replacing = turns.alias("replacing")

IS_RUNNING = turns.c.status == "running"

IS_VISIBLE = ~exists().where(
    _replacing.c.conversation_id == turns.c.conversation_id,
    _replacing.c.status == "running",
    _replacing.c.replaces_from <= turns.c.position,
    _replacing.c.position > turns.c.position,
)
"""No running turn takes its place."""

TURN_COLUMNS = tuple(column for column in turns.c if column is not turns.c.folded_text)
"""What `read_turn` needs."""


def read_turn(row: RowMapping) -> Turn:
    return Turn(
        id=row["id"],
        question=row["question"],
        created_at=dt.datetime.fromisoformat(row["created_at"]),
        status=cast(Status, row["status"]),
        answer=answer_from_json(row["answer"]) if row["answer"] else None,
        failure=failure_from_json(row["failure"]) if row["failure"] else None,
        follow_ups=tuple(json.loads(row["follow_ups"] or "[]")),
    )


def finish_statements(
    turn_id: str,
    own: ColumnElement[bool],
    *,
    status: str,
    answer: Answer | None,
    failure: AnswerFailed | None,
) -> tuple[Executable, ...]:
    """Store how the turn ended, and erase those whose place it takes; to be run in this order."""
    values = {
        "status": status,
        "answer": answer_to_json(answer) if answer else None,
        "failure": failure_to_json(failure) if failure else None,
        "folded_text": turns.c.folded_text + "\n" + fold(answer.text if answer else ""),
    }
    this = turns.alias("this")
    replaced = exists().where(
        this.c.id == turn_id,
        this.c.conversation_id == turns.c.conversation_id,
        this.c.replaces_from <= turns.c.position,
        this.c.position > turns.c.position,
    )
    return (
        update(turns).where(turns.c.id == turn_id, own).values(**values),
        delete(turns).where(replaced, own),
        update(turns).where(turns.c.id == turn_id, own).values(replaces_from=None),
    )


def drop_replacement(wanted: ColumnElement[bool]) -> Executable:
    """Without an answer it takes no place: what it hid is back. Other turns are left."""
    return delete(turns).where(wanted, turns.c.replaces_from.is_not(None))


def end_running(wanted: ColumnElement[bool] | None = None) -> tuple[Executable, ...]:
    """Turns that nobody goes on with: they are stopped, or dropped if they hide others."""
    lost = IS_RUNNING if wanted is None else IS_RUNNING & wanted
    return drop_replacement(lost), update(turns).where(lost).values(status="stopped")


def position_to_replace(conversation_id: str, turn_id: str) -> ColumnElement[int]:
    """Null unless the turn is there to be seen, and it and those behind it are at rest."""
    behind = turns.alias("behind")
    is_at_rest = ~exists().where(
        behind.c.conversation_id == turns.c.conversation_id,
        behind.c.position >= turns.c.position,
        behind.c.status == "running",
    )
    return (
        select(turns.c.position)
        .where(
            turns.c.id == turn_id,
            turns.c.conversation_id == conversation_id,
            IS_VISIBLE,
            is_at_rest,
        )
        .scalar_subquery()
    )
