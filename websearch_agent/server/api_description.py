"""What the OpenAPI description says of answers, problems and logins, for all routes alike."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from websearch_agent.conversations import Conversation, ConversationSummary
from websearch_agent.server.schemas import SchemaOfDataclasses
from websearch_agent.server.session_cookie import PLAIN_NAME
from websearch_agent.types import Answer, EngineState

Responses = dict[int | str, dict[str, Any]]

_SCHEMAS = "#/components/schemas/"
_PROBLEM_TYPE = "application/problem+json"
# Of the guards before every route: BodyLimit, OriginCheck and scopes, AllowedHosts, RequestLimit.
_EVERYWHERE = (401, 403, 408, 413, 421, 429, 431, 500)
_WITH_RETRY_AFTER = (429, 503)
_WITHOUT_LOGIN = ("/api/health", "/api/shared/{token}")

_PROBLEM = {
    "type": "object",
    "description": "A problem document (RFC 9457). Programs may rely on `code`.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, and what to do."},
        "code": {"type": "string"},
        "retryable": {
            "type": "boolean",
            "description": "Whether the same request may work a little later.",
        },
    },
    "required": ["type", "title", "status", "detail", "code", "retryable"],
}
_HEALTH = {
    "type": "object",
    "properties": {
        "status": {"enum": ["ok", "preparing", "failed"]},
        "version": {"type": "string"},
        "model": {"type": "object", "description": "Only with a login, where one is needed."},
        "engines": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Only with a login, where one is needed.",
        },
    },
    "required": ["status", "version"],
}
_CONVERSATION_LIST = {
    "type": "object",
    "properties": {
        "conversations": {"type": "array", "items": {"$ref": _SCHEMAS + "ConversationSummary"}}
    },
    "required": ["conversations"],
}
_DELETED = {
    "type": "object",
    "properties": {"deleted": {"type": "integer", "description": "Conversations."}},
    "required": ["deleted"],
}
_SHARE = {
    "type": "object",
    "description": "A link by which anybody may read a conversation as it was at `created_at`.",
    "properties": {
        "path": {"type": "string", "description": "Of the link, below the server's address."},
        "created_at": {"type": "string", "format": "date-time"},
        "turn_count": {"type": "integer", "description": "How many turns it shows."},
    },
    "required": ["path", "created_at", "turn_count"],
}
_SHARED_CONVERSATION = {
    "type": "object",
    "description": "What a link shows: the finished turns up to when it was made.",
    "properties": {
        "title": {"type": "string"},
        "created_at": {"type": "string", "format": "date-time"},
        "turns": {"type": "array", "items": {"$ref": _SCHEMAS + "Turn"}},
    },
    "required": ["title", "created_at", "turns"],
}
_QUESTION_LIST = {
    "type": "object",
    "properties": {"questions": {"type": "array", "items": {"type": "string"}}},
    "required": ["questions"],
}
_ENGINE_LIST = {
    "type": "object",
    "properties": {"engines": {"type": "array", "items": {"$ref": _SCHEMAS + "EngineState"}}},
    "required": ["engines"],
}
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
    content = {media_type: {"schema": {"$ref": _SCHEMAS + schema}}}
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
    events = {
        "schema": {"type": "string"},
        "example": 'event: answer_delta\ndata: {"text":"Yes, "}\n\n',
    }
    answered = json_response("ServedAnswer")
    answered[200]["content"]["text/event-stream"] = events
    return {**answered, **problem_responses(400, 404, 415, 422, 502, 503, 504)}


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
    components["schemas"] = {**components.get("schemas", {}), **_component_schemas()}
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
        "content": {_PROBLEM_TYPE: {"schema": {"$ref": _SCHEMAS + "Problem"}}},
    }
    if status in _WITH_RETRY_AFTER:
        seconds = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        described["headers"] = {"Retry-After": seconds}
    return described


def _component_schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {
        "Problem": _PROBLEM,
        "Health": _HEALTH,
        "ConversationList": _CONVERSATION_LIST,
        "Deleted": _DELETED,
        "Share": _SHARE,
        "SharedConversation": _SHARED_CONVERSATION,
        "QuestionList": _QUESTION_LIST,
        "EngineList": _ENGINE_LIST,
        "JsonSchema": {"type": "object"},
    }
    for shown in (Answer, Conversation, ConversationSummary, EngineState):
        schema = TypeAdapter(shown).json_schema(
            mode="serialization",
            ref_template=_SCHEMAS + "{model}",
            schema_generator=SchemaOfDataclasses,
        )
        schemas |= schema.pop("$defs", {})
        schemas[shown.__name__] = schema
    belonging = {"properties": {"conversation_id": {"type": "string"}}}
    schemas["ServedAnswer"] = {
        "allOf": [{"$ref": _SCHEMAS + "Answer"}, belonging],
        "required": ["conversation_id"],
    }
    return schemas
