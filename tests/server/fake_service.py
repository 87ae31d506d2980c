"""A service whose answers are scripts, and a server on a loopback port that runs it."""

import asyncio
import copy
import itertools
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import Literal

from server.fake_accounts import FakeAccounts
from server.fake_answer import FakeAnswer, until_stopped
from server.fake_store import NOW, FakeShared, FakeStore

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.chats import ChatRequest
from websearch_agent.config import Settings
from websearch_agent.conversations import Conversation
from websearch_agent.errors import AgentError, PageUnreachable, TurnNotFound, UnknownEngine
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerStarted,
    DecisionMade,
    FunctionsCalled,
    Notice,
    PageFinished,
    SearchFinished,
    SourcesSelected,
)
from websearch_agent.model_calls import ModelStatus, ToolCall
from websearch_agent.search.fan_out import SearchOutcome
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
    EngineState,
    Page,
    PageFailure,
    Passage,
    SearchQuery,
    SearchResult,
    Source,
)

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

FOUND = SearchOutcome(
    [
        SearchResult(
            PAGE_SOURCE.url, PAGE_SOURCE.title, "Pass http2=True.", "ddgs", 1, date="2026-10-02"
        )
    ],
    (ENGINE_FAILURE,),
    frozenset({"local"}),
)
READ = Page(
    PAGE_SOURCE.url,
    PAGE_SOURCE.url,
    PAGE_SOURCE.title,
    "# HTTP/2\n\nPass http2=True. 支持。",
    "text/html",
    NOW,
    site="example.org",
    date="2026-10-02",
)

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


def so_far(answer: FakeAnswer) -> Answer:
    return make_answer(answer.text, sources=answer.sources, finish_reason="stopped")


