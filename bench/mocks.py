"""Runs the program over the mocks of the measuring folder: a model, an engine and a web."""

import asyncio
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType

import httpx

from websearch_agent.config import load_settings
from websearch_agent.events import AnswerFailed, AnswerFinished
from websearch_agent.types import AnswerRequest
from websearch_agent.wiring import AgentService, build_service


@contextmanager
def running_mocks(folder: Path) -> Iterator[tuple[str, ModuleType]]:
    """Start `mock_servers.py`; yields its address and the module that knows the true facts."""
    if not (folder / "mock_servers.py").is_file():
        sys.exit(f"{folder} holds no mock_servers.py: the mocks are not there")
    os.environ.pop("WEBSEARCH_ENGINES", None)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    port = _free_port()
    command = [sys.executable, "-B", "mock_servers.py", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as server:
        try:
            yield f"http://127.0.0.1:{port}", importlib.import_module("mock_world")
        finally:
            server.terminate()


async def configure(base: str, changes: dict[str, object]) -> None:
    """Change how the mocks behave; waits until they are up."""
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(100):
            try:
                await client.post(f"{base}/_config", content=json.dumps(changes))
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    sys.exit("the mocks did not start")


@asynccontextmanager
async def program_on(base: str, **settings: object) -> AsyncIterator[AgentService]:
    """The program with the mocks as its model, engine and web, and a folder of its own.

    The mock's robots.txt closes its awkward pages, so robots.txt is passed over.
    """
    with tempfile.TemporaryDirectory() as folder:
        service = await build_service(
            load_settings(
                model_url=f"{base}/v1",
                model_name="mock",
                engines="searxng",
                searxng_url=base,
                allowed_networks="127.0.0.0/8",
                respect_robots=False,
                data_dir=Path(folder),
                **settings,
            )
        )
        try:
            await service.prepare()
            yield service
        finally:
            await service.aclose()


async def ask(
    service: AgentService, topic: str, **options: object
) -> AnswerFinished | AnswerFailed:
    """How the answer about a topic of the mocks ends."""
    question = f"What is the rated capacity of {topic}?"
    request = AnswerRequest(question, **options)  # type: ignore[arg-type]
    end: AnswerFinished | AnswerFailed | None = None
    async for event in service.answer_question(request):
        if isinstance(event, AnswerFinished | AnswerFailed):
            end = event
    assert end is not None
    return end


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
