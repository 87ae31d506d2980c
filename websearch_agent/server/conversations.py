"""`/api/conversations`: list, read, delete."""

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from websearch_agent.conversations import (
    Turn,
)
from websearch_agent.server.api_description import json_response, problem_responses
from websearch_agent.server.identity import Deleter, Reader, service_of
from websearch_agent.server.render import render_answer
from websearch_agent.server.wire import JsonValue, to_json_object

router = APIRouter(prefix="/api/conversations", tags=["conversations"])


@router.get("", response_model=None, responses=json_response("ConversationList"))
async def list_conversations(
    request: Request, reader: Reader, limit: int = Query(default=100, ge=1, le=1000)
) -> Response:
    """All conversations of whoever asks, the one used last first."""
    summaries = await service_of(request, reader).store.list_conversations(limit=limit)
    return JSONResponse({"conversations": [to_json_object(summary) for summary in summaries]})


@router.get(
    "/{conversation_id}",
    response_model=None,
    responses={**json_response("Conversation"), **problem_responses(404)},
)
async def load_conversation(
    conversation_id: str, request: Request, reader: Reader, render: bool = False
) -> Response:
    """A conversation with its turns; `render=true` adds `html` to every answer."""
    conversation = await service_of(request, reader).store.load_conversation(conversation_id)
    turns: list[JsonValue] = [_turn_to_json(turn, render=render) for turn in conversation.turns]
    return JSONResponse({**to_json_object(conversation), "turns": turns})


@router.delete(
    "/{conversation_id}", status_code=204, response_model=None, responses=problem_responses(404)
)
async def delete_conversation(conversation_id: str, request: Request, deleter: Deleter) -> Response:
    """Delete a conversation with all its turns."""
    await service_of(request, deleter).store.delete_conversation(conversation_id)
    return Response(status_code=204)


def _turn_to_json(turn: Turn, *, render: bool) -> dict[str, JsonValue]:
    converted = to_json_object(turn)
    if render and turn.answer is not None:
        converted["answer"] = {**to_json_object(turn.answer), "html": render_answer(turn.answer)}
    return converted
