"""The tools over stdin and stdout of a process, as desktop clients start them."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import TextContent

pytestmark = pytest.mark.anyio

PROGRAM = str(Path(__file__).with_name("stdio_program.py"))


async def start(marker: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, str(marker), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


def line_of(message: dict[str, object]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"


INITIALIZE = line_of(
    {
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
)
INITIALIZED = line_of({"method": "notifications/initialized"})


def ask(question: str) -> bytes:
    params = {
        "name": "answer_question",
        "arguments": {"question": question},
        "_meta": {"progressToken": "p"},
    }
    return line_of({"id": 2, "method": "tools/call", "params": params})


async def test_official_client_starts_it_and_asks(mode: str, tmp_path: Path) -> None:
    told: list[str | None] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)

    marker = tmp_path / "closed"
    program = StdioServerParameters(command=sys.executable, args=[PROGRAM, str(marker)])
    async with Client(program, mode=mode) as client:
        tools = await client.list_tools()
        result = await client.call_tool(
            "answer_question", {"question": "q"}, progress_callback=on_progress
        )
    assert [tool.name for tool in tools.tools] == ["answer_question", "search_web", "read_page"]
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert content.text == "It is so."
    assert told == ["Deciding what to do"]
    assert marker.read_text() == "not stopped"


async def test_stdout_holds_nothing_but_the_protocol(tmp_path: Path) -> None:
    process = await start(tmp_path / "closed")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(INITIALIZE + INITIALIZED + ask("q"))
    lines = []
    while not lines or lines[-1].get("id") != 2:
        lines.append(json.loads(await process.stdout.readline()))
    process.stdin.close()
    rest, errors = await process.communicate()
    assert all(line["jsonrpc"] == "2.0" for line in lines)
    assert rest == b""
    assert b"this is no protocol" in errors
    assert process.returncode == 0


async def test_end_of_stdin_stops_the_work_and_ends_the_process(tmp_path: Path) -> None:
    marker = tmp_path / "closed"
    process = await start(marker)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(INITIALIZE + INITIALIZED + ask("hang"))
    while b"Deciding" not in await process.stdout.readline():
        pass
    process.stdin.close()
    await process.communicate()
    assert process.returncode == 0
    assert marker.read_text() == "stopped"


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
async def test_signal_ends_it_while_stdin_is_open(kind: signal.Signals, tmp_path: Path) -> None:
    marker = tmp_path / "closed"
    process = await start(marker)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(INITIALIZE + INITIALIZED + ask("hang"))
    while b"Deciding" not in await process.stdout.readline():
        pass
    process.send_signal(kind)
    await process.wait()
    errors = await process.stderr.read()
    assert marker.read_text() == "stopped"
    assert b"Traceback" not in errors
