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
    return client_name(str((scope.get("client") or ("", 0))[0]))


def client_name(host: str) -> str:
    """By what the client at this address is counted."""
    address = _address(host)
    if address is None:
        # What a trusted proxy wrote instead of an address, or a socket without one.
        return host[:MAX_NAME_LENGTH]
    if isinstance(address, ipaddress.IPv6Address) and not address.is_loopback:
        return str(ipaddress.ip_network((address, IPV6_CLIENT_PREFIX), strict=False))
    return str(address)


def stands_for_many(host: str, trusted_proxies: Sequence[Network]) -> bool:
    """Whether connections from this address may be those of many people: a proxy of ours, or a
    program on this machine."""
    address = _address(host)
    if address is None:
        return False
    return address.is_loopback or any(address in network for network in trusted_proxies)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """IPv4 also where a socket that listens on both kinds wraps it in IPv6."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_loopback_client(scope: Scope) -> bool:
    address = _address(client_of(scope))
    return address is not None and address.is_loopback


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
