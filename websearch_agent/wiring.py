"""Builds the program from its settings: the only module that picks concrete classes."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import httpx

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.agent.chat import answer_chat
from websearch_agent.agent.first_questions import suggest_questions
from websearch_agent.agent.follow_ups import follow_ups_of
from websearch_agent.agent.lookup import engines_named, search_engines
from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.chats import ChatRequest
from websearch_agent.config import Settings
from websearch_agent.errors import (
    AddressNotAllowed,
    AgentError,
    ConfigError,
    IndexUnusable,
    PageError,
)
from websearch_agent.events import (
    AgentEvent,
)
from websearch_agent.indexing import build_builtin_collection
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.dialects.auto import AutoDialect
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.embedded import EmbeddedModel
from websearch_agent.models.http_errors import Asked
from websearch_agent.models.ranking_server import RankingServer
from websearch_agent.models.reranking import EmbeddingServer, RerankServer, RestingReranker
from websearch_agent.pages.page_cache import CACHE_FILE_NAME
from websearch_agent.pages.reader import WebPageReader
from websearch_agent.pages.web_access import USER_AGENT
from websearch_agent.protocols import (
    AccountStore,
    ConversationStore,
    Dialect,
    ModelClient,
    Reranker,
    SearchEngine,
    SharedConversations,
)
from websearch_agent.search.engines import HTTP_ENGINES
from websearch_agent.search.engines.ddgs import DDGS_ENGINES, DdgsEngine
from websearch_agent.search.engines.local import DocumentShelf, LocalEngine
from websearch_agent.search.fan_out import SearchOutcome
from websearch_agent.search.http_engine import HttpEngine
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import AnswerRequest, EngineState, Page, SearchQuery

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AgentService:
    """The program as a door sees it. Made by `build_service`; `aclose` when done.

    It sees the conversations that were held without a login: a user's are in `for_owner`.
    """

    settings: Settings
    parts: AgentParts
    database: SqliteStore
    engines: "Engines"
    reader: WebPageReader

    @property
    def store(self) -> ConversationStore:
        return self.database.for_owner(self.parts.owner_id)

    @property
    def accounts(self) -> AccountStore:
        return self.database.accounts

    def for_owner(self, owner_id: str) -> "AgentService":
        """The same program with the conversations of `owner_id` (`Identity.owner_id`) alone.

        All else is shared: costs no more than an object, and `aclose` of either ends both.
        """
        parts = replace(self.parts, store=self.database.for_owner(owner_id), owner_id=owner_id)
        return replace(self, parts=parts)

    @property
    def model(self) -> ModelClient:
        return self.parts.model

    @property
    def shared(self) -> SharedConversations:
        return self.database.shared

    def engine_names(self) -> tuple[str, ...]:
        """The engines that the next question will be sent to."""
        return tuple(engine.name for engine in self.engines.active())

    def engine_states(self) -> tuple[EngineState, ...]:
        """The same engines, and of those that rest why and for how long."""
        return tuple(self._engine_state(name) for name in self.engine_names())

    def _engine_state(self, name: str) -> EngineState:
        rest = self.parts.rests.rest_of(name)
        if rest is None:
            return EngineState(name)
        return EngineState(name, round(rest.remaining_s, 1), rest.code, rest.reason)

    def answer_question(self, request: AnswerRequest) -> AsyncGenerator[AgentEvent, None]:
        return answer_question(request, self.parts)

    def answer_chat(self, chat: ChatRequest) -> AsyncGenerator[AgentEvent, None]:
        return answer_chat(chat, self.parts)

    async def search_web(
        self, query: SearchQuery, *, engines: Sequence[str] | None = None
    ) -> SearchOutcome:
        """Ask the engines alone, without a model: all, or those of these names.

        Raises InvalidRequest, UnknownEngine, UnsupportedFilter, NoEngineAnswered.
        """
        chosen = self.engines.active()
        if engines is not None:
            chosen = engines_named(engines, self.engines.configured())
        return await search_engines(
            query,
            chosen,
            builtin=self.engines.builtin() if engines is None else None,
            deadline_s=self.settings.search_deadline_s,
            rests=self.parts.rests,
        )

    async def read_page(self, address: str, *, intranet: bool = False, fresh: bool = False) -> Page:
        """A page of the web, or the document of a search result by its `document_id`.

        `intranet`: what the operator opened is open to the address; `fresh`: not from the cache.
        Raises PageError.
        """
        if address.strip().lower().startswith(("http://", "https://")):
            return await self.reader.read(address.strip(), fresh=fresh, intranet=intranet)
        if "://" in address:
            raise AddressNotAllowed(
                "Only http and https addresses are read, and documents of a search by the "
                "document_id of the result."
            )
        return await self.parts.documents.read_document(address)

    def stop_answer(self, turn_id: str) -> bool:
        return self.parts.stop_answer(turn_id)

    async def suggest_follow_ups(self, conversation_id: str, turn_id: str) -> tuple[str, ...]:
        return await follow_ups_of(conversation_id, turn_id, self.parts)

    def suggest_questions(self, language: Literal["en", "zh"]) -> tuple[str, ...]:
        """About one's own documents, if there are any that are searched."""
        return suggest_questions(self.engines.own_titles(), language)

    async def read_document(self, document_id: str) -> Page:
        return await self.parts.documents.read_document(document_id)

    async def mark_abandoned_turns(self) -> None:
        """For a server at its start: no other process of this database should be answering."""
        await self.database.mark_abandoned_turns()

    async def prepare(self) -> None:
        """Load what the first question would wait for. Raises ModelError."""
        await asyncio.gather(self._start_parsers(), self._prepare_model())

    async def _start_parsers(self) -> None:
        try:
            await self.reader.warm()
        except PageError as error:  # told again by every page; the model needs none of them
            _log.warning("Pages cannot be read: %s", error.message)

    async def _prepare_model(self) -> None:
        await self.refresh_builtin_collection()
        await self.model.prepare()

    async def refresh_builtin_collection(self) -> None:
        """Make the built-in collection if it is missing or old (about a second).

        A failure is only logged: everything else works without it.
        """
        try:
            await build_builtin_collection(self.settings)
        except (AgentError, OSError, ValueError) as error:
            _log.warning("The built-in collection could not be made: %s", error)

    async def aclose(self) -> None:
        """End everything. Questions still being answered are stored as stopped."""
        await self.parts.end_running()
        await self.model.close()
        if self.parts.reranker is not None:
            await self.parts.reranker.close()
        await self.reader.aclose()
        await self.engines.aclose()
        await self.database.close()


