"""Foreign addresses have one way out: the guarded client. Held by reading the code, not by hope.

Seen are the usual ways, under whatever name they are imported. Code that hides one on purpose
(`exec`, `importlib`, a library that fetches on the side) is for a reviewer to see.
"""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "websearch_agent"
# Whatever else opens connections, and to where: only to what the operator or this program names.
MAY_CONNECT = {
    "mcp_server/stdio.py": "hands its own stdin on by a pair of sockets; it dials nothing",
    "models/client.py": "the operator's model server",
    "models/usage_listener.py": "the operator's model server, by httpx's own transport",
    "models/weights.py": "the model hubs, pinned by hash",
    "pages/connections.py": "httpcore's types; it dials nothing",
    "pages/network.py": "foreign pages, each address checked",
    "pages/web_access.py": "httpx and httpcore's types; its transport is the guarded one",
    "search/ddgs_backend.py": "the engines of ddgs, whose addresses are theirs",
    "server/run.py": "looks whether the address to listen on is free",
    "wiring.py": "the operator's engines and ranking server",
}
CLIENTS = {
    *(f"httpx.{name}" for name in ("AsyncClient", "Client", "AsyncHTTPTransport", "HTTPTransport")),
    *(f"httpx.{name}" for name in ("delete", "get", "head", "options", "patch", "post", "put")),
    *(f"httpx.{name}" for name in ("request", "stream", "Proxy")),
    *(f"httpcore.{name}" for name in ("AsyncConnectionPool", "ConnectionPool", "AsyncHTTPProxy")),
    *(f"httpcore.{name}" for name in ("AsyncSOCKSProxy", "HTTPProxy", "SOCKSProxy", "request")),
    *(f"httpcore.{name}" for name in ("stream", "AnyIOBackend", "AsyncHTTPConnection")),
    *(f"socket.{name}" for name in ("socket", "create_connection", "getaddrinfo", "socketpair")),
    *(f"asyncio.{name}" for name in ("open_connection", "open_unix_connection")),
    *(f"anyio.{name}" for name in ("connect_tcp", "connect_unix", "create_udp_socket")),
    *(f"trafilatura.{name}" for name in ("fetch_url", "fetch_response")),
}
CONNECTING_MODULES = {name.partition(".")[0] for name in CLIENTS}
# Of whatever object: an event loop's own ways to connect.
METHODS = {"create_connection", "create_datagram_endpoint", "create_unix_connection"}
METHODS |= {"sock_connect", "open_connection", "open_unix_connection", "fetch_url"}
FETCHING_PROGRAMS = re.compile(r"(?:.*/)?(?:curl|wget|nc|ncat|netcat|ssh|scp|socat)(?:\s.*)?")
LIBRARIES = {"aiohttp", "curl_cffi", "ddgs", "ftplib", "http.client", "niquests", "primp", "pycurl"}
LIBRARIES |= {"requests", "smtplib", "telnetlib", "urllib.request", "urllib3", "websockets", "h2"}
LIBRARIES |= {"httpx2", "poplib", "imaplib", "xmlrpc", "paramiko", "trafilatura.downloads"}
BUILDS_FOR_FOREIGN_ADDRESSES = {"pages/network.py", "pages/web_access.py", "pages/reader.py"}


def ways_out(source: str) -> set[str]:
    """Names, calls and programs in a module by which a connection could be opened."""
    found: set[str] = set()
    tree = ast.parse(source)
    types = annotations(tree)
    modules_by_name = imported_modules(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node not in types:
            found |= connecting_attribute(node, modules_by_name)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if is_library(alias.name)}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & CLIENTS
            found |= {name for name in {node.module, *names} if is_library(name)}
            found |= {f"{node.module}.*"} & {f"{name}.*" for name in CONNECTING_MODULES} & names
        elif isinstance(node, ast.Call):
            found |= connecting_call(node, modules_by_name)
    return found


