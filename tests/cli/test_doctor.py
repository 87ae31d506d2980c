import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cli_fakes import run_cli

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model server and an engine at a port where nothing listens."""
    monkeypatch.setenv("WEBSEARCH_MODEL_URL", f"{NOWHERE}/v1")
    monkeypatch.setenv("WEBSEARCH_SEARXNG_URL", NOWHERE)
    monkeypatch.setenv("WEBSEARCH_ENGINES", "searxng,local")


def doctor_lines() -> tuple[int, dict[str, str]]:
    """The exit code, and each finding's mark and words by its name."""
    result = run_cli("doctor")
    findings = {}
    for line in result.stdout.splitlines():
        mark, _, rest = line.partition("  ")
        name, _, detail = rest.partition(": ")
        if mark.strip() in ("ok", "note", "FAIL"):
            findings[name.strip()] = f"{mark.strip()} {detail}"
    return result.exit_code, findings


def test_model_server_that_is_down_fails() -> None:
    code, findings = doctor_lines()
    assert code == 1
    assert findings["model"].startswith("FAIL The model server at http://127.0.0.1:9/v1 cannot")


class ModelServer(BaseHTTPRequestHandler):
    """Lists one Megrez; refuses tools and logprobs, and holds to no schema."""

    def do_GET(self) -> None:
        listing = {"data": [{"id": "Megrez-3B-Instruct", "max_model_len": 4000}]}
        self.reply(200 if self.path == "/v1/models" else 404, listing)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "tools" in body or "logprobs" in body:
            self.reply(400, {"error": "tools and logprobs are not supported"})
        else:
            self.reply(200, {"choices": [{"message": {"content": "Hello"}}]})

    def reply(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def model_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ModelServer)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    monkeypatch.setenv("WEBSEARCH_MODEL_URL", url)
    yield url
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("model_server")
def test_model_server_is_described_and_remembered() -> None:
    code, findings = doctor_lines()
    assert code == 0
    assert findings["model"] == (
        "ok Megrez-3B-Instruct, window 4000 tokens, profile megrez-3b-instruct; it does: nothing; "
        "not: tools, JSON schema, log probabilities, counts tokens (found out just now)"
    )
    assert "(remembered since 20" in doctor_lines()[1]["model"]


def test_engine_that_is_down_is_a_note_with_what_to_do() -> None:
    result = run_cli("doctor")
    assert "note  engine searxng: could not reach http://127.0.0.1:9" in result.stdout
    assert "No engine can be searched" in result.stdout


def test_missing_weights_and_indexes_are_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBSEARCH_MODEL_URL")
    code, findings = doctor_lines()
    assert code == 0
    assert findings["model"].startswith("note embedded; not downloaded yet")
    assert findings["engine local"].startswith("note nothing indexed yet: `websearch-agent index")
    assert findings["built-in collection"].startswith("note missing: `websearch-agent index --b")
    assert findings["database"] == "ok 0 conversations"


def test_users_are_counted_where_there_are_some() -> None:
    run_cli("user", "add", "alice", "--password-stdin", stdin="correct horse battery")
    assert doctor_lines()[1]["database"] == "ok 0 conversations, 1 users"


def test_model_path_to_no_model_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBSEARCH_MODEL_URL")
    (tmp_path / "m.gguf").write_bytes(b"no model")
    monkeypatch.setenv("WEBSEARCH_MODEL_PATH", str(tmp_path / "m.gguf"))
    code, findings = doctor_lines()
    assert code == 1
    assert "WEBSEARCH_MODEL_PATH" in findings["model"]


def test_model_path_to_a_model_is_ok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBSEARCH_MODEL_URL")
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    monkeypatch.setenv("WEBSEARCH_MODEL_PATH", str(tmp_path / "m.gguf"))
    assert doctor_lines()[1]["model"] == "ok embedded, m.gguf"


def test_folder_that_cannot_be_written_fails_and_names_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("WEBSEARCH_DATA_DIR", str(tmp_path / "file" / "data"))
    code, findings = doctor_lines()
    assert code == 1
    assert findings["disk"].startswith("FAIL ")
    assert "Set WEBSEARCH_DATA_DIR" in findings["disk"]


def test_damaged_database_fails(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "conversations.db").write_bytes(b"no database" * 1000)
    code, findings = doctor_lines()
    assert code == 1
    assert findings["database"].startswith("FAIL The conversation database conversations.db cannot")


def test_indexed_documents_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Quokkas\n\nPython programming language, and quokkas too.")
    assert run_cli("index", str(tmp_path / "a.md")).exit_code == 0
    assert doctor_lines()[1]["engine local"] == "ok 1 documents"


def test_free_disk_space_is_told() -> None:
    assert " GB free" in doctor_lines()[1]["disk"]


def test_page_cache_and_a_ranking_server_that_is_down_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "ranking" not in doctor_lines()[1]
    monkeypatch.setenv("WEBSEARCH_RANKING", "embeddings")
    monkeypatch.setenv("WEBSEARCH_RANKING_URL", f"{NOWHERE}/v1")
    findings = doctor_lines()[1]
    assert findings["page cache"] == "ok 0 pages, 0.0 of 256 MB"
    assert findings["ranking"].startswith("note ")
    assert NOWHERE in findings["ranking"]


# ---- settings, and JSON --------------------------------------------------------------------


def test_settings_file_and_misspelt_variables_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ok    settings: no settings file" in run_cli("doctor").stdout
    (tmp_path / "own.toml").write_text("max_answers = 3")
    monkeypatch.setenv("WEBSEARCH_CONFIG_FILE", str(tmp_path / "own.toml"))
    monkeypatch.setenv("WEBSEARCH_MODL_URL", "x")
    shown = run_cli("doctor").stdout
    assert f"ok    settings: settings file {tmp_path / 'own.toml'}" in shown
    assert "note  settings: WEBSEARCH_MODL_URL is no setting and has no effect." in shown


def test_engine_without_its_key_fails_and_the_others_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBSEARCH_ENGINES", "brave,local")
    code, findings = doctor_lines()
    assert code == 1
    assert findings["engine brave"].startswith("FAIL set WEBSEARCH_BRAVE_API_KEY")
    assert findings["engine local"].startswith("note nothing indexed yet")


@pytest.mark.usefixtures("model_server")
def test_json_is_the_same_report() -> None:
    result = run_cli("doctor", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["works"]) == (0, True)
    states = {finding["name"]: finding["state"] for finding in report["findings"]}
    assert states.items() >= {
        "settings": "ok", "disk": states["disk"], "database": "ok", "page cache": "ok",
        "model": "ok", "engine searxng": "note", "built-in collection": "note",
    }.items()  # fmt: skip


def test_json_of_a_failure_says_so() -> None:
    result = run_cli("doctor", "--json")
    assert (result.exit_code, json.loads(result.stdout)["works"]) == (1, False)


def test_wrong_setting_is_a_report_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_LOG_LEVEL", "loud")
    result = run_cli("doctor", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["works"]) == (2, False)
    (finding,) = report["findings"]
    assert (finding["name"], finding["state"]) == ("settings", "fail")
    assert finding["detail"].startswith("WEBSEARCH_LOG_LEVEL: ")
