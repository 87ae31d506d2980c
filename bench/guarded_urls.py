"""Asks the real guarded client for addresses of attackers and of ordinary pages, without a network.

    python bench/guarded_urls.py ../shared/data/urls/ssrf.jsonl

A row has `url`, `expect` (`block` or `allow`), `src`, and `needs` where a name must be answered.
Names get stub answers: a blocked row with `needs` is tried with private addresses, with a public
one that redirects to private places, and with a second, private answer (rebinding); the dialler
records and never dials. A blocked row holds if each try ends in an error and nothing that is not
public was dialled, an allowed one if a public address was dialled. Printed: a line for each source,
the rows that do not hold, then one JSON object. Exit status 1 if there are any.
"""

import argparse
import asyncio
import ipaddress
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import httpcore

from websearch_agent.errors import PageError
from websearch_agent.pages.addresses import Address, is_public
from websearch_agent.pages.web_access import WebAccess

PUBLIC = ipaddress.ip_address("93.184.215.14")
PRIVATE = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:192.168.0.1")
REDIRECTS = ("http://127.0.0.1/", "http://169.254.169.254/latest/", "http://inside.example/")
# In names of services that answer with the address in the name.
ADDRESS_IN_NAME = re.compile(r"(?:^|[.-])(\d{1,3}(?:[.-]\d{1,3}){3})[.-]")
LOCAL_NAME = re.compile(r"[^.]+|.*\.(?:localhost|local|internal|localdomain)")


class RecordingDialler(httpcore.AsyncNetworkBackend):
    """Never dials. With `location`, public addresses answer with a redirect to it."""

    def __init__(self, location: str = "") -> None:
        self.dialled: list[Address] = []
        self._location = location

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append(ipaddress.ip_address(host))
        if not self._location:
            raise httpcore.ConnectError("nothing is dialled here")
        head = f"HTTP/1.1 302 Found\r\nLocation: {self._location}\r\nContent-Length: 0\r\n\r\n"
        return httpcore.AsyncMockStream([head.encode()])


class StubNames:
    """`answers` in turn for every name, the last for ever; local names are always private."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)

    async def __call__(self, host: str, port: int) -> list[Address]:
        if host.startswith("metadata."):  # what these names stand for within their clouds
            return [ipaddress.ip_address("169.254.169.254")]
        if LOCAL_NAME.fullmatch(host) or host == "inside.example":
            return [ipaddress.ip_address("127.0.0.1")]
        if found := ADDRESS_IN_NAME.search(host):
            return [ipaddress.ip_address(found[1].replace("-", "."))]
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [ipaddress.ip_address(answer)]


async def ask(url: str, names: StubNames, location: str = "") -> tuple[bool, list[Address]]:
    """Whether a page error came, and what was dialled."""
    dialler = RecordingDialler(location)
    web_access = WebAccess(resolve=names, dialler=dialler, respect_robots=False)
    try:
        await web_access.get(url)
    except PageError:
        return True, dialler.dialled
    finally:
        await web_access.aclose()
    return False, dialler.dialled


async def holds(row: dict[str, str]) -> bool:
    """Whether the client does with a row what is expected."""
    if row["expect"] == "allow":
        _, dialled = await ask(row["url"], StubNames(str(PUBLIC)))
        return bool(dialled) and all(map(is_public, dialled))
    tries = [(StubNames(str(PUBLIC)), "")]
    if row.get("needs"):
        tries = [(StubNames(address), "") for address in PRIVATE]
        tries += [(StubNames(str(PUBLIC)), location) for location in REDIRECTS]
        tries += [(StubNames(str(PUBLIC), address), "/again") for address in PRIVATE]
    for names, location in tries:
        failed, dialled = await ask(row["url"], names, location)
        if not failed or not all(map(is_public, dialled)):
            return False
        # A public host that parsers agree on may be dialled only where a note says so.
        if dialled and not location and not (row.get("note") or row.get("needs")):
            return False
    return True


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    path = parser.parse_args().rows
    if not path.is_file():
        sys.exit(f"{path} is not there: the measuring data are not part of this repository")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    counts: Counter[tuple[str, str, bool]] = Counter()
    missed = []
    for row in rows:
        is_right = await holds(row)
        counts[row["src"], row["expect"], is_right] += 1
        if not is_right:
            missed.append(row)
    for src, expect in sorted({key[:2] for key in counts}):
        right, wrong = counts[src, expect, True], counts[src, expect, False]
        print(f"{right:4} of {right + wrong:4} {expect:5} {src}")
    for row in missed:
        print(f"WRONG {row['expect']} {row['url']!a} ({row.get('category')})")
    print(json.dumps({"eval": "guarded_urls", "n": len(rows), "missed": len(missed)}))
    sys.exit(bool(missed))


if __name__ == "__main__":
    asyncio.run(main())
