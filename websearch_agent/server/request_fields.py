"""Fields that bodies of several routes have, and the check that a body is sent as JSON."""

from typing import Annotated

from fastapi import HTTPException, Request
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from websearch_agent.errors import InvalidRequest
from websearch_agent.search.domain_filter import plain_domain
from websearch_agent.types import (
    LANGUAGE_TAG_PATTERN,
    MAX_DOMAIN_CHARS,
    MAX_FILTER_DOMAINS,
    TimeRange,
)


def _check_domain(text: str) -> str:
    try:
        return plain_domain(text)
    except InvalidRequest as error:
        raise PydanticCustomError("domain", "{reason}", {"reason": error.message}) from error


DomainName = Annotated[
    str, Field(min_length=1, max_length=MAX_DOMAIN_CHARS), AfterValidator(_check_domain)
]
DomainNames = Annotated[list[DomainName], Field(max_length=MAX_FILTER_DOMAINS)]

RecentTime = Annotated[
    TimeRange | None, Field(description="Only what is at most so old, as far as engines know it.")
]
IncludedDomains = Annotated[
    DomainNames,
    Field(description="Only results of these domains and those below them. Addresses are taken "
          "for their domain; names without a dot are sets of the local index."),
]  # fmt: skip
ExcludedDomains = Annotated[
    DomainNames, Field(description="No results of these domains and those below them.")
]
LanguageTag = Annotated[
    str | None,
    Field(
        pattern=LANGUAGE_TAG_PATTERN,
        description="A language tag such as `en` or `zh-CN`, for the search.",
    ),
]


async def require_json(request: Request) -> None:
    """Raises 415 for another content type; `curl -d` sends one unless it is told."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or media_type.endswith("+json")
    if not is_json:
        detail = "The body must be JSON: send the header Content-Type: application/json."
        raise HTTPException(415, detail)
