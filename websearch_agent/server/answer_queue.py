"""Places for answers that are written at the same time, and the queue in front of them."""

import asyncio
import itertools
import math
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from websearch_agent.config import Settings
from websearch_agent.errors import ServerBusy, TooManyRequests

RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class PlaceHolder:
    """For whom a place is: a user, or a client's address."""

    name: str
    may_take_all: bool = False


class AnswerQueue:
    """Gives places to those who ask; whoever waited `deadline_s` in vain is refused.

    One holder's flood leaves room for the others, by three rules:

    - Nobody runs more than half of the places (rounded up) at once, even while others are free,
      but for a holder that `may_take_all`.
    - The next place goes to the waiting holder with the fewest running answers; among equals to
      the one whose last place is longest ago, then in the order of asking.
    - Nobody holds more than half of the waiting places.
    """

    def __init__(self, *, max_answers: int, max_waiting: int, deadline_s: float) -> None:
        self.free_places = max_answers
        self._max_answers = max_answers
        self._max_waiting = max_waiting
        self._max_waiting_each = math.ceil(max_waiting / 2)
        self._deadline_s = deadline_s
        # In the order of asking, each with whoever waits for it.
        self._waiting: dict[asyncio.Future[None], PlaceHolder] = {}
        # Of those who run or wait: how many answers, and when the last place was given.
        self._running: Counter[str] = Counter()
        self._last_given: dict[str, int] = {}
        self._numbers = itertools.count(1)
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

    @property
    def known_holders(self) -> set[str]:
        """Of whom something is remembered: those who run or wait, and had a place before."""
        return {*self._running, *self._last_given}

    @asynccontextmanager
    async def place(self, holder: PlaceHolder) -> AsyncIterator["AnswerQueue"]:
        """Hold a place for as long as the context is open.

        Raises ServerBusy when none came free in time or too many wait, TooManyRequests when too
        many of these are the holder's own.
        """
        if self._closed:
            raise _shutting_down()
        if self.free_places > 0 and self._may_run_one_more(holder):
            self._take(holder)
        else:
            await self._wait_for_place(holder)
        try:
            yield self
        finally:
            self._give_back(holder)

    def close(self) -> None:
        """Refuse those who wait, and everybody from now on."""
        self._closed = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(_shutting_down())

    async def _wait_for_place(self, holder: PlaceHolder) -> None:
        self._check_room(holder)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = holder
        try:
            async with asyncio.timeout(self._deadline_s):
                await turn
        except BaseException as error:
            # The place may have been given in the same moment in which the waiting ended.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_back(holder)
            if isinstance(error, TimeoutError):
                raise ServerBusy(
                    f"No place came free within {self._deadline_s:g} seconds: too many questions "
                    "are being answered. Ask again a little later.",
                    retry_after_s=RETRY_AFTER_S,
                ) from None
            raise
        finally:
            self._waiting.pop(turn, None)
            self._forget_if_gone(holder)

    def _check_room(self, holder: PlaceHolder) -> None:
        names = [waiting.name for waiting in self._waiting.values()]
        is_full = len(names) >= self._max_waiting
        if is_full and self.free_places == 0:
            raise ServerBusy(
                "Too many questions are being answered, and too many wait. Ask again a little "
                "later.",
                retry_after_s=RETRY_AFTER_S,
            )
        if is_full or names.count(holder.name) >= self._max_waiting_each:
            raise TooManyRequests(
                f"{self._running[holder.name]} of your questions are being answered, and "
                f"{names.count(holder.name)} wait. Ask again when one is answered.",
                retry_after_s=RETRY_AFTER_S,
            )

    def _may_run_one_more(self, holder: PlaceHolder) -> bool:
        most = self._max_answers if holder.may_take_all else math.ceil(self._max_answers / 2)
        return self._running[holder.name] < most

    def _take(self, holder: PlaceHolder) -> None:
        self.free_places -= 1
        self._running[holder.name] += 1
        self._last_given[holder.name] = next(self._numbers)

    def _give_back(self, holder: PlaceHolder) -> None:
        self.free_places += 1
        self._running[holder.name] -= 1
        while self.free_places > 0 and (turn := self._next_turn()) is not None:
            self._take(self._waiting.pop(turn))
            turn.set_result(None)
        self._forget_if_gone(holder)

    def _next_turn(self) -> asyncio.Future[None] | None:
        """Of those who still wait and may have a place."""
        turns = [
            turn
            for turn, holder in self._waiting.items()
            if not turn.done() and self._may_run_one_more(holder)
        ]
        return min(turns, key=self._places_had, default=None)

    def _places_had(self, turn: asyncio.Future[None]) -> tuple[int, int]:
        name = self._waiting[turn].name
        return self._running[name], self._last_given.get(name, 0)

    def _forget_if_gone(self, holder: PlaceHolder) -> None:
        """Else each address that ever asked would be kept."""
        waits = any(waiting.name == holder.name for waiting in self._waiting.values())
        if self._running[holder.name] == 0 and not waits:
            del self._running[holder.name]
            self._last_given.pop(holder.name, None)


def _shutting_down() -> ServerBusy:
    message = "The server is shutting down. Ask again when it is back."
    return ServerBusy(message, retry_after_s=RETRY_AFTER_S)
