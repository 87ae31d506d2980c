"""Runs the app with uvicorn until Ctrl-C."""

import asyncio
import errno
import inspect
import socket
import sys
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from websearch_agent.config import Settings
from websearch_agent.errors import AgentError, ConfigError
from websearch_agent.log_secrets import keep_secrets_out_of_logs
from websearch_agent.server.app import create_app, end_open_answers
from websearch_agent.server.client_address import addresses_to_believe
from websearch_agent.server.guards import MAX_HEADER_BYTES
from websearch_agent.server.host_names import hosts_to_answer
from websearch_agent.server.http_protocol import GuardedProtocol
from websearch_agent.server.login_policy import (
    check_listening_address,
    decide_login,
    is_loopback,
)
from websearch_agent.server.service import ServiceFactory

SHUTDOWN_S = 3
KEEP_ALIVE_S = 5


def run_server(
    settings: Settings, host: str, port: int, *, service_factory: ServiceFactory
) -> None:
    """Serve until Ctrl-C. Raises ConfigError if the address cannot be taken.

    Raises ConfigError too if other machines reach the address and nobody has to log in, and what
    `service_factory` raises, if it is an AgentError.
    """
    keep_secrets_out_of_logs(settings)
    listener = bind_listener(host, port)
    with listener, suppress(KeyboardInterrupt):
        asyncio.run(_serve(listener, settings, host, service_factory))


async def _serve(
    listener: socket.socket,
    settings: Settings,
    host: str,
    service_factory: ServiceFactory,
) -> None:
    # Made here and not in the app's lifespan: uvicorn would print a traceback for its failure.
    made = service_factory()
    service = await made if inspect.isawaitable(made) else made
    try:
        login_needed = await decide_login(settings, service.accounts)
        check_listening_address(host, login_needed=login_needed, settings=settings)
    except AgentError:
        await service.aclose()
        raise
    if not login_needed and not is_loopback(host):
        _print(
            f"Warning: {host} can be reached from other machines, and WEBSEARCH_AUTH=off asks "
            "nobody for a login: whoever reaches it can ask, read and delete every conversation."
        )
    app = create_app(lambda: service, settings, allowed_hosts=hosts_to_answer(settings, host))
    config = server_config(app, settings)
    await AnsweringServer(config, address_of(listener)).serve(sockets=[listener])


def server_config(
    app: FastAPI, settings: Settings, *, protocol: type[GuardedProtocol] = GuardedProtocol
) -> uvicorn.Config:
    """How uvicorn serves the app: whose forwarded addresses it believes, and its limits."""
    return uvicorn.Config(
        app,
        http=protocol.behind(settings.trusted_proxies),
        # No route is a web socket, and the guards before the routes see HTTP only.
        ws="none",
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S,
        # Without a list, uvicorn would believe whoever connects from this machine.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=addresses_to_believe(settings.trusted_proxies),
        # Our handlers and their filter for secrets, not uvicorn's own.
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
        server_header=False,
    )


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
            end_open_answers(app)
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


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
