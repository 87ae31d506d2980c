"""The forms of what the API answers, as components of the OpenAPI description."""

from typing import Any

from pydantic import TypeAdapter

from websearch_agent.conversations import Conversation, ConversationSummary
from websearch_agent.server.error_codes import ERROR_KINDS, type_of_code
from websearch_agent.server.event_schemas import (
    EXAMPLE_ANSWER,
    EXAMPLE_PAGE,
    EXAMPLE_SEARCH,
    REF,
    event_schemas,
)
from websearch_agent.server.schemas import SchemaOfDataclasses
from websearch_agent.types import (
    Answer,
    EngineFailure,
    EngineState,
    Page,
    SearchResult,
)

_PROBLEM = {
    "type": "object",
    "description": "A problem document (RFC 9457). Programs may rely on `code`.",
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "Where the code is explained, below the server's address.",
        },
        "title": {"type": "string", "description": "The words of the status."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, and what to do."},
        "code": {
            "type": "string",
            "enum": [kind.code for kind in ERROR_KINDS],
            "description": "\n".join(
                f"- `{kind.code}` ({', '.join(map(str, kind.statuses))}): {kind.meaning} "
                f"{kind.advice}"
                for kind in ERROR_KINDS
            ),
        },
        "retryable": {
            "type": "boolean",
            "description": "Whether the same request may work a little later.",
        },
    },
    "required": ["type", "title", "status", "detail", "code", "retryable"],
    "examples": [
        {
            "type": type_of_code("conversation_not_found"),
            "title": "Not Found",
            "status": 404,
            "detail": "There is no conversation 'lighthouse'.",
            "code": "conversation_not_found",
            "retryable": False,
        }
    ],
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
    "examples": [
        {
            "status": "ok",
            "version": "0.1.0",
            "model": {
                "name": "megrez-3b",
                "state": "ready",
                "detail": "",
                "done_bytes": 0,
                "total_bytes": 0,
            },
            "engines": ["ddgs", "wikipedia", "local"],
        }
    ],
}
_CONVERSATION_LIST = {
    "type": "object",
    "properties": {
        "conversations": {"type": "array", "items": {"$ref": REF + "ConversationSummary"}}
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
        "turns": {"type": "array", "items": {"$ref": REF + "Turn"}},
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
    "properties": {"engines": {"type": "array", "items": {"$ref": REF + "EngineState"}}},
    "required": ["engines"],
    "examples": [
        {
            "engines": [
                {"name": "wikipedia", "rests_for_s": None, "code": "", "reason": ""},
                {
                    "name": "ddgs",
                    "rests_for_s": 24.5,
                    "code": "engine_rate_limited",
                    "reason": "asked too often",
                },
            ]
        }
    ],
}
_SEARCH_RESULTS = {
    "type": "object",
    "properties": {
        "results": {"type": "array", "items": {"$ref": REF + "SearchResult"}},
        "failures": {
            "type": "array",
            "items": {"$ref": REF + "EngineFailure"},
            "description": "Engines that did not answer, and why.",
        },
        "answered_by": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Engines that answered, if only with nothing found.",
        },
    },
    "required": ["results", "failures", "answered_by"],
    "examples": [EXAMPLE_SEARCH],
}
_SLICE = {
    "properties": {
        "start_index": {"type": "integer", "description": "Where `text` begins in the page's."},
        "end_index": {"type": "integer", "description": "Where it ends, exclusive."},
        "total_chars": {"type": "integer", "description": "Code points of the page's whole text."},
    }
}
_SHOWN = (Answer, Conversation, ConversationSummary, EngineState, SearchResult, EngineFailure, Page)


def component_schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {
        "Problem": _PROBLEM,
        "Health": _HEALTH,
        "ConversationList": _CONVERSATION_LIST,
        "Deleted": _DELETED,
        "Share": _SHARE,
        "SharedConversation": _SHARED_CONVERSATION,
        "QuestionList": _QUESTION_LIST,
        "EngineList": _ENGINE_LIST,
        "SearchResults": _SEARCH_RESULTS,
        "JsonSchema": {"type": "object"},
    }
    for shown in _SHOWN:
        schema = TypeAdapter(shown).json_schema(
            mode="serialization",
            ref_template=REF + "{model}",
            schema_generator=SchemaOfDataclasses,
        )
        schemas |= schema.pop("$defs", {})
        schemas[shown.__name__] = schema
    schemas |= event_schemas()
    schemas["ReadPage"] = {
        "allOf": [{"$ref": REF + "Page"}, _SLICE],
        "required": ["start_index", "end_index", "total_chars"],
        "examples": [EXAMPLE_PAGE],
    }
    belonging = {"properties": {"conversation_id": {"type": "string"}}}
    schemas["ServedAnswer"] = {
        "allOf": [{"$ref": REF + "Answer"}, belonging],
        "required": ["conversation_id"],
        "examples": [EXAMPLE_ANSWER],
    }
    return schemas
