"""Several backends of one engine: asked in turn, the first results win."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence

from websearch_agent.errors import (
    EngineBlocked,
    EngineRateLimited,
    EngineUnavailable,
    SearchError,
)
from websearch_agent.types import SearchResult

Found = list[SearchResult]
Call = Callable[[], Coroutine[None, None, Found]]


class BackendRace:
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
