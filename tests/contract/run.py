"""Runs the contract tests against a real model server, which it starts and stops.

    python tests/contract/run.py vllm
    python tests/contract/run.py llama --server PATH --model FILE.gguf

Exit 0 with a reason where the server cannot be had; else what pytest says.
"""

import argparse
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vllm_environment import CannotInstall, default_folder, ensure_environment, say

HERE = Path(__file__).resolve().parent
START_TIMEOUT_S = 600.0
STOP_TIMEOUT_S = 30.0
TINY_NAME = "tiny-llama"
GGUF_NAME = "qwen2.5-coder-1.5b-instruct"


def main() -> int:
    parser = argparse.ArgumentParser(description="Contract tests against a real model server.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    kinds.add_parser("vllm")
    llama = kinds.add_parser("llama")
    llama.add_argument("--server", type=Path, required=True)
    llama.add_argument("--model", type=Path, required=True)
    llama.add_argument("--options", default="", help="More options for llama-server.")
    options, tests = parser.parse_known_args()
    if options.kind == "llama":
        return run_llama(options.server, options.model, shlex.split(options.options), tests)
    try:
        python = ensure_environment(default_folder())
    except CannotInstall as error:
        say(f"The contract tests against vLLM are skipped: {error}.")
        return 0
    return run_vllm(python, tests)


def run_vllm(python: Path, tests: list[str]) -> int:
    """Serve a tiny model through `websearch-agent model serve`, as a person would."""
    with tempfile.TemporaryDirectory(prefix="websearch-contract-") as folder:
        model = Path(folder) / TINY_NAME
        offline = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
        script = [str(python), str(HERE / "make_tiny_llama.py"), str(model)]
        subprocess.run(script, env={**os.environ, **offline}, check=True)
        port = free_port()
        # The profile for its parser `hermes`: that is how the tiny model's template calls tools.
        options = ["--model", str(model), "--device", "cpu", "--window", "4096"]
        serve = ["model", "serve", "qwen2.5", *options, "--port", str(port)]
        command = [websearch_agent(), *serve, "--vllm", str(python.parent / "vllm")]
        extra = ["--", "--max-num-seqs", "4"]
        with running([*command, *extra], port, Path(folder) / "vllm.log", offline):
            return run_tests("vllm", port, tests, {"CONTRACT_VLLM": str(python.parent / "vllm")})


def run_llama(server: Path, model: Path, more: list[str], tests: list[str]) -> int:
    """Serve a GGUF file with llama-server, two questions at once."""
    for path, what in ((server, "--server"), (model, "--model")):
        if not path.is_file():
            say(f"{what} {path} is not there. Give LLAMA_SERVER=… and MODEL=….")
            return 2
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="websearch-contract-") as folder:
        command = [str(server), "-m", str(model), "--alias", GGUF_NAME, "--jinja"]
        size = ["-c", "8192", "-np", "2", "--host", "127.0.0.1", "--port", str(port)]
        with running([*command, *size, *more], port, Path(folder) / "llama-server.log", {}):
            return run_tests("llama-server", port, tests, {})


def run_tests(kind: str, port: int, tests: list[str], more: dict[str, str]) -> int:
    own = {"CONTRACT_SERVER": kind, "CONTRACT_URL": f"http://127.0.0.1:{port}/v1", **more}
    command = [sys.executable, "-m", "pytest", "-v", str(HERE), *tests]
    done = subprocess.run(command, cwd=HERE.parents[1], env={**os.environ, **own}, check=False)
    return done.returncode


@contextmanager
def running(
    command: list[str], port: int, log: Path, environment: dict[str, str]
) -> Iterator[None]:
    """The server, until it is ready; ended at the end with all that it started."""
    say(f"Starting {Path(command[0]).name} on port {port} …")
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        wait_until_healthy(process, port, log)
        say(f"It is ready after {time.monotonic() - started:.0f} s.")
        yield
    finally:
        stop(process)


def wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        if process.poll() is not None:
            tail = log.read_text(errors="replace")[-4000:]
            sys.exit(f"{tail}\n\nThe server ended with {process.returncode} before it was ready.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    sys.exit(f"The server was not ready within {START_TIMEOUT_S:.0f} s.")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children: vLLM has several."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signal_number)
        except ProcessLookupError:
            return
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            continue


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def websearch_agent() -> str:
    """The command as it is installed beside this Python."""
    return str(Path(sys.executable).with_name("websearch-agent"))


if __name__ == "__main__":
    sys.exit(main())
