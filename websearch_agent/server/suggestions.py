"""Questions that could be asked: first ones, and what could follow an answer."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from websearch_agent.server.api_description import json_response, problem_responses
from websearch_agent.server.feed import run_until_disconnect
from websearch_agent.server.identity import Asker, service_of
from websearch_agent.server.page_templates import language_of

router = APIRouter(prefix="/api", tags=["suggestions"])


@router.get("/suggestions", response_model=None, responses=json_response("QuestionList"))
async def suggest_questions(
    request: Request, asker: Asker, language: Literal["en", "zh"] | None = None
) -> Response:
    """Two to four questions to begin with, which what is searched can answer.

    Without `language` in that of the page.
    """
    service = service_of(request, asker)
    # In a thread: it reads titles of the local index.
    questions = await asyncio.to_thread(service.suggest_questions, language or language_of(request))
    return JSONResponse({"questions": list(questions)})


@router.post(
    "/conversations/{conversation_id}/turns/{turn_id}/follow-ups",
    response_model=None,
    responses={**json_response("QuestionList"), **problem_responses(400, 404, 502, 503)},
)
async def suggest_follow_ups(
    conversation_id: str, turn_id: str, request: Request, asker: Asker
) -> Response:
    """Up to three questions that could come next; none while the model writes an answer.

    The first call for a turn asks the model, and stops asking when the client leaves.
    """
    service = service_of(request, asker)
    suggesting = service.suggest_follow_ups(conversation_id, turn_id)
    questions = await run_until_disconnect(request.receive, suggesting)
    return JSONResponse({"questions": list(questions or ())})
