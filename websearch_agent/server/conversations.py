"""`/api/conversations`: list, read, delete."""

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from websearch_agent.conversations import (
    Turn,
)
from websearch_agent.server.render import render_answer
from websearch_agent.server.service import AnswerService
from websearch_agent.server.wire import JsonValue, to_json_object

router = APIRouter(prefix="/api/conversations", tags=["conversations"])


@router.get("", response_model=None)
async def list_conversations(
    request: Request, limit: int = Query(default=100, ge=1, le=1000)
) -> Response:
    """All conversations, the one used last first."""
    service: AnswerService = request.app.state.service
    summaries = await service.store.list_conversations(limit=limit)
    return JSONResponse({"conversations": [to_json_object(summary) for summary in summaries]})


@router.get("/{conversation_id}", response_model=None)
async def load_conversation(
    conversation_id: str, request: Request, render: bool = False
) -> Response:
    """A conversation with its turns; `render=true` adds `html` to every answer."""
    service: AnswerService = request.app.state.service
    conversation = await service.store.load_conversation(conversation_id)
    turns: list[JsonValue] = [_turn_to_json(turn, render=render) for turn in conversation.turns]
    return JSONResponse({**to_json_object(conversation), "turns": turns})


@router.delete("/{conversation_id}", status_code=204, response_model=None)
async def delete_conversation(conversation_id: str, request: Request) -> Response:
    """Delete a conversation with all its turns."""
    service: AnswerService = request.app.state.service
    await service.store.delete_conversation(conversation_id)
    return Response(status_code=204)


def _turn_to_json(turn: Turn, *, render: bool) -> dict[str, JsonValue]:
    converted = to_json_object(turn)
    if render and turn.answer is not None:
        converted["answer"] = {**to_json_object(turn.answer), "html": render_answer(turn.answer)}
    return converted
