"""Under which host names the server answers, so that no foreign name leads a browser to it."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from websearch_agent.config import Settings
from websearch_agent.server.login_policy import is_loopback

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class AnsweredHosts:
    """`names` as browsers send them without the port; `any_address`: each IP address as well."""

    names: frozenset[str] = frozenset(LOOPBACK_HOSTS)
    any_address: bool = False

    def __contains__(self, host_header: str) -> bool:
        host = host_without_port(host_header)
        return host in self.names or (self.any_address and _is_address(host))

    def refusal(self) -> str:
        """What to do, without the names: a rebound page could read them."""
        return (
            "This server does not answer to the host name that was asked for. If the name is its "
            "own, set WEBSEARCH_PUBLIC_URL to the address that browsers use, or add the name to "
            "WEBSEARCH_ALLOWED_HOSTS."
        )


def hosts_to_answer(settings: Settings, host: str) -> AnsweredHosts:
    """What a server that listens on `host` answers to.

    Always the loopback names (a health check on the machine uses them), the public address's, and
    those that are set. With neither of both on an address that others reach: the machine's own
    name and every IP address. DNS rebinding needs a name of the attacker's.
    """
    public_host = urlsplit(settings.public_url or "").hostname
    names = {*LOOPBACK_HOSTS, *map(host_without_port, settings.allowed_hosts)}
    if public_host:
        names.add(host_header_of(public_host))
    is_open = not (is_loopback(host) or public_host or settings.allowed_hosts)
    if is_open or is_loopback(host):
        names.add(host_header_of(host))
    if is_open:
        names.add(socket.gethostname().lower())
    return AnsweredHosts(frozenset(names), any_address=is_open)


def host_without_port(host: str) -> str:
    """`localhost:8000` → `localhost`; an IPv6 address keeps its brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def host_header_of(host: str) -> str:
    """How a browser names the host in its requests, without the port."""
    host = host.lower()
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
