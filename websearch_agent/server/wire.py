"""Values as JSON: the one place that decides how events and answers look on the wire."""

import dataclasses
import json
import re
from datetime import datetime

from websearch_agent.events import (
    AgentEvent,
    AnswerFinished,
)
from websearch_agent.types import Answer

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None

JsonObject = dict[str, JsonValue]

_INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def to_json_value(value: object) -> JsonValue:
    """A dataclass field by field, tuples as lists, times as ISO 8601.

    Half a character (a lone surrogate) becomes `?`: nothing that is answered may fail to encode.
    Raises TypeError for anything else that JSON does not know.
    """
    if isinstance(value, str):
        return replace_half_characters(value)
    if value is None or isinstance(value, int | float | bool):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        return {name: to_json_value(getattr(value, name)) for name in names}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [to_json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_json_value(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def replace_half_characters(text: str) -> str:
    """The text with `?` for each lone surrogate, which UTF-8 cannot hold."""
    return text.encode(errors="replace").decode()


def to_json_object(value: object) -> dict[str, JsonValue]:
    """`to_json_value` for a dataclass, whose form is always an object."""
    converted = to_json_value(value)
    if not isinstance(converted, dict):
        raise TypeError(f"{type(value).__name__} is not an object")
    return converted


def answer_to_json(conversation_id: str, answer: Answer) -> dict[str, JsonValue]:
    return {"conversation_id": conversation_id, **to_json_object(answer)}


def event_name(event: AgentEvent) -> str:
    return name_of_event(type(event))


def name_of_event(kind: type[AgentEvent]) -> str:
    """The event's class in snake case: `AnswerDelta` is `answer_delta`."""
    return _INNER_CAPITAL.sub("_", kind.__name__).lower()


def event_to_json(event: AgentEvent) -> dict[str, JsonValue]:
    """The event field by field; an AnswerFinished is its answer, with the conversation's id."""
    if isinstance(event, AnswerFinished):
        return answer_to_json(event.conversation_id, event.answer)
    return to_json_object(event)


def encode_server_sent_event(name: str, data: JsonValue) -> bytes:
    """One event of a `text/event-stream`. JSON holds no bare line break, so one line is enough."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode(errors="replace")


def decode_server_sent_event(encoded: bytes) -> tuple[str, JsonObject]:
    """Name and data of an event that `encode_server_sent_event` made, numbered or not."""
    # Not by `splitlines`: JSON may hold U+2028 and others that it takes for line ends.
    fields = dict(line.split(": ", 1) for line in encoded.decode().split("\n") if line)
    data: JsonObject = json.loads(fields["data"])
    return fields["event"], data
