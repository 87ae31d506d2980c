"""Which addresses may be contacted: public ones, and private networks opened on purpose.

Own lists, because `ipaddress.is_global` is wrong for 192.0.0.0/24 on Python 3.11 and does not
look at an IPv4 address that is wrapped in an IPv6 one.
Sources: IANA special-purpose address registries; for names RFC 6761, 6762 (appendix G), 7686, 8375
and 9476, the names that ICANN delegates to nobody because networks use them, and those that
container platforms, service registries, home routers and clouds answer themselves.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")  # RFC 8215
# RFC 6052: the address may stand behind each of these, around eight bits that are zero.
_NAT64_PREFIX_BITS = (48, 56, 64)
_ENDING_IN_V4 = (
    _NAT64,
    _LOCAL_NAT64,
    IPv6Network("::/96"),  # IPv4-compatible
    IPv6Network("::ffff:0:0/96"),  # IPv4-mapped
    IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated, RFC 2765
)
_LINK_LOCAL_V4 = IPv4Network("169.254.0.0/16")
_ISATAP_INTERFACE_IDS = (0x00005EFE, 0x02005EFE)
# Services that give keys to whoever asks from inside a cloud: of AWS (also for its containers),
# Google, Azure, Oracle, Alibaba, Tencent, Scaleway, and OpenStack.
_METADATA = frozenset(
    ip_address(text)
    for text in (
        "100.100.100.200",
        "168.63.129.16",
        "169.254.0.23",
        "169.254.169.123",
        "169.254.169.253",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "169.254.42.42",
        "192.0.0.192",
        "fd00:42::42",
        "fd00:ec2::23",
        "fd00:ec2::253",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
    )
)
# Names of the machine itself and of networks at home and in companies. A proxy would look them up
# where it stands.
_LOCAL_NAMES = re.compile(
    r"[^.]+|(?:.+\.)?(?:localhost|localdomain|local|internal|intranet|private|corp|home|lan|mail"
    r"|home\.arpa|in-addr\.arpa|ip6\.arpa|alt|onion|test|invalid"
    r"|svc|consul|nomad|docker|podman|localnet|dhcp|router|workgroup|box"
    r"|metadata\.goog|metadata\.tencentyun\.com)"
)

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNSAFE_URL_CHARS = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class OpenedPlaces:
    """What of the intranet the operator lets pages be read from, on any port.

    `hosts`: names in lower case; `*.corp.example` stands for all names below `corp.example`.
    `withheld`: what is opened to others, but not to those who ask here; only errors tell it apart.
    """

    networks: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()
    withheld: "OpenedPlaces | None" = None

    def __bool__(self) -> bool:
        return bool(self.networks or self.hosts)

    def has_host(self, host: str) -> bool:
        """Whether the name was opened; an address in digits only as it stands in the list."""
        if host in self.hosts:
            return True
        if parse_literal(host) is not None:
            return False
        return any(name.startswith("*.") and host.endswith(name[1:]) for name in self.hosts)

    def for_strangers(self) -> "OpenedPlaces":
        """What of it is open to addresses that no person and no engine of one's own named."""
        return OpenedPlaces(withheld=self) if self else self

    def withholds(self, host: str, address: Address | None = None) -> bool:
        """Whether the place is opened, but to others."""
        places = self.withheld
        if places is None:
            return False
        return places.has_host(host) or (address is not None and places.has_address(address))

    def has_address(self, address: Address) -> bool:
        """Whether its network was opened.

        A metadata service must be named by itself, another link-local address by itself or by a
        network of link-local ones.
        """
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        networks = [network for network in self.networks if address in network]
        if not is_of_metadata_services(address):
            return bool(networks)
        return any(
            network.num_addresses == 1
            or (_is_link_local_network(network) and not is_metadata_service(address))
            for network in networks
        )


NOTHING_OPENED = OpenedPlaces()


def is_public(address: Address) -> bool:
    """Whether the address, or the IPv4 one wrapped in it, belongs to the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _BLOCKED_V4)
    if address.ipv4_mapped is not None or address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.scope_id or address not in _PUBLIC_V6:
        return False
    if any(address in network for network in _BLOCKED_V6):
        return False
    return all(map(is_public, _wrapped_v4(address)))


def is_metadata_service(address: Address) -> bool:
    """Whether the address, or an IPv4 one wrapped in it, is where a cloud gives out its keys."""
    return not _METADATA.isdisjoint(_ends(address))


def is_of_metadata_services(address: Address) -> bool:
    """Whether it is one, or another link-local address of IPv4: nearly all of them are there."""
    return is_metadata_service(address) or any(
        isinstance(end, IPv4Address) and end in _LINK_LOCAL_V4 for end in _ends(address)
    )


def _is_link_local_network(network: Network) -> bool:
    return isinstance(network, IPv4Network) and network.subnet_of(_LINK_LOCAL_V4)


def _ends(address: Address) -> tuple[Address, ...]:
    """The address, without a scope, and those that packets to it may end at."""
    if isinstance(address, IPv4Address):
        return (address,)
    return IPv6Address(int(address)), *_wrapped_v4(address)


def _wrapped_v4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that packets to this one may end at."""
    bits = int(address)
    last = IPv4Address(bits & 0xFFFFFFFF)
    if address in _LOCAL_NAT64:
        joined = (bits >> 64 << 56) | (bits & (1 << 56) - 1)  # 120 bits, without the zero ones
        inner = (joined >> (120 - 32 - prefix) & 0xFFFFFFFF for prefix in _NAT64_PREFIX_BITS)
        return last, *map(IPv4Address, inner)
    if any(address in network for network in _ENDING_IN_V4):
        return (last,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return (address.teredo[1],)
    if (bits >> 32) & 0xFFFFFFFF in _ISATAP_INTERFACE_IDS:
        return (last,)
    return ()


def check_addresses(
    host: str, port: int, addresses: Sequence[Address], opened: OpenedPlaces = NOTHING_OPENED
) -> None:
    """Raise AddressNotAllowed if any address may not be contacted on this port.

    One bad address among good ones is enough: such an answer is how rebinding begins.
    """
    is_opened_host = opened.has_host(host)
    for address in addresses:
        if opened.has_address(address):
            continue
        if is_of_metadata_services(address):
            raise AddressNotAllowed(
                f"{host} is a metadata service of a cloud or a link-local address; to read it "
                "anyway, add its address alone (/32 or /128) to WEBSEARCH_ALLOWED_NETWORKS"
            )
        if is_opened_host:
            continue
        is_closed = not is_public(address) or port not in WEB_PORTS
        if is_closed and opened.withholds(host, address):
            raise _withheld(host)
        if not is_public(address):
            raise AddressNotAllowed(
                f"{host} is not a public address; to read it anyway, add its name to "
                "WEBSEARCH_INTRANET_HOSTS or its network to WEBSEARCH_ALLOWED_NETWORKS"
            )
        if port not in WEB_PORTS:
            raise AddressNotAllowed(f"{host}: port {port} is not a web port")


def _withheld(host: str) -> AddressNotAllowed:
    return AddressNotAllowed(
        f"{host} is inside an opened network, and a public search engine or another site named it: "
        "it is not read"
    )


def parse_literal(host: str) -> Address | None:
    """The address that a URL's host spells out, or None if it is a name."""
    try:
        return ip_address(host)
    except (AddressValueError, ValueError):
        return None


def checked_url(
    text: str, *, opened: OpenedPlaces = NOTHING_OPENED, proxy_resolves: bool = False
) -> httpx.URL:
    """Parse a URL that may be fetched, without asking the DNS. Raises AddressNotAllowed.

    The host comes back in lower-case ASCII and without a trailing dot. Addresses in other
    notations than the usual one (octal, hexadecimal, one number) are refused, because
    programs disagree on what they mean. `proxy_resolves`: this is the only check that the name will
    get here, so names of local networks are refused too.
    """
    text = text.strip()
    if len(text) > MAX_URL_CHARS or _UNSAFE_URL_CHARS.search(text):
        raise AddressNotAllowed("the URL is too long or holds control characters or backslashes")
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode("ascii").lower().removesuffix(".")
        port = port_of(url)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise AddressNotAllowed(f"not a valid URL: {error}") from error
    if url.scheme not in ("http", "https"):
        raise AddressNotAllowed(
            f"the address begins with {url.scheme or 'nothing'}: only http and https are read"
        )
    if url.userinfo:
        raise AddressNotAllowed("the URL holds a user name or password")
    _check_host(host, port, opened, proxy_resolves=proxy_resolves)
    return url.copy_with(host=host, fragment=None)


def port_of(url: httpx.URL) -> int:
    """The port that is dialled."""
    return (443 if url.scheme == "https" else 80) if url.port is None else url.port


def _check_host(host: str, port: int, opened: OpenedPlaces, *, proxy_resolves: bool) -> None:
    literal = parse_literal(host)
    if literal is not None:
        check_addresses(host, port, [literal], opened)
        return
    if not _HOST_NAME.fullmatch(host) or _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        raise AddressNotAllowed("the URL's host is neither a name nor a plain address")
    if opened.has_host(host):
        return
    if opened.withholds(host) and (proxy_resolves or port not in WEB_PORTS):
        raise _withheld(host)
    if proxy_resolves and _LOCAL_NAMES.fullmatch(host):
        raise AddressNotAllowed(
            f"{host} is a name of a local network, which a proxy must not be asked for; to read it "
            "anyway, add it to WEBSEARCH_INTRANET_HOSTS"
        )
    # Without a proxy, what a name stands for decides when it has been resolved.
    if port not in WEB_PORTS and (proxy_resolves or not opened.networks):
        raise AddressNotAllowed(f"{host}: port {port} is not a web port")
