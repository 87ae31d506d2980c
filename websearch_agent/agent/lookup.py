"""A search without a model: what the engines find, for callers that read it themselves."""

from collections.abc import Sequence
from dataclasses import replace

from websearch_agent.agent.notices import no_engine_message
from websearch_agent.errors import (
    InvalidRequest,
    NoEngineAnswered,
    UnknownEngine,
    UnsupportedFilter,
)
from websearch_agent.protocols import SearchEngine
from websearch_agent.search.fan_out import SearchOutcome, search_all
from websearch_agent.search.resting import RestTable
from websearch_agent.types import SearchQuery

MAX_QUERY_CHARS = 1000


async def search_engines(
    query: SearchQuery,
    engines: Sequence[SearchEngine],
    *,
    builtin: SearchEngine | None,
    deadline_s: float,
    rests: RestTable,
) -> SearchOutcome:
    """Ask all engines at once; `builtin` only if none of them answered.

    Raises InvalidRequest, UnsupportedFilter if no engine can honour the filters, NoEngineAnswered.
    """
    _check_query(query.query)
    outcome = await search_all(engines, [query], deadline_s=deadline_s, rests=rests)
    if not outcome.answered_by:
        broken = [f for f in outcome.failures if f.code != UnsupportedFilter.code]
        if outcome.failures and not broken:
            reasons = "; ".join(f"{f.engine}: {f.reason}" for f in outcome.failures)
            raise UnsupportedFilter(f"No engine can honour these filters ({reasons}).")
        failures = outcome.failures
        if builtin is not None:
            outcome = await search_all([builtin], [query], deadline_s=deadline_s)
        if not outcome.results:
            message = no_engine_message(query.query, failures, builtin_asked=builtin is not None)
            raise NoEngineAnswered(message)
        outcome = replace(outcome, failures=failures)
    return replace(outcome, results=outcome.results[: query.max_results])


def engines_named(
    names: Sequence[str], engines: Sequence[SearchEngine]
) -> tuple[SearchEngine, ...]:
    """Those of these names, each once, in the order of `engines`. Raises UnknownEngine."""
    known = [engine.name for engine in engines]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownEngine(
            f"There is no engine {unknown[0][:64]!r} here. Known are: {', '.join(known)}."
        )
    return tuple(engine for engine in engines if engine.name in names)


def _check_query(text: str) -> None:
    if not text.strip():
        raise InvalidRequest("The query is empty. Write what to search for.")
    if len(text) > MAX_QUERY_CHARS:
        raise InvalidRequest(
            f"The query has {len(text):,} characters; at most {MAX_QUERY_CHARS:,} are taken."
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequest("The query is not readable text. Send it as UTF-8.")
