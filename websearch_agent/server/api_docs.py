"""`GET /docs`: a guide, written by hand, and a reference, made from the OpenAPI description."""

import json
import re
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup, escape

from websearch_agent.accounts import SCOPES
from websearch_agent.server.error_codes import ERROR_KINDS
from websearch_agent.server.event_schemas import event_examples, example_stream
from websearch_agent.server.html_pages import redirect_to_login
from websearch_agent.server.identity import identify
from websearch_agent.server.lookups import MAX_LOOKUPS
from websearch_agent.server.page_templates import render_template
from websearch_agent.server.rate_limits import REQUESTS_PER_MINUTE, questions_per_minute

router = APIRouter(include_in_schema=False)

_CODE = re.compile(r"`([^`\n]+)`")
_METHODS = ("get", "put", "post", "delete", "patch")
_SCOPES = {
    "ask": "ask questions, search, read pages, rename and share conversations",
    "read": "list, read and export conversations, read local documents",
    "delete": "delete and restore conversations",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body. `default` is JSON, empty if there is none."""

    name: str
    kind: str
    description: Markup
    required: bool
    default: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as the page shows it. Examples are JSON or text, empty if there is none."""

    anchor: str
    method: str
    path: str
    description: Markup
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    body_example: str
    answers: tuple[tuple[str, str], ...]
    example: str
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventKind:
    """An event of the stream, with the data of its examples as JSON."""

    name: str
    description: Markup
    examples: tuple[str, ...]


@router.get("/docs")
async def show_docs(request: Request) -> Response:
    """For developers, so in English only."""
    if await identify(request) is None:
        return redirect_to_login(request)
    app: FastAPI = request.app
    description = app.openapi()
    settings, login_needed = app.state.settings, app.state.login_needed
    html = render_template(
        "api_docs.html",
        request=request,
        address=str(request.base_url).rstrip("/"),
        login_needed=login_needed,
        groups=operations_by_tag(description),
        events=event_kinds(description),
        stream=example_stream(),
        errors=ERROR_KINDS,
        as_words=with_code,
        scopes={scope: _SCOPES[scope] for scope in SCOPES},
        has_mcp=any(getattr(route, "path", "") == "/mcp" for route in app.routes),
        questions=questions_per_minute(settings, login_needed=login_needed),
        requests=REQUESTS_PER_MINUTE,
        lookups=MAX_LOOKUPS,
        places=settings.max_answers,
    )
    return HTMLResponse(html)


def with_code(text: str) -> Markup:
    """The text as HTML, with what stands between backticks as code."""
    escaped = str(escape(" ".join(text.split())))
    return Markup(_CODE.sub(r"<code>\1</code>", escaped))  # noqa: S704 - escaped above


def operations_by_tag(description: dict[str, Any]) -> dict[str, list[Operation]]:
    """In the order of the description."""
    groups: dict[str, list[Operation]] = {}
    for path, operations in description["paths"].items():
        for method in _METHODS:
            if method in operations:
                tag = (operations[method].get("tags") or ["others"])[0]
                groups.setdefault(tag, []).append(
                    _operation(method, path, operations[method], description)
                )
    return groups


def event_kinds(description: dict[str, Any]) -> tuple[EventKind, ...]:
    """In the order in which they come."""
    kinds = description["components"]["schemas"]["AnswerEvent"]["discriminator"]["mapping"]
    examples = event_examples()
    order = dict.fromkeys(example["event"] for example in examples)
    return tuple(
        EventKind(
            name,
            with_code(_event_description(kinds[name], description)),
            tuple(_pretty(one["data"]) for one in examples if one["event"] == name),
        )
        for name in order
    )


def _event_description(reference: str, description: dict[str, Any]) -> str:
    event = _resolved({"$ref": reference}, description)
    data = _resolved(event["properties"]["data"], description)
    told = event.get("description") or data.get("description")
    return str(told or "The last event of a stream that went well: the whole answer.")


def _operation(
    method: str, path: str, operation: dict[str, Any], description: dict[str, Any]
) -> Operation:
    body_schema = _json_schema(operation.get("requestBody", {}), description)
    responses = operation["responses"]
    good = {status: one for status, one in responses.items() if status.startswith("2")}
    return Operation(
        anchor=re.sub(r"\W+", "-", f"{method} {path}").strip("-"),
        method=method.upper(),
        path=path,
        description=with_code(operation.get("description") or operation.get("summary", "")),
        parameters=tuple(_parameter(one, description) for one in operation.get("parameters", ())),
        body=_fields(body_schema, description),
        body_example=_example_of(operation.get("requestBody", {}), description),
        answers=tuple((status, _content_of(one)) for status, one in good.items()),
        example=next(filter(None, (_example_of(one, description) for one in good.values())), ""),
        errors=tuple(status for status in sorted(responses) if status not in good),
    )


def _parameter(parameter: dict[str, Any], description: dict[str, Any]) -> Field:
    schema = parameter.get("schema", {})
    return Field(
        parameter["name"],
        _kind(schema, description),
        with_code(parameter.get("description", "")),
        parameter.get("required", False),
        _default(schema),
        parameter["in"],
    )


def _fields(schema: dict[str, Any], description: dict[str, Any]) -> tuple[Field, ...]:
    required = schema.get("required", ())
    return tuple(
        Field(
            name,
            _kind(field, description),
            with_code(field.get("description", "")),
            name in required,
            _default(field),
        )
        for name, field in schema.get("properties", {}).items()
    )


def _default(schema: dict[str, Any]) -> str:
    default = schema.get("default")
    return "" if default is None else json.dumps(default, ensure_ascii=False)


def _kind(schema: dict[str, Any], description: dict[str, Any]) -> str:
    """What a value may be, in short: `string`, `list of strings`, `"a" or "b"`."""
    if "$ref" in schema:
        return _kind(_resolved(schema, description), description)
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    several = schema.get("anyOf") or schema.get("oneOf")
    if several:
        kinds = dict.fromkeys(_kind(one, description) for one in several)
        return " or ".join(kind for kind in kinds if kind != "null")
    kind = schema.get("type", "any value")
    if kind == "array":
        item = _kind(schema.get("items", {}), description)
        return f"list of {item}s" if item.isalpha() else f"list of {item}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _json_schema(holder: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    content = holder.get("content", {}).get("application/json", {})
    return _resolved(content.get("schema", {}), description)


def _content_of(response: dict[str, Any]) -> str:
    return " or ".join(response.get("content", {})) or "nothing"


def _example_of(holder: dict[str, Any], description: dict[str, Any]) -> str:
    """The example of a JSON body or response, by itself or of its component."""
    content = holder.get("content", {}).get("application/json", {})
    if "example" in content:
        return _pretty(content["example"])
    for example in content.get("examples", {}).values():
        return _pretty(example.get("value"))
    examples = _resolved(content.get("schema", {}), description).get("examples")
    return _pretty(examples[0]) if examples else ""


def _resolved(schema: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found: dict[str, Any] = description["components"]["schemas"].get(name, {})
    return found


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
