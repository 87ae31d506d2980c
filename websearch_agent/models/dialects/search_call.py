"""The function that searches: how it is offered, and what a call of it asks for."""

import json
from collections.abc import Sequence

from websearch_agent.errors import InvalidModelOutput
from websearch_agent.model_calls import Tool, ToolCall
from websearch_agent.models.dialects.call_json import NotACall, repair_json
from websearch_agent.types import Decision

MAX_QUERIES = 3
MAX_QUERY_CHARS = 200
MAX_REASON_CHARS = 200
_MAX_DEPTH = 4
_QUERY_KEYS = ("queries", "query", "q", "search_query", "search_queries", "input", "keywords")

SEARCH_TOOL = Tool(
    name="search_web",
    description="Search the web and read the best pages. The result is a list of numbered "
    "sources with their text.",
    parameters={
        "type": "object",
        "properties": {
            "reason": {
                "type": "string",
                "description": "Why a search is needed, in a few words.",
            },
            "queries": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "maxItems": MAX_QUERIES,
                "description": "One to three short queries, each understandable on its own.",
            },
        },
        "required": ["queries"],
    },
)
SEARCH_TOOLS = {SEARCH_TOOL.name: SEARCH_TOOL.parameters}


def parse_queries(call: ToolCall) -> list[str]:
    """The queries of a call. Raises InvalidModelOutput when they cannot be made out."""
    if call.name != SEARCH_TOOL.name:
        raise InvalidModelOutput(f"The model called {call.name!r}, which does not exist.")
    try:
        arguments = repair_json(call.arguments) if call.arguments.strip() else {}
    except NotACall:
        if call.arguments.lstrip()[:1] in ("{", "["):
            raise InvalidModelOutput("The model wrote a search call that is no JSON.") from None
        arguments = call.arguments
    queries = [" ".join(text.split())[:MAX_QUERY_CHARS] for text in _query_texts(arguments)]
    queries = list(dict.fromkeys(query for query in queries if query))
    if not queries:
        raise InvalidModelOutput("The model wrote a search call without queries.")
    return queries


def _query_texts(arguments: object, depth: int = 0) -> list[str]:
    """Every text that can be meant as a query: models name and nest the parameter as they like."""
    if depth > _MAX_DEPTH:
        return []
    if isinstance(arguments, str):
        return _texts_of_string(arguments, depth)
    if isinstance(arguments, list):
        return [text for item in arguments for text in _query_texts(item, depth + 1)]
    if isinstance(arguments, dict):
        found = next((arguments[key] for key in _QUERY_KEYS if arguments.get(key)), None)
        return _query_texts(found, depth + 1)
    return []


def _texts_of_string(text: str, depth: int) -> list[str]:
    """JSON within a string is read once more; anything else is the query itself."""
    if text.lstrip()[:1] not in ("{", "["):
        return [text]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return _query_texts(value, depth + 1)


def parse_reason(call: ToolCall) -> str:
    """Why the model wants to search, in its own words; empty if it does not say."""
    try:
        arguments = repair_json(call.arguments)
    except NotACall:
        return ""
    reason = arguments.get("reason") if isinstance(arguments, dict) else None
    return " ".join(reason.split())[:MAX_REASON_CHARS] if isinstance(reason, str) else ""


def search_decision(calls: Sequence[ToolCall]) -> Decision:
    """All calls as one search. Raises InvalidModelOutput if none of them has a query."""
    queries: list[str] = []
    reasons: list[str] = []
    failure = InvalidModelOutput("The model wrote no search call.")
    for call in calls:
        try:
            queries += parse_queries(call)
        except InvalidModelOutput as error:
            failure = error
            continue
        reasons.append(parse_reason(call))
    if not queries:
        raise failure
    reason = next((text for text in reasons if text), "")
    return Decision(True, tuple(dict.fromkeys(queries))[:MAX_QUERIES], reason)
