"""What is known of the model that a server serves: found out, remembered, and put right."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx

from websearch_agent.config import Settings
from websearch_agent.errors import ContextTooLong, ModelError
from websearch_agent.models import server_memory
from websearch_agent.models.capabilities import Capabilities
from websearch_agent.models.http_errors import Asked, PromptTooLong, ToolsNotSupported
from websearch_agent.models.probe import Server, probe_server
from websearch_agent.models.profile import GENERIC, configured_profile, find_profile, profile_for
from websearch_agent.models.request_body import BodyForm, extension_fields
from websearch_agent.models.server_listing import list_models
from websearch_agent.models.server_window import read_window
from websearch_agent.protocols import ModelLimits

_log = logging.getLogger(__name__)

# Of a server that does not tell its window: what a family was made for is often not what a server
# was started with.
MOST_UNTOLD_WINDOW = 8192
# Sources get half of a wide window. More costs more than it brings: reading takes time and money.
MIN_SOURCE_TOKENS = 6000
MAX_SOURCE_TOKENS = 16_000
ANSWER_TOKENS = 1024


class ServedModel:
    """The model behind one address.

    The abilities cost calls to find out and are remembered for a day. The window costs one or two
    GETs, and may be another after a restart: it is read at each `find`.
    """

    def __init__(self, settings: Settings, http: httpx.AsyncClient, *, key: str | None) -> None:
        """Raises ConfigError for a profile that is not there."""
        self._settings = settings
        self._http = http
        self._memory = settings.data_dir / server_memory.FILE_NAME
        self._memory_key = ""
        self._told_window: int | None = None
        self._refused_window: int | None = None
        self.asked = Asked(settings.model_url or "", settings.model_name or "", key=key)
        self.profile = configured_profile(settings) or find_profile(GENERIC)
        self.capabilities = Capabilities()
        self.form = BodyForm()
        self.remembered_since_s: float | None = None
        self.all_found_out = False

    def limits(self) -> ModelLimits:
        untold = min(self.profile.context_window, MOST_UNTOLD_WINDOW)
        window = self._settings.context_window or self.capabilities.context_window or untold
        window = min(window, self._refused_window or window)
        most = self._settings.answer_tokens or self.profile.answer_tokens
        half = min(max(MIN_SOURCE_TOKENS, window // 2), MAX_SOURCE_TOKENS)
        sources = self._settings.source_tokens or half
        answer = most or min(ANSWER_TOKENS, window // 4)
        return ModelLimits(window, min(sources, window), answer)

    async def find(self, *, anew: bool) -> None:
        """Ask which model is served, and what it can do unless that is remembered.

        `anew`: whatever is remembered. Raises ModelError, httpx.HTTPError.
        """
        asked = replace(self.asked, model=self._settings.model_name or "")
        listing = await list_models(self._http, asked)
        self.asked = replace(asked, url=listing.url, model=listing.name, names=listing.names)
        if self._settings.model_profile is None:
            self.profile = profile_for(listing.name)
        self._meet(server_memory.server_key(listing.url, listing.name, listing.identity))
        found = None if anew else await self._recall()
        if found is None:
            await self._probe(listing.entry)
        else:
            told = await read_window(self._http, self.asked, listing.entry or {})
            # Of a model that Ollama has to load again, the last window is as good as any.
            window = told or found.capabilities.context_window
            self.capabilities = replace(found.capabilities, context_window=window)
            self.remembered_since_s, self.all_found_out = found.probed_at, True
        self._compare_window(self.capabilities.context_window)

    async def _probe(self, entry: dict[str, Any] | None) -> None:
        server = Server(self._http, self.asked, entry, self.profile.reasoning.agent or {})
        server.may_open_thoughts = self.profile.name == GENERIC
        probed = await probe_server(server)
        self.capabilities, self.form = probed.capabilities, server.form
        self.remembered_since_s, self.all_found_out = None, probed.complete
        await self._remember(self.capabilities)

    async def note_refusal(self, error: ModelError) -> None:
        """Believe the server's refusal more than what was known."""
        if isinstance(error, ContextTooLong):
            await self._note_too_long(error)
        elif isinstance(error, ToolsNotSupported) and self.capabilities.tools:
            self.capabilities = replace(self.capabilities, tools=False)
            await self._remember(self.capabilities)

    async def _note_too_long(self, error: ContextTooLong) -> None:
        named = error.context_window if isinstance(error, PromptTooLong) else None
        _log.warning("%s refused a prompt; its window: %s", self.asked.url, named or "not named")
        if named is not None:
            self._refused_window = min(named, self.limits().context_window)
            self.capabilities = replace(self.capabilities, context_window=self._refused_window)
        # In force until the next look; but nothing to remember, unless the server named it.
        window = None if named is None else self._refused_window
        await self._remember(replace(self.capabilities, context_window=window))

    async def note_opened_thoughts(self) -> None:
        """The chat template opens the thoughts: the next reply begins inside them."""
        if not self.capabilities.opens_thoughts:
            _log.warning(
                "%s showed thoughts as an answer: its chat template opens them. Its replies are "
                "divided from now on; a profile with `form = 'open_tags'` would say it at once.",
                self.asked.model,
            )
            self.capabilities = replace(self.capabilities, opens_thoughts=True)
            await self._remember(self.capabilities)

    def learn_refused_field(self, body: Mapping[str, object], reply: str) -> bool:
        """Whether the refusal names a field that will be left out from now on."""
        learned = self.form.learn(body, reply, extension_fields(self.profile))
        if learned is None or learned == self.form:
            return False
        _log.info("%s refused a field of the request: %s", self.asked.url, learned)
        self.form = learned
        return True

    def _meet(self, memory_key: str) -> None:
        """Another model, or another server: what the last one refused says nothing of it."""
        if memory_key != self._memory_key:
            self._memory_key, self.form = memory_key, BodyForm()
            self._told_window = self._refused_window = None

    def _compare_window(self, told: int | None) -> None:
        """What a refusal named holds until the server tells another window than before it."""
        if told != self._told_window:
            self._told_window, self._refused_window = told, None

    async def _recall(self) -> server_memory.Remembered | None:
        return await asyncio.to_thread(
            server_memory.recall_capabilities, self._memory, self._memory_key, now_s=time.time()
        )

    async def _remember(self, capabilities: Capabilities) -> None:
        """Nothing where a probe failed: it is to be tried again at the next start."""
        if not self.all_found_out:
            return
        found = server_memory.Remembered(self.asked.model, time.time(), capabilities)
        await asyncio.to_thread(
            server_memory.remember_capabilities, self._memory, self._memory_key, found
        )
