"""The search engines. One over HTTP is a module and a line in this table."""

from websearch_agent.search.engines import (
    arxiv,
    brave,
    exa,
    openalex,
    searxng,
    serper,
    tavily,
    wikipedia,
)
from websearch_agent.search.http_engine import HttpEngineSpec

HTTP_ENGINES: dict[str, HttpEngineSpec] = {
    spec.name: spec
    for spec in (
        searxng.SPEC,
        brave.SPEC,
        serper.SPEC,
        tavily.SPEC,
        exa.SPEC,
        wikipedia.SPEC,
        arxiv.SPEC,
        openalex.SPEC,
    )
}
