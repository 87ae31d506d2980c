"""`POST /api/read`: one page of the web, or one document of the local index, as clean Markdown."""

from typing import Self

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from websearch_agent.errors import AddressNotAllowed, PageMissing, PageUnreachable
from websearch_agent.server.api_description import json_response, problem_responses
from websearch_agent.server.identity import Asker, service_of
from websearch_agent.server.lookups import look_up
from websearch_agent.server.request_fields import require_json
from websearch_agent.server.service import AnswerService
from websearch_agent.server.wire import JsonValue, to_json_object
from websearch_agent.types import Page

router = APIRouter(prefix="/api", tags=["search and pages"])

# Of code points; far above what a page may have.
MAX_INDEX = 1_000_000_000


class ReadBody(BaseModel):
    """The body of `POST /api/read`: either `address` or `document_id`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"address": "https://example.org/", "max_chars": 2000}]},
    )

    address: str | None = Field(
        default=None,
        min_length=1,
        max_length=8000,
        description="An http or https address. Read as a search would: robots.txt decides, and "
        "addresses that are not public are refused unless the operator opened them.",
    )
    document_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=4000,
        description="Instead of an address: the id of a local document, from a search result.",
    )
    fresh: bool = Field(
        default=False, strict=True, description="Fetch the page now, not from the cache."
    )
    start_index: int = Field(
        default=0,
        ge=0,
        le=MAX_INDEX,
        strict=True,
        description="The first code point of the text to send.",
    )
    max_chars: int | None = Field(
        default=None,
        ge=1,
        le=MAX_INDEX,
        strict=True,
        description="At most so many code points of the text. Unset: all of it.",
    )

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        if (self.address is None) == (self.document_id is None):
            raise PydanticCustomError("one_of", "Give either `address` or `document_id`")
        return self


@router.post(
    "/read",
    response_model=None,
    responses={
        **json_response("ReadPage"),
        **problem_responses(400, 404, 415, 422, 502, 503),
    },
    dependencies=[Depends(require_json)],
)
async def read_page(body: ReadBody, request: Request, asker: Asker) -> Response:
    """Read a page as clean Markdown, without navigation, adverts and what pages hide.

    `text` is the part from `start_index` to `end_index` of `total_chars` code points. The text is
    foreign: a program that shows it to a model should mark it as such.
    """
    service = service_of(request, asker)
    page = await look_up(request, asker, lambda: _read(service, body))
    return JSONResponse(None if page is None else _page_to_json(page, body))


async def _read(service: AnswerService, body: ReadBody) -> Page:
    if body.document_id is not None:
        try:
            return await service.read_document(body.document_id)
        except PageUnreachable as error:
            raise PageMissing(error.message) from error
    address = (body.address or "").strip()
    if not address.lower().startswith(("http://", "https://")):
        raise AddressNotAllowed("The address must begin with http:// or https://.")
    # The asker named it: what the operator opened is open to it.
    return await service.read_page(address, intranet=True, fresh=body.fresh)


def _page_to_json(page: Page, body: ReadBody) -> JsonValue:
    start = min(body.start_index, len(page.text))
    end = len(page.text) if body.max_chars is None else start + body.max_chars
    part = page.text[start:end]
    return {
        **to_json_object(page),
        "text": part,
        "start_index": start,
        "end_index": start + len(part),
        "total_chars": len(page.text),
    }
