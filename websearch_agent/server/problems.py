"""Errors as RFC 9457 problem documents with `code`, `detail` and `retryable`."""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from websearch_agent.errors import AgentError, NotAuthenticated, TooManyRequests

logger = logging.getLogger(__name__)

INTERNAL_MESSAGE = "Something went wrong inside the server. Its log says what."

_STATUS_OF_CODE = {
    "invalid_request": 400,
    "context_too_long": 400,
    "unsupported_filter": 400,
    "not_authenticated": 401,
    "not_allowed": 403,
    "conversation_not_found": 404,
    "turn_not_found": 404,
    "share_not_found": 404,
    "answer_not_found": 404,
    "too_many_requests": 429,
    "internal_error": 500,
    "config_error": 500,
    "index_unusable": 500,
    "store_error": 500,
    "model_error": 502,
    "model_rejected_request": 502,
    "invalid_model_output": 502,
    "server_busy": 503,
    "deadline_exceeded": 504,
}


def status_of_code(code: str) -> int:
    """The HTTP status of an error's code. What is not listed is a missing helper: 503."""
    return _STATUS_OF_CODE.get(code, 503)


def problem_response(
    status: int,
    *,
    code: str,
    detail: str,
    retryable: bool = False,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "retryable": retryable,
    }
    return JSONResponse(
        body, status_code=status, headers=headers, media_type="application/problem+json"
    )


def describe_validation_errors(error: RequestValidationError) -> str:
    """One sentence for each fault, each naming its field."""
    sentences = []
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"][1:])
        if item["type"] == "extra_forbidden":
            sentences.append(f"`{place}` is not a known field.")
        elif item["type"] == "missing":
            sentences.append(f"`{place or 'body'}` is missing.")
        else:
            sentences.append(f"`{place or 'body'}`: {item['msg']}.")
    return " ".join(sentences)


def add_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(AgentError, _answer_agent_error)
    app.add_exception_handler(Exception, _answer_unexpected_error)


async def _answer_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return problem_response(400, code="invalid_request", detail="The body is not valid JSON.")
    return problem_response(422, code="invalid_request", detail=describe_validation_errors(error))


async def _answer_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_request")
    return problem_response(
        error.status_code, code=code, detail=str(error.detail), headers=error.headers
    )


async def _answer_agent_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AgentError)  # noqa: S101
    return answer_agent_error(error)


def answer_agent_error(error: AgentError) -> JSONResponse:
    """The problem of an error of ours; it says when to come again, or how to log in."""
    headers = {}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return problem_response(
        status_of_code(error.code),
        code=error.code,
        detail=error.message,
        retryable=error.retryable,
        headers=headers,
    )


async def _answer_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    # Starlette raises the error again after this reply, so the traceback reaches the log.
    return problem_response(500, code="internal_error", detail=INTERNAL_MESSAGE)
