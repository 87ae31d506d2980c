"""Which turn a request with an idempotency key made, for a day."""

import datetime as dt

from sqlalchemy import ColumnElement, Executable, RowMapping, Select, delete, select
from sqlalchemy.dialects.sqlite import insert as insert_or_not

from websearch_agent.conversations import KeyedTurn
from websearch_agent.store.schema import idempotency_keys, turns
from websearch_agent.store.turn_rows import TURN_COLUMNS, read_turn

KEPT_KEYS = dt.timedelta(hours=24)


def keep_key(
    owner_id: str, key: str, *, body_hash: str, turn_id: str, now: dt.datetime
) -> Executable:
    """The newest request takes the key: it was free before, or its answer had failed."""
    values = {"body_hash": body_hash, "turn_id": turn_id, "created_at": now.isoformat()}
    statement = insert_or_not(idempotency_keys).values(owner_id=owner_id, key=key, **values)
    return statement.on_conflict_do_update(index_elements=["owner_id", "key"], set_=values)


def turn_of_key(
    owner_id: str, key: str, own_turns: ColumnElement[bool], now: dt.datetime
) -> Select[tuple[object, ...]]:
    """For `read_keyed_turn`. `own_turns`: those that the owner may see."""
    return (
        select(idempotency_keys.c.body_hash, *TURN_COLUMNS)
        .join(turns, turns.c.id == idempotency_keys.c.turn_id)
        .where(
            idempotency_keys.c.owner_id == owner_id,
            idempotency_keys.c.key == key,
            idempotency_keys.c.created_at > _last_kept(now),
            own_turns,
        )
    )


def read_keyed_turn(row: RowMapping) -> KeyedTurn:
    return KeyedTurn(row["body_hash"], row["conversation_id"], read_turn(row))


def erase_keys_of(conversation_id: str, own_turns: ColumnElement[bool]) -> Executable:
    """For a conversation that is only marked as deleted: its turns are still there."""
    of_it = select(turns.c.id).where(turns.c.conversation_id == conversation_id, own_turns)
    return delete(idempotency_keys).where(idempotency_keys.c.turn_id.in_(of_it))


def erase_old_keys(now: dt.datetime) -> Executable:
    return delete(idempotency_keys).where(idempotency_keys.c.created_at <= _last_kept(now))


def _last_kept(now: dt.datetime) -> str:
    return (now - KEPT_KEYS).isoformat()
