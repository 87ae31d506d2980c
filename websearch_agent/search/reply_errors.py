"""What the status of an engine's reply means, and for how long it asks to be left alone."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from websearch_agent.errors import (
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    EngineUnavailable,
    SearchError,
)

# 402 is what Exa and Brave answer when nothing is left to spend, 432 and 433 are Tavily's own.
QUOTA_STATUSES = (402, 432, 433)
# A quota comes back with a new day or month, or with money: asking more often tells nothing new.
QUOTA_REST_S = 3600.0


def error_for_status(
    engine: str, response: httpx.Response, *, key: str | None = None
) -> SearchError | None:
    """The error that a status other than 2xx stands for. `key` is the variable of the key that
    was sent."""
    status = response.status_code
    if response.is_success:
        return None
    wait_s = parse_retry_after(response.headers.get("retry-after"), now=datetime.now(UTC))
    if status == 429:
        words = f"; asks to wait {wait_s:.0f} s" if wait_s is not None else ""
        return EngineRateLimited(f"asked too often (HTTP 429){words}", retry_after_s=wait_s)
    if status in QUOTA_STATUSES:
        return quota_used_up(engine, f"HTTP {status}", wait_s=wait_s)
    if status in (401, 403):
        if key is not None:
            return wrong_key(engine, key, f"HTTP {status}")
        return EngineBlocked(f"{engine} refuses this client (HTTP {status})")
    if status >= 500:
        return EngineUnavailable(f"{engine} answered HTTP {status}", retry_after_s=wait_s)
    return EngineResponseChanged(f"{engine} answered HTTP {status}, which was not expected")


def wrong_key(engine: str, variable: str, reason: str) -> EngineBlocked:
    """The engine does not take the key. The key itself is never in a message."""
    return EngineBlocked(
        f"{engine} refuses the key in {variable} ({reason}): is it whole, still valid, and for "
        "this API?"
    )


def quota_used_up(engine: str, reason: str, *, wait_s: float | None = None) -> EngineRateLimited:
    """The plan has nothing left: a long rest, unless the engine names another one."""
    return EngineRateLimited(
        f"the quota of the key for {engine} is used up ({reason}); its account says when it is "
        "renewed",
        retry_after_s=QUOTA_REST_S if wait_s is None else wait_s,
    )


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait, from a number or an HTTP date; None if there is none or it is unusable."""
    if not value:
        return None
    text = value.strip()
    # Longer numbers are no waiting times, and `float` turns the longest into infinity.
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for a time zone of many digits
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