def imported_modules(tree: ast.Module) -> dict[str, str]:
    """What each name for a module stands for."""
    return {
        alias.asname or alias.name.partition(".")[0]: (
            alias.name if alias.asname else alias.name.partition(".")[0]
        )
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def connecting_attribute(node: ast.Attribute, modules_by_name: dict[str, str]) -> set[str]:
    first, dot, rest = ast.unparse(node).partition(".")
    name = f"{modules_by_name.get(first, first)}{dot}{rest}"
    return {name} & CLIENTS or {node.attr} & METHODS


def connecting_call(node: ast.Call, modules_by_name: dict[str, str]) -> set[str]:
    """A way out that is looked up by its name, or another program that is started."""
    called = ast.unparse(node.func)
    first = ast.unparse(node.args[0]) if node.args else ""
    if called == "getattr" and modules_by_name.get(first, first) in CONNECTING_MODULES:
        return {f"getattr({first})"}
    module = modules_by_name.get(called.partition(".")[0], "")
    if module != "subprocess" and "subprocess" not in called and "Popen" not in called:
        return set()
    words = [part.value for argument in node.args for part in ast.walk(argument)
             if isinstance(part, ast.Constant) and isinstance(part.value, str)]  # fmt: skip
    return {word for word in words if FETCHING_PROGRAMS.fullmatch(word)}


def annotations(tree: ast.Module) -> set[ast.AST]:
    """All that only says of what type something is."""
    stated = [getattr(node, "annotation", None) for node in ast.walk(tree)]
    stated += [getattr(node, "returns", None) for node in ast.walk(tree)]
    return {part for node in stated if isinstance(node, ast.AST) for part in ast.walk(node)}


def is_library(name: str) -> bool:
    return any(name == library or name.startswith(f"{library}.") for library in LIBRARIES)


def modules() -> dict[str, str]:
    return {
        path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def test_only_listed_modules_can_open_a_connection() -> None:
    found = {name: ways for name, source in modules().items() if (ways := ways_out(source))}
    assert {name: found[name] for name in found.keys() - MAY_CONNECT.keys()} == {}


@pytest.mark.parametrize(
    "source",
    ["import httpx\nhttpx.AsyncClient()", "import httpx as httpx\nclient = httpx.get",
     "from httpx import AsyncClient", "from urllib.request import urlopen", "import urllib.request",
     "from urllib import request", "import socket\nsocket.create_connection(a)", "import requests",
     "async def f():\n    import aiohttp.client", "class A(httpcore.AsyncConnectionPool): pass",
     "import httpx as h\nh.AsyncClient()", "import httpcore as c\nc.AsyncConnectionPool()",
     "from httpx import *\nAsyncClient()", "import httpx\ngetattr(httpx, 'AsyncClient')()",
     "import asyncio\nasyncio.open_connection(h, 80)", "import asyncio as a\na.open_connection(h)",
     "import asyncio\nasyncio.get_running_loop().create_connection(f, h, 80)",
     "loop.sock_connect(s, a)", "import trafilatura\ntrafilatura.fetch_url(u)",
     "from trafilatura import fetch_url", "import subprocess\nsubprocess.run(['curl', u])",
     "from subprocess import Popen\nPopen('/usr/bin/wget -q x', shell=True)",
     "import asyncio\nasyncio.create_subprocess_exec('curl', u)"],
)  # fmt: skip
def test_usual_ways_out_are_seen(source: str) -> None:
    assert ways_out(source)


@pytest.mark.parametrize(
    "source",
    ["import httpx\nhttpx.URL(u)", "import subprocess\nsubprocess.run(['sha256sum', f])",
     "import httpx\ndef f(client: httpx.AsyncClient) -> None: ...", "getattr(page, 'title')"],
)  # fmt: skip
def test_what_opens_no_connection_is_not_taken_for_a_way_out(source: str) -> None:
    assert not ways_out(source)


def test_guarded_transport_is_built_in_one_place() -> None:
    """So nobody hands it a backend that does not check."""
    for built, only in (
        ("GuardedTransport", {"pages/web_access.py"}),
        ("GuardedBackend", {"pages/web_access.py"}),
        ("ProxyBackend", {"pages/web_access.py"}),
        ("WebAccess", {"pages/reader.py", "indexing/targets.py"}),
    ):
        assert {name for name, source in modules().items() if calls(source, built)} == only


def calls(source: str, name: str) -> bool:
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name
        for node in ast.walk(ast.parse(source))
    )


def test_agent_hands_addresses_to_its_page_reader_only() -> None:
    """No module of the agent or of a door imports a part that fetches."""
    fetching = ("websearch_agent.pages.web_access", "websearch_agent.pages.network",
                "websearch_agent.pages.connections", "httpx", "httpcore")  # fmt: skip
    for name, source in modules().items():
        if not name.startswith(("agent/", "prompts", "server/", "evals/", "citations/", "store/")):
            continue
        for node in ast.walk(ast.parse(source)):
            imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            assert not [module for module in imported if module.startswith(fetching)], name
