"""`POST /api/search` and `POST /api/read`: what programs search and read without a question."""

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from server.doors import serve_users
from server.fake_service import FOUND, READ, FakeService, serve
from server.stored_service import open_stored_service

from websearch_agent.config import Settings
from websearch_agent.errors import (
    AddressNotAllowed,
    AgentError,
    NoEngineAnswered,
    PageMissing,
    PageUnreachable,
    PageWalled,
    RobotsDisallowed,
    UnknownEngine,
    UnsupportedFilter,
)
from websearch_agent.server.lookups import MAX_LOOKUPS
from websearch_agent.types import SearchQuery
from websearch_agent.wiring import build_service

pytestmark = pytest.mark.anyio

ADDRESS = "https://www.example.org/docs"


async def post(service: FakeService, path: str, **body: object) -> httpx.Response:
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        return await client.post(path, json=body)


async def test_search_tells_results_failures_and_who_answered() -> None:
    response = await post(FakeService(), "/api/search", query="httpx http2")
    (result,), (failure,) = response.json()["results"], response.json()["failures"]
    assert response.status_code == 200
    assert (result["url"], result["engine"]) == (FOUND.results[0].url, "ddgs")
    assert (failure["engine"], failure["code"]) == ("ddgs", "engine_rate_limited")
    assert response.json()["answered_by"] == ["local"]


async def test_search_passes_every_field_on() -> None:
    service = FakeService()
    await post(
        service,
        "/api/search",
        query="q",
        max_results=3,
        time_range="week",
        include_domains=["https://A.org/x"],
        exclude_domains=["b.org"],
        language="zh-CN",
        engines=["local"],
    )
    assert service.queries == [SearchQuery("q", 3, "week", ("a.org",), ("b.org",), "zh-CN")]


async def test_unknown_engine_is_named_with_those_that_are_known() -> None:
    response = await post(FakeService(), "/api/search", query="q", engines=["local", "altavista"])
    assert (response.status_code, response.json()["code"]) == (400, "unknown_engine")
    assert "altavista" in response.json()["detail"]
    assert "ddgs, local" in response.json()["detail"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(NoEngineAnswered("None answered."), 503), (UnsupportedFilter("No engine can."), 400)],
)
async def test_failed_search_is_a_problem(error: AgentError, status: int) -> None:
    service = FakeService()
    service.found = error
    response = await post(service, "/api/search", query="q")
    assert (response.status_code, response.json()["code"]) == (status, error.code)


@pytest.mark.parametrize("query", ["", "  ", "q" * 1001])
async def test_query_that_is_empty_or_overlong_is_refused_by_the_agent(
    query: str, tmp_path: Path
) -> None:
    service = await open_stored_service(tmp_path / "conversations.db")
    response = await post(service, "/api/search", query=query)  # type: ignore[arg-type]
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


async def test_engines_of_the_agent_are_chosen_by_name(tmp_path: Path) -> None:
    service = await open_stored_service(tmp_path / "conversations.db")
    body = {"query": "bridge", "max_results": 2}
    async with (
        serve(service) as address,  # type: ignore[arg-type]
        httpx.AsyncClient(base_url=address) as client,
    ):
        found = await client.post("/api/search", json={**body, "engines": ["fake"]})
        unknown = await client.post("/api/search", json={**body, "engines": ["brave"]})
    assert found.json()["answered_by"] == ["fake"]
    assert len(found.json()["results"]) == 2
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_engine")


async def test_page_is_read_for_whoever_named_its_address() -> None:
    service = FakeService()
    response = await post(service, "/api/read", address=ADDRESS, fresh=True)
    page = response.json()
    assert response.status_code == 200
    assert service.addresses == [(ADDRESS, True)]
    assert service.fresh == [True]
    assert (page["url"], page["text"], page["title"]) == (ADDRESS, READ.text, READ.title)
    assert (page["start_index"], page["end_index"], page["total_chars"]) == (
        0,
        len(READ.text),
        len(READ.text),
    )


@pytest.mark.parametrize(
    ("start", "most", "text"), [(2, 4, "𝒳cde"), (5, 100, "ef"), (7, None, ""), (99, 3, "")]
)
async def test_page_is_sent_in_parts_of_code_points(
    start: int, most: int | None, text: str
) -> None:
    service = FakeService()
    service.page = replace(READ, text="ab𝒳cdef")
    response = await post(service, "/api/read", address=ADDRESS, start_index=start, max_chars=most)
    page = response.json()
    begins = min(start, 7)
    assert (page["text"], page["total_chars"]) == (text, 7)
    assert (page["start_index"], page["end_index"]) == (begins, begins + len(text))


