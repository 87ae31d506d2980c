"""One answer from the waiting for a place to its end, whichever way it ends."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.types import Receive

from websearch_agent.events import AgentEvent
from websearch_agent.server.answer_queue import AnswerQueue, PlaceHolder
from websearch_agent.server.feed import AnswerFeed, OpenAnswers, run_until_disconnect


@dataclass(frozen=True, slots=True)
class AnswerTurn:
    """What is needed to answer once `holder` has a place: `begin` starts the work."""

    begin: Callable[[], AsyncIterator[AgentEvent]]
    holder: PlaceHolder
    queue: AnswerQueue
    open_answers: OpenAnswers

    @asynccontextmanager
    async def open(self, receive: Receive) -> AsyncIterator[AnswerFeed | None]:
        """The answer's events while it has its place; None if the client left while waiting.

        At the end, by whatever way, the work is stopped and then the place given back. Raises
        ServerBusy, TooManyRequests.
        """
        async with AsyncExitStack() as held:
            waiting = held.enter_async_context(self.queue.place(self.holder))
            if await run_until_disconnect(receive, waiting) is None:
                yield None
                return
            feed = AnswerFeed(self.begin())
            held.push_async_callback(feed.aclose)
            with self.open_answers.track(feed):
                yield feed
