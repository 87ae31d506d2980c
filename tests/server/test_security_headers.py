"""What every response tells the browser: nothing is loaded, run or told that is not ours."""

import httpx
import pytest
from server.fake_service import FakeService, serve

from websearch_agent.server.security_headers import SECURITY_HEADERS

pytestmark = pytest.mark.anyio

PATHS = ("/", "/documents/none", "/api/health", "/api/conversations", "/static/app.js", "/nowhere")


def directives() -> dict[str, str]:
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    pairs = (directive.split(" ", 1) for directive in policy.split("; "))
    return dict(pairs)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", PATHS)
async def test_every_response_carries_every_header(path: str) -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        response = await client.get(path)
    sent = {name: response.headers.get(name) for name in SECURITY_HEADERS}
    assert sent == SECURITY_HEADERS
    assert "cache-control" in response.headers


@pytest.mark.parametrize(
    ("directive", "value"),
    [
        ("default-src", "'none'"),
        ("script-src", "'self'"),
        ("style-src", "'self'"),
        ("img-src", "'self'"),
        ("connect-src", "'self'"),
        ("worker-src", "'none'"),
        ("form-action", "'self'"),
        ("base-uri", "'none'"),
        ("frame-ancestors", "'none'"),
        ("require-trusted-types-for", "'script'"),
        ("trusted-types", "server-html"),
    ],
)
def test_policy_names_our_own_files_only(directive: str, value: str) -> None:
    assert directives()[directive] == value


def test_policy_has_no_exception_and_no_other_host() -> None:
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    for loose in ("unsafe", "data:", "blob:", "http:", "https:", "*", "allow-duplicates"):
        assert loose not in policy


def test_hosts_of_sources_are_not_looked_up_before_a_click() -> None:
    assert SECURITY_HEADERS["X-DNS-Prefetch-Control"] == "off"
    assert SECURITY_HEADERS["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("app.js", "text/javascript"),
        ("style.css", "text/css"),
        ("favicon.svg", "image/svg+xml"),
    ],
)
async def test_static_files_have_the_type_that_nosniff_asks_for(
    name: str, content_type: str
) -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        response = await client.get(f"/static/{name}")
    assert response.headers["content-type"].partition(";")[0] == content_type
    assert response.headers["x-content-type-options"] == "nosniff"
