"""Web engines without a key, by way of the `ddgs` library: several backends, in turn.

The library's own `DDGS` says "No results found." for a rate limit, a block and a truly empty
page alike (9.16). So its backends' classes are used here directly, with a `request` that looks
at the status; addresses, request bodies and parsers are the library's.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from websearch_agent.config import Settings
from websearch_agent.errors import (
    ConfigError,
    EngineBlocked,
    EngineRateLimited,
    EngineUnavailable,
    SearchError,
    UnsupportedFilter,
)
from websearch_agent.search.ddgs_backend import search_backend, text_backends
from websearch_agent.search.domain_filter import add_site_words
from websearch_agent.search.regions import region_for
from websearch_agent.search.resting import RestTable
from websearch_agent.types import (
    SearchQuery,
    SearchResult,
)

MAX_DEADLINE_S = 5.0
# A backend that has not answered by then gets company (healthy ones answer in 0.5-1 s).
PATIENCE_S = 1.5
MAX_AT_ONCE = 8
# These take no time range (read in ddgs 9.16.1); asking them would pass over the filter.
WITHOUT_TIME_RANGE = frozenset({"mojeek", "wikipedia", "grokipedia"})

Found = list[SearchResult]
Call = Callable[[], Coroutine[None, None, Found]]


class DdgsEngine:
    """Asks the backends in order until one has results; each rests alone when it refuses."""

    def __init__(
        self,
        settings: Settings,
        *,
        rests: RestTable | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Raises ConfigError for a backend that the library does not have."""
        self._backends = _checked_backends(settings.ddgs_backends)
        self._proxy = settings.ddgs_proxy
        self._verify = str(settings.ddgs_ca_file) if settings.ddgs_ca_file else True
        self._deadline_s = min(MAX_DEADLINE_S, 0.8 * settings.search_deadline_s)
        self._patience_s = patience_s
        self._rests = rests if rests is not None else RestTable()
        # Threads of its own: a hanging call must not take those that others wait for.
        self._threads = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="ddgs")
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    @property
    def name(self) -> str:
        return "ddgs"

    async def search(self, query: SearchQuery) -> list[SearchResult]:
        """The first backend's results; an empty list only if one said that there are none.

        Raises EngineUnavailable, EngineRateLimited or EngineBlocked with a reason for each
        backend, UnsupportedFilter if none can honour the time range.
        """
        backends = [
            b for b in self._backends if not query.time_range or b not in WITHOUT_TIME_RANGE
        ]
        if not backends:
            raise UnsupportedFilter(
                f"none of the backends {', '.join(self._backends)} takes a time range; "
                "add duckduckgo or brave to WEBSEARCH_DDGS_BACKENDS"
            )
        race = _Race(deadline_s=self._deadline_s, patience_s=self._patience_s)
        results = await race.run([(b, partial(self._ask, b, query)) for b in backends])
        return results[: query.max_results]

    def close(self) -> None:
        """Let go of the threads; calls that are under way end by their own time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, backend: str, query: SearchQuery) -> Found:
        rest = self._rests.rest_of(backend)
        if rest is not None:
            raise _resting_error(rest.code, rest.reason, rest.remaining_s)
        call = partial(
            search_backend,
            backend,
            add_site_words(query),
            region=region_for(query),
            time_range=query.time_range,
            proxy=self._proxy,
            verify=self._verify,
            timeout_s=self._deadline_s,
        )
        try:
            async with self._slots:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, call)
        except SearchError as error:
            self._rests.note(backend, error)
            raise


class _Race:
    """Starts the next call when the last failed, found nothing, or is slow; first results win."""

    def __init__(self, *, deadline_s: float, patience_s: float) -> None:
        self._deadline_s = deadline_s
        self._patience_s = patience_s
        self._failures: dict[str, SearchError] = {}
        self._empty: list[str] = []

    async def run(self, calls: Sequence[tuple[str, Call]]) -> Found:
        running: dict[asyncio.Task[Found], str] = {}
        try:
            async with asyncio.timeout(self._deadline_s):
                for name, call in calls:
                    running[asyncio.create_task(call())] = name
                    if results := await self._wait(running, timeout_s=self._patience_s):
                        return results
                while running:
                    if results := await self._wait(running, timeout_s=None):
                        return results
        except TimeoutError:
            for name in running.values():
                self._failures[name] = EngineUnavailable(f"no answer in {self._deadline_s:g} s")
        finally:
            for task in running:
                task.cancel()
        if self._empty:
            return []
        raise summarise_failures(self._failures)

    async def _wait(
        self, running: "dict[asyncio.Task[Found], str]", *, timeout_s: float | None
    ) -> Found:
        done, _ = await asyncio.wait(
            running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        found: Found = []
        for task in done:
            name = running.pop(task)
            error = task.exception()
            if isinstance(error, SearchError):
                self._failures[name] = error
            elif error is not None:
                raise error
            elif task.result():
                found = found or task.result()
            else:
                self._empty.append(name)
        return found


def summarise_failures(failures: Mapping[str, SearchError]) -> SearchError:
    """One error for all backends: what to do is what the mildest of them asks for."""
    reasons = "; ".join(_with_name(name, error.message) for name, error in failures.items())
    waits = [e.retry_after_s for e in failures.values() if e.retry_after_s is not None]
    errors = list(failures.values())
    if all(isinstance(error, EngineBlocked) for error in errors):
        return EngineBlocked(reasons, retry_after_s=min(waits, default=None))
    if all(isinstance(error, EngineBlocked | EngineRateLimited) for error in errors):
        return EngineRateLimited(reasons, retry_after_s=min(waits, default=None))
    return EngineUnavailable(reasons)


def _with_name(backend: str, message: str) -> str:
    return message if backend in message else f"{backend}: {message}"


def _resting_error(code: str, reason: str, remaining_s: float) -> SearchError:
    kind = EngineBlocked if code == EngineBlocked.code else EngineRateLimited
    return kind(f"{reason}, resting for {remaining_s:.0f} s more", retry_after_s=remaining_s)


def _checked_backends(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = text_backends()
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ConfigError(
            f"WEBSEARCH_DDGS_BACKENDS: unknown backend {', '.join(unknown) or '(none)'}; "
            f"known are: {', '.join(known)}"
        )
    return names
