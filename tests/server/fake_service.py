"""A service whose answers are scripts, and a server on a loopback port that runs it."""

import asyncio
import copy
import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from server.fake_accounts import FakeAccounts

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.config import Settings
from websearch_agent.conversations import (
    Conversation,
    ConversationSummary,
    Turn,
)
from websearch_agent.errors import ConversationNotFound, PageUnreachable
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerStarted,
    DecisionMade,
    Notice,
    PageFinished,
    SearchFinished,
    SourcesSelected,
)
from websearch_agent.model_calls import ModelStatus
from websearch_agent.server.app import create_app
from websearch_agent.server.host_names import hosts_to_answer
from websearch_agent.server.http_protocol import GuardedProtocol
from websearch_agent.server.run import (
    AnsweringServer,
    address_of,
    bind_listener,
    server_config,
)
from websearch_agent.server.service import AnswerService
from websearch_agent.types import (
    Answer,
    AnswerRequest,
    Citation,
    EngineFailure,
    Page,
    PageFailure,
    Passage,
    Source,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DOCUMENT_TEXT = (
    "# HTTP/2 support\n\nHTTPX supports HTTP/2, but it is **off** by default.\n\n"
    "```\npip install httpx[http2]\n```\n\nThen pass `http2=True` to the client.\n"
)
QUOTED = "HTTPX supports HTTP/2, but it is **off** by default."

PAGE_SOURCE = Source(
    number=1,
    url="https://www.example.org/docs/http2",
    title="HTTP/2 in practice",
    site="example.org",
    date="2026-10-02",
    passages=(Passage("https://www.example.org/docs/http2", "Pass http2=True.", 0, 16),),
)
DOCUMENT_SOURCE = Source(
    number=2,
    url="builtin:httpx/README.md",
    title="HTTPX README",
    site="httpx",
    kind="builtin",
    document_id="httpx/README.md",
    passages=(
        Passage(
            "builtin:httpx/README.md",
            QUOTED,
            DOCUMENT_TEXT.index(QUOTED),
            DOCUMENT_TEXT.index(QUOTED) + len(QUOTED),
            heading="HTTP/2 support",
        ),
    ),
)
SOURCES = (PAGE_SOURCE, DOCUMENT_SOURCE)
ENGINE_FAILURE = EngineFailure("ddgs", "httpx http2", "engine_rate_limited", "asked too often", 30)
PAGE_FAILURE = PageFailure("https://slow.example.net/a", "page_unreachable", "no reply in 6 s")

Script = Callable[["FakeService", AnswerRequest], AsyncIterator[AgentEvent]]


def make_answer(text: str, *, sources: tuple[Source, ...] = SOURCES, **changes: object) -> Answer:
    """An answer with a citation for each `[n]` of `sources`, in the order of the text."""
    of_number = {source.number: source for source in sources}
    citations = tuple(
        Citation(source.number, source.url, source.title, marker.start(), marker.end())
        for marker in re.finditer(r"\[(\d+)\]", text)
        if (source := of_number.get(int(marker[1]))) is not None
    )
    return Answer(text=text, citations=citations, sources=sources, **changes)  # type: ignore[arg-type]


async def chat_script(service: "FakeService", request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    """An answer without a search, word by word."""
    yield service.start(request)
    yield DecisionMade(search=False)
    text = "Hello **there**, this is a chat."
    for word in text.split(" "):
        yield AnswerDelta(word if word.startswith("Hello") else " " + word)
    yield service.finish(make_answer(text, sources=()))


async def search_script(
    service: "FakeService", request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    """An answer with two sources, one failed engine, one failed page and a notice."""
    queries = ("httpx http2", "httpx 开启 http2")
    yield service.start(request)
    yield DecisionMade(search=True, queries=queries, reason="The question is about a library.")
    yield SearchFinished(queries, 12, (ENGINE_FAILURE,))
    yield PageFinished(PAGE_SOURCE.url, PAGE_SOURCE.title)
    yield PageFinished(PAGE_FAILURE.url, failure=PAGE_FAILURE)
    yield SourcesSelected(SOURCES)
    notice = "No web engine could be reached; the answer rests on the built-in documentation."
    yield Notice(notice)
    pieces = ["HTTPX supports **HTTP/2** [2]", ", off by default.\n\n", "Pass `http2=True` [1]."]
    for piece in pieces:
        yield AnswerDelta(piece)
    yield service.finish(
        make_answer(
            "".join(pieces),
            search_queries=queries,
            engine_failures=(ENGINE_FAILURE,),
            page_failures=(PAGE_FAILURE,),
            notices=(notice,),
        )
    )


class FakeModel:
    """A model of which only the status is asked."""

    name = "fake-model"

    def __init__(self) -> None:
        self.current = ModelStatus("ready")

    def status(self) -> ModelStatus:
        return self.current


class FakeStore:
    """Conversations in a dict."""

    def __init__(self) -> None:
        self.conversations: dict[str, Conversation] = {}

    async def load_conversation(self, conversation_id: str) -> Conversation:
        if conversation_id not in self.conversations:
            raise ConversationNotFound("There is no such conversation.")
        return self.conversations[conversation_id]

    async def list_conversations(self, *, limit: int = 100) -> list[ConversationSummary]:
        summaries = [
            ConversationSummary(kept.id, kept.title, kept.created_at, kept.updated_at)
            for kept in reversed(self.conversations.values())
        ]
        return summaries[:limit]

    async def delete_conversation(self, conversation_id: str) -> None:
        await self.load_conversation(conversation_id)
        del self.conversations[conversation_id]


class FakeService:
    """Runs `script`, or the one that `scripts` holds for the question.

    What `for_owner` gives shares everything but the conversations.
    """

    def __init__(self, script: Script = chat_script, **scripts: Script) -> None:
        self.script = script
        self.scripts = scripts
        self.model = FakeModel()
        self.store = FakeStore()
        self.accounts = FakeAccounts()
        self.owner_id = LOCAL_OWNER
        self.of_owner: dict[str, FakeService] = {LOCAL_OWNER: self}
        self.requests: list[AnswerRequest] = []
        self.prepared = False
        self.prepare_error: Exception | None = None
        self.closed = False
        self.asked = asyncio.Event()
        # Set when an answer's generator was closed before its end.
        self.stopped = asyncio.Event()
        self._numbers = itertools.count(1)
        self._current: tuple[str, str] = ("", "")

    def for_owner(self, owner_id: str) -> "FakeService":
        if owner_id not in self.of_owner:
            service = copy.copy(self)
            service.store, service.owner_id = FakeStore(), owner_id
            self.of_owner[owner_id] = service
        return self.of_owner[owner_id]

    def engine_names(self) -> tuple[str, ...]:
        return ("ddgs", "local")

    async def answer_question(self, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
        if self._is_foreign(request.conversation_id):
            yield AnswerFailed("conversation_not_found", "There is no such conversation.", False)
            return
        self.requests.append(request)
        self.asked.set()
        finished = False
        script = self.scripts.get(request.question, self.script)
        try:
            async for event in script(self, request):
                finished = isinstance(event, AnswerFinished | AnswerFailed)
                yield event
        finally:
            if not finished:
                self.stopped.set()

    def _is_foreign(self, conversation_id: str | None) -> bool:
        others = (service for service in self.of_owner.values() if service is not self)
        return any(conversation_id in other.store.conversations for other in others)

    def start(self, request: AnswerRequest) -> AnswerStarted:
        number = next(self._numbers)
        conversation_id = request.conversation_id or f"c{number}"
        self._current = (conversation_id, request.question)
        if conversation_id not in self.store.conversations:
            self.store.conversations[conversation_id] = Conversation(
                conversation_id, request.question, NOW, NOW
            )
        return AnswerStarted(conversation_id, f"t{number}")

    def finish(self, answer: Answer) -> AnswerFinished:
        conversation_id, question = self._current
        kept = self.store.conversations[conversation_id]
        turn = Turn(f"t{len(kept.turns) + 1}", question, NOW, "finished", answer)
        self.store.conversations[conversation_id] = Conversation(
            kept.id, kept.title, kept.created_at, NOW, (*kept.turns, turn)
        )
        return AnswerFinished(conversation_id, answer)

    async def read_document(self, document_id: str) -> Page:
        if document_id != "httpx/README.md":
            raise PageUnreachable("No document has this id.")
        url = "https://pypi.org/project/httpx/"
        title = "HTTPX <b>README</b>"
        return Page(url, url, title, DOCUMENT_TEXT, "text/markdown", NOW, site="httpx")

    async def prepare(self) -> None:
        self.prepared = True
        if self.prepare_error is not None:
            raise self.prepare_error

    async def aclose(self) -> None:
        self.closed = True


def make_server(
    service: AnswerService,
    settings: Settings | None = None,
    *,
    protocol: type[GuardedProtocol] = GuardedProtocol,
) -> AnsweringServer:
    """The real app on a free loopback port; `address` tells which."""
    settings = settings or Settings(_env_file=None)  # type: ignore[call-arg]
    listener = bind_listener("127.0.0.1", 0)
    app = create_app(
        lambda: service, settings, allowed_hosts=hosts_to_answer(settings, "127.0.0.1")
    )
    config = server_config(app, settings, protocol=protocol)
    server = AnsweringServer(config, address_of(listener))
    server.listener = listener  # type: ignore[attr-defined]
    return server


@asynccontextmanager
async def serve(
    service: FakeService,
    settings: Settings | None = None,
    *,
    protocol: type[GuardedProtocol] = GuardedProtocol,
) -> AsyncIterator[str]:
    """Run the server in this event loop and yield its address."""
    server = make_server(service, settings, protocol=protocol)
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))  # type: ignore[attr-defined]
    try:
        yield server.address
    finally:
        server.should_exit = True
        await serving
