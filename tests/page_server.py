"""The app in a thread: its service answers each question by the script of that name."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

from server.fake_service import (
    PAGE_SOURCE,
    SOURCES,
    FakeService,
    chat_script,
    make_answer,
    make_server,
    search_script,
)

from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    DecisionMade,
    PageFinished,
    ReasoningAdded,
    SearchFinished,
    SourcesSelected,
    StatementVerified,
)
from websearch_agent.server.run import AnsweringServer
from websearch_agent.types import AnswerRequest, Passage, Statement, Support

FAILURE = AnswerFailed("model_unavailable", "The model server does not answer.", retryable=True)
SCRIPT_TITLE = "<img src=x onerror=\"document.title='hacked'\"><script>alert(1)</script>"
HOSTILE_SOURCE = replace(PAGE_SOURCE, title=SCRIPT_TITLE, site="<b>site</b>")
LONG_QUESTION = "long paste " * 2500 + "end"
LONG_WORD = "https://example.org/" + "long-path-" * 40


async def hanging_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield DecisionMade(search=False)
    yield AnswerDelta("The first words stand.")
    await asyncio.Event().wait()


async def silent_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    await asyncio.Event().wait()


async def failing_once_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    if len([asked for asked in service.requests if asked.question == request.question]) == 1:
        yield service.start(request)
        yield FAILURE
        return
    async for event in chat_script(service, request):
        yield event


async def hostile_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    text = "Raw <script>document.title='hacked'</script> ![x](http://127.0.0.1:9/x.png) [1]"
    yield service.start(request)
    yield SourcesSelected((HOSTILE_SOURCE,))
    yield AnswerDelta(text)
    yield service.finish(make_answer(text, sources=(HOSTILE_SOURCE,)))


async def wide_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    row = "| " + " | ".join(f"column {number}" for number in range(12)) + " |"
    table = f"{row}\n{'|---' * 12}|\n{row}"
    text = f"{LONG_WORD} [1]\n\n```\n{'x = 1; ' * 60}\n```\n\n{table}\n"
    source = replace(PAGE_SOURCE, title=LONG_WORD, url=LONG_WORD)
    yield service.start(request)
    yield SourcesSelected((source,))
    yield AnswerDelta(text)
    yield service.finish(make_answer(text, sources=(source,)))


FIRST_QUOTE = "The [client](https://example.org/client) speaks **HTTP/2**."
SECOND_QUOTE = "Proxies are <small>read</small> from the environment."
LONG_SOURCE = replace(
    PAGE_SOURCE,
    passages=(
        Passage(PAGE_SOURCE.url, "Nothing of this is cited.", 0, 25),
        Passage(
            PAGE_SOURCE.url,
            f"{'Some **words** before. ' * 60}{FIRST_QUOTE} After it.\n\n{SECOND_QUOTE}",
            100,
            2000,
            heading="**HTTP/2** in [short](#short)",
        ),
    ),
)


async def quoting_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    text = "Proxies come from the environment [1]. HTTP/2 is spoken [1]. No words are known [1]."
    answer = make_answer(text, sources=(LONG_SOURCE,))
    first, second, third = answer.citations
    citations = (
        replace(first, quote=SECOND_QUOTE, added=True),
        replace(second, quote=FIRST_QUOTE),
        third,
    )
    yield service.start(request)
    yield SourcesSelected((LONG_SOURCE,))
    yield AnswerDelta(text)
    yield service.finish(replace(answer, citations=citations))


async def refusing_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield AnswerFailed("invalid_request", "At most `20,000` characters are taken.", False)


async def unsearchable_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    if request.search != "never":
        yield service.start(request)
        yield AnswerFailed("no_engine_answered", "No engine answered; see `doctor`.", True)
        return
    async for event in chat_script(service, request):
        yield event


async def reusing_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    text = "Proxies are read too [1]."
    yield service.start(request)
    yield DecisionMade(False, reason="more from sources", reuse=True, probability=0.1)
    yield SourcesSelected((PAGE_SOURCE,))
    yield AnswerDelta(text)
    yield service.finish(make_answer(text, sources=(PAGE_SOURCE,)))


async def thinking_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    yield ReasoningAdded("Let me <b>think</b>.")
    yield DecisionMade(True, ("q",), "recent event", probability=0.96)
    yield AnswerDelta("Thought over.")
    yield service.finish(make_answer("Thought over."))


SUPPORTED = "𝒳 Proxies are read from the environment [1]."
PARTIAL = "HTTP/2 is spoken by all of its clients."
UNSUPPORTED = "It was released in 1999 [1]."
OPINION = "I hope this helps."


def checked_statements(*levels: tuple[str, Support | None]) -> tuple[Statement, ...]:
    """Statements that stand one behind the other with a space between them."""
    found: list[Statement] = []
    for text, support in levels:
        start = found[-1].end_index + 1 if found else 0
        numbers = (1,) if "[1]" in text else ()
        found.append(Statement(text, start, start + len(text), numbers, support))
    return tuple(found)


async def checking_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    """Statements of every level: one is checked while the answer comes in, then more closely."""
    statements = checked_statements(
        (SUPPORTED, Support("supported", 0.9, 1, SECOND_QUOTE)),
        (PARTIAL, Support("partial", 0.5, 1, FIRST_QUOTE)),
        (UNSUPPORTED, Support("unsupported", 0.1, 1, FIRST_QUOTE, ("1999",), "model")),
        (OPINION, Support("not_checkable", 0.0)),
    )
    text = " ".join(statement.text for statement in statements)
    passages = tuple(replace(p, link=f"{p.url}#:~:text=Some") for p in LONG_SOURCE.passages)
    source = replace(LONG_SOURCE, passages=passages)
    answer = make_answer(text, sources=(source,), statements=statements, verification="model")
    first, second = answer.citations
    link = f"{PAGE_SOURCE.url}#:~:text=Proxies"
    citations = (
        replace(first, quote=SECOND_QUOTE, link=link, added=True, support="supported"),
        replace(second, quote=FIRST_QUOTE, support="unsupported"),
    )
    yield service.start(request)
    yield SourcesSelected((LONG_SOURCE,))
    yield AnswerDelta(text)
    yield StatementVerified(replace(statements[2], support=Support("partial", 0.4)))
    yield StatementVerified(statements[2])
    yield service.finish(replace(answer, citations=citations, repaired=True))


async def unanswered_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    text = "The sources do not tell the year."
    statements = checked_statements((text, Support("unsupported", 0.1)))
    answer = make_answer(text, sources=(PAGE_SOURCE,), statements=statements, verification="fast")
    yield service.start(request)
    yield SourcesSelected((PAGE_SOURCE,))
    yield AnswerDelta(text)
    yield service.finish(replace(answer, unanswered=True))


FIRST_WORDS = "HTTP/2 is off by default [2]."
LAST_WORDS = "Pass `http2=True` to the client [1]."


class Gate:
    """What a script waits for; a test opens it from its own thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def open(self) -> None:
        self._loop.call_soon_threadsafe(self._event.set)

    async def passed(self) -> None:
        await self._event.wait()