async def build_service(settings: Settings) -> AgentService:
    """Raises ConfigError, StoreError. Nothing is downloaded or loaded yet: see `prepare`."""
    model = make_model(settings)
    dialect = make_dialect(settings, model)
    reranker = make_reranker(settings)
    engines = Engines(settings)
    database = SqliteStore(settings.database_path)
    await database.open()
    proxy = settings.fetch_proxy
    reader = WebPageReader.create(
        allowed_networks=settings.allowed_networks,
        intranet_hosts=settings.intranet_hosts,
        proxy=proxy.get_secret_value() if proxy else None,
        respect_robots=settings.respect_robots,
        cache_path=settings.data_dir / CACHE_FILE_NAME,
        cache_mb=settings.page_cache_mb,
    )
    parts = AgentParts(
        model=model,
        dialect=dialect,
        store=database.for_owner(LOCAL_OWNER),
        engines=engines.active,
        builtin_engine=engines.builtin,
        reader=reader,
        documents=DocumentShelf([engines.local_engine, engines.builtin_engine]),
        search_deadline_s=settings.search_deadline_s,
        reading_deadline_s=settings.reading_deadline_s,
        answer_deadline_s=settings.answer_deadline_s,
        evidence=settings.evidence,
        verification=settings.verification,
        strict=settings.strict,
        reranker=reranker and RestingReranker(reranker, deadline_s=settings.ranking_deadline_s),
    )
    return AgentService(settings, parts, database, engines, reader)


def make_model(settings: Settings) -> OpenAICompatibleModel | EmbeddedModel:
    """The server that is set, else the embedded model. Raises ConfigError."""
    if settings.model_url is not None:
        return OpenAICompatibleModel(settings)
    return EmbeddedModel(settings)


