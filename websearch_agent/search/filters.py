"""Which filters of a query an engine can honour. What it cannot, leaves it out of that query."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from websearch_agent.errors import UnsupportedFilter
from websearch_agent.search.domain_filter import is_within
from websearch_agent.types import SearchQuery, TimeRange

ALL_TIME_RANGES: frozenset[TimeRange] = frozenset({"day", "week", "month", "year"})
# A month and a year as their longest: a filter must not lose what was asked for.
DAYS_OF_RANGE: dict[TimeRange, int] = {"day": 1, "week": 7, "month": 31, "year": 366}


@dataclass(frozen=True, slots=True)
class Filters:
    """What an engine takes. `exclude_domains` is not here: pages of such domains are dropped
    from any engine's reply, whether it took the filter or not.

    `own_site` is the one site that all pages of the engine belong to.
    """

    time_ranges: frozenset[TimeRange] = frozenset()
    include_domains: bool = False
    language: bool = False
    own_site: str = ""


def check_filters(engine: str, filters: Filters, query: SearchQuery) -> None:
    """Raise UnsupportedFilter if the query has a filter that the engine cannot honour."""
    if query.time_range and query.time_range not in filters.time_ranges:
        what = f"the time range {query.time_range!r}" if filters.time_ranges else "a time range"
        raise _left_out(engine, f"takes no filter for {what}")
    if query.language and not filters.language:
        raise _left_out(engine, "takes no filter for a language")
    if filters.own_site:
        _check_own_site(engine, filters.own_site, query)
    elif query.include_domains and not filters.include_domains:
        raise _left_out(engine, "cannot be held to domains")


def first_day(time_range: TimeRange, *, today: date) -> date:
    """The first day that lies within the range."""
    return today - timedelta(days=DAYS_OF_RANGE[time_range])


def first_moment(time_range: TimeRange, *, now: datetime) -> datetime:
    """The same to the second."""
    return now - timedelta(days=DAYS_OF_RANGE[time_range])


def unsupported_language(engine: str, language: str) -> UnsupportedFilter:
    """For engines that know some languages only."""
    return _left_out(engine, f"knows no language {language!r}")


def _check_own_site(engine: str, site: str, query: SearchQuery) -> None:
    included = query.include_domains
    if included and not any(is_within(site, d) or is_within(d, site) for d in included):
        raise _left_out(engine, f"has pages of {site} only")
    if any(is_within(site, domain) for domain in query.exclude_domains):
        raise _left_out(engine, f"has pages of {site} only, which is excluded")


def _left_out(engine: str, reason: str) -> UnsupportedFilter:
    return UnsupportedFilter(f"{engine} {reason}; it was left out of this search")