async def gated_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    """A search, the first words, and the rest when the test opens the gate."""
    queries = ("httpx http2 default",)
    yield service.start(request)
    yield DecisionMade(True, queries, reason="recent fact")
    yield SearchFinished(queries, 8)
    yield PageFinished(PAGE_SOURCE.url, PAGE_SOURCE.title)
    yield SourcesSelected(SOURCES)
    yield AnswerDelta(f"{FIRST_WORDS}\n\n")
    await service.gate.passed()  # type: ignore[attr-defined]
    yield AnswerDelta(LAST_WORDS)
    yield service.finish(make_answer(f"{FIRST_WORDS}\n\n{LAST_WORDS}", search_queries=queries))


async def waiting_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    """Says nothing until the gate is open, then chats."""
    await service.gate.passed()  # type: ignore[attr-defined]
    async for event in chat_script(service, request):
        yield event


TECHNICAL = """Install it [2]:

```python
import httpx
client = httpx.Client(http2=True)  # off by default
```

The speed is $v = \\frac{s}{t}$ [1]. Prices are $5 and $10.

| Version | Default |
|---|---:|
| 1.1 | on |
| 2 | off |
"""


async def technical_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    """Code, maths and a table, in small pieces."""
    yield service.start(request)
    yield SourcesSelected(SOURCES)
    for start in range(0, len(TECHNICAL), 7):
        yield AnswerDelta(TECHNICAL[start : start + 7])
    yield service.finish(make_answer(TECHNICAL))


async def failing_later_script(
    service: FakeService, request: AnswerRequest
) -> AsyncIterator[AgentEvent]:
    """The first time it answers, afterwards it fails."""
    if request.replace_turn is None:
        async for event in chat_script(service, request):
            yield event
        return
    yield service.start(request)
    yield FAILURE


class ServerThread:
    """The app in a thread of its own, so that Playwright's sync API can be used."""

    def __init__(self) -> None:
        self.service: FakeService | None = None
        self.gate: Gate | None = None
        self.server: AnsweringServer | None = None
        self.started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self.service = FakeService(
            chat_script,
            search=search_script,
            hang=hanging_script,
            fail=failing_once_script,
            hostile=hostile_script,
            wide=wide_script,
            quote=quoting_script,
            silent=silent_script,
            refuse=refusing_script,
            unsearchable=unsearchable_script,
            reuse=reusing_script,
            thinking=thinking_script,
            check=checking_script,
            unanswered=unanswered_script,
            gated=gated_script,
            waiting=waiting_script,
            technical=technical_script,
            once=failing_later_script,
        )
        self.gate = self.service.gate = Gate()  # type: ignore[attr-defined]
        self.service.scripts[LONG_QUESTION] = refusing_script
        self.server = make_server(self.service)
        self.started.set()
        await self.server.serve(sockets=[self.server.listener])  # type: ignore[attr-defined]