def make_dialect(settings: Settings, model: OpenAICompatibleModel | EmbeddedModel) -> Dialect:
    """Raises ConfigError for a dialect that the embedded model cannot speak."""
    threshold = settings.search_threshold
    if isinstance(model, OpenAICompatibleModel):
        return AutoDialect(model, model_dialect=settings.model_dialect, search_threshold=threshold)
    if settings.model_dialect not in ("auto", "schema"):
        raise ConfigError(
            f"WEBSEARCH_MODEL_DIALECT={settings.model_dialect} needs a model server "
            "(WEBSEARCH_MODEL_URL): the embedded model decides by schema. Unset it, or set it to "
            "auto."
        )
    return SchemaDialect(search_threshold=threshold)


def make_reranker(settings: Settings) -> Reranker | None:
    """None for BM25 alone. It waits as long as the server takes. Raises ConfigError."""
    if settings.ranking == "bm25":
        return None
    if settings.ranking_url is None:
        raise ConfigError(
            f"WEBSEARCH_RANKING={settings.ranking} needs WEBSEARCH_RANKING_URL; example: "
            "http://localhost:8082/v1"
        )
    key = settings.ranking_api_key.get_secret_value().strip() if settings.ranking_api_key else ""
    trusted = httpx.create_ssl_context(trust_env=False)
    trusted.load_default_certs()  # with SSL_CERT_FILE also an authority of one's own
    server = RankingServer(
        Asked(settings.ranking_url, settings.ranking_model or "", key=key or None),
        # A proxy of the environment must not see questions and pages by accident.
        httpx.AsyncClient(trust_env=False, verify=trusted),
    )
    return EmbeddingServer(server) if settings.ranking == "embeddings" else RerankServer(server)


class Engines:
    """The configured engines, and which of them can be asked at the moment."""

    def __init__(self, settings: Settings) -> None:
        self.local_engine = LocalEngine(settings.index_dir, name="local")
        self.builtin_engine = LocalEngine(
            settings.builtin_index_dir, name="builtin", shows_distant=False
        )
        # One's own SearXNG may well be on localhost: this client guards against no address. It
        # asks the engines' own only; HttpEngine follows no redirect to another host.
        self._http = httpx.AsyncClient(trust_env=False, headers={"User-Agent": USER_AGENT})
        self._threaded: list[DdgsEngine] = []
        self._configured = tuple(self._make(name, settings) for name in settings.engines)

    def configured(self) -> tuple[SearchEngine, ...]:
        return self._configured

    def active(self) -> tuple[SearchEngine, ...]:
        """All but a local index that holds nothing. A damaged one stays: asked, it says so."""
        empty = _is_empty(self.local_engine)
        return tuple(e for e in self._configured if not (empty and e is self.local_engine))

    def builtin(self) -> SearchEngine | None:
        """The built-in collection: only while nothing has been indexed, and if it was made."""
        if not _is_empty(self.local_engine) or _is_empty(self.builtin_engine):
            return None
        return self.builtin_engine

    def own_titles(self) -> Iterator[str]:
        """Titles of one's own documents, in the index's order; none if they are not searched."""
        if self.local_engine not in self._configured:
            return
        try:
            yield from self.local_engine.titles()
        except IndexUnusable as error:  # told again by every question
            _log.warning("Titles of the local index cannot be read: %s", error.message)

    async def aclose(self) -> None:
        for engine in self._threaded:
            engine.close()
        await self._http.aclose()

    def _make(self, name: str, settings: Settings) -> SearchEngine:
        if name == "local":
            return self.local_engine
        if name in DDGS_ENGINES:
            engine = DdgsEngine(settings, DDGS_ENGINES[name])
            self._threaded.append(engine)
            return engine
        return HttpEngine(HTTP_ENGINES[name], settings, self._http)


def _is_empty(engine: LocalEngine) -> bool:
    """A damaged index is not empty: its search then tells what to do."""
    try:
        return engine.is_empty()
    except IndexUnusable:
        return False
