"""Pages, conversations, health, and the guards before all of them."""

import json
import re
import socket

import httpx
import pytest
from server.fake_service import DOCUMENT_TEXT, QUOTED, FakeService, search_script, serve

from websearch_agent import __version__
from websearch_agent.config import Settings
from websearch_agent.errors import ConfigError, ModelUnavailable
from websearch_agent.model_calls import ModelStatus
from websearch_agent.server.app import create_app
from websearch_agent.server.host_names import AnsweredHosts, host_header_of, hosts_to_answer
from websearch_agent.server.run import (
    bind_listener,
    is_loopback,
    run_server,
)

pytestmark = pytest.mark.anyio


async def get(address: str, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=address) as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize(
    "path",
    ["/", "/c/anything", "/settings", "/s/no-link", "/documents/none", "/api/health", "/nowhere"],
)
async def test_every_response_carries_the_strict_headers(path: str) -> None:
    async with serve(FakeService()) as address:
        response = await get(address, path)
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/settings", "/s/no-link", "/documents/none"])
async def test_page_has_no_inline_script_or_style(path: str) -> None:
    async with serve(FakeService()) as address:
        html = (await get(address, path)).text
    # A block of data is no script: the browser runs nothing of it.
    scripts = [tag for tag in re.findall("<script[^>]*>", html) if "application/json" not in tag]
    assert "<style" not in html
    assert " style=" not in html
    assert len(scripts) <= 1
    assert all(tag.startswith('<script type="module" src="/static/') for tag in scripts)


@pytest.mark.parametrize(
    ("cookie", "accepted", "lang", "theme"),
    [
        ("", "zh-CN,en", "zh-CN", ""),
        ("ui_language=en", "zh-CN,en", "en", ""),
        ("ui_language=zh; ui_theme=dark", "en", "zh-CN", "dark"),
        ("ui_theme=light", "en", "en", "light"),
        ('ui_language=de; ui_theme="><script>', "en", "en", ""),
    ],
)
async def test_cookies_choose_language_and_theme_of_every_page(
    cookie: str, accepted: str, lang: str, theme: str
) -> None:
    headers = {"Accept-Language": accepted, **({"Cookie": cookie} if cookie else {})}
    attribute = f' data-theme="{theme}"' if theme else ""
    async with serve(FakeService()) as address:
        for path in ("/", "/settings", "/s/no-link", "/documents/none"):
            html = (await get(address, path, **headers)).text
            assert f'<html lang="{lang}"{attribute}>' in html, path
            assert f'<meta name="color-scheme" content="{theme or "light dark"}">' in html
            assert "<script>" not in html


async def test_words_in_the_page_cannot_end_their_block() -> None:
    async with serve(FakeService()) as address:
        html = (await get(address, "/")).text
    block = html.split('<script type="application/json" id="words">')[1].split("</script>")[0]
    assert json.loads(block)["sources"] == "Sources"
    assert "<" not in block


async def test_settings_tell_version_and_language() -> None:
    async with serve(FakeService()) as address:
        page = await get(address, "/settings", **{"Accept-Language": "zh"})
    assert page.status_code == 200
    assert f"websearch-agent {__version__}" in page.text
    assert "删除我的全部数据" in page.text


@pytest.mark.parametrize("name", ["app.js", "style.css", "turn.css", "favicon.svg"])
async def test_static_files_are_served(name: str) -> None:
    async with serve(FakeService()) as address:
        response = await get(address, f"/static/{name}")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", ""])
async def test_foreign_host_is_refused(host: str) -> None:
    async with serve(FakeService()) as address:
        response = await get(address, "/api/conversations", Host=host)
    assert response.status_code == 421
    assert response.json()["code"] == "host_not_allowed"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000"])
async def test_loopback_host_is_served(host: str) -> None:
    async with serve(FakeService()) as address:
        assert (await get(address, "/api/health", Host=host)).status_code == 200


@pytest.mark.parametrize(
    ("state", "status"),
    [("ready", "ok"), ("downloading", "preparing"), ("idle", "preparing"), ("failed", "failed")],
)
async def test_health_tells_how_far_the_model_is(state: str, status: str) -> None:
    service = FakeService()
    service.model.current = ModelStatus(state, "why", 3, 9)  # type: ignore[arg-type]
    async with serve(service) as address:
        response = await get(address, "/api/health")
    assert response.status_code == 200
    assert response.json()["status"] == status
    assert response.json()["engines"] == ["ddgs", "local"]
    assert response.json()["model"] == {
        "name": "fake-model",
        "state": state,
        "detail": "why",
        "done_bytes": 3,
        "total_bytes": 9,
    }


async def test_failed_preparation_is_told_by_health() -> None:
    service = FakeService()
    service.model.current = ModelStatus("idle")
    service.prepare_error = ModelUnavailable("The model server cannot be reached.")
    async with serve(service) as address:
        health = (await get(address, "/api/health")).json()
    assert health["status"] == "failed"
    assert health["model"]["detail"] == "The model server cannot be reached."


async def test_service_is_prepared_at_start_and_closed_at_the_end() -> None:
    service = FakeService()
    async with serve(service) as address:
        await get(address, "/api/health")
        assert service.prepared
        assert not service.closed
    assert service.closed


