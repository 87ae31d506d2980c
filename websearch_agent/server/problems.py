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
from websearch_agent.server.error_codes import status_of_code, type_of_code
from websearch_agent.server.wire import replace_half_characters

__all__ = ["status_of_code"]  # for the doors, which take it and the problems from one place

logger = logging.getLogger(__name__)

INTERNAL_MESSAGE = "Something went wrong inside the server. Its log says what."


def problem_response(
    status: int,
    *,
    code: str,
    detail: str,
    retryable: bool = False,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = {
        "type": type_of_code(code),
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": replace_half_characters(detail),
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
