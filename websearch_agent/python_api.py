"""The program as a Python library: `from websearch_agent import Agent`.

    import asyncio
    from websearch_agent import Agent

    async def main() -> None:
        async with Agent() as agent:
            answer = await agent.answer("Does HTTPX support HTTP/2?")
            print(answer.text)
            for citation in answer.citations:
                print(citation.source_number, citation.url, citation.support)

    asyncio.run(main())

No server runs. Settings are read as everywhere (environment, `.env`, the TOML file), and can be
given by name: `Agent(model_url="http://localhost:8080/v1")`. What is asked is stored only in a
conversation that was asked to be (`agent.conversation(stored=True)`); models, index and page cache
are in the data folder of the settings.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from types import TracebackType
from typing import Self, Unpack

from websearch_agent.agent.run import answer_question
from websearch_agent.chats import ChatRequest
from websearch_agent.config import Settings, load_settings
from websearch_agent.errors import AgentError, ConfigError, TooManyRequests
from websearch_agent.events import AgentEvent, AnswerFailed, AnswerFinished, AnswerStarted
from websearch_agent.memory_store import MemoryStore
from websearch_agent.model_calls import Message
from websearch_agent.python_options import (
    CHOICES,
    AskOptions,
    check_choice,
    check_language,
    check_text,
    check_whole_number,
    make_request,
    plain_domains,
)
from websearch_agent.search.fan_out import SearchOutcome
from websearch_agent.types import (
    MAX_SEARCH_RESULTS,
    Answer,
    AnswerRequest,
    Page,
    SearchQuery,
    TimeRange,
)
from websearch_agent.wiring import AgentService, build_service


class Agent:
    """Answers questions in this process; one for a program is enough, and it belongs to one event
    loop. Questions may be asked at the same time.

    `async with Agent() as agent:` opens and closes it. Without that it opens with its first use,
    and `await agent.close()` ends the model's process. `overrides` are settings by their names;
    they win over `settings`, and these over the environment. Raises ConfigError.
    """

    def __init__(self, settings: Settings | None = None, **overrides: object) -> None:
        self.settings = _settings_with(settings, overrides)
        self._service: AgentService | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def ask(
        self, question: str, *, conversation_id: str | None = None, **options: Unpack[AskOptions]
    ) -> AsyncGenerator[AgentEvent, None]:
        """What happens while it is answered; the last event is AnswerFinished or AnswerFailed:
        a failure is yielded, not raised (`answer` raises it).

            async for event in agent.ask("Who won the 2026 Tour de France?", mode="quick"):
                if isinstance(event, AnswerDelta):
                    print(event.text, end="", flush=True)

        Leaving the loop stops the model; in `async with contextlib.aclosing(agent.ask(…))` it is
        stopped when the block ends. Nothing is stored, but with `conversation_id`: the question
        then goes on with that stored conversation. Raises InvalidRequest for options that are
        none.
        """
        request = make_request(question, conversation_id, options)
        return self._answer_events(request, stored=conversation_id is not None)

    async def answer(
        self, question: str, *, conversation_id: str | None = None, **options: Unpack[AskOptions]
    ) -> Answer:
        """The same in one value. Raises the AgentError that `code` of AnswerFailed names.

        answer = await agent.answer("How long is the Oresund bridge?", search="always")
        """
        return await _last_answer(self.ask(question, conversation_id=conversation_id, **options))

    def conversation(
        self, conversation_id: str | None = None, *, stored: bool = False
    ) -> "AgentConversation":
        """Questions that know those before them. It is kept in memory; if `stored`, in the
        database, where the web page and the terminal show it. `conversation_id` goes on with one
        that is there.

            conversation = agent.conversation()
            await conversation.answer("Who wrote Middlemarch?")
            await conversation.answer("When was she born?")
        """
        return AgentConversation(
            self, conversation_id, stored=stored or conversation_id is not None
        )

    async def search(
        self,
        query: str,
        *,
        max_results: int = 10,
        time_range: TimeRange | None = None,
        include_domains: Sequence[str] | None = None,
        exclude_domains: Sequence[str] | None = None,
        language: str | None = None,
    ) -> SearchOutcome:
        """What the engines find, without a model: `results`, best first, and `failures`.

        `max_results` is 1 to 50. Raises InvalidRequest, UnsupportedFilter, NoEngineAnswered.
        """
        check_text("query", query)
        check_whole_number("max_results", max_results, most=MAX_SEARCH_RESULTS)
        check_choice("time_range", time_range, CHOICES["time_range"])
        check_language(language)
        asked = SearchQuery(
            query,
            max_results,
            time_range,
            plain_domains("include_domains", include_domains),
            plain_domains("exclude_domains", exclude_domains),
            language,
        )
        return await (await self._opened()).search_web(asked)

    async def read(self, address: str, *, intranet: bool = False) -> Page:
        """A page of the web as clean Markdown, or a document by its `document_id`.

        `intranet` opens WEBSEARCH_INTRANET_HOSTS to the address: set it only for one that a person
        gave. Raises PageError.
        """
        return await (await self._opened()).read_page(address, intranet=intranet)

    async def close(self) -> None:
        """Stop what is being answered and end the model's process. A closed one stays closed."""
        async with self._opening:
            self._closed = True
            service, self._service = self._service, None
        if service is not None:
            await service.aclose()

    async def _opened(self) -> AgentService:
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise RuntimeError(
                "This Agent belongs to another event loop: make one inside each asyncio.run()."
            )
        self._loop = loop
        async with self._opening:
            if self._closed:
                raise RuntimeError("This Agent was closed: make a new one.")
            if self._service is None:
                service = await build_service(self.settings)
                # Closed by close(), should this not come to its end.
                self._service = service
                await service.refresh_builtin_collection()
            return self._service

    async def _answer_events(
        self, request: AnswerRequest, *, stored: bool, memory: MemoryStore | None = None
    ) -> AsyncGenerator[AgentEvent, None]:
        service = await self._opened()
        if stored:
            events = service.answer_question(request)
        elif memory is not None:
            parts = replace(service.parts, store=memory)
            request = replace(request, conversation_id=memory.conversation.id)
            events = answer_question(request, parts)
        else:
            message = Message("user", request.question)
            events = service.answer_chat(ChatRequest((message,), request))
        async with aclosing(events):
            async for event in events:
                yield event


