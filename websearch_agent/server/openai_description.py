"""What the OpenAPI description says of the routes under `/v1`: errors in OpenAI's form."""

from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel

from websearch_agent.server.api_description import Responses

_ERRORS = (400, 401, 403, 404, 408, 409, 413, 415, 421, 429, 431, 500, 502, 503, 504)
_WITH_RETRY_AFTER = (429, 503)

ErrorType = Literal["invalid_request_error", "permission_error", "rate_limit_error", "server_error"]


class ErrorDetail(BaseModel):
    """What happened, and what to do. Programs may rely on `code`."""

    message: str
    type: ErrorType
    param: str | None
    code: str | None


class ErrorDocument(BaseModel):
    """An error in OpenAI's form."""

    error: ErrorDetail


def described(status: int, *contents: dict[str, Any]) -> Responses:
    """One good status with these contents, and all errors."""
    content: dict[str, Any] = {}
    for one in contents:
        content |= one
    responses: Responses = {error: _error(error) for error in _ERRORS}
    # Else the framework adds a 422 in a form of its own.
    responses["4XX"] = {"model": ErrorDocument, "description": "The request cannot be served."}
    if content:
        responses[status] = {"description": "OK", "content": content}
    return responses


def example(body: object) -> dict[str, Any]:
    return {"application/json": {"example": body}}


def stream_example(text: str) -> dict[str, Any]:
    event = {
        "type": "object",
        "description": "One event of the stream; `data` is JSON, or `[DONE]` at the chat's end.",
        "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
        "required": ["data"],
    }
    return {"text/event-stream": {"schema": event, "example": text}}


def _error(status: int) -> dict[str, Any]:
    response: dict[str, Any] = {"model": ErrorDocument, "description": HTTPStatus(status).phrase}
    if status in _WITH_RETRY_AFTER:
        seconds = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        response["headers"] = {"Retry-After": seconds}
    return response
