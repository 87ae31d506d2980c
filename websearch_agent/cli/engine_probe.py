"""One real query to each engine, and what came of it in words."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Literal

from websearch_agent.config import Settings
from websearch_agent.config_checks import ENGINE_NAMES
from websearch_agent.errors import (
    EngineBlocked,
    EngineRateLimited,
    EngineResponseChanged,
    EngineUnavailable,
    IndexUnusable,
    SearchError,
    UnsupportedFilter,
)
from websearch_agent.protocols import SearchEngine
from websearch_agent.search.engines import HTTP_ENGINES
from websearch_agent.search.engines.ddgs import DdgsEngine
from websearch_agent.search.http_engine import EngineSetting, missing_setting
from websearch_agent.search.result_cleaning import clean_engine_text, clean_results
from websearch_agent.types import SearchQuery, SearchResult
from websearch_agent.wiring import Engines

PROBE_QUERY = "python programming language"
_logger = logging.getLogger(__name__)

State = Literal[
    "ok",
    "nothing found",
    "rate limited",
    "blocked",
    "unreachable",
    "reply not understood",
    "left out",
    "empty index",
    "index unusable",
    "failed",
    "not set up",
    "not in use",
]
_STATE_OF_CODE: dict[str, State] = {
    EngineRateLimited.code: "rate limited",
    EngineBlocked.code: "blocked",
    EngineUnavailable.code: "unreachable",
    EngineResponseChanged.code: "reply not understood",
    UnsupportedFilter.code: "left out",
    IndexUnusable.code: "index unusable",
}
_WHAT_TO_DO: dict[State, str] = {
    "rate limited": "wait, ask less often, or name further engines in WEBSEARCH_ENGINES",
    "blocked": "name further engines in WEBSEARCH_ENGINES",
    "unreachable": "check the network of this machine",
    "reply not understood": "its API or pages may have changed: look for a newer version",
    "empty index": "`websearch-agent index PATH` fills it",
}
# A reason with one of these says itself what to do.
_PLACES_TO_CHANGE = ("WEBSEARCH_", "settings.yml", "limiter.toml")
# These go through a proxy if one is set.
_BY_PROXY = ("ddgs", "news")


@dataclass(frozen=True, slots=True)
class EngineReport:
    """`reason` is why it did not answer, `advice` what to do; both are empty if it did."""

    engine: str
    state: State
    result_count: int = 0
    seconds: float = 0.0
    first_title: str = ""
    reason: str = ""
    advice: str = ""

    @property
    def answered(self) -> bool:
        return self.state in ("ok", "nothing found")


def what_to_do(report: EngineReport) -> str:
    """The advice of the report, else what its state usually asks for."""
    usual = _WHAT_TO_DO.get(report.state, "")
    if report.state in ("unreachable", "reply not understood") and report.engine == "searxng":
        usual = "check WEBSEARCH_SEARXNG_URL, and look at the log of your SearXNG"
    if report.state in ("blocked", "unreachable") and report.engine.startswith(_BY_PROXY):
        usual += ", or set a proxy in WEBSEARCH_DDGS_PROXY"
    is_told = any(place in report.reason for place in _PLACES_TO_CHANGE)
    return report.advice or ("" if is_told else usual)


async def probe_engine(
    engine: SearchEngine, engines: Engines, query: SearchQuery, *, deadline_s: float
) -> EngineReport:
    """Ask one engine; a local index that holds nothing is not asked."""
    if engine is engines.local_engine:
        try:
            if engines.local_engine.is_empty():
                return EngineReport("local", "empty index", reason="nothing indexed yet")
        except IndexUnusable as error:
            return EngineReport("local", "index unusable", reason=error.message)
    return await _probe(engine.name, partial(engine.search, query), deadline_s=deadline_s)


async def probe_all(
    engines: Engines, query: SearchQuery, *, deadline_s: float
) -> list[EngineReport]:
    """Ask every configured engine at once, those made of backends once for each backend."""
    probes: list[Coroutine[None, None, EngineReport]] = []
    for engine in engines.configured():
        if isinstance(engine, DdgsEngine):
            for backend in engine.backends:
                ask = partial(engine.ask_backend, backend, query)
                probes.append(_probe(f"{engine.name}: {backend}", ask, deadline_s=deadline_s))
        else:
            probes.append(probe_engine(engine, engines, query, deadline_s=deadline_s))
    return list(await asyncio.gather(*probes))


def ready_engines(settings: Settings) -> tuple[str, ...]:
    """Those of the configured engines that have the setting they need."""
    return tuple(name for name in settings.engines if _missing(name, settings) is None)


def report_unused(settings: Settings) -> list[EngineReport]:
    """The engines that are not asked: those without their setting, and those not named."""
    ready = ready_engines(settings)
    return [_report_unused(name, settings) for name in ENGINE_NAMES if name not in ready]


def _report_unused(name: str, settings: Settings) -> EngineReport:
    join = "" if name in settings.engines else f"add {name} to WEBSEARCH_ENGINES"
    missing = _missing(name, settings)
    if missing is None:
        return EngineReport(name, "not in use", advice=join)
    advice = f"set {missing.variable} ({missing.hint})" + (f" and {join}" if join else "")
    return EngineReport(name, "not set up", advice=advice)


def _missing(name: str, settings: Settings) -> EngineSetting | None:
    spec = HTTP_ENGINES.get(name)
    return missing_setting(spec, settings) if spec is not None else None


async def _probe(
    name: str, ask: Callable[[], Awaitable[list[SearchResult]]], *, deadline_s: float
) -> EngineReport:
    started_s = time.monotonic()
    try:
        async with asyncio.timeout(deadline_s):
            results = clean_results(name, await ask())
    except TimeoutError:
        reason = f"no answer within {deadline_s:g} s"
        return EngineReport(name, "unreachable", seconds=deadline_s, reason=reason)
    except SearchError as error:
        state = _STATE_OF_CODE.get(error.code, "failed")
        seconds = time.monotonic() - started_s
        return EngineReport(name, state, seconds=seconds, reason=clean_engine_text(error.message))
    except Exception as error:  # The door to foreign parsers: the others are still reported.
        _logger.exception("engine %s failed in a way it does not know", name)
        reason = f"an internal error of this engine ({type(error).__name__})"
        return EngineReport(name, "failed", reason=reason)
    seconds = time.monotonic() - started_s
    if not results:
        return EngineReport(name, "nothing found", seconds=seconds)
    return EngineReport(name, "ok", len(results), seconds, first_title=results[0].title)
