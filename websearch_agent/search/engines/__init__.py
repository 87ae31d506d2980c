"""The search engines. One over HTTP is a module and a line in this table."""

from websearch_agent.search.engines import searxng
from websearch_agent.search.http_engine import HttpEngineSpec

HTTP_ENGINES: dict[str, HttpEngineSpec] = {
    "searxng": searxng.SPEC,
}
