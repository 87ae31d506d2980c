"""Dialect `auto`: the way of deciding that fits the model's family and its server."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal, Protocol

from websearch_agent.model_calls import Message, Tool
from websearch_agent.models.capabilities import Capabilities
from websearch_agent.models.dialects.markers import MarkersDialect
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.models.http_errors import ToolsNotSupported
from websearch_agent.models.profile import DialectName, Profile, find_profile
from websearch_agent.protocols import Dialect, ModelClient
from websearch_agent.types import DialectDelta, Prompt

_log = logging.getLogger(__name__)

DialectSetting = Literal["auto", "tools", "markers", "schema"]


class KnownModel(Protocol):
    """What is known of the served model; it may change while `prepare()` asks the server."""

    @property
    def profile(self) -> Profile: ...

    @property
    def capabilities(self) -> Capabilities: ...


class AutoDialect:
    """Chooses anew for each call from what is known of the model by then.

    The setting wins, then the profile's dialect; `tools` becomes `schema` where the server cannot
    take tools, or once it has refused them. Without `known`, the model counts as a generic one.
    """

    def __init__(
        self,
        known: KnownModel | None = None,
        *,
        model_dialect: DialectSetting = "auto",
        search_threshold: float | None = None,
    ) -> None:
        self._known = known
        self._setting = model_dialect
        self._threshold = search_threshold
        self._threshold_warned = False
        self._tools_refused_by: set[str] = set()
        self._profile: Profile | None = None
        self._dialects: dict[DialectName, Dialect] = {}

    @property
    def min_reply_tokens(self) -> int:
        # The largest: the dialect may change between fitting a prompt and sending it.
        self._current()
        return max(dialect.min_reply_tokens for dialect in self._dialects.values())

    @property
    def takes_tools(self) -> bool:
        return self._current().takes_tools

    def build_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        return self._current().build_messages(prompt)

    def offered_tools(self, prompt: Prompt) -> tuple[Tool, ...]:
        return self._current().offered_tools(prompt)

    async def respond(
        self, model: ModelClient, prompt: Prompt
    ) -> AsyncGenerator[DialectDelta, None]:
        # A call may prepare the model: what is known before it may not be what is known after it.
        await model.prepare()
        self._warn_of_idle_threshold()
        try:
            async with aclosing(self._current().respond(model, prompt)) as deltas:
                async for delta in deltas:
                    yield delta
            return
        except ToolsNotSupported as error:
            if self._setting != "auto":
                raise
            _log.warning("%s The dialect `schema` is used from now on.", error.message)
            self._tools_refused_by.add(self._known_profile().name)
        async with aclosing(self._current().respond(model, prompt)) as deltas:
            async for delta in deltas:
                yield delta

    def _warn_of_idle_threshold(self) -> None:
        idle = self._threshold is not None and self._choose(self._known_profile()) == "tools"
        if idle and not self._threshold_warned:
            self._threshold_warned = True
            _log.warning(
                "WEBSEARCH_SEARCH_THRESHOLD has no effect with the dialect `tools`: servers do "
                "not tell the probability of a tool call. Set WEBSEARCH_MODEL_DIALECT=schema, or "
                "unset the threshold."
            )

    def _current(self) -> Dialect:
        profile = self._known_profile()
        if profile is not self._profile:
            self._profile = profile
            self._dialects = {
                "tools": ToolsDialect(profile),
                "markers": MarkersDialect(profile, search_threshold=self._threshold),
                "schema": SchemaDialect(search_threshold=self._threshold),
            }
        return self._dialects[self._choose(profile)]

    def _choose(self, profile: Profile) -> DialectName:
        if self._setting != "auto":
            return self._setting
        takes_tools = self._known is None or self._known.capabilities.tools
        refused = profile.name in self._tools_refused_by or not takes_tools
        return "schema" if profile.dialect == "tools" and refused else profile.dialect

    def _known_profile(self) -> Profile:
        return self._known.profile if self._known is not None else find_profile("generic")
