"""One call of one backend of the `ddgs` library, in the calling thread, with the true reason
when it fails."""

from datetime import UTC, datetime
from typing import Any

from websearch_agent.errors import (
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    EngineUnavailable,
    SearchError,
)
from websearch_agent.search.canonical_url import is_web_url
from websearch_agent.search.http_engine import parse_retry_after
from websearch_agent.types import (
    SearchResult,
    TimeRange,
)

# Words of challenge pages that come with status 200 and without results. `anomaly-modal` is
# DuckDuckGo's, the others are in the challenge pages of Cloudflare, hCaptcha and reCAPTCHA.
CHALLENGE_WORDS = (
    "anomaly-modal",
    "captcha",
    "cf-challenge",
    "challenge-platform",
    "unusual traffic",
)


def text_backends() -> tuple[str, ...]:
    """The names of the installed library's text backends."""
    from ddgs.engines import ENGINES  # 0.12 s of import, only when used

    return tuple(sorted(ENGINES["text"]))


def search_backend(
    backend: str,
    words: str,
    *,
    region: str,
    time_range: TimeRange | None,
    proxy: str | None,
    verify: str | bool,
    timeout_s: float,
) -> list[SearchResult]:
    """Ask once. An empty list means that the backend answered and has nothing.

    Raises EngineRateLimited, EngineBlocked, EngineUnavailable, EngineResponseChanged.
    """
    from ddgs.engines import ENGINES
    from ddgs.exceptions import DDGSException, TimeoutException

    engine = _watched(ENGINES["text"][backend])(proxy=proxy, timeout=timeout_s, verify=verify)
    try:
        hits = engine.search(words, region=region, timelimit=time_range[0] if time_range else None)
    except TimeoutException as error:
        raise EngineUnavailable(f"no answer from {backend} in {timeout_s:g} s") from error
    except DDGSException as error:
        raise EngineUnavailable(f"could not reach {backend}: {_cause(error)}") from error
    except SearchError:
        raise
    except Exception as error:  # Its parsers raise whatever lxml or an index raises.
        raise EngineResponseChanged(f"the reply of {backend} was not understood") from error
    results = [hit for hit in hits or [] if is_web_url(hit.href)]
    if not results:
        raise_if_challenged(backend, engine.last_text)
    return [
        SearchResult(hit.href, hit.title or hit.href, hit.body, backend, rank)
        for rank, hit in enumerate(results, start=1)
    ]


def raise_for_status(backend: str, status: int, retry_after_s: float | None) -> None:
    """Name what the library drops: it takes every status but 200 for an empty page."""
    if status == 200:
        return
    if status in (202, 429):
        # 202 is DuckDuckGo's way of saying "too many requests".
        message = f"{backend} limits how often it may be asked (HTTP {status})"
        raise EngineRateLimited(message, retry_after_s=retry_after_s)
    if status in (401, 403, 418, 451):
        raise EngineBlocked(f"{backend} refuses this address (HTTP {status})")
    if status >= 500:
        raise EngineUnavailable(f"{backend} answered HTTP {status}")
    raise EngineResponseChanged(f"{backend} answered HTTP {status}, which was not expected")


def raise_if_challenged(backend: str, text: str) -> None:
    """A page without results that asks for a proof of being human is a block."""
    lower = text.lower()
    if any(word in lower for word in CHALLENGE_WORDS):
        raise EngineBlocked(f"{backend} asks for a captcha")


def _watched(engine_class: Any) -> Any:
    """The library's engine, except that a status other than 200 is an error with a name."""

    class Watched(engine_class):  # type: ignore[misc]
        last_text = ""

        def request(self, *args: Any, **kwargs: Any) -> Any:
            response = self.http_client.request(*args, **kwargs)
            raise_for_status(self.name, response.status_code, _retry_after_s(response))
            self.last_text = response.text
            return response.text

    return Watched


def _retry_after_s(response: Any) -> float | None:
    value = response._resp.headers.get("retry-after")
    return parse_retry_after(value, now=datetime.now(UTC))


def _cause(error: Exception) -> str:
    """The library wraps long texts with the whole address; the last part says why."""
    text = str(error.__cause__ or error)
    return text.rsplit(" > ", 1)[-1].split(": no records found")[0].strip("'\") ")[:160]
