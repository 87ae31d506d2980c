"""`/api/conversations`: list, search, read, rename, delete, restore, export."""

import asyncio
from dataclasses import replace
from typing import Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from websearch_agent.conversations import (
    Conversation,
    Turn,
)
from websearch_agent.errors import TurnNotFound
from websearch_agent.server.api_description import (
    export_responses,
    json_response,
    problem_responses,
)
from websearch_agent.server.downloads import download_headers
from websearch_agent.server.identity import Asker, Deleter, Reader, service_of
from websearch_agent.server.live_answers import LiveAnswers
from websearch_agent.server.markdown_export import conversation_markdown
from websearch_agent.server.page_templates import language_of
from websearch_agent.server.render import render_answer
from websearch_agent.server.request_fields import require_json
from websearch_agent.server.wire import JsonValue, replace_half_characters, to_json_object

router = APIRouter(prefix="/api/conversations", tags=["conversations"])


class RenameBody(BaseModel):
    """The body of `PATCH /api/conversations/{id}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str


@router.get("", response_model=None, responses=json_response("ConversationList"))
async def list_conversations(
    request: Request,
    reader: Reader,
    search: str = Query(
        default="",
        max_length=500,
        description="Words that the title, a question or an answer must hold, in any case.",
    ),
    limit: int = Query(default=100, ge=1, le=1000),
) -> Response:
    """The conversations of whoever asks, the one used last first; with `search` those it finds."""
    store = service_of(request, reader).store
    summaries = await store.list_conversations(search=search, limit=limit)
    return JSONResponse({"conversations": [to_json_object(summary) for summary in summaries]})


@router.delete("", response_model=None, responses=json_response("Deleted"))
async def delete_all_conversations(request: Request, deleter: Deleter) -> Response:
    """Erase everything at once, what was deleted before too. This cannot be undone."""
    live_answers: LiveAnswers = request.app.state.live_answers
    await live_answers.stop_all(deleter.owner_id)
    count = await service_of(request, deleter).store.delete_all()
    return JSONResponse({"deleted": count})


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
    turns = await turns_to_json(conversation.turns, render=render)
    return JSONResponse({**to_json_object(conversation), "turns": turns})


@router.patch(
    "/{conversation_id}",
    response_model=None,
    responses={
        **json_response("ConversationSummary"),
        **problem_responses(400, 404, 415, 422),
    },
    dependencies=[Depends(require_json)],
)
async def rename_conversation(
    conversation_id: str, body: RenameBody, request: Request, asker: Asker
) -> Response:
    """Give a conversation another title, of at most 200 characters."""
    store = service_of(request, asker).store
    summary = await store.rename_conversation(conversation_id, body.title)
    return JSONResponse(to_json_object(summary))


@router.delete(
    "/{conversation_id}", status_code=204, response_model=None, responses=problem_responses(404)
)
async def delete_conversation(conversation_id: str, request: Request, deleter: Deleter) -> Response:
    """Delete a conversation with all its turns. For an hour it can be restored."""
    # First: what an answer of it stores on its way out is then still taken.
    live_answers: LiveAnswers = request.app.state.live_answers
    await live_answers.stop_all(deleter.owner_id, conversation_id)
    await service_of(request, deleter).store.delete_conversation(conversation_id)
    return Response(status_code=204)


@router.post(
    "/{conversation_id}/restore",
    response_model=None,
    responses={**json_response("ConversationSummary"), **problem_responses(404)},
)
async def restore_conversation(
    conversation_id: str, request: Request, deleter: Deleter
) -> Response:
    """Undo a deletion of the last hour."""
    store = service_of(request, deleter).store
    return JSONResponse(to_json_object(await store.restore_conversation(conversation_id)))


@router.get(
    "/{conversation_id}/export",
    response_model=None,
    responses={**export_responses(), **problem_responses(404)},
)
async def export_conversation(
    conversation_id: str,
    request: Request,
    reader: Reader,
    format: Literal["markdown", "json"] = "markdown",  # noqa: A002 - the name in the address
    turn: str | None = Query(default=None, description="Only this question and its answer."),
) -> Response:
    """The conversation as a file, with the sources of every answer."""
    store = service_of(request, reader).store
    conversation = await store.load_conversation(conversation_id)
    name = conversation.title
    if turn is not None:
        conversation = _with_one_turn(conversation, turn)
        name = conversation.turns[0].question
    if format == "json":
        return JSONResponse(to_json_object(conversation), headers=download_headers(name, "json"))
    text = replace_half_characters(conversation_markdown(conversation, language_of(request)))
    return Response(text, media_type="text/markdown", headers=download_headers(name, "md"))


async def turns_to_json(turns: tuple[Turn, ...], *, render: bool) -> list[JsonValue]:
    """With `render`, each answer with its `html`."""
    if not render:
        return [to_json_object(turn) for turn in turns]
    # A long conversation takes a while to render: not in the loop that streams answers.
    return await asyncio.to_thread(lambda: [_render_turn(turn) for turn in turns])


def _render_turn(turn: Turn) -> JsonValue:
    converted = to_json_object(turn)
    if turn.answer is not None:
        converted["answer"] = {**to_json_object(turn.answer), "html": render_answer(turn.answer)}
    return converted


def _with_one_turn(conversation: Conversation, turn_id: str) -> Conversation:
    chosen = tuple(turn for turn in conversation.turns if turn.id == turn_id)
    if not chosen:
        raise TurnNotFound(f"The conversation has no turn {turn_id[:64]!r} (any more).")
    return replace(conversation, turns=chosen)
