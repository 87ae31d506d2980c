"""The real agent on the real database, with fakes for the model, the engines and the web."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from agent_parts import A, make_parts
from argon2 import PasswordHasher
from fakes import FakeModel, Reply, search_call

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.agent.chat import answer_chat
from websearch_agent.agent.first_questions import suggest_questions
from websearch_agent.agent.follow_ups import follow_ups_of
from websearch_agent.agent.lookup import engines_named, search_engines
from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.chats import ChatRequest
from websearch_agent.events import AgentEvent
from websearch_agent.model_calls import ModelCall
from websearch_agent.protocols import (
    AccountStore,
    ConversationStore,
    ModelClient,
    SharedConversations,
)
from websearch_agent.search.fan_out import SearchOutcome
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import AnswerRequest, EngineState, Page, SearchQuery

MOST_CALLS = 10_000


def search_then_answer(call: ModelCall) -> Reply:
    """A search for every question that may be searched for."""
    was_searched = any(message.role == "tool" for message in call.messages)
    if call.json_schema is not None:
        return json.dumps({"compare": "Which bridge is longer?", "today": "Who owns that bridge?"})
    if call.tools and not was_searched:
        return search_call("red bridge")
    return "The red bridge was opened in 1932 [1]."


@dataclass(frozen=True, slots=True)
class StoredService:
    """An AnswerService. Made by `open_stored_service`; `aclose` when done."""

    parts: AgentParts
    database: SqliteStore

    @property
    def store(self) -> ConversationStore:
        return self.parts.store

    @property
    def accounts(self) -> AccountStore:
        return self.database.accounts

    @property
    def model(self) -> ModelClient:
        return self.parts.model

    def for_owner(self, owner_id: str) -> "StoredService":
        store = self.database.for_owner(owner_id)
        return replace(self, parts=replace(self.parts, store=store, owner_id=owner_id))

    @property
    def shared(self) -> SharedConversations:
        return self.database.shared

    def engine_names(self) -> tuple[str, ...]:
        return ("fake",)

    def engine_states(self) -> tuple[EngineState, ...]:
        return (EngineState("fake"),)

    def answer_question(self, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
        return answer_question(request, self.parts)

    def answer_chat(self, chat: ChatRequest) -> AsyncIterator[AgentEvent]:
        return answer_chat(chat, self.parts)

    async def search_web(
        self, query: SearchQuery, *, engines: Sequence[str] | None = None
    ) -> SearchOutcome:
        chosen = self.parts.engines()
        if engines is not None:
            chosen = engines_named(engines, chosen)
        return await search_engines(
            query, chosen, builtin=None, deadline_s=5.0, rests=self.parts.rests
        )

    async def read_page(self, address: str, *, intranet: bool = False, fresh: bool = False) -> Page:
        """This web has a page at every address."""
        page = await self.parts.reader.read(A, fresh=fresh, intranet=intranet)
        return replace(page, url=address)

    def stop_answer(self, turn_id: str) -> bool:
        return self.parts.stop_answer(turn_id)

    async def suggest_follow_ups(self, conversation_id: str, turn_id: str) -> tuple[str, ...]:
        return await follow_ups_of(conversation_id, turn_id, self.parts)

    def suggest_questions(self, language: Literal["en", "zh"]) -> tuple[str, ...]:
        return suggest_questions((), language)

    async def read_document(self, document_id: str) -> Page:
        return await self.parts.documents.read_document(document_id)

    async def prepare(self) -> None: ...

    async def aclose(self) -> None:
        await self.parts.end_running()
        await self.database.close()


async def open_stored_service(path: Path) -> StoredService:
    """On the database at `path`, whose password hashes are cheap."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    database = SqliteStore(path, hasher=hasher)
    await database.open()
    model = FakeModel([search_then_answer] * MOST_CALLS)
    return StoredService(make_parts(database.for_owner(LOCAL_OWNER), model), database)
