"""Web and news engines without a key, by way of the `ddgs` library: several backends, in turn.

The library's own `DDGS` says "No results found." for a rate limit, a block and a truly empty
page alike (9.16). So its backends' classes are used here directly, with a client that looks at
the status; addresses, request bodies and parsers are the library's.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from websearch_agent.config import Settings
from websearch_agent.errors import (
    ConfigError,
    EngineBlocked,
    EngineRateLimited,
    SearchError,
    UnsupportedFilter,
)
from websearch_agent.search.backend_race import BackendRace, Found
from websearch_agent.search.ddgs_backend import Category, backend_names, search_backend
from websearch_agent.search.domain_filter import add_site_words
from websearch_agent.search.filters import (
    ALL_TIME_RANGES,
    Filters,
    check_filters,
    first_day,
    unsupported_language,
)
from websearch_agent.search.regions import backend_region, region_for
from websearch_agent.search.resting import RestTable
from websearch_agent.types import SearchQuery, SearchResult, TimeRange

MAX_DEADLINE_S = 5.0
# A backend that has not answered by then gets company (healthy ones answer in 0.5-1 s).
PATIENCE_S = 1.5
MAX_AT_ONCE = 8

_ALL = Filters(ALL_TIME_RANGES, include_domains=True, language=True)
_NO_LANGUAGE = Filters(ALL_TIME_RANGES, include_domains=True)
_UP_TO_A_MONTH: frozenset[TimeRange] = frozenset({"day", "week", "month"})
_NOT_A_YEAR = Filters(_UP_TO_A_MONTH, include_domains=True)
# Read in ddgs 9.16.1: a backend that does not take a filter would pass over it. Of the region
# `country-language` Brave gets the country alone, Yahoo nothing, and Startpage is told
# `language=english` beside it. The library hands a year on to Yahoo and to DuckDuckGo's news too,
# whose own pages offer a month at most (not tried live): they are not asked for one. Bing's news
# are asked for less than the range, an hour for a day and a month for a year: nothing comes that
# is too old.
_TEXT_FILTERS: Mapping[str, Filters] = {
    "brave": _NO_LANGUAGE,
    "duckduckgo": _ALL,
    "grokipedia": Filters(own_site="grokipedia.com"),
    "mojeek": Filters(include_domains=True, language=True),
    "startpage": _NO_LANGUAGE,
    "wikipedia": Filters(language=True, own_site="wikipedia.org"),
    "yahoo": _NOT_A_YEAR,
}
_NEWS_FILTERS: Mapping[str, Filters] = {
    "bing": _ALL,
    "duckduckgo": Filters(_UP_TO_A_MONTH, include_domains=True, language=True),
    "yahoo": _NOT_A_YEAR,
}


@dataclass(frozen=True, slots=True)
class DdgsSpec:
    """One engine made of backends. `backends_setting` is the field of `Settings` that names
    them; a backend that is not in `filters` takes none."""

    name: str
    category: Category
    backends_setting: str
    filters: Mapping[str, Filters]


DDGS = DdgsSpec("ddgs", "text", "ddgs_backends", _TEXT_FILTERS)
NEWS = DdgsSpec("news", "news", "news_backends", _NEWS_FILTERS)
DDGS_ENGINES: Mapping[str, DdgsSpec] = {spec.name: spec for spec in (DDGS, NEWS)}


class DdgsEngine:
    """Asks the backends in order until one has results; each rests alone when it refuses."""

    def __init__(
        self,
        settings: Settings,
        spec: DdgsSpec = DDGS,
        *,
        rests: RestTable | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Raises ConfigError for a backend that the library does not have."""
        self._spec = spec
        self.backends = _checked_backends(settings, spec)
        proxy = settings.ddgs_proxy
        self._proxy = proxy.get_secret_value() if proxy is not None else None
        self._verify = str(settings.ddgs_ca_file) if settings.ddgs_ca_file else True
        self._deadline_s = min(MAX_DEADLINE_S, 0.8 * settings.search_deadline_s)
        self._patience_s = patience_s
        self._rests = rests if rests is not None else RestTable()
        # Threads of its own: a hanging call must not take those that others wait for.
        self._threads = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix=spec.name)
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    @property
    def name(self) -> str:
        return self._spec.name

    async def search(self, query: SearchQuery) -> list[SearchResult]:
        """The first backend's results; an empty list only if one said that there are none.

        Raises EngineUnavailable, EngineRateLimited or EngineBlocked with a reason for each
        backend, UnsupportedFilter if none can honour the filters.
        """
        backends = self._able_backends(query)
        race = BackendRace(deadline_s=self._deadline_s, patience_s=self._patience_s)
        results = await race.run([(b, partial(self.ask_backend, b, query)) for b in backends])
        return results[: query.max_results]

    async def ask_backend(self, backend: str, query: SearchQuery) -> Found:
        """One backend's results. Raises SearchError, at once while the backend rests."""
        rest = self._rests.rest_of(backend)
        if rest is not None:
            raise _resting_error(rest.code, rest.reason, rest.remaining_s)
        call = partial(
            search_backend,
            backend,
            add_site_words(query),
            category=self._spec.category,
            region=backend_region(backend, query),
            time_range=query.time_range,
            proxy=self._proxy,
            verify=self._verify,
            timeout_s=self._deadline_s,
        )
        try:
            async with self._slots:
                loop = asyncio.get_running_loop()
                results = await loop.run_in_executor(self._threads, call)
        except SearchError as error:
            self._rests.note(backend, error)
            raise
        return _without_older(results, query.time_range)

    def close(self) -> None:
        """Let go of the threads; calls that are under way end by their own time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _able_backends(self, query: SearchQuery) -> list[str]:
        """Those that can honour the query's filters. Raises UnsupportedFilter if none can."""
        if query.language and region_for(query) is None:
            raise unsupported_language(self.name, query.language)
        able, reasons = [], []
        for backend in self.backends:
            try:
                check_filters(backend, self._spec.filters.get(backend, Filters()), query)
            except UnsupportedFilter as error:
                reasons.append(error.message)
            else:
                able.append(backend)
        if not able:
            raise UnsupportedFilter("; ".join(reasons))
        return able


def _without_older(results: Found, time_range: TimeRange | None) -> Found:
    """News have dates: what is older than asked for is dropped, whatever the backend thinks."""
    if time_range is None:
        return results
    # A day more: dates come without a time zone.
    oldest = first_day(time_range, today=datetime.now(UTC).date()).toordinal() - 1
    return [r for r in results if r.date is None or _day_number(r.date, unknown=oldest) >= oldest]


def _day_number(date: str, *, unknown: int) -> int:
    try:
        return datetime.fromisoformat(date).toordinal()
    except ValueError:
        return unknown


def _resting_error(code: str, reason: str, remaining_s: float) -> SearchError:
    kind = EngineBlocked if code == EngineBlocked.code else EngineRateLimited
    return kind(f"{reason}, resting for {remaining_s:.0f} s more", retry_after_s=remaining_s)


def _checked_backends(settings: Settings, spec: DdgsSpec) -> tuple[str, ...]:
    text: str = getattr(settings, spec.backends_setting)
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    known = backend_names(spec.category)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ConfigError(
            f"WEBSEARCH_{spec.backends_setting.upper()}: unknown backend "
            f"{', '.join(unknown) or '(none)'}; known are: {', '.join(known)}"
        )
    return names
