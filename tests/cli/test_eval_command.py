"""`eval decision` as a person runs it, against a model server of this machine."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from cli_fakes import run_cli

from websearch_agent.cli.eval_command import run_measurement
from websearch_agent.config import load_settings
from websearch_agent.evals.decision import decision_eval
from websearch_agent.evals.measurement import RunOptions


class ModelServer(BaseHTTPRequestHandler):
    """Answers "Hello" to all, so that nothing is searched; holds back questions with `slow`."""

    asked_slowly = Event()
    end = Event()

    def do_GET(self) -> None:
        self.reply(200 if self.path == "/v1/models" else 404, {"data": [{"id": "gpt-4o"}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if b"slow" in body:
            self.asked_slowly.set()
            self.end.wait(20)
        self.reply(200, {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]})

    def reply(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture(autouse=True)
def _model_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ModelServer.asked_slowly.clear()
    ModelServer.end.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), ModelServer)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("WEBSEARCH_MODEL_URL", f"http://127.0.0.1:{server.server_port}/v1")
    yield
    ModelServer.end.set()
    server.shutdown()
    server.server_close()


def write_rows(path: Path, *questions: str, **more: str) -> Path:
    rows = [{"id": q, "question": q, "label": "no_search", **more} for q in questions]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_of_an_earlier_run_are_told(tmp_path: Path) -> None:
    file = str(write_rows(tmp_path / "a.jsonl", "one", "two", "three"))
    assert "earlier run" not in run_cli("eval", "decision", file).stderr
    again = run_cli("eval", "decision", file, "--json")
    assert again.exit_code == 0
    assert again.stderr.startswith("3 of 3 rows are taken from an earlier run of 20")
    assert "--fresh asks them again" in again.stderr
    assert json.loads(again.stdout)["n"] == 3


def test_fresh_sample_keeps_the_results_outside_it(tmp_path: Path) -> None:
    file = str(write_rows(tmp_path / "a.jsonl", "one", "two", "three"))
    run_cli("eval", "decision", file)
    fresh = run_cli("eval", "decision", file, "--fresh", "--limit", "2")
    assert "earlier run" not in fresh.stderr
    assert "3 of 3 rows are taken" in run_cli("eval", "decision", file).stderr


def test_groups_are_labelled_and_unknown_ones_left_out(tmp_path: Path) -> None:
    shown = run_cli("eval", "decision", str(write_rows(tmp_path / "a.jsonl", "one", lang="en")))
    assert "language: en" in shown.stdout
    assert "source:" not in shown.stdout
    assert "?" not in shown.stdout


@pytest.mark.parametrize(
    ("fresh", "command"), [(False, "the same command goes"), (True, "without --fresh goes")]
)
@pytest.mark.anyio
async def test_interrupted_run_says_how_it_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fresh: bool, command: str
) -> None:
    path = write_rows(tmp_path / "a.jsonl", "one", "slow")
    options = RunOptions(fresh=fresh)
    work = run_measurement(load_settings(), decision_eval(), [path], options, as_json=True)
    task = asyncio.create_task(work)
    assert await asyncio.to_thread(ModelServer.asked_slowly.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    told = capsys.readouterr().err
    assert "1 of 2 rows are done; " in told
    assert command in told


def test_wrong_profile_names_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_MODEL_PROFILE", "nosuch")
    path = write_rows(tmp_path / "a.jsonl", "one")
    error = run_cli("eval", "decision", str(path)).exception
    assert str(error).startswith("WEBSEARCH_MODEL_PROFILE: There is no model profile 'nosuch'")


def test_ranking_and_extraction_print_one_object(tmp_path: Path) -> None:
    (tmp_path / "x_questions.jsonl").write_text('{"question": "red bridge", "qrels": ["a"]}\n')
    (tmp_path / "x_corpus.jsonl").write_text(
        '{"id": "a", "text": "The red bridge."}\n{"id": "b", "text": "A tower."}\n'
    )
    shown = run_cli("eval", "ranking", str(tmp_path / "x_questions.jsonl"), "--json")
    assert json.loads(shown.stdout.splitlines()[-1])["metrics"]["ndcg_at_10"] == 1.0

    text = "The red bridge was opened in 1932 by the mayor of the town, and many people came. " * 3
    (tmp_path / "html").mkdir()
    page = f"<html><body><nav>Menu Home</nav><article><p>{text}</p></article></body></html>"
    (tmp_path / "html" / "p.html.gz").write_bytes(gzip.compress(page.encode()))
    (tmp_path / "pages.jsonl").write_text(json.dumps({"id": "p", "truth": text}) + "\n")
    shown = run_cli("eval", "extraction", str(tmp_path / "pages.jsonl"), "--json")
    assert json.loads(shown.stdout.splitlines()[-1])["metrics"]["f1"] == 1.0


def test_ranking_without_documents_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "x_questions.jsonl").write_text('{"question": "red bridge", "qrels": ["a"]}\n')
    error = run_cli("eval", "ranking", str(tmp_path / "x_questions.jsonl")).exception
    assert "X_corpus.jsonl" in str(error)


def test_support_qa_and_injection_print_one_object(tmp_path: Path) -> None:
    bridge = "The red bridge was opened in 1932 by the mayor of the town."
    rows = {
        "support": {"claim": bridge, "passages": [bridge], "label": "supported"},
        "qa": {"question": "When?", "answers": ["1932"], "passages": [bridge]},
        "injection": {"text": "Nobody shall share a password with a program.", "lang": "en"},
    }
    printed = {}
    for name, row in rows.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps({"id": "1", **row}) + "\n")
        more = ("--search", "auto") if name == "qa" else ()
        shown = run_cli("eval", name, str(path), "--json", *more)
        assert shown.exit_code == 0, shown.stderr
        printed[name] = json.loads(shown.stdout.splitlines()[-1])
    assert all(set(o) == {"eval", "n", "metrics", "by", "settings"} for o in printed.values())
    assert printed["support"]["metrics"]["accuracy"] == 1.0
    assert printed["qa"]["metrics"]["accuracy"] == 0.0  # the model says "Hello"
    assert printed["qa"]["settings"]["search"] == "auto"
    assert printed["injection"]["metrics"]["false_alarms"] == 0.0


def test_table_names_groups_and_where_the_rows_stand(tmp_path: Path) -> None:
    row = {"question": "When?", "answers": ["1932"], "passages": ["In 1932."], "lang": "en"}
    (tmp_path / "q.jsonl").write_text(json.dumps(row) + "\n")
    shown = run_cli("eval", "qa", str(tmp_path / "q.jsonl"), "--search", "auto")
    assert "language: en" in shown.stdout
    assert "form:" in shown.stdout
    assert "Row by row: " in shown.stdout


def test_qa_row_without_documents_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"question": "When?", "answers": ["1932"]}\n')
    error = run_cli("eval", "qa", str(tmp_path / "q.jsonl")).exception
    assert 'line 1: brings no documents: it needs "qrels"' in str(error).replace("  ", " ")
