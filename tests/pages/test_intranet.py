"""What the operator opened is open to those who ask for it, never to strangers' redirects."""

from ipaddress import ip_network

import pytest

from tests.pages.fake_network import FakeNames, FakeNetwork, redirect, reply
from websearch_agent.errors import AddressNotAllowed, PageUnreachable
from websearch_agent.pages.web_access import WebAccess

pytestmark = pytest.mark.anyio

PUBLIC, INSIDE = "93.184.215.14", "10.0.0.7"
NAMES = {"wiki": [[INSIDE]], "docs.corp.example": [[INSIDE]], "a.corp.example": [[INSIDE]],
         "public.example": [[PUBLIC]],
         "sneaky.example": [[INSIDE]], "meta.corp.example": [["169.254.169.254"]]}  # fmt: skip
NETWORK, HOSTS = [ip_network("10.0.0.0/24")], ("wiki", "*.corp.example")


def access(network: FakeNetwork, *, robots: bool = False, **opened: object) -> WebAccess:
    names = FakeNames({name: [list(answer) for answer in rows] for name, rows in NAMES.items()})
    return WebAccess(resolve=names, dialler=network, respect_robots=robots, **opened)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["http://wiki:9000/", "http://docs.corp.example:8888/x"])
async def test_opened_host_is_read_on_its_own_port(url: str) -> None:
    network = FakeNetwork({INSIDE: [reply(b"intranet")]})
    assert (await access(network, intranet_hosts=HOSTS).get(url)).body == b"intranet"


async def test_other_name_of_an_opened_host_stays_closed() -> None:
    network = FakeNetwork({INSIDE: [reply(b"intranet")]})
    web_access = access(network, intranet_hosts=HOSTS)
    for url in ("http://sneaky.example/", f"http://{INSIDE}/", "http://meta.corp.example/"):
        with pytest.raises(AddressNotAllowed):
            await web_access.get(url)
    assert network.dialled == []


OPENED = [({"intranet_hosts": HOSTS}, "http://wiki/x"),
          ({"allowed_networks": NETWORK}, "http://wiki/x"),
          ({"allowed_networks": NETWORK}, f"http://{INSIDE}/x"),
          ({"intranet_hosts": ("a.corp.example",)}, "http://a.corp.example:9/")]  # fmt: skip


@pytest.mark.parametrize(("opened", "target"), OPENED)
@pytest.mark.parametrize("robots", [True, False])
async def test_stranger_cannot_redirect_into_what_is_opened(
    opened: dict[str, object], target: str, robots: bool
) -> None:
    outside = [reply(status=404), redirect(target)] if robots else [redirect(target)]
    network = FakeNetwork({PUBLIC: outside, INSIDE: [reply(b"secret")] * 3})
    with pytest.raises(AddressNotAllowed):
        await access(network, robots=robots, **opened).get("http://public.example/")
    assert {address.partition(":")[0] for address in network.dialled} == {PUBLIC}


@pytest.mark.parametrize(("opened", "target"), OPENED)
async def test_stranger_gets_no_kept_connection_into_what_is_opened(
    opened: dict[str, object], target: str
) -> None:
    kept = reply(b"intranet", content_type="text/plain").replace(b"Connection: close\r\n", b"")
    network = FakeNetwork({INSIDE: [kept, reply(b"secret")], PUBLIC: [redirect(target)]})
    web_access = access(network, **opened)
    assert (await web_access.get(target)).body == b"intranet"
    with pytest.raises(AddressNotAllowed):
        await web_access.get("http://public.example/")
    assert b"".join(network.requests).count(b"GET ") == 2


@pytest.mark.parametrize(("opened", "target"), OPENED)
async def test_what_a_public_engine_found_is_not_read_inside_what_is_opened(
    opened: dict[str, object], target: str
) -> None:
    kept = reply(b"intranet", content_type="text/plain").replace(b"Connection: close\r\n", b"")
    network = FakeNetwork({INSIDE: [kept, reply(b"secret")]})
    web_access = access(network, **opened)
    assert (await web_access.get(target)).body == b"intranet"
    with pytest.raises(AddressNotAllowed, match="inside an opened network, and a public search"):
        await web_access.get(target, intranet=False)
    assert b"".join(network.requests).count(b"GET ") == 1


async def test_what_a_public_engine_found_is_read_where_it_is_public() -> None:
    network = FakeNetwork({PUBLIC: [reply(b"outside"), redirect("http://wiki/x")]})
    web_access = access(network, intranet_hosts=HOSTS, allowed_networks=NETWORK)
    assert (await web_access.get("http://public.example/", intranet=False)).body == b"outside"
    with pytest.raises(AddressNotAllowed):
        await web_access.get("http://public.example/", intranet=False)
    assert network.dialled == [f"{PUBLIC}:80"] * 2


async def test_proxy_is_not_asked_for_an_opened_name_that_a_public_engine_found() -> None:
    network = FakeNetwork({})
    web_access = access(network, intranet_hosts=HOSTS, proxy="http://proxy.example:3128")
    with pytest.raises(AddressNotAllowed, match="inside an opened network"):
        await web_access.get("http://docs.corp.example/", intranet=False)
    assert network.dialled == []


@pytest.mark.parametrize(("opened", "target"), OPENED)
async def test_opened_page_redirects_within_what_is_opened(
    opened: dict[str, object], target: str
) -> None:
    network = FakeNetwork({INSIDE: [redirect(f"{target}?moved"), reply(b"moved")]})
    assert (await access(network, **opened).get(target)).body == b"moved"


async def test_chain_through_a_stranger_does_not_come_back_in() -> None:
    network = FakeNetwork(
        {
            INSIDE: [redirect("http://public.example/"), reply(b"x")],
            PUBLIC: [redirect("http://wiki/b")],
        }
    )
    with pytest.raises(AddressNotAllowed):
        await access(network, intranet_hosts=HOSTS).get("http://wiki/a")
    assert network.dialled == [f"{INSIDE}:80", f"{PUBLIC}:80"]


async def test_strangers_robots_file_does_not_lead_inside() -> None:
    network = FakeNetwork({PUBLIC: [redirect("http://wiki/robots.txt")], INSIDE: [reply(b"x")]})
    with pytest.raises(PageUnreachable, match=r"robots\.txt"):
        await access(network, robots=True, intranet_hosts=HOSTS).get("http://public.example/")
    assert network.dialled == [f"{PUBLIC}:80"]
