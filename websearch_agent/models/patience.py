"""Waits for a model server that is busy or still loading."""

from collections.abc import Awaitable, Callable

from websearch_agent.models.http_errors import ModelBusy

# A busy server is asked again if it does not want to be left alone for longer than this in all.
MAX_BUSY_WAIT_S = 20.0
MAX_BUSY_TRIES = 2
# Of a server that names no time: it is loading its model, or its queue is full.
UNNAMED_WAIT_S = 3.0


class Patience:
    """Waits for a busy server, as often and as long as one question can bear."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._sleep = sleep
        self._left_s = MAX_BUSY_WAIT_S
        self._tries = 0

    async def wait(self, error: ModelBusy) -> None:
        """Raises the error where waiting is no use."""
        wait_s = UNNAMED_WAIT_S if error.retry_after_s is None else error.retry_after_s
        self._tries += 1
        if self._tries > MAX_BUSY_TRIES or wait_s > self._left_s:
            raise error
        self._left_s -= wait_s
        await self._sleep(wait_s)