class AgentConversation:
    """Questions one after another, each of which knows those before it. Made by
    `agent.conversation()`."""

    def __init__(self, agent: Agent, conversation_id: str | None, *, stored: bool) -> None:
        self._agent = agent
        self._stored = stored
        self._memory = MemoryStore()
        self.id = conversation_id
        """Of a stored one: known as soon as its first question has begun. Else None."""

    async def ask(
        self, question: str, **options: Unpack[AskOptions]
    ) -> AsyncGenerator[AgentEvent, None]:
        """As `Agent.ask`. Ask the next question when this one has ended."""
        request = make_request(question, self.id, options)
        answering = self._agent._answer_events(request, stored=self._stored, memory=self._memory)
        async with aclosing(answering) as events:
            async for event in events:
                if isinstance(event, AnswerStarted) and self._stored:
                    self.id = event.conversation_id
                yield event

    async def answer(self, question: str, **options: Unpack[AskOptions]) -> Answer:
        """As `Agent.answer`."""
        return await _last_answer(self.ask(question, **options))


async def _last_answer(events: AsyncGenerator[AgentEvent, None]) -> Answer:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, AnswerFinished):
                return event.answer
            if isinstance(event, AnswerFailed):
                raise _error_of(event)
    raise RuntimeError("the stream ended without an end")


def _error_of(failure: AnswerFailed) -> AgentError:
    """The error that the failure was made of, or a plain AgentError with its code."""
    # Not what a module made of them for itself: these share the code of the one above them.
    kinds = {
        kind.code: kind
        for kind in _errors_below(AgentError)
        if kind.__module__ == AgentError.__module__
    }
    error = kinds.get(failure.code, AgentError)(failure.message)
    error.code, error.retryable = failure.code, failure.retryable
    return error


def _errors_below(kind: type[AgentError]) -> Iterator[type[AgentError]]:
    yield kind
    for below in kind.__subclasses__():
        # Those are a server's alone, and take more than a message.
        if below is not TooManyRequests:
            yield from _errors_below(below)


def _settings_with(settings: Settings | None, overrides: Mapping[str, object]) -> Settings:
    """Raises ConfigError, also for a name that is no setting: it would do nothing."""
    unknown = sorted(set(overrides) - set(Settings.model_fields))
    if unknown:
        raise ConfigError(f"{', '.join(unknown)}: no such setting. See `websearch-agent config`.")
    if settings is not None and not overrides:
        return settings
    given = settings.model_dump() if settings is not None else {}
    return load_settings(**{**given, **overrides})