class FakeService:
    """Runs `script`, or the one that `scripts` holds for the question, and stores what it says.

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
        self.follow_ups = ("What is HTTP/3?", "Which servers speak HTTP/2?", "Is HTTP/2 faster?")
        self.first_questions = {
            "en": ("What can HTTPX do?", "Write a haiku."),
            "zh": ("HTTPX 能做什么？", "写一首短诗。"),
        }
        self.chats: list[ChatRequest] = []
        self.queries: list[SearchQuery] = []
        self.addresses: list[tuple[str, bool]] = []
        self.found: SearchOutcome | AgentError = FOUND
        self.page: Page | AgentError = READ
        self.fresh: list[bool] = []
        # Searches wait until it is set.
        self.lookup_gate = asyncio.Event()
        self.lookup_gate.set()
        self.states = (EngineState("ddgs"), EngineState("local"))
        self.prepared = False
        self.prepare_error: Exception | None = None
        self.closed = False
        self.asked = asyncio.Event()
        # Set when an answer was stopped, or its generator closed, before its end.
        self.stopped = asyncio.Event()
        self._numbers = itertools.count(1)
        # Of this owner, in the order of asking.
        self._running: list[FakeAnswer] = []
        self._conversation_id = ""

    def for_owner(self, owner_id: str) -> "FakeService":
        if owner_id not in self.of_owner:
            service = copy.copy(self)
            service.store, service.owner_id, service._running = FakeStore(), owner_id, []
            self.of_owner[owner_id] = service
        return self.of_owner[owner_id]

    @property
    def shared(self) -> FakeShared:
        return FakeShared(lambda: [service.store for service in self.of_owner.values()])

    def engine_names(self) -> tuple[str, ...]:
        return tuple(state.name for state in self.states)

    def engine_states(self) -> tuple[EngineState, ...]:
        return self.states

    async def answer_question(self, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
        if self._is_foreign(request.conversation_id):
            yield AnswerFailed("conversation_not_found", "There is no such conversation.", False)
            return
        self.requests.append(request)
        self.asked.set()
        answer, finished = FakeAnswer(request), False
        self._running.append(answer)
        # Scripts keep the conversation's id in the service that they are given.
        script = self.scripts.get(request.question, self.script)(copy.copy(self), request)
        try:
            async with aclosing(self._stored(answer, script)) as events:
                async for event in events:
                    finished = isinstance(event, AnswerFinished | AnswerFailed)
                    yield event
        finally:
            self._running.remove(answer)
            if not finished or answer.stop.is_set():
                self.stopped.set()
            if not finished and answer.turn is not None:
                with suppress(AgentError):
                    await self._finish_turn(answer, "stopped", so_far(answer))

    async def _stored(
        self, answer: FakeAnswer, script: AsyncIterator[AgentEvent]
    ) -> AsyncIterator[AgentEvent]:
        """The script's events; what they say is in the store when they are yielded."""
        try:
            async with aclosing(until_stopped(script, answer.stop)) as events:
                async for event in events:
                    answer.observe(event)
                    if isinstance(event, AnswerStarted):
                        event = await self._begin_turn(answer, event.conversation_id)
                    elif isinstance(event, AnswerFinished):
                        await self._finish_turn(answer, "finished", event.answer)
                    elif isinstance(event, AnswerFailed):
                        await self._finish_turn(answer, "failed", None, event)
                    yield event
            if answer.stop.is_set():
                await self._finish_turn(answer, "stopped", so_far(answer))
                yield AnswerFinished(answer.conversation_id, so_far(answer))
        except AgentError as error:
            yield AnswerFailed(error.code, error.message, error.retryable)

    async def _begin_turn(self, answer: FakeAnswer, conversation_id: str) -> AnswerStarted:
        request = answer.request
        if conversation_id not in self.store.conversations:
            self.store.conversations[conversation_id] = Conversation(
                conversation_id, request.question, NOW, NOW
            )
        turn = await self.store.begin_turn(
            conversation_id, request.question, replace_turn=request.replace_turn
        )
        answer.turn, answer.conversation_id = turn, conversation_id
        return AnswerStarted(conversation_id, turn.id)

    async def _finish_turn(
        self,
        answer: FakeAnswer,
        status: str,
        stored: Answer | None,
        failure: AnswerFailed | None = None,
    ) -> None:
        if answer.turn is not None:
            await self.store.finish_turn(
                answer.turn.id, status=status, answer=stored, failure=failure
            )

    def _is_foreign(self, conversation_id: str | None) -> bool:
        others = (service for service in self.of_owner.values() if service is not self)
        return any(conversation_id in other.store.conversations for other in others)

    def start(self, request: AnswerRequest) -> AnswerStarted:
        """For scripts. The turn's id is put in when it is stored."""
        self._conversation_id = request.conversation_id or f"c{next(self._numbers)}"
        return AnswerStarted(self._conversation_id, "")

    def finish(self, answer: Answer) -> AnswerFinished:
        """For scripts."""
        return AnswerFinished(self._conversation_id, answer)

    async def answer_chat(self, chat: ChatRequest) -> AsyncIterator[AgentEvent]:
        """The script of the question; a question that begins with "call " calls that function."""
        self.chats.append(chat)
        question = chat.options.question
        if question.startswith("call ") and not chat.has_results:
            yield AnswerStarted("chat", "")
            yield FunctionsCalled((ToolCall("call_1", question.removeprefix("call "), '{"x": 1}'),))
            yield AnswerFinished("chat", Answer("", finish_reason="tool_calls"))
            return
        self.requests.append(chat.options)
        self.asked.set()
        finished = False
        script = self.scripts.get(question, self.script)(copy.copy(self), chat.options)
        try:
            async with aclosing(script) as events:  # type: ignore[type-var]
                async for event in events:
                    finished = isinstance(event, AnswerFinished | AnswerFailed)
                    yield event
        except AgentError as error:
            finished = True
            yield AnswerFailed(error.code, error.message, error.retryable)
        finally:
            if not finished:
                self.stopped.set()

    async def search_web(
        self, query: SearchQuery, *, engines: Sequence[str] | None = None
    ) -> SearchOutcome:
        self.queries.append(query)
        for name in engines or ():
            if name not in self.engine_names():
                raise UnknownEngine(f"There is no engine {name!r} here. Known are: ddgs, local.")
        await self.lookup_gate.wait()
        if isinstance(self.found, AgentError):
            raise self.found
        return self.found

    async def read_page(self, address: str, *, intranet: bool = False, fresh: bool = False) -> Page:
        self.addresses.append((address, intranet))
        self.fresh.append(fresh)
        if isinstance(self.page, AgentError):
            raise self.page
        return replace(self.page, url=address)

    def stop_answer(self, turn_id: str) -> bool:
        for answer in self._running:
            if answer.turn is not None and answer.turn.id == turn_id:
                answer.stop.set()
                return True
        return False

    async def suggest_follow_ups(self, conversation_id: str, turn_id: str) -> tuple[str, ...]:
        for turn in (await self.store.load_conversation(conversation_id)).turns:
            if turn.id == turn_id:
                if not turn.follow_ups and not self._running:
                    await self.store.save_follow_ups(turn_id, self.follow_ups)
                    return self.follow_ups
                return turn.follow_ups
        raise TurnNotFound("There is no such turn.")

    def suggest_questions(self, language: Literal["en", "zh"]) -> tuple[str, ...]:
        return self.first_questions[language]

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
