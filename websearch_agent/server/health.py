"""`GET /api/health`: whether questions can be answered now, and if not, how far it is."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from websearch_agent import __version__
from websearch_agent.model_calls import ModelStatus
from websearch_agent.server.api_description import json_response
from websearch_agent.server.identity import identify
from websearch_agent.server.service import AnswerService
from websearch_agent.server.wire import JsonValue, to_json_object

router = APIRouter(prefix="/api", tags=["health"])


def overall_status(model_status: ModelStatus) -> Literal["ok", "preparing", "failed"]:
    if model_status.state == "ready":
        return "ok"
    return "failed" if model_status.state == "failed" else "preparing"


@router.get("/health", response_model=None, responses=json_response("Health"))
async def report_health(request: Request) -> Response:
    """200 as long as the process serves; `status` tells about the model.

    Which model and engines there are is told only to those who may use them.
    """
    service: AnswerService = request.app.state.service
    model_status = service.model.status()
    failure: str | None = request.app.state.prepare_failure
    if failure is not None and model_status.state == "idle":
        # A remote model has no state of its own before it was asked.
        model_status = ModelStatus("failed", failure)
    health: dict[str, JsonValue] = {
        "status": overall_status(model_status),
        "version": __version__,
    }
    if await identify(request) is not None:
        health["model"] = {"name": service.model.name, **to_json_object(model_status)}
        health["engines"] = list(service.engine_names())
    return JSONResponse(health)
