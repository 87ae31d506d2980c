"""`/api/schemas/answer.json` and `/api/openapi.json`: the API's forms, for programs."""

import re
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from websearch_agent.server.identity import SomebodyKnown
from websearch_agent.types import ANSWER_SCHEMA_VERSION, Answer

router = APIRouter(prefix="/api", tags=["schemas"])

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MEDIA_TYPE = "application/schema+json"
_CONVERSATION_ID = {
    "type": "string",
    "description": "The conversation that the answer belongs to, where it is not told around it.",
}


_SERVED: dict[int | str, dict[str, Any]] = {
    200: {"description": "OK", "content": {_MEDIA_TYPE: {"schema": {"type": "object"}}}}
}


@router.get("/schemas/answer.json", response_model=None, responses=_SERVED)
async def show_answer_schema(asker: SomebodyKnown) -> Response:
    """The JSON Schema of an answer; `schema_version` in every answer names its version."""
    return JSONResponse(answer_schema(), media_type=_MEDIA_TYPE)


@router.get("/openapi.json", include_in_schema=False)
async def show_openapi(request: Request, asker: SomebodyKnown) -> Response:
    """The OpenAPI description of all routes."""
    app: FastAPI = request.app
    return JSONResponse(app.openapi())


@cache
def answer_schema() -> dict[str, Any]:
    """Made from the dataclasses; also in `docs/answer.schema.json`. Not to be changed in place."""
    schema = TypeAdapter(Answer).json_schema(
        mode="serialization", schema_generator=SchemaOfDataclasses
    )
    schema = {"$schema": _DIALECT, **schema}
    version = schema["properties"]["schema_version"]
    version.clear()
    # Its second figure rises when a field is added, which readers of the form leave out.
    first_figure = ANSWER_SCHEMA_VERSION.split(".")[0]
    version.update({"type": "string", "pattern": rf"^{first_figure}\.\d+$"})
    schema["properties"]["conversation_id"] = _CONVERSATION_ID
    return schema


class SchemaOfDataclasses(GenerateJsonSchema):
    """Every field is always there, whatever it defaults to in Python.

    Without titles that repeat the fields' names; docstrings without their line breaks.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        return True

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().dataclass_schema(schema)
        if "description" in made:
            words = re.sub(r"(?<!\n)\n[ ]*(?!\n)", " ", made["description"])
            made["description"] = re.sub(r"\bNone\b", "null", words)
        return made
