import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cli_fakes import run_cli

from websearch_agent.cli.engine_probe import probe_engine
from websearch_agent.config import load_settings
from websearch_agent.config_checks import ENGINE_NAMES
from websearch_agent.errors import ConfigError, InvalidRequest
from websearch_agent.protocols import SearchEngine
from websearch_agent.types import SearchQuery, SearchResult
from websearch_agent.wiring import Engines

NOWHERE = "http://127.0.0.1:9"


class SearxngServer(BaseHTTPRequestHandler):
    """Answers every query with one result whose title steers terminals, or with `status`."""

    status = 200

    def do_GET(self) -> None:
        result = {"url": "https://a.example/", "title": "First\x1b[2J\npage", "content": ""}
        body = json.dumps({"results": [result] * (self.status == 200)}).encode()
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def searxng(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[SearxngServer]]:
    handler = type("Handler", (SearxngServer,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("WEBSEARCH_SEARXNG_URL", f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()


def reports(*options: str) -> tuple[int, dict[str, dict[str, object]]]:
    result = run_cli("engines", "--json", *options)
    return result.exit_code, {report["engine"]: report for report in json.loads(result.stdout)}


@pytest.mark.usefixtures("searxng")
def test_one_engine_that_answers_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_ENGINES", "searxng,local")
    code, found = reports("--query", "quokka")
    assert code == 0
    assert (found["searxng"]["state"], found["searxng"]["result_count"]) == ("ok", 1)
    assert (found["local"]["state"], found["local"]["answered"]) == ("empty index", False)
    assert found["local"]["advice"] == "`websearch-agent index PATH` fills it"


@pytest.mark.usefixtures("searxng")
def test_table_is_plain_and_cannot_be_steered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_ENGINES", "searxng")
    lines = run_cli("engines").stdout.splitlines()
    assert lines[0].split() == ["engine", "state", "results", "seconds", "first", "result"]
    assert lines[1].startswith("searxng")
    assert lines[1].endswith("First page")
    assert "\x1b" not in "".join(lines)


def test_searxng_without_json_is_told_the_lines_to_add(
    searxng: type[SearxngServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    searxng.status = 403
    monkeypatch.setenv("WEBSEARCH_ENGINES", "searxng")
    code, found = reports()
    assert code == 1
    assert found["searxng"]["state"] == "blocked"
    assert "`formats: [html, json]`" in str(found["searxng"]["reason"])
    assert found["searxng"]["advice"] == ""


def test_engines_that_cannot_be_reached_are_exit_1_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBSEARCH_SEARXNG_URL", NOWHERE)
    monkeypatch.setenv("WEBSEARCH_ENGINES", "searxng,ddgs,news")
    monkeypatch.setenv("WEBSEARCH_DDGS_BACKENDS", "duckduckgo,brave")
    monkeypatch.setenv("WEBSEARCH_NEWS_BACKENDS", "bing")
    monkeypatch.setenv("WEBSEARCH_DDGS_PROXY", NOWHERE)
    code, found = reports()
    assert code == 1
    assert [name for name in found if found[name]["state"] == "unreachable"] == [
        "searxng",
        "ddgs: duckduckgo",
        "ddgs: brave",
        "news: bing",
    ]
    assert "WEBSEARCH_SEARXNG_URL" in str(found["searxng"]["advice"])
    assert "WEBSEARCH_DDGS_PROXY" in str(found["ddgs: brave"]["advice"])


def test_engine_that_is_named_without_its_key_is_listed_with_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBSEARCH_ENGINES", "brave,local")
    code, found = reports()
    assert code == 1
    assert found["brave"]["state"] == "not set up"
    assert found["brave"]["advice"] == (
        "set WEBSEARCH_BRAVE_API_KEY (a key comes from https://brave.com/search/api/)"
    )


def test_engines_that_are_not_in_use_are_listed_with_how_to_use_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBSEARCH_ENGINES", "local")
    monkeypatch.setenv("WEBSEARCH_EXA_API_KEY", "sk-secret")
    found = reports()[1]
    assert set(found) == set(ENGINE_NAMES)
    assert found["wikipedia"]["state"] == "not in use"
    assert found["exa"]["advice"] == "add exa to WEBSEARCH_ENGINES"
    assert str(found["serper"]["advice"]).endswith("and add serper to WEBSEARCH_ENGINES")
    assert "sk-secret" not in json.dumps(found)


def test_own_documents_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_ENGINES", "local")
    (tmp_path / "a.md").write_text("# Quokkas\n\nThey live on Rottnest Island.")
    run_cli("index", str(tmp_path / "a.md"))
    code, found = reports("--query", "quokkas island")
    assert (code, found["local"]["first_title"]) == (0, "Quokkas")
    code, found = reports("--query", "zebra")
    assert (code, found["local"]["state"]) == (0, "nothing found")


class HangingEngine:
    name = "hanging"

    async def search(self, query: SearchQuery) -> list[SearchResult]:
        await asyncio.Event().wait()
        return []


class BrokenEngine:
    name = "broken"

    async def search(self, query: SearchQuery) -> list[SearchResult]:
        raise IndexError("list index out of range")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("engine", "state", "reason"),
    [
        (HangingEngine(), "unreachable", "no answer within 0.01 s"),
        (BrokenEngine(), "failed", "an internal error of this engine (IndexError)"),
    ],
)
async def test_engine_that_hangs_or_breaks_is_reported(
    engine: SearchEngine, state: str, reason: str
) -> None:
    engines = Engines(load_settings(_env_file=None, engines="local"))
    report = await probe_engine(engine, engines, SearchQuery("q"), deadline_s=0.01)
    assert (report.state, report.reason) == (state, reason)
    await engines.aclose()


def test_empty_query_is_refused() -> None:
    assert isinstance(run_cli("engines", "--query", " ").exception, InvalidRequest)


def test_unknown_backend_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_DDGS_BACKENDS", "altavista")
    assert isinstance(run_cli("engines").exception, ConfigError)


def test_searxng_that_is_down_is_no_trouble_of_the_network_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBSEARCH_ENGINES", "searxng")
    monkeypatch.setenv("WEBSEARCH_SEARXNG_URL", "http://127.0.0.1:9")
    assert "check WEBSEARCH_SEARXNG_URL" in run_cli("engines").stdout
