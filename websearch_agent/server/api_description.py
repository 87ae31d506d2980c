"""What the OpenAPI description says of answers, problems and logins, for all routes alike."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from websearch_agent.server.component_schemas import component_schemas
from websearch_agent.server.event_schemas import REF, stream_content
from websearch_agent.server.session_cookie import PLAIN_NAME

REPLAYED_HEADER = "Idempotency-Replayed"

Responses = dict[int | str, dict[str, Any]]

_PROBLEM_TYPE = "application/problem+json"
# Of the guards before every route: BodyLimit, OriginCheck and scopes, AllowedHosts, RequestLimit.
_EVERYWHERE = (401, 403, 408, 413, 421, 429, 431, 500)
_WITH_RETRY_AFTER = (429, 503)
_WITHOUT_LOGIN = ("/api/health", "/api/shared/{token}")

_SECURITY_SCHEMES = {
    "api_key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key that `websearch-agent key add` made.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": PLAIN_NAME,
        "description": "What a login at /login sets; over https the name begins with `__Host-`.",
    },
}


def problem_responses(*statuses: int) -> Responses:
    return {status: _problem_response(status) for status in statuses}


def json_response(schema: str, *, media_type: str = "application/json") -> Responses:
    """Status 200 with the component of this name."""
    content = {media_type: {"schema": {"$ref": REF + schema}}}
    return {200: {"description": "OK", "content": content}}


def export_responses() -> Responses:
    """Status 200 with a file, either Markdown or the component Conversation."""
    exported = json_response("Conversation")
    exported[200]["content"]["text/markdown"] = {"schema": {"type": "string"}}
    exported[200]["headers"] = {
        "Content-Disposition": {
            "description": "The name of the file.",
            "schema": {"type": "string"},
        }
    }
    return exported


def answer_responses() -> Responses:
    answered = json_response("ServedAnswer")
    answered[200]["content"]["text/event-stream"] = stream_content()
    answered[200]["headers"] = {
        REPLAYED_HEADER: {
            "description": "`true` where the Idempotency-Key was known: nothing was answered anew.",
            "schema": {"const": "true"},
        }
    }
    return {**answered, **problem_responses(400, 404, 409, 415, 422, 502, 503, 504)}


def event_stream_responses() -> Responses:
    return {200: {"description": "OK", "content": {"text/event-stream": stream_content()}}}


def describe_api(app: FastAPI) -> None:
    """Let the app describe itself as it is: which statuses, and whether a login is needed."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _describe(app: FastAPI) -> dict[str, Any]:
    description = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = description.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **component_schemas()}
    components["securitySchemes"] = _SECURITY_SCHEMES
    ways_in: list[dict[str, list[str]]] = [{name: []} for name in _SECURITY_SCHEMES]
    for path, operations in description["paths"].items():
        for operation in operations.values():
            is_free = path in _WITHOUT_LOGIN or not app.state.login_needed
            operation["security"] = [{}, *ways_in] if is_free else ways_in
            responses = operation["responses"]
            if "422" in responses:
                responses["422"] = _problem_response(422)
            for status in _EVERYWHERE:
                responses.setdefault(str(status), _problem_response(status))
    return description


def _problem_response(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {_PROBLEM_TYPE: {"schema": {"$ref": REF + "Problem"}}},
    }
    if status in _WITH_RETRY_AFTER:
        seconds = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        described["headers"] = {"Retry-After": seconds}
    return described
