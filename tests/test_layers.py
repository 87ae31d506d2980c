"""The program's inner borders: who may import whom, and who may speak HTTP."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "websearch_agent"
BUILD_HTTP_CLIENTS = {
    # One's own model server, the model hubs, one's own SearXNG: addresses from the settings.
    "models/client.py",
    "models/weights.py",
    "wiring.py",
    # The one guarded client for addresses that pages and engines name.
    "pages/network.py",
}
HTTP_CLIENTS = {
    f"httpx.{name}"
    for name in ("AsyncClient", "Client", "delete", "get", "head", "post", "put", "request")
} | {f"httpcore.{name}" for name in ("AsyncConnectionPool", "ConnectionPool", "request", "stream")}
OTHER_HTTP = {"aiohttp", "requests", "urllib.request", "urllib3", "http.client"}


def test_modules_import_only_from_layers_below() -> None:
    # In a process of its own: it sets up logging anew, which other tests would feel.
    run = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", run, "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "Contracts: 1 kept, 0 broken." in done.stdout


def built_clients(source: str) -> set[str]:
    """Every `httpx.AsyncClient(…)` and the like in a module, and every other HTTP library."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in HTTP_CLIENTS:
            found.add(ast.unparse(node.func))
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & OTHER_HTTP
        elif isinstance(node, ast.ImportFrom):
            names = {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & (HTTP_CLIENTS | OTHER_HTTP)
    return found


def test_only_named_modules_build_http_clients() -> None:
    building = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if built_clients(path.read_text(encoding="utf-8"))
    }
    assert building == BUILD_HTTP_CLIENTS


@pytest.mark.parametrize(
    "source",
    [
        "httpx.AsyncClient()",
        "httpx.get('http://example.org')",
        "from httpx import AsyncClient",
        "import urllib.request",
        "from urllib import request",
    ],
)
def test_http_client_is_seen(source: str) -> None:
    assert built_clients(source)
