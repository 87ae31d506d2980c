"""`GET /api/schemas/answer.json`: the form of an answer, for programs that read it."""

import re
from functools import cache
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from websearch_agent.types import ANSWER_SCHEMA_VERSION, Answer

router = APIRouter(prefix="/api/schemas", tags=["schemas"])

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_CONVERSATION_ID = {
    "type": "string",
    "description": "The conversation that the answer belongs to, where it is not told around it.",
}


@router.get("/answer.json", response_model=None)
async def show_answer_schema() -> Response:
    """The JSON Schema of an answer; `schema_version` in every answer names its version."""
    return JSONResponse(answer_schema(), media_type="application/schema+json")


@cache
def answer_schema() -> dict[str, Any]:
    """Made from the dataclasses; also in `docs/answer.schema.json`. Not to be changed in place."""
    schema = TypeAdapter(Answer).json_schema(
        mode="serialization", schema_generator=_SchemaOfDataclasses
    )
    schema = {"$schema": _DIALECT, **schema}
    version = schema["properties"]["schema_version"]
    version.clear()
    # Its second figure rises when a field is added, which readers of the form leave out.
    first_figure = ANSWER_SCHEMA_VERSION.split(".")[0]
    version.update({"type": "string", "pattern": rf"^{first_figure}\.\d+$"})
    schema["properties"]["conversation_id"] = _CONVERSATION_ID
    return schema


class _SchemaOfDataclasses(GenerateJsonSchema):
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
