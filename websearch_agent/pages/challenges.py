"""Robot checks that come with an error status, known without a parser: this runs in the program."""

import re
from collections.abc import Mapping

from websearch_agent.pages.wall_signs import CHALLENGE_MARKS, ROBOT_CHECK, title_parts

_TITLE = re.compile(r"<(?:title|h1)\b[^<>]{0,200}>([^<]{1,200})")
# With an error status these say no more than the status.
_BARE_REFUSALS = frozenset(
    {"403", "403 forbidden", "error 403", "forbidden", "access denied", "禁止访问"}
)


def is_challenge(body: bytes, *, headers: Mapping[str, str]) -> bool:
    """Whether an error's body (its beginning will do) is a robot check."""
    if headers.get("cf-mitigated", "").lower() == "challenge":
        return True
    markup = body.decode("utf-8", errors="replace").lower()
    if any(mark in markup for mark in CHALLENGE_MARKS):
        return True
    parts = [part for heading in _TITLE.findall(markup) for part in title_parts(heading)]
    return any(ROBOT_CHECK.titles.fullmatch(part) and part not in _BARE_REFUSALS for part in parts)