async def test_document_is_read_by_its_id_and_fetches_nothing() -> None:
    service = FakeService()
    response = await post(service, "/api/read", document_id="httpx/README.md")
    assert response.json()["text"].startswith("# HTTP/2 support")
    assert service.addresses == []


@pytest.mark.parametrize("document_id", ["unknown", "https://example.org/", "\u2028"])
async def test_unknown_document_is_missing_even_if_it_looks_like_an_address(
    document_id: str,
) -> None:
    service = FakeService()
    response = await post(service, "/api/read", document_id=document_id)
    assert (response.status_code, response.json()["code"]) == (404, "page_missing")
    assert service.addresses == []


@pytest.mark.parametrize("address", ["example.org", "file:///etc/passwd", "httpx/README.md", " "])
async def test_other_addresses_than_of_the_web_are_refused(address: str) -> None:
    service = FakeService()
    response = await post(service, "/api/read", address=address)
    assert (response.status_code, response.json()["code"]) == (400, "address_not_allowed")
    assert service.addresses == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AddressNotAllowed("Not public."), 400),
        (RobotsDisallowed("robots.txt asks not to."), 403),
        (PageMissing("There is none."), 404),
        (PageUnreachable("No connection."), 502),
        (PageWalled("A wall."), 502),
    ],
)
async def test_page_that_cannot_be_read_is_a_problem(error: AgentError, status: int) -> None:
    service = FakeService()
    service.page = error
    response = await post(service, "/api/read", address=ADDRESS)
    assert (response.status_code, response.json()["code"]) == (status, error.code)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "body"), [("/api/search", {"query": "q"}), ("/api/read", {"address": ADDRESS})]
)
async def test_each_lookup_counts_as_a_question(path: str, body: dict[str, str]) -> None:
    settings = Settings(_env_file=None, questions_per_minute=2)  # type: ignore[call-arg]
    async with (
        serve(FakeService(), settings) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        await client.post("/api/answers", json={"question": "q"})
        statuses = [(await client.post(path, json=body)).status_code for _ in range(2)]
        refused = await client.post(path, json=body)
    assert statuses == [200, 429]
    assert refused.json()["code"] == "too_many_requests"
    assert "retry-after" in refused.headers


async def test_one_user_never_takes_all_places() -> None:
    """A second user is served while all searches of the first hang."""
    service = FakeService()
    gate = service.lookup_gate
    gate.clear()
    of_ann = "/api/search"
    async with (
        serve_users(service) as doors,
        await doors.key_client("ann") as ann,
        await doors.key_client("ben") as ben,
    ):
        asking = [asyncio.create_task(ann.post(of_ann, json={"query": f"ann {number}"}))
                  for number in range(MAX_LOOKUPS)]  # fmt: skip
        while len(service.queries) < MAX_LOOKUPS // 2:
            await ann.get("/api/health")
        read = await ben.post("/api/read", json={"address": ADDRESS})
        begun = len(service.queries)
        gate.set()
        answers = await asyncio.gather(*asking)
    assert read.status_code == 200
    assert begun == MAX_LOOKUPS // 2
    assert {answer.status_code for answer in answers} == {200}


async def test_leaving_client_stops_the_search_and_gives_its_place_back() -> None:
    service = FakeService()
    service.lookup_gate.clear()
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        asking = [asyncio.create_task(client.post("/api/search", json={"query": "q"}))
                  for _ in range(MAX_LOOKUPS)]  # fmt: skip
        while len(service.queries) < MAX_LOOKUPS:
            await client.get("/api/health")
        for one in asking:
            one.cancel()
        await asyncio.wait(asking)
        read = await client.post("/api/read", json={"address": ADDRESS})
    assert read.status_code == 200


async def test_configured_engine_can_be_chosen_and_no_other(tmp_path: Path) -> None:
    """Of the program as it is built: an index that holds nothing is known, and finds nothing."""
    settings = Settings(_env_file=None, engines="local,wikipedia", data_dir=tmp_path)  # type: ignore[call-arg, arg-type]
    service = await build_service(settings)
    try:
        with pytest.raises(UnknownEngine, match="Known are: local, wikipedia"):
            await service.search_web(SearchQuery("q"), engines=["brave"])
        outcome = await service.search_web(SearchQuery("q"), engines=["local"])
    finally:
        await service.aclose()
    assert (outcome.results, outcome.answered_by) == ([], {"local"})
