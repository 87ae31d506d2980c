"""The installed program, as a person starts it: exit codes, and never a traceback."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from cli_fakes import run_cli

# A port that nothing listens on: the model and the engine are down.
NOWHERE = "http://127.0.0.1:9"
PROGRAM = [sys.executable, "-c", "from websearch_agent.cli import main; main()"]
ROOT = Path(__file__).resolve().parents[2]


def environment(tmp_path: Path, **settings: str) -> dict[str, str]:
    offline = {
        "WEBSEARCH_MODEL_URL": f"{NOWHERE}/v1",
        "WEBSEARCH_MODEL_NAME": "none",
        "WEBSEARCH_ENGINES": "searxng",
        "WEBSEARCH_SEARXNG_URL": NOWHERE,
        "WEBSEARCH_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),
    }
    return os.environ | offline | settings


def start(
    tmp_path: Path, *args: str, stdin: bytes = b"", **settings: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*PROGRAM, *args],
        input=stdin,
        env=environment(tmp_path, **settings),
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
    )
    stdout, stderr = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in stdout + stderr
    return subprocess.CompletedProcess(args, done.returncode, stdout, stderr)


def test_version_is_printed(tmp_path: Path) -> None:
    from websearch_agent import __version__

    assert start(tmp_path, "--version").stdout == f"websearch-agent {__version__}\n"


def test_wrong_setting_is_one_line_and_exit_2(tmp_path: Path) -> None:
    done = start(tmp_path, "ask", "Where?", WEBSEARCH_ENGINES="goggle")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "websearch-agent: WEBSEARCH_ENGINES: unknown engine goggle; known are: ddgs, news, "
        "searxng, brave, serper, tavily, exa, wikipedia, arxiv, openalex, local"
    ]


@pytest.mark.parametrize(
    ("args", "stdin", "words"),
    [
        (("ask", "-"), b"caf\xe9", "not readable text"),
        (("index",), b"", "Name what to index"),
        (("serve", "--port", "70000"), b"", "65535"),
    ],
)
def test_bad_input_is_told_and_exit_2(
    args: tuple[str, ...], stdin: bytes, words: str, tmp_path: Path
) -> None:
    done = start(tmp_path, *args, stdin=stdin)
    assert done.returncode == 2
    assert words in done.stderr


@pytest.mark.parametrize(
    ("args", "stdin", "words"),
    [
        ((" \n",), None, "The question is empty"),
        (("-",), None, "The question is empty"),
        (("-",), "a" * 1_000_000, "has 1,000,000 characters; at most 20,000"),
        (("Where?", "--conversation", "nope"), None, "no conversation 'nope'"),
        (("Where?", "--conversation", "\udcff"), None, "no conversation"),
    ],
)
def test_question_that_cannot_be_taken_is_told_and_exit_2(
    args: tuple[str, ...],
    stdin: str | None,
    words: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One folder for all: the built-in collection in it takes a second to make.
    data_dir = tmp_path_factory.getbasetemp() / "cli-data"
    monkeypatch.setenv("WEBSEARCH_DATA_DIR", str(data_dir))
    result = run_cli("ask", *args, stdin=stdin)
    assert result.exit_code == 2
    assert words in result.stderr


def test_model_server_that_is_down_is_told(tmp_path: Path) -> None:
    done = start(tmp_path, "ask", "Where?")
    assert done.returncode == 1
    assert "127.0.0.1:9/v1 cannot be reached" in done.stderr


def test_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"no model" * 1000)
    settings = {"WEBSEARCH_MODEL_URL": "", "WEBSEARCH_MODEL_PATH": "m.gguf"}
    done = start(tmp_path, "ask", "Where?", **settings)
    assert done.returncode == 2
    assert "m.gguf is not a GGUF file" in done.stderr


@pytest.mark.parametrize("command", [("ask", "Where?"), ("serve", "--port", "0")])
def test_damaged_database_is_told(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "conversations.db").write_bytes(b"no database" * 1000)
    done = start(tmp_path, *command)
    assert done.returncode == 1
    assert "conversations.db cannot be used: file is not a database" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = start(tmp_path, "ask", "Where?", WEBSEARCH_DATA_DIR=str(tmp_path / "file" / "data"))
    assert done.returncode == 1
    assert "WEBSEARCH_DATA_DIR" in done.stderr.splitlines()[-1]


def test_server_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    settings = {"WEBSEARCH_ENGINES": "ddgs", "WEBSEARCH_DDGS_BACKENDS": "goggle"}
    done = start(tmp_path, "serve", "--port", "0", **settings)
    assert done.returncode == 2
    assert done.stderr.startswith("websearch-agent: WEBSEARCH_DDGS_BACKENDS: unknown backend")
    assert len(done.stderr.splitlines()) == 1


def test_output_that_nobody_reads_is_no_traceback(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [*PROGRAM, "ask", "", "--json"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout is not None
    program.stdout.close()
    program.wait(timeout=60)
    assert program.stderr is not None
    assert program.stderr.read() == b""
    program.stderr.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_ends_with_130_and_keeps_the_question(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        program = subprocess.Popen(
            [*PROGRAM, "ask", "Where?"],
            env=environment(tmp_path, WEBSEARCH_MODEL_URL=url),
            stderr=subprocess.PIPE,
            text=True,
            # What a shell starts in the background ignores Ctrl-C, and so do its children.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        # It asks the model: the question is stored, and no reply will come.
        silent.settimeout(60)
        connection, _ = silent.accept()
        program.send_signal(signal.SIGINT)
        _, stderr = program.communicate(timeout=60)
        connection.close()
    assert (program.returncode, stderr) == (130, "\nStopped.\n")
    with sqlite3.connect(tmp_path / "data" / "conversations.db") as database:
        turns = database.execute("select question, status from turns").fetchall()
    assert turns == [("Where?", "stopped")]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_ends_the_server_quietly(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdout is not None
    assert "is listening on http://127.0.0.1:" in program.stdout.readline()
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=60)  # raises where the server hangs
    assert program.returncode == 0


def test_mcp_writes_nothing_but_the_protocol_to_stdout(tmp_path: Path) -> None:
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    stdin = f"{json.dumps(hello)}\n".encode()
    done = start(tmp_path, "mcp", stdin=stdin, WEBSEARCH_LOG_LEVEL="debug", WEBSEARCH_MODL="x")
    assert done.returncode == 0
    (reply,) = map(json.loads, done.stdout.splitlines())
    assert (reply["id"], "serverInfo" in reply["result"]) == (1, True)
    assert "WEBSEARCH_MODL is no setting" in done.stderr
