"""All queries at all engines at once."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from websearch_agent.errors import EngineUnavailable, SearchError
from websearch_agent.protocols import SearchEngine
from websearch_agent.search.domain_filter import keep_allowed_domains, with_plain_domains
from websearch_agent.search.fusion import rank_pages
from websearch_agent.search.resting import RestTable
from websearch_agent.search.result_cleaning import clean_engine_text, clean_results
from websearch_agent.types import EngineFailure, SearchQuery, SearchResult

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """Fused results, best first, and the calls that failed, in the order of the inputs.

    `answered_by` are the engines that answered at least one query, if only with nothing found.
    """

    results: list[SearchResult]
    failures: tuple[EngineFailure, ...] = ()
    answered_by: frozenset[str] = frozenset()


async def search_all(
    engines: Sequence[SearchEngine],
    queries: Sequence[SearchQuery],
    *,
    deadline_s: float,
    rests: RestTable | None = None,
    max_per_site: int = 3,
) -> SearchOutcome:
    """Ask every engine every query at once; a slow or failing call becomes a failure value.

    Raises InvalidRequest for a domain that is none: it would silently drop every result.
    """
    table = rests if rests is not None else RestTable()
    plain = [with_plain_domains(query) for query in queries]
    pairs = [(engine, query) for query in plain for engine in engines]
    answers = await asyncio.gather(
        *(_ask(engine, query, deadline_s=deadline_s, rests=table) for engine, query in pairs)
    )
    failures = tuple(answer for answer in answers if isinstance(answer, EngineFailure))
    rankings = [answer for answer in answers if not isinstance(answer, EngineFailure)]
    answered_by = frozenset(
        engine.name
        for (engine, _), answer in zip(pairs, answers, strict=True)
        if not isinstance(answer, EngineFailure)
    )
    best = rank_pages(rankings, max_per_site=max_per_site)
    return SearchOutcome(best, failures, answered_by)


async def _ask(
    engine: SearchEngine, query: SearchQuery, *, deadline_s: float, rests: RestTable
) -> list[SearchResult] | EngineFailure:
    rest = rests.rest_of(engine.name)
    if rest is not None:
        reason = f"resting for another {rest.remaining_s:.0f} s: {rest.reason}"
        return EngineFailure(engine.name, query.query, rest.code, reason, rest.remaining_s)
    try:
        async with asyncio.timeout(deadline_s):
            results = clean_results(engine.name, await engine.search(query))
    except TimeoutError:
        reason = f"no answer within {deadline_s:g} s"
        return EngineFailure(engine.name, query.query, EngineUnavailable.code, reason)
    except SearchError as error:
        rests.note(engine.name, error)
        reason = clean_engine_text(error.message)
        return EngineFailure(engine.name, query.query, error.code, reason, error.retry_after_s)
    except Exception:  # The door to foreign parsers: one engine never ends all.
        _logger.exception("engine %s failed in a way it does not know", engine.name)
        reason = "an internal error of this engine; the log has its traceback"
        return EngineFailure(engine.name, query.query, SearchError.code, reason)
    return keep_allowed_domains(results, query)
