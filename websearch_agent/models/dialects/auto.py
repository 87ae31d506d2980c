"""Dialect `auto`: tool calls where the server takes them, else the schema."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.models.http_errors import ToolsNotSupported
from websearch_agent.protocols import Dialect, ModelClient
from websearch_agent.types import (
    Decision,
    Message,
    ModelDelta,
    Prompt,
    Tool,
)

_log = logging.getLogger(__name__)


class AutoDialect:
    """Tries `tools` first; a server that refuses tools is remembered and asked by schema."""

    def __init__(self) -> None:
        self._dialect: Dialect = ToolsDialect()

    @property
    def min_reply_tokens(self) -> int:
        # The larger one: the dialect may change between fitting a prompt and sending it.
        return SchemaDialect.min_reply_tokens

    def build_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        return self._dialect.build_messages(prompt)

    def offered_tools(self, prompt: Prompt) -> tuple[Tool, ...]:
        return self._dialect.offered_tools(prompt)

    async def respond(
        self, model: ModelClient, prompt: Prompt
    ) -> AsyncGenerator[Decision | ModelDelta, None]:
        try:
            async with aclosing(self._dialect.respond(model, prompt)) as deltas:
                async for delta in deltas:
                    yield delta
            return
        except ToolsNotSupported as error:
            _log.warning("%s The dialect `schema` is used from now on.", error.message)
            self._dialect = SchemaDialect()
        async with aclosing(self._dialect.respond(model, prompt)) as deltas:
            async for delta in deltas:
                yield delta
