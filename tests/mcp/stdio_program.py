"""The tools over stdio with a fake service: `python stdio_program.py MARKER`.

When the service was closed it writes the file MARKER. The question "hang" is never answered, and
each question prints, as a library of third parties might.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from websearch_agent.chats import ChatRequest
from websearch_agent.config import Settings
from websearch_agent.errors import PageUnreachable
from websearch_agent.events import AgentEvent, AnswerFinished, AnswerStarted
from websearch_agent.mcp_server.stdio import serve_stdio
from websearch_agent.search.fan_out import SearchOutcome
from websearch_agent.types import Answer, Page, SearchQuery

MARKER = Path(sys.argv[1])


class StdioFake:
    """As little as there can be, so that the process starts quickly."""

    stopped = False

    async def answer_chat(self, chat: ChatRequest) -> AsyncIterator[AgentEvent]:
        sys.stdout.write("this is no protocol\n")
        sys.stdout.flush()
        yield AnswerStarted("c", "t")
        if chat.options.question == "hang":
            try:
                await asyncio.Event().wait()
            finally:
                self.stopped = True
        yield AnswerFinished("c", Answer("It is so."))

    async def search_web(self, query: SearchQuery) -> SearchOutcome:
        return SearchOutcome([])

    async def read_page(self, address: str, *, intranet: bool = False) -> Page:
        raise PageUnreachable("No page can be reached.")


@asynccontextmanager
async def open_fake(settings: Settings) -> AsyncIterator[StdioFake]:
    service = StdioFake()
    try:
        yield service
    finally:
        MARKER.write_text("stopped" if service.stopped else "not stopped")  # noqa: ASYNC240


if __name__ == "__main__":
    asyncio.run(serve_stdio(Settings(), open_fake))