async def test_conversations_are_listed_read_and_deleted() -> None:
    async with (
        serve(FakeService(search_script)) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        await client.post("/api/answers", json={"question": "What?"})
        listed = (await client.get("/api/conversations")).json()["conversations"]
        plain = (await client.get("/api/conversations/c1")).json()
        rendered = (await client.get("/api/conversations/c1?render=true")).json()
        deleted = await client.delete("/api/conversations/c1")
        gone = await client.get("/api/conversations/c1")
        again = await client.delete("/api/conversations/c1")
    assert [(kept["id"], kept["title"]) for kept in listed] == [("c1", "What?")]
    assert plain["turns"][0]["question"] == "What?"
    assert plain["turns"][0]["status"] == "finished"
    assert "html" not in plain["turns"][0]["answer"]
    assert 'data-source="1"' in rendered["turns"][0]["answer"]["html"]
    assert deleted.status_code == 204
    assert (gone.status_code, gone.json()["code"]) == (404, "conversation_not_found")
    assert again.status_code == 404


async def test_document_page_marks_the_passage() -> None:
    start = DOCUMENT_TEXT.index(QUOTED)
    path = f"/documents/httpx%2FREADME.md?start={start}&end={start + len(QUOTED)}"
    async with serve(FakeService()) as address:
        html = (await get(address, path)).text
    assert '<mark id="passage">HTTPX supports HTTP/2, but it is </mark>' in html
    assert "HTTPX &lt;b&gt;README&lt;/b&gt;" in html
    assert 'href="https://pypi.org/project/httpx/"' in html


async def test_unknown_document_is_a_readable_404() -> None:
    headers = {"Accept-Language": "zh-CN,zh;q=0.9"}
    async with serve(FakeService()) as address:
        response = await get(address, "/documents/none", **headers)
    assert response.status_code == 404
    assert "本地索引中没有" in response.text


async def test_unknown_path_is_a_problem() -> None:
    async with serve(FakeService()) as address:
        response = await get(address, "/api/nothing")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_taken_port_is_a_message_that_names_the_option() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = Settings(_env_file=None)  # type: ignore[call-arg]
        with pytest.raises(ConfigError, match=rf"Port {port} .*--port"):
            run_server(settings, "127.0.0.1", port, service_factory=FakeService)


def test_unknown_host_is_a_message_that_names_the_option() -> None:
    with pytest.raises(ConfigError, match="--host"):
        bind_listener("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "header"),
    [("127.0.0.2", "127.0.0.2"), ("LOCALHOST", "localhost"), ("::1", "[::1]"), ("[::1]", "[::1]")],
)
async def test_host_that_was_asked_for_is_answered(host: str, header: str) -> None:
    assert host_header_of(host) == header
    app = create_app(FakeService, Settings(), allowed_hosts=AnsweredHosts(frozenset({header})))
    transport, address = httpx.ASGITransport(app), f"http://{header}:8000"
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=address) as client,
    ):
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/", headers={"Host": "evil.example"})).status_code == 421


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False)],
)
def test_loopback_hosts_are_known(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
OWN_NAME = socket.gethostname().lower()
ADDRESSES = ("192.0.2.7:8000", "[2001:db8::7]:8000", "10.0.0.1")
FOREIGN = (
    "evil.example",
    "evil.example:8000",
    "10.0.0.1.evil.example",
    "localhost.evil.example",
    "",
)


@pytest.mark.parametrize(
    ("settings", "host", "names"),
    [
        ({}, "127.0.0.1", LOOPBACK),
        ({}, "127.0.0.2", {*LOOPBACK, "127.0.0.2"}),
        ({"allowed_hosts": ("a.example:443",)}, "0.0.0.0", {*LOOPBACK, "a.example"}),
        ({"public_url": "https://Ask.example:8443"}, "127.0.0.1", {*LOOPBACK, "ask.example"}),
        ({"public_url": "https://ask.example"}, "0.0.0.0", {*LOOPBACK, "ask.example"}),
        ({"public_url": "http://[2001:db8::1]"}, "::", {*LOOPBACK, "[2001:db8::1]"}),
        (
            {"public_url": "https://ask.example", "allowed_hosts": ("b.example",)},
            "0.0.0.0",
            {*LOOPBACK, "ask.example", "b.example"},
        ),
    ],
)
def test_only_names_that_are_known_are_answered(
    settings: dict[str, object], host: str, names: set[str]
) -> None:
    answered = hosts_to_answer(Settings(**settings), host)  # type: ignore[arg-type]
    assert answered == AnsweredHosts(frozenset(names))
    assert not [other for other in (*ADDRESSES, *FOREIGN, OWN_NAME) if other in answered]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_open_server_without_a_name_answers_addresses_and_its_own_name_only(host: str) -> None:
    answered = hosts_to_answer(Settings(), host)
    own = (*LOOPBACK, OWN_NAME, f"{OWN_NAME.upper()}:8000", host_header_of(host))
    assert [name for name in (*own, *ADDRESSES) if name not in answered] == []
    assert [name for name in (*FOREIGN, "2001:db8::7", "127.1") if name in answered] == []


async def test_refused_name_is_told_the_settings_and_no_other_name() -> None:
    hosts = hosts_to_answer(Settings(), "0.0.0.0")
    transport = httpx.ASGITransport(create_app(FakeService, Settings(), allowed_hosts=hosts))
    async with httpx.AsyncClient(transport=transport, base_url="http://evil.example") as client:
        response = await client.get("/api/conversations")
    assert (response.status_code, response.json()["code"]) == (421, "host_not_allowed")
    assert "WEBSEARCH_PUBLIC_URL" in response.json()["detail"]
    assert "WEBSEARCH_ALLOWED_HOSTS" in response.json()["detail"]
    assert OWN_NAME not in response.text
