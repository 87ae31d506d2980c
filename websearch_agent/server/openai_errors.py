"""Errors under `/v1` in OpenAI's form, by which its clients pick their exception classes."""

import json
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from websearch_agent.events import AnswerFailed
from websearch_agent.server.feed import SHUTTING_DOWN
from websearch_agent.server.problems import INTERNAL_MESSAGE, status_of_code
from websearch_agent.server.wire import JsonValue, replace_half_characters

logger = logging.getLogger(__name__)

PREFIX = "/v1"
# Where OpenAI has a name of its own for what happened, which programs look for.
_CODES = {
    "not_authenticated": "invalid_api_key",
    "too_many_requests": "rate_limit_exceeded",
    "context_too_long": "context_length_exceeded",
}
_TYPES = {403: "permission_error", 429: "rate_limit_error"}


class OpenAIError(Exception):
    """A request that is refused. `param` names the field, as in `messages[0].content`."""

    def __init__(
        self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.param = param
        self.code = code

    @property
    def body(self) -> dict[str, JsonValue]:
        """The document with the one field `error`."""
        known = _TYPES.get(self.status)
        of_server = "server_error" if self.status >= 500 else "invalid_request_error"
        return {
            "error": {
                "message": replace_half_characters(self.message),
                "type": known or of_server,
                "param": replace_half_characters(self.param) if self.param else None,
                "code": self.code,
            }
        }


def unsupported(message: str, *, param: str, code: str = "unsupported_value") -> OpenAIError:
    return OpenAIError(message, param=param, code=code)


def error_of_failure(failure: AnswerFailed) -> OpenAIError:
    return _error_of(failure.code, failure.message, status=status_of_code(failure.code))


def error_response(
    error: OpenAIError, *, headers: Mapping[str, str] | None = None, retryable: bool = True
) -> JSONResponse:
    """`retryable`: False keeps OpenAI's clients from sending the same request twice more."""
    sent = dict(headers or {})
    if not retryable and error.status >= 500:
        sent["x-should-retry"] = "false"
    return JSONResponse(error.body, status_code=error.status, headers=sent)


def failure_response(failure: AnswerFailed) -> JSONResponse:
    headers = {"Retry-After": "5"} if failure == SHUTTING_DOWN else None
    return error_response(error_of_failure(failure), headers=headers, retryable=failure.retryable)


def _error_of(code: str, message: str, *, status: int) -> OpenAIError:
    return OpenAIError(message, status=status, code=_CODES.get(code, code))


# ---- bodies that are not as they should be -------------------------------------------------------


class OpenAIRoute(APIRoute):
    """A route that answers what is wrong with its request in OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_openai(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return error_response(_error_of_validation(error))
            except OpenAIError as error:
                return error_response(error)

        return handle_openai


def _error_of_validation(error: RequestValidationError) -> OpenAIError:
    """Of the fault that lies deepest: of a union's forms it is in the one that was meant."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return OpenAIError("The body is not valid JSON.")
    fault = max(faults, key=lambda one: len(_known_path(one["loc"][1:], error.body)))
    kind, param = fault["type"], _param_of(fault, error.body)
    if not param:
        return OpenAIError("The body must be a JSON object.", code="invalid_type")
    if kind in ("missing", "union_tag_not_found"):
        message = f"Missing required parameter: '{param}'."
        return OpenAIError(message, param=param, code="missing_required_parameter")
    if kind == "union_tag_invalid":
        return unsupported(_refusal_of_tag(fault["ctx"], param), param=param)
    is_own = kind in ("unsupported_value", "unsupported_parameter", "invalid_value")
    code = kind if is_own else "invalid_type" if kind.endswith("_type") else "invalid_value"
    message = fault["msg"] if is_own else f"Invalid value for '{param}': {fault['msg']}."
    return OpenAIError(message, param=param, code=code)


def _refusal_of_tag(tags: Mapping[str, Any], param: str) -> str:
    if ".content[" in param or ".output[" in param:
        return f"Unsupported value: '{tags['tag']}'. Only text is read: no images, sound or files."
    return f"Unsupported value: '{tags['tag']}' is not taken here, only {tags['expected_tags']}."


def _param_of(fault: Mapping[str, Any], body: object) -> str:
    parts = _known_path(fault["loc"][1:], body)
    if fault["type"] == "missing":
        parts = [*parts, fault["loc"][-1]] if len(fault["loc"]) > 1 else parts
    elif fault["type"].startswith("union_tag"):
        parts = [*parts, "type"]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return path.removeprefix(".")


def _known_path(location: Sequence[str | int], body: object) -> list[str | int]:
    """The parts that lead through the body; pydantic puts names of a union's forms between them."""
    path: list[str | int] = []
    place: Any = body
    for part in location:
        is_index = isinstance(place, list) and isinstance(part, int) and part < len(place)
        if is_index or (isinstance(place, dict) and part in place):
            place = place[part]
            path.append(part)
    return path


# ---- what guards and other routes' handlers say --------------------------------------------------


class OpenAIErrors:
    """Turns every problem document under `/v1` into an error in OpenAI's form, and what nobody
    caught too: guards and handlers stay the same for all routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_below_prefix(scope["path"]):
            await self.app(scope, receive, send)
            return
        sending = _Translation(send)
        try:
            await self.app(scope, receive, sending)
        except Exception:
            if sending.started:
                raise
            # A door: the client gets a public message, the log the traceback.
            logger.exception("A request under /v1 failed")
            error = _error_of("internal_error", INTERNAL_MESSAGE, status=500)
            await error_response(error)(scope, receive, send)


def _is_below_prefix(path: str) -> bool:
    return path == PREFIX or path.startswith(f"{PREFIX}/")


class _Translation:
    """Sends everything as it comes but problem documents, which it keeps until they are whole."""

    def __init__(self, send: Send) -> None:
        self.started = False
        self._send = send
        self._problem: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            self._problem = message
            return
        if self._problem is None or message["type"] != "http.response.body":
            self.started = True
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._send_translated(self._problem)

    async def _send_translated(self, start: Message) -> None:
        problem = json.loads(self._body)
        error = _error_of(problem["code"], problem["detail"], status=start["status"])
        response = error_response(error, retryable=problem["retryable"])
        headers = MutableHeaders(raw=list(start["headers"]))
        headers.update(response.headers)
        self.started = True
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": bytes(response.body)})


def _is_problem(start: Message) -> bool:
    content_type = dict(start.get("headers", ())).get(b"content-type", b"")
    return bytes(content_type).startswith(b"application/problem+json")
