"""`GET /api/health`: whether questions can be answered now, and if not, how far it is."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from websearch_agent import __version__
from websearch_agent.model_calls import ModelStatus
from websearch_agent.server.service import AnswerService
from websearch_agent.server.wire import to_json_object

router = APIRouter(prefix="/api", tags=["health"])


def overall_status(model_status: ModelStatus) -> Literal["ok", "preparing", "failed"]:
    if model_status.state == "ready":
        return "ok"
    return "failed" if model_status.state == "failed" else "preparing"


@router.get("/health", response_model=None)
async def report_health(request: Request) -> Response:
    """200 as long as the process serves; `status` tells about the model."""
    service: AnswerService = request.app.state.service
    model_status = service.model.status()
    failure: str | None = request.app.state.prepare_failure
    if failure is not None and model_status.state == "idle":
        # A remote model has no state of its own before it was asked.
        model_status = ModelStatus("failed", failure)
    return JSONResponse(
        {
            "status": overall_status(model_status),
            "version": __version__,
            "model": {"name": service.model.name, **to_json_object(model_status)},
            "engines": list(service.engine_names()),
        }
    )
