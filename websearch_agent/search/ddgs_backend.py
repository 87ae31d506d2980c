"""One call of one backend of the `ddgs` library, in the calling thread, with the true reason
when it fails."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from websearch_agent.errors import (
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    EngineUnavailable,
    SearchError,
)
from websearch_agent.search.canonical_url import is_web_url
from websearch_agent.search.dates import iso_date
from websearch_agent.search.reply_errors import parse_retry_after
from websearch_agent.types import SearchResult, TimeRange

Category = Literal["text", "news"]

# Words of challenge pages that come with status 200 and without results. `anomaly-modal` is
# DuckDuckGo's, the others are in the challenge pages of Cloudflare, hCaptcha and reCAPTCHA.
CHALLENGE_WORDS = (
    "anomaly-modal",
    "captcha",
    "cf-challenge",
    "challenge-platform",
    "unusual traffic",
)


def backend_names(category: Category) -> tuple[str, ...]:
    """The names of the installed library's backends."""
    from ddgs.engines import ENGINES  # 0.12 s of import, only when used

    return tuple(sorted(ENGINES[category]))


def search_backend(
    backend: str,
    words: str,
    *,
    category: Category,
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

    backend_class: Any = ENGINES[category][backend]
    try:
        engine = backend_class(proxy=proxy, timeout=timeout_s, verify=verify)
    except Exception as error:  # Its HTTP library has errors of its own for a wrong address.
        reason = without_proxy_secrets(_cause(error), proxy)
        raise EngineUnavailable(
            f"{backend} could not be set up ({reason}); look at WEBSEARCH_DDGS_PROXY and "
            "WEBSEARCH_DDGS_CA_FILE"
        ) from error
    watch = _Watch(engine.http_client, backend)
    engine.http_client = watch
    try:
        hits = engine.search(words, region=region, timelimit=time_range[0] if time_range else None)
    except TimeoutException as error:
        raise EngineUnavailable(f"no answer from {backend} in {timeout_s:g} s") from error
    except DDGSException as error:
        if watch.answered:  # It did answer: what the library looked for was not there.
            raise_if_challenged(backend, watch.last_text)
            raise _not_understood(backend) from error
        reason = without_proxy_secrets(_cause(error), proxy)
        raise EngineUnavailable(f"could not reach {backend}: {reason}") from error
    except SearchError:
        raise
    except Exception as error:  # Its parsers raise whatever lxml or an index raises.
        raise_if_challenged(backend, watch.last_text)
        raise _not_understood(backend) from error
    results = [result for hit in hits or [] if (result := _to_result(hit, backend, category))]
    if not results:
        raise_if_challenged(backend, watch.last_text)
    return [replace(result, rank=rank) for rank, result in enumerate(results, start=1)]


def _to_result(hit: Any, backend: str, category: Category) -> SearchResult | None:
    url = hit.href if category == "text" else hit.url
    if not is_web_url(url):
        return None
    title, snippet = hit.title or url, hit.body or ""
    if category == "text":
        return SearchResult(url, title, snippet, backend, 1)
    return SearchResult(url, title, snippet, f"{backend} news", 1, iso_date(hit.date))


def _not_understood(backend: str) -> EngineResponseChanged:
    return EngineResponseChanged(f"the reply of {backend} was not understood")


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


class _Watch:
    """Stands before the library's HTTP client: a status other than 200 is an error with a name.

    Some backends send a request of their own before the search; it is watched too.
    """

    def __init__(self, http_client: Any, backend: str) -> None:
        self._http_client = http_client
        self._backend = backend
        self.client = http_client.client
        self.answered = False
        self.last_text = ""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        self.answered = False
        response = self._http_client.request(*args, **kwargs)
        raise_for_status(self._backend, response.status_code, _retry_after_s(response))
        self.answered = True
        self.last_text = response.text
        return response

    def get(self, url: str, *args: Any, **kwargs: Any) -> Any:
        return self.request("GET", url, *args, **kwargs)

    def post(self, url: str, *args: Any, **kwargs: Any) -> Any:
        return self.request("POST", url, *args, **kwargs)


def _retry_after_s(response: Any) -> float | None:
    value = response._resp.headers.get("retry-after")
    return parse_retry_after(value, now=datetime.now(UTC))


def _cause(error: Exception) -> str:
    """The library wraps long texts with the whole address; the last part says why."""
    text = str(error.__cause__ or error)
    return text.rsplit(" > ", 1)[-1].split(": no records found")[0].strip("'\") ")[:160]


def without_proxy_secrets(text: str, proxy: str | None) -> str:
    """The proxy's address may hold a user and a password, which no message shows."""
    user, at, host = urlsplit(proxy or "").netloc.rpartition("@")
    if not at:
        return text
    for secret in (f"{user}@{host}", user, *user.split(":", 1)[1:]):
        text = text.replace(secret, "(hidden)")
    return text
