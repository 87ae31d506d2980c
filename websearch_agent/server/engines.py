"""`GET /api/engines`: where the next question is searched, and which engines rest."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from websearch_agent.server.api_description import json_response
from websearch_agent.server.identity import SomebodyKnown, service_of
from websearch_agent.server.wire import to_json_object

router = APIRouter(prefix="/api", tags=["engines"])


@router.get("/engines", response_model=None, responses=json_response("EngineList"))
async def list_engines(request: Request, asker: SomebodyKnown) -> Response:
    """The engines that the next question is sent to; for one that rests why, and how long."""
    states = service_of(request, asker).engine_states()
    return JSONResponse({"engines": [to_json_object(state) for state in states]})
