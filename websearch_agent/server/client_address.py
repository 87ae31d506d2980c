"""By which address a client is counted, and whose forwarded addresses are believed."""

import ipaddress
from collections.abc import Sequence

from starlette.types import Scope

from websearch_agent.config import Network

# A home or a rented machine has a whole /64: single addresses of it cost nothing.
IPV6_CLIENT_PREFIX = 64
MAX_NAME_LENGTH = 64


def client_of(scope: Scope) -> str:
    """The client's IPv4 address or IPv6 network; uvicorn has read trusted proxies' headers."""
    host = str((scope.get("client") or ("", 0))[0])
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        # What a trusted proxy wrote instead of an address, or a socket without one.
        return host[:MAX_NAME_LENGTH]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if not address.is_loopback:
            return str(ipaddress.ip_network((address, IPV6_CLIENT_PREFIX), strict=False))
    return str(address)


def is_loopback_client(scope: Scope) -> bool:
    try:
        return ipaddress.ip_address(client_of(scope)).is_loopback
    except ValueError:
        return False


def addresses_to_believe(trusted_proxies: Sequence[Network]) -> list[str]:
    """The networks as uvicorn's `forwarded_allow_ips` takes them.

    IPv4 ones also as a socket that listens on both kinds names them (`::ffff:10.0.0.1`).
    """
    named = [str(network) for network in trusted_proxies]
    mapped = [
        f"::ffff:{network.network_address}/{96 + network.prefixlen}"
        for network in trusted_proxies
        if isinstance(network, ipaddress.IPv4Network)
    ]
    return named + mapped
