"""`POST /api/search`: what the engines find, without a model."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from websearch_agent.search.fan_out import SearchOutcome
from websearch_agent.server.api_description import json_response, problem_responses
from websearch_agent.server.identity import Asker, service_of
from websearch_agent.server.lookups import look_up
from websearch_agent.server.request_fields import (
    ExcludedDomains,
    IncludedDomains,
    LanguageTag,
    RecentTime,
    require_json,
)
from websearch_agent.server.wire import JsonValue, to_json_value
from websearch_agent.types import SearchQuery

router = APIRouter(prefix="/api", tags=["search and pages"])

MAX_RESULTS = 50

EngineName = Annotated[str, Field(min_length=1, max_length=64)]


class SearchBody(BaseModel):
    """The body of `POST /api/search`. Unknown fields are refused, so a typo is noticed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"query": "lighthouse first lit", "max_results": 3, "time_range": "year"}]
        },
    )

    query: str = Field(description="What to search for, at most 1,000 characters.")
    max_results: int = Field(
        default=10, ge=1, le=MAX_RESULTS, strict=True, description="At most so many results."
    )
    time_range: RecentTime = None
    include_domains: IncludedDomains = []
    exclude_domains: ExcludedDomains = []
    language: LanguageTag = None
    engines: list[EngineName] | None = Field(
        default=None,
        min_length=1,
        max_length=20,
        description="Only these of the engines that `GET /api/engines` lists. Unset: all of them.",
    )

    def to_query(self) -> SearchQuery:
        return SearchQuery(
            query=self.query,
            max_results=self.max_results,
            time_range=self.time_range,
            include_domains=tuple(self.include_domains),
            exclude_domains=tuple(self.exclude_domains),
            language=self.language,
        )


@router.post(
    "/search",
    response_model=None,
    responses={
        **json_response("SearchResults"),
        **problem_responses(400, 415, 422, 503),
    },
    dependencies=[Depends(require_json)],
)
async def search_web(body: SearchBody, request: Request, asker: Asker) -> Response:
    """Ask the search engines, each page once, best first. No model is asked, nothing is stored.

    `failures` are the engines that did not answer; if none did, that is an error. A result with
    a `document_id` is a document of the local index: `POST /api/read` takes the id.
    """
    service = service_of(request, asker)
    outcome = await look_up(
        request, asker, lambda: service.search_web(body.to_query(), engines=body.engines)
    )
    return JSONResponse(None if outcome is None else _outcome_to_json(outcome))


def _outcome_to_json(outcome: SearchOutcome) -> JsonValue:
    return {
        "results": to_json_value(outcome.results),
        "failures": to_json_value(outcome.failures),
        "answered_by": to_json_value(sorted(outcome.answered_by)),
    }
