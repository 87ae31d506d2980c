"""Places for searches and pages that programs ask for without a question."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from fastapi import Request
from starlette.applications import Starlette
from starlette.types import Scope

from websearch_agent.accounts import Identity
from websearch_agent.errors import ServerBusy, TooManyRequests
from websearch_agent.server.answer_queue import AnswerQueue
from websearch_agent.server.feed import run_until_disconnect
from websearch_agent.server.rate_limits import QuestionLimit, asker_of, holder_of

T = TypeVar("T")

# They wait for the network more than for this machine; an answer alone reads up to eight pages.
MAX_LOOKUPS = 8
MAX_WAITING_LOOKUPS = 32
LOOKUP_WAIT_S = 20.0


def lookup_queue() -> AnswerQueue:
    """As fair as that of the answers: nobody takes more than half of the places."""
    return AnswerQueue(
        max_answers=MAX_LOOKUPS, max_waiting=MAX_WAITING_LOOKUPS, deadline_s=LOOKUP_WAIT_S
    )


async def look_up(request: Request, asker: Identity, work: Callable[[], Awaitable[T]]) -> T | None:
    """Run `work` in a place of its own; None if the client left before it was done.

    Counts as one question. Raises TooManyRequests, ServerBusy, and what `work` raises.
    """

    async def work_in_place() -> T:
        async with lookup_place(request.app, asker, request.scope):
            return await work()

    return await run_until_disconnect(request.receive, work_in_place())


@asynccontextmanager
async def lookup_place(app: Starlette, asker: Identity, scope: Scope) -> AsyncIterator[None]:
    """A place for one search or page, for any door. Raises TooManyRequests, ServerBusy."""
    limit: QuestionLimit = app.state.question_limit
    await limit.count(asker_of(asker, scope))
    queue: AnswerQueue = app.state.lookup_queue
    async with AsyncExitStack() as held:
        try:
            await held.enter_async_context(queue.place(holder_of(asker, scope)))
        except TooManyRequests as error:
            # The queue's own words are about questions.
            message = "Too many searches and pages are being fetched. Ask again a little later."
            kind = ServerBusy if isinstance(error, ServerBusy) else TooManyRequests
            raise kind(message, retry_after_s=error.retry_after_s) from error
        yield
