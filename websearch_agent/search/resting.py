"""Engines that must be left alone for a while."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from websearch_agent.errors import EngineBlocked, EngineRateLimited, SearchError

DEFAULT_REST_S = {EngineRateLimited.code: 60.0, EngineBlocked.code: 300.0}
MAX_REST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Rest:
    """Why an engine rests and for how many seconds more."""

    code: str
    reason: str
    remaining_s: float


class RestTable:
    """Which engines rest, in memory, for one process. `clock` counts seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rests: dict[str, tuple[float, str, str]] = {}

    def note(self, engine: str, error: SearchError) -> None:
        """Let the engine rest if the error asks for it (rate limit, block); else do nothing."""
        default_s = DEFAULT_REST_S.get(error.code)
        if default_s is None:
            return
        wait_s = default_s if error.retry_after_s is None else error.retry_after_s
        until = self._clock() + min(wait_s, MAX_REST_S)
        self._rests[engine] = (until, error.code, error.message)

    def rest_of(self, engine: str) -> Rest | None:
        """The engine's rest, or None if it may be asked."""
        if engine not in self._rests:
            return None
        until, code, reason = self._rests[engine]
        remaining_s = until - self._clock()
        if remaining_s <= 0:
            del self._rests[engine]
            return None
        return Rest(code, reason, remaining_s)
