"""Which addresses may be contacted: public ones, and private networks opened on purpose.

Own lists, because `ipaddress.is_global` is wrong for 192.0.0.0/24 on Python 3.11 and does not
look at an IPv4 address that is wrapped in an IPv6 one.
Source: IANA special-purpose address registries.
"""

import re
from collections.abc import Sequence
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

import httpx

from websearch_agent.errors import AddressNotAllowed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

WEB_PORTS = frozenset({80, 443, 8080, 8443})
MAX_URL_CHARS = 4096

_BLOCKED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network; on Linux 0.0.0.0 is the machine itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT; holds a cloud metadata service (100.100.100.200)
        "127.0.0.0/8",
        "168.63.129.16/32",  # the Azure host, public by its number only
        "169.254.0.0/16",  # link-local, most cloud metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; holds a cloud metadata service (192.0.0.192)
        "192.0.2.0/24",  # documentation, as are 198.51.100 and 203.0.113
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
_BLOCKED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation, as is 3fff
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP_INTERFACE_IDS = (0x00005EFE, 0x02005EFE)

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNSAFE_URL_CHARS = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029]")


def is_public(address: Address) -> bool:
    """Whether the address, or the IPv4 one wrapped in it, belongs to the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _BLOCKED_V4)
    wrapped = address.ipv4_mapped
    if wrapped is None and address in _NAT64:
        wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
    if wrapped is not None:
        return is_public(wrapped)
    if address.scope_id or address not in _PUBLIC_V6:
        return False
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP_INTERFACE_IDS:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return not any(address in network for network in _BLOCKED_V6)


def is_opened(address: Address, allowed_networks: Sequence[Network]) -> bool:
    """Whether the person opened the network that this address is in."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in allowed_networks)


def check_addresses(
    host: str, port: int, addresses: Sequence[Address], allowed_networks: Sequence[Network]
) -> None:
    """Raise AddressNotAllowed if any address may not be contacted on this port.

    One bad address among good ones is enough: such an answer is how rebinding begins.
    """
    for address in addresses:
        if is_opened(address, allowed_networks):
            continue
        if not is_public(address):
            raise AddressNotAllowed(
                f"{host} is not a public address; to read it anyway, add its network to "
                "WEBSEARCH_ALLOWED_NETWORKS"
            )
        if port not in WEB_PORTS:
            raise AddressNotAllowed(f"{host}: port {port} is not a web port")


def parse_literal(host: str) -> Address | None:
    """The address that a URL's host spells out, or None if it is a name."""
    try:
        return ip_address(host)
    except (AddressValueError, ValueError):
        return None


def checked_url(text: str, *, allowed_networks: Sequence[Network] = ()) -> httpx.URL:
    """Parse a URL that may be fetched, without asking the DNS. Raises AddressNotAllowed.

    The host comes back in lower-case ASCII and without a trailing dot. Addresses in other
    notations than the usual one (octal, hexadecimal, one number) are refused, because
    programs disagree on what they mean.
    """
    text = text.strip()
    if len(text) > MAX_URL_CHARS or _UNSAFE_URL_CHARS.search(text):
        raise AddressNotAllowed("the URL is too long or holds control characters or backslashes")
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode("ascii").lower().removesuffix(".")
        port = (443 if url.scheme == "https" else 80) if url.port is None else url.port
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise AddressNotAllowed(f"not a valid URL: {error}") from error
    if url.scheme not in ("http", "https"):
        raise AddressNotAllowed(
            f"the address begins with {url.scheme or 'nothing'}: only http and https are read"
        )
    if url.userinfo:
        raise AddressNotAllowed("the URL holds a user name or password")
    _check_host(host, port, allowed_networks)
    return url.copy_with(host=host, fragment=None)


def _check_host(host: str, port: int, allowed_networks: Sequence[Network]) -> None:
    literal = parse_literal(host)
    if literal is not None:
        check_addresses(host, port, [literal], allowed_networks)
        return
    if not _HOST_NAME.fullmatch(host) or _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        raise AddressNotAllowed("the URL's host is neither a name nor a plain address")
    if port not in WEB_PORTS and not allowed_networks:
        raise AddressNotAllowed(f"{host}: port {port} is not a web port")
