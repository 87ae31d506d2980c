"""Runs the app with uvicorn until Ctrl-C."""

import asyncio
import errno
import inspect
import ipaddress
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from websearch_agent.config import Settings
from websearch_agent.errors import ConfigError
from websearch_agent.server.app import create_app
from websearch_agent.server.feed import OpenAnswers
from websearch_agent.server.guards import LOOPBACK_HOSTS, host_without_port
from websearch_agent.server.service import ServiceFactory

SHUTDOWN_S = 3


def run_server(
    settings: Settings, host: str, port: int, *, service_factory: ServiceFactory
) -> None:
    """Serve until Ctrl-C. Raises ConfigError if the address cannot be taken.

    Raises what `service_factory` raises, if it is an AgentError.
    """
    loopback = is_loopback(host)
    listener = bind_listener(host, port)
    if not loopback:
        _print(
            f"Warning: {host} can be reached from other machines, and there is no login yet: "
            "whoever reaches it can ask, read and delete every conversation."
        )
    allowed_hosts = hosts_to_answer(settings, host)
    with listener, suppress(KeyboardInterrupt):
        asyncio.run(_serve(listener, settings, allowed_hosts, service_factory))


def hosts_to_answer(settings: Settings, host: str) -> tuple[str, ...] | None:
    """The `Host` headers that are answered; None is any.

    Those that are set, and always the loopback names: a health check on the machine uses them.
    """
    if settings.allowed_hosts:
        return (*LOOPBACK_HOSTS, *map(host_without_port, settings.allowed_hosts))
    return (*LOOPBACK_HOSTS, host_header_of(host)) if is_loopback(host) else None


async def _serve(
    listener: socket.socket,
    settings: Settings,
    allowed_hosts: Sequence[str] | None,
    service_factory: ServiceFactory,
) -> None:
    # Made here and not in the app's lifespan: uvicorn would print a traceback for its failure.
    made = service_factory()
    service = await made if inspect.isawaitable(made) else made
    app = create_app(lambda: service, settings, allowed_hosts=allowed_hosts)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
        server_header=False,
    )
    await AnsweringServer(config, address_of(listener)).serve(sockets=[listener])


class AnsweringServer(uvicorn.Server):
    """Says where it listens, and ends open answers before it waits for their connections."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self.address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _print(f"websearch-agent is listening on {self.address} (Ctrl-C ends it)")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, FastAPI):
            open_answers: OpenAnswers = app.state.open_answers
            open_answers.end_all()
        await super().shutdown(sockets)


def bind_listener(host: str, port: int) -> socket.socket:
    """Take the address before anything else starts, so that a taken port is a plain message."""
    try:
        family, _, _, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ConfigError(f"--host {host} is not an address of this machine: {error}") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(place)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigError(_explain_bind_error(error, host, port)) from error
    return listener


def _explain_bind_error(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program; "
            f"choose another one, for example --port {port + 1 if port < 65535 else 8000}"
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights; choose one above 1023, for example --port 8000"
    return f"Cannot listen on {host} port {port} (see --host, --port): {error.strerror}"


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def host_header_of(host: str) -> str:
    """How a browser names the host in its requests, without the port."""
    host = host.lower()
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
