"""A proxy on the loopback that ends TLS itself and answers from prepared replies.

The program under test dials real names through it: real addresses, real request bodies and
real parsers, and not a packet leaves the machine.
"""

import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme


@dataclass(frozen=True)
class Reply:
    """What a host answers. Headers in the form `Retry-After: 30`. Status 0: nothing, until
    the proxy ends."""

    status: int
    body: str = ""
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeenRequest:
    host: str
    line: str
    body: str


@dataclass
class ReplayProxy:
    """`replies` by host name; a host without one is refused by the proxy itself."""

    url: str
    ca_file: Path
    replies: dict[str, Reply]
    seen: list[SeenRequest] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def replay_proxy(folder: Path, replies: Mapping[str, Reply]) -> Iterator[ReplayProxy]:
    """Serve until the block ends."""
    authority = trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    proxy = ReplayProxy("", ca_file, dict(replies))

    class Handler(_ConnectHandler):
        pass

    Handler.authority, Handler.proxy = authority, proxy
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _ConnectHandler(socketserver.StreamRequestHandler):
    authority: trustme.CA
    proxy: ReplayProxy

    def handle(self) -> None:
        host = self.rfile.readline().decode().split(" ")[1].partition(":")[0]
        _read_headers(self.rfile)
        reply = self.proxy.replies.get(host)
        if reply is None:
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(host).configure_cert(context)
        with context.wrap_socket(self.request, server_side=True) as connection:
            self._answer(connection, host, reply)

    def _answer(self, connection: ssl.SSLSocket, host: str, reply: Reply) -> None:
        stream = connection.makefile("rwb")
        line = stream.readline().decode().strip()
        headers = _read_headers(stream)
        body = stream.read(int(headers.get("content-length", 0))).decode()
        self.proxy.seen.append(SeenRequest(host, line, body))
        if reply.status == 0:
            self.proxy.ended.wait(timeout=10)
            return
        content = reply.body.encode()
        head = [f"HTTP/1.1 {reply.status} Prepared", "Content-Type: text/html; charset=utf-8",
                f"Content-Length: {len(content)}", "Connection: close", *reply.headers]  # fmt: skip
        stream.write("\r\n".join([*head, "", ""]).encode() + content)
        stream.flush()


def _read_headers(stream: Any) -> dict[str, str]:
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers
