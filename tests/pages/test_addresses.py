"""Which URLs and addresses may be contacted."""

from ipaddress import ip_address, ip_network

import pytest

from websearch_agent.errors import AddressNotAllowed
from websearch_agent.pages.addresses import (
    OpenedPlaces,
    check_addresses,
    checked_url,
    is_public,
)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1",
        "192.168.0.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "168.63.129.16",
        "::", "::1", "fe80::1", "fe80::1%2", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "2001:2::1", "3fff::1", "5f00::1", "100::1",
        "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1",
        "2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "2a00::5efe:10.0.0.1",
        "2a00::200:5efe:192.168.0.1",
    ],
)  # fmt: skip
def test_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
     "64:ff9b::1.1.1.1", "::ffff:1.1.1.1"],
)  # fmt: skip
def test_public_address_is_allowed(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://example.com/", "ftp://example.com/", "//example.com/",
        "example.com", "http:/example.com", "javascript:alert(1)", "data:text/html,x",
        "http://user@example.com/", "http://user:secret@example.com/", "http://example.com:22/",
        "http://example.com:0/", "http://example.com:99999/",
        "http://2130706433/", "http://0177.0.0.1/", "http://0x7f.0.0.1/", "http://127.1/",
        "http://0x7f000001/", "http://1.1.1/", "http://127.0.0.1./", "http://127.0.0.1/",
        "http://１２７.0.0.1/", "http://①②⑦.0.0.1/", "http://%31%32%37.0.0.1/", "http://[::1]/",
        "http://[::ffff:127.0.0.1]/", "http://[fe80::1%25eth0]/", "http://exa mple.com/",
        "http://example.com\\@127.0.0.1/", "http://example.com/\r\nX: y", "http:///path",
        "http://a..b/", "http://" + "a" * 5000 + ".com/",
    ],
)  # fmt: skip
def test_url_of_wrong_form_or_place_is_refused(url: str) -> None:
    with pytest.raises(AddressNotAllowed):
        checked_url(url)


def test_host_comes_back_plain() -> None:
    assert str(checked_url("HTTPS://WWW.Example.COM./a?b=c#d")) == "https://www.example.com/a?b=c"
    assert checked_url("http://bücher.example/").raw_host == b"xn--bcher-kva.example"
    assert str(checked_url("https://example.com:8443/")) == "https://example.com:8443/"


def opened(*places: str) -> OpenedPlaces:
    """Networks hold a slash, all else are hosts."""
    networks = tuple(ip_network(place) for place in places if "/" in place)
    return OpenedPlaces(networks, tuple(place for place in places if "/" not in place))


def test_opened_network_may_be_read_on_any_port() -> None:
    places = opened("10.0.0.0/8")
    assert checked_url("http://10.1.2.3:9200/x", opened=places).port == 9200
    with pytest.raises(AddressNotAllowed):
        checked_url("http://192.168.1.1/", opened=places)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    addresses = [ip_address("1.1.1.1"), ip_address("10.0.0.1")]
    with pytest.raises(AddressNotAllowed):
        check_addresses("mixed.example", 80, addresses)


def test_opened_network_does_not_open_odd_ports_of_public_hosts() -> None:
    with pytest.raises(AddressNotAllowed):
        check_addresses("example.com", 22, [ip_address("1.1.1.1")], opened("10.0.0.0/8"))


def test_opened_host_may_be_anywhere_on_any_port() -> None:
    places = opened("wiki", "*.corp.example")
    for host in ("wiki", "docs.corp.example", "a.b.corp.example"):
        check_addresses(host, 9200, [ip_address("10.0.0.1"), ip_address("1.1.1.1")], places)
        assert checked_url(f"http://{host.upper()}:9200/", opened=places).port == 9200


@pytest.mark.parametrize(
    "host", ["corp.example", "wiki.example", "evilcorp.example", "awiki", "wiki.corp.example.org"]
)
def test_opened_host_opens_no_other_name(host: str) -> None:
    with pytest.raises(AddressNotAllowed):
        check_addresses(host, 80, [ip_address("10.0.0.1")], opened("wiki", "*.corp.example"))


def test_pattern_of_names_opens_no_address_in_digits() -> None:
    with pytest.raises(AddressNotAllowed):
        checked_url("http://10.0.0.1/", opened=opened("*.0.0.1", "*.0.1"))


METADATA = ["169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254",
            "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::a9fe:a9fe%1",
            "::ffff:0:169.254.169.254", "::169.254.169.254", "2002:a9fe:a9fe::1",
            "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:fffe::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::",
            "64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1:0:a9:fea9:fe00:0",
            "169.254.169.123"]  # fmt: skip


@pytest.mark.parametrize("address", METADATA)
def test_metadata_service_stays_closed_in_an_opened_network(address: str) -> None:
    wide = opened("0.0.0.0/0", "::/0", "wiki", "169.254.0.0/16", "fe80::/10", "fd00::/8")
    with pytest.raises(AddressNotAllowed, match="metadata service"):
        check_addresses("wiki", 80, [ip_address(address)], wide)


@pytest.mark.parametrize("network", ["169.254.169.254/32", "fd00:ec2::254/128"])
def test_metadata_service_that_was_opened_alone_may_be_read(network: str) -> None:
    address = ip_address(network.partition("/")[0])
    check_addresses("meta", 8775, [address], opened(network))


@pytest.mark.parametrize("address", ["169.254.0.1", "64:ff9b::169.254.0.1", "::169.254.7.7"])
def test_link_local_address_is_not_opened_by_a_wide_network_or_a_name(address: str) -> None:
    wide = opened("0.0.0.0/0", "::/0", "wiki", "169.0.0.0/8")
    with pytest.raises(AddressNotAllowed, match="link-local"):
        check_addresses("wiki", 80, [ip_address(address)], wide)


@pytest.mark.parametrize("network", ["169.254.0.1/32", "169.254.0.0/24", "169.254.0.0/16"])
def test_link_local_address_that_was_opened_as_one_may_be_read(network: str) -> None:
    check_addresses("printer", 80, [ip_address("169.254.0.1")], opened(network))


LOCAL_NAMES = ["localhost", "a.localhost", "printer.local", "metadata.google.internal", "wiki",
               "nas.home.arpa", "router.lan", "x.corp", "localhost.localdomain",
               "kubernetes.default.svc", "a.default.svc.cluster.local", "vault.service.consul",
               "metadata.goog", "a.onion", "fritz.box", "db.docker", "nas.localnet"]  # fmt: skip


@pytest.mark.parametrize("host", LOCAL_NAMES)
def test_proxy_is_not_asked_for_names_of_local_networks(host: str) -> None:
    places = opened("10.0.0.0/8")
    with pytest.raises(AddressNotAllowed, match="WEBSEARCH_INTRANET_HOSTS"):
        checked_url(f"http://{host}./", opened=places, proxy_resolves=True)
    assert checked_url(f"http://{host}/", opened=opened(host), proxy_resolves=True).host == host


def test_proxy_is_asked_for_public_names_on_web_ports_only() -> None:
    for host in ("local.example.com", "svc.example.com", "x.goog", "box.example"):
        assert checked_url(f"http://{host}/", proxy_resolves=True).host == host
    with pytest.raises(AddressNotAllowed):
        checked_url("http://example.com:22/", opened=opened("10.0.0.0/8"), proxy_resolves=True)
