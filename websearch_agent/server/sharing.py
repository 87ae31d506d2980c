"""Links to conversations: made by their owner, and read by anybody who has one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from websearch_agent.config import Settings
from websearch_agent.conversations import Conversation, Share
from websearch_agent.errors import NotAllowed, ShareNotFound
from websearch_agent.server.api_description import json_response, problem_responses
from websearch_agent.server.conversations import turns_to_json
from websearch_agent.server.identity import Asker, Reader, identify, service_of
from websearch_agent.server.page_templates import render_template
from websearch_agent.server.service import AnswerService
from websearch_agent.server.wire import JsonValue, to_json_object, to_json_value

router = APIRouter()

_SHARE = "/api/conversations/{conversation_id}/share"
# Whoever has the link may read; search engines were not meant.
_HEADERS = {"X-Robots-Tag": "noindex"}
# What says more of the owner's work than the answer itself, or is of no use to a reader.
_TURN_WITHOUT: dict[str, JsonValue] = {"failure": None, "follow_ups": []}
_ANSWER_WITHOUT: dict[str, JsonValue] = {
    "search_queries": [],
    "refused_queries": [],
    "engine_failures": [],
    "page_failures": [],
    "timings": {},
}


@router.put(
    _SHARE,
    tags=["sharing"],
    response_model=None,
    responses={**json_response("Share"), **problem_responses(400, 404)},
)
async def share_conversation(conversation_id: str, request: Request, asker: Asker) -> Response:
    """Make the link, or let the one there is show the conversation as it is now."""
    _check_sharing(request)
    store = service_of(request, asker).store
    return JSONResponse(_share_to_json(await store.share_conversation(conversation_id)))


@router.get(
    _SHARE,
    tags=["sharing"],
    response_model=None,
    responses={**json_response("Share"), **problem_responses(404)},
)
async def show_share(conversation_id: str, request: Request, reader: Reader) -> Response:
    """The conversation's link, if it has one."""
    _check_sharing(request)
    share = await service_of(request, reader).store.load_share(conversation_id)
    if share is None:
        raise ShareNotFound("This conversation has no link.")
    return JSONResponse(_share_to_json(share))


@router.delete(
    _SHARE,
    tags=["sharing"],
    status_code=204,
    response_model=None,
    responses=problem_responses(404),
)
async def end_share(conversation_id: str, request: Request, asker: Asker) -> Response:
    """Revoke the link. Also where sharing is off: it could be switched on again."""
    await service_of(request, asker).store.end_share(conversation_id)
    return Response(status_code=204)


async def _find_shared(token: str, request: Request) -> Conversation:
    """What the link shows, whoever asks. Raises ShareNotFound; NotAuthenticated for a wrong key."""
    await identify(request)
    settings: Settings = request.app.state.settings
    if not settings.sharing:
        raise ShareNotFound("There is no such link, or it was revoked.")
    service: AnswerService = request.app.state.service
    return await service.shared.load_shared(token)


@router.get(
    "/api/shared/{token}",
    tags=["sharing"],
    response_model=None,
    responses={**json_response("SharedConversation"), **problem_responses(404)},
)
async def load_shared(
    conversation: Annotated[Conversation, Depends(_find_shared)], render: bool = False
) -> Response:
    """What a link shows, without a login; `render=true` adds `html` to every answer."""
    turns = await turns_to_json(conversation.turns, render=render)
    body: dict[str, JsonValue] = {
        "title": to_json_value(conversation.title),
        "created_at": to_json_value(conversation.created_at),
        "turns": [_for_everybody(turn) for turn in turns],
    }
    return JSONResponse(body, headers=_HEADERS)


@router.get("/s/{token}", include_in_schema=False)
async def show_shared(token: str, request: Request) -> Response:
    """The page of a link; its script reads the token from the address."""
    try:
        await _find_shared(token, request)
    except ShareNotFound:
        missing = render_template("shared_missing.html", request=request)
        return HTMLResponse(missing, status_code=404, headers=_HEADERS)
    return HTMLResponse(render_template("shared.html", request=request), headers=_HEADERS)


def _check_sharing(request: Request) -> None:
    settings: Settings = request.app.state.settings
    if not settings.sharing:
        raise NotAllowed("Sharing is switched off on this server (WEBSEARCH_SHARING).")


def _share_to_json(share: Share) -> dict[str, JsonValue]:
    converted = to_json_object(share)
    del converted["token"]
    return {"path": f"/s/{share.token}", **converted}


def _for_everybody(turn: JsonValue) -> JsonValue:
    if not isinstance(turn, dict) or not isinstance(answer := turn["answer"], dict):
        return turn
    return {**turn, **_TURN_WITHOUT, "answer": {**answer, **_ANSWER_WITHOUT}}
