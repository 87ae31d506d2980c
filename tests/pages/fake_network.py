"""A network that cannot dial: names and pages are what the test says."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpcore


class FakeNetwork(httpcore.AsyncNetworkBackend):
    """Answers each connection with the next reply of the dialled address.

    `dialled` holds what was connected to, `requests` what was sent.
    """

    def __init__(self, replies: dict[str, Sequence[bytes]]) -> None:
        self._replies = {address: list(queue) for address, queue in replies.items()}
        self.dialled: list[str] = []
        self.requests: list[bytes] = []
        self.server_names: list[str | None] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append(f"{host}:{port}")
        if host not in self._replies:
            raise httpcore.ConnectError("refused")
        return _FakeStream(self._replies[host].pop(0), self)


class _FakeStream(httpcore.AsyncMockStream):
    def __init__(self, reply: bytes, network: FakeNetwork) -> None:
        pieces = [reply[start : start + 65_536] for start in range(0, len(reply), 65_536)]
        super().__init__(pieces)
        self._network = network

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._network.requests.append(buffer)

    async def start_tls(
        self, ssl_context: object, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self._network.server_names.append(server_hostname)
        return self


class FakeNames:
    """A resolver: each name answers with its lists of addresses in turn, the last for ever."""

    def __init__(self, names: dict[str, list[list[str]]]) -> None:
        self._names = names
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[IPv4Address | IPv6Address]:
        self.asked.append(host)
        answers = self._names.get(host)
        if answers is None:
            raise httpcore.ConnectError(f"{host} has no address")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(address) for address in answer]


def reply(
    body: bytes = b"", *, status: int = 200, content_type: str = "text/html", **headers: str
) -> bytes:
    """An HTTP/1.1 reply; header names are written with underscores."""
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def redirect(location: str) -> bytes:
    return reply(status=302, Location=location)
