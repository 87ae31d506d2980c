"""Assembles tool calls from their pieces, as differently as servers send them."""

import json

from pydantic import BaseModel

from websearch_agent.model_calls import ToolCall


class FunctionDelta(BaseModel):
    """A piece of a function call. Some servers send the arguments as an object."""

    name: str | None = None
    arguments: str | dict[str, object] | None = None


class ToolCallDelta(BaseModel):
    """A piece of a tool call; the index and the id may be missing."""

    index: int | None = None
    id: str | None = None
    function: FunctionDelta | None = None


class CallsInProgress:
    """The calls of one reply, in the order in which they began.

    Pieces belong together by index; without one by id; with neither to the last call. A name
    under another id begins a new call even at the same index: some servers number all of them 0.
    """

    def __init__(self) -> None:
        self._calls: list[ToolCall] = []
        self._place_of_index: dict[int, int] = {}

    def add(self, piece: ToolCallDelta) -> None:
        function = piece.function or FunctionDelta()
        place = self._find(piece, function)
        if place is None:
            self._calls.append(ToolCall(piece.id or "", "", ""))
            place = len(self._calls) - 1
        if piece.index is not None:
            self._place_of_index[piece.index] = place
        call = self._calls[place]
        self._calls[place] = ToolCall(
            id=call.id or piece.id or "",
            name=call.name or function.name or "",
            arguments=call.arguments + _json_text(function.arguments),
        )

    def finished(self) -> tuple[ToolCall, ...]:
        """The calls, each with an id of its own."""
        used: set[str] = set()
        calls = []
        for number, call in enumerate(self._calls):
            own = call.id if call.id and call.id not in used else f"call_{number}"
            used.add(own)
            calls.append(ToolCall(own, call.name, call.arguments))
        return tuple(calls)

    def _find(self, piece: ToolCallDelta, function: FunctionDelta) -> int | None:
        place: int | None = None
        if piece.index is not None:
            place = self._place_of_index.get(piece.index)
        elif piece.id:
            ids = [call.id for call in self._calls]
            place = ids.index(piece.id) if piece.id in ids else None
        elif self._calls:
            place = len(self._calls) - 1
        if place is None:
            return None
        call = self._calls[place]
        other_id = bool(piece.id) and bool(call.id) and piece.id != call.id
        whole = piece.index is None and not piece.id and _is_json(call.arguments)
        return None if function.name and (other_id or whole) else place


def _json_text(arguments: str | dict[str, object] | None) -> str:
    if isinstance(arguments, dict):
        return json.dumps(arguments, ensure_ascii=False)
    return arguments or ""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
