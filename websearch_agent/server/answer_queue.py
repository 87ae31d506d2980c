"""Places for answers that are written at the same time, and the queue in front of them."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websearch_agent.config import Settings
from websearch_agent.errors import ServerBusy, TooManyRequests

RETRY_AFTER_S = 10


class AnswerQueue:
    """Gives places in the order of asking; whoever waited `deadline_s` in vain is refused.

    Nobody may hold more than half of the waiting places, so that one client's flood leaves room
    for the questions of others.
    """

    def __init__(self, *, max_answers: int, max_waiting: int, deadline_s: float) -> None:
        self.free_places = max_answers
        self._max_waiting = max_waiting
        self._max_waiting_each = math.ceil(max_waiting / 2)
        self._deadline_s = deadline_s
        # In the order of asking, each with whoever waits for it.
        self._waiting: dict[asyncio.Future[None], str] = {}
        self._closed = False

    @classmethod
    def from_settings(cls, settings: Settings) -> "AnswerQueue":
        return cls(
            max_answers=settings.max_answers,
            max_waiting=settings.max_waiting,
            deadline_s=settings.waiting_deadline_s,
        )

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @asynccontextmanager
    async def place(self, holder: str) -> AsyncIterator["AnswerQueue"]:
        """Hold a place for as long as the context is open.

        Raises ServerBusy when none came free in time or too many wait, TooManyRequests when too
        many of these are the holder's own.
        """
        if self._closed:
            raise _shutting_down()
        if self.free_places > 0:
            self.free_places -= 1
        else:
            await self._wait_for_place(holder)
        try:
            yield self
        finally:
            self._give_back()

    def close(self) -> None:
        """Refuse those who wait, and everybody from now on."""
        self._closed = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(_shutting_down())

    async def _wait_for_place(self, holder: str) -> None:
        self._check_room(holder)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = holder
        try:
            async with asyncio.timeout(self._deadline_s):
                await turn
        except BaseException as error:
            # The place may have been given in the same moment in which the waiting ended.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_back()
            if isinstance(error, TimeoutError):
                raise ServerBusy(
                    f"No place came free within {self._deadline_s:g} seconds: too many questions "
                    "are being answered. Ask again a little later.",
                    retry_after_s=RETRY_AFTER_S,
                ) from None
            raise
        finally:
            self._waiting.pop(turn, None)

    def _check_room(self, holder: str) -> None:
        if len(self._waiting) >= self._max_waiting:
            raise ServerBusy(
                "Too many questions are being answered, and too many wait. Ask again a little "
                "later.",
                retry_after_s=RETRY_AFTER_S,
            )
        if list(self._waiting.values()).count(holder) >= self._max_waiting_each:
            raise TooManyRequests(
                f"{self._max_waiting_each} of your questions wait for their answers already. Ask "
                "again when one is answered.",
                retry_after_s=RETRY_AFTER_S,
            )

    def _give_back(self) -> None:
        """To whoever has waited longest."""
        for turn in list(self._waiting):
            del self._waiting[turn]
            if not turn.done():
                turn.set_result(None)
                return
        self.free_places += 1


def _shutting_down() -> ServerBusy:
    message = "The server is shutting down. Ask again when it is back."
    return ServerBusy(message, retry_after_s=RETRY_AFTER_S)
