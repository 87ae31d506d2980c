"""Reads pages together: more than are needed, until enough are in or the time is over."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import islice

from websearch_agent.agent.snippets import is_worth_showing, snippet_page
from websearch_agent.agent.state import AgentContext
from websearch_agent.errors import (
    AddressNotAllowed,
    AgentError,
    PageError,
    PageMissing,
    PageUnreachable,
)
from websearch_agent.events import (
    PageFinished,
)
from websearch_agent.types import Page, PageFailure, SearchResult

Emit = Callable[[object], None]
Task = asyncio.Task[Page | PageFailure]

MIN_PATIENCE_S = 1.5
MIN_GRACE_S = 0.3
# What an engine remembers of a page that is gone or may not be read is no source either.
WITHOUT_SNIPPET = frozenset({PageMissing.code, AddressNotAllowed.code})
# The person, and engines that the operator runs. Whoever gets a page into a public engine must not
# choose what is called inside the networks that the operator opened.
MAY_NAME_INTRANET = frozenset({"question", "searxng", "local"})

_logger = logging.getLogger(__name__)


async def read_until_enough(
    results: Sequence[SearchResult], context: AgentContext, emit: Emit
) -> list[PageFailure]:
    """Fetch the first ones at once, one more for each that fails, parse in order of arrival.

    Ends when enough are in, or the reading deadline is over; cancels what is no longer needed.
    Pages that the search put first are given a little longer than the others took.
    """
    reading = _Reading(results, context, emit)
    await reading.run()
    return reading.failures


class _Reading:
    """The pages of one search on their way. `failures` in the order in which they were told."""

    def __init__(self, results: Sequence[SearchResult], context: AgentContext, emit: Emit) -> None:
        self.failures: list[PageFailure] = []
        self._context = context
        self._emit = emit
        self._waiting = iter(results)
        self._asked_for = all(result.engine == "question" for result in results)
        most = len(results)
        self._enough = most if self._asked_for else min(context.plan.enough_pages, most)
        self._results: dict[Task, SearchResult] = {}
        self._pending: set[Task] = set()
        self._good = 0
        self._now = asyncio.get_running_loop().time
        self._started = self._now()
        self._give_up_at = self._started + context.reading_deadline_s

    async def run(self) -> None:
        self._start(self._context.plan.pages_to_read)
        try:
            while self._pending and (self._good < self._enough or self._first_ones_are_coming()):
                done, self._pending = await asyncio.wait(
                    self._pending,
                    timeout=max(0.0, self._give_up_at - self._now()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not done:
                    break
                # Results' order, not the order of completion: the same pages, the same answer.
                for task in sorted(done, key=self._rank):
                    read = self._take_in(self._results[task], task.result())
                    self._good += read
                    self._start(1 - read)
                self._lose_patience()
        finally:
            await _cancel_all(self._pending)
        if self._good < self._enough:
            self._tell_late_ones()

    def _start(self, count: int) -> None:
        for result in islice(self._waiting, count):
            task = asyncio.create_task(_read_one(result, self._context))
            self._results[task] = result
            self._pending.add(task)

    def _rank(self, task: Task) -> int:
        return self._results[task].rank

    def _first_ones_are_coming(self) -> bool:
        """Whether one of the pages that the search put first is still on its way.

        The fastest pages are not the best: of ten documents of an index the one with the answer,
        a long one, came sixth.
        """
        return any(self._rank(task) <= self._enough for task in self._pending)

    def _lose_patience(self) -> None:
        spent_s = self._now() - self._started
        if self._good >= self._enough:
            give_up_at = self._now() + max(MIN_GRACE_S, spent_s / 2)
        elif 2 * self._good >= self._enough and not self._asked_for:
            # One silent page among good ones must not cost the person the whole reading deadline.
            give_up_at = self._started + max(MIN_PATIENCE_S, 3 * spent_s)
        else:
            return
        self._give_up_at = min(self._give_up_at, give_up_at)

    def _tell_late_ones(self) -> None:
        late = f"not read within {self._give_up_at - self._started:.3g} s"
        for task in sorted(self._pending, key=self._rank):
            result = self._results[task]
            self._take_in(result, PageFailure(result.url, PageUnreachable.code, late))

    def _take_in(self, result: SearchResult, outcome: Page | PageFailure) -> int:
        """Note what became of one page; 1 if it was read."""
        context = self._context
        if isinstance(outcome, PageFailure):
            self.failures.append(outcome)
            context.unreadable.add(result.url)
            if outcome.code not in WITHOUT_SNIPPET and is_worth_showing(result.snippet):
                context.snippets[result.url] = snippet_page(result)
            self._emit(PageFinished(result.url, result.title, outcome))
            return 0
        context.pages[result.url] = outcome
        self._emit(PageFinished(result.url, outcome.title or result.title))
        return 1


async def _read_one(result: SearchResult, context: AgentContext) -> Page | PageFailure:
    try:
        if result.document_id is not None:
            return await context.documents.read_document(result.document_id)
        # A page that the person named is wanted as it is now.
        return await context.reader.read(
            result.url,
            fresh=result.engine == "question",
            intranet=result.engine in MAY_NAME_INTRANET,
        )
    except AgentError as error:
        return PageFailure(result.url, error.code, error.message)
    except Exception:  # The door to foreign pages: one of them never ends the answer.
        _logger.exception("reading a page failed in an unknown way")
        reason = "an internal error while reading; the log has its traceback"
        return PageFailure(result.url, PageError.code, reason)


async def _cancel_all(tasks: set[Task]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
