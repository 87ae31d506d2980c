"""`from websearch_agent import Agent`: the program as a library."""

import ast
import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from agent_parts import A, make_parts
from fakes import FakeModel, Reply, search_call

import websearch_agent
from websearch_agent import (
    Agent,
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerStarted,
    python_api,
    python_options,
)
from websearch_agent.agent.chat import answer_chat
from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.chats import ChatRequest
from websearch_agent.config import Settings
from websearch_agent.errors import (
    AgentError,
    ConfigError,
    ConversationNotFound,
    InvalidRequest,
    ModelUnavailable,
    TooManyRequests,
)
from websearch_agent.events import AgentEvent
from websearch_agent.protocols import ConversationStore
from websearch_agent.python_options import AskOptions
from websearch_agent.search.fan_out import SearchOutcome
from websearch_agent.types import AnswerRequest, Page, SearchQuery

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[1]
OPENED = "The red bridge was opened in 1932 [1]."
SEARCHED: list[Reply] = [search_call("red bridge"), OPENED]


@dataclass
class LibraryService:
    """The real agent with fakes at its edges, in the place of `wiring.AgentService`."""

    parts: AgentParts
    queries: list[SearchQuery] = field(default_factory=list)
    opened: int = 0
    closed: int = 0

    async def build(self, settings: Settings) -> "LibraryService":
        self.opened += 1
        await asyncio.sleep(0)
        return self

    def answer_question(self, request: AnswerRequest) -> AsyncGenerator[AgentEvent, None]:
        return answer_question(request, self.parts)

    def answer_chat(self, chat: ChatRequest) -> AsyncGenerator[AgentEvent, None]:
        return answer_chat(chat, self.parts)

    async def search_web(self, query: SearchQuery) -> SearchOutcome:
        self.queries.append(query)
        return SearchOutcome([])

    async def read_page(self, address: str, *, intranet: bool = False) -> Page:
        return await self.parts.reader.read(address)

    async def refresh_builtin_collection(self) -> None: ...

    async def aclose(self) -> None:
        self.closed += 1
        await self.parts.end_running()


@dataclass(frozen=True)
class Library:
    """An agent whose model says `replies`."""

    store: ConversationStore
    monkeypatch: pytest.MonkeyPatch

    def service(self, replies: "list[Reply] | FakeModel") -> LibraryService:
        service = LibraryService(make_parts(self.store, replies))
        self.monkeypatch.setattr(python_api, "build_service", service.build)
        return service


@pytest.fixture
def library(store: ConversationStore, monkeypatch: pytest.MonkeyPatch) -> Library:
    return Library(store, monkeypatch)


async def test_answer_has_its_citations_and_nothing_is_stored(library: Library) -> None:
    service = library.service(SEARCHED)
    async with Agent() as agent:
        answer = await agent.answer("When was the red bridge opened?")
    assert answer.text == OPENED
    assert [(one.source_number, one.url) for one in answer.citations] == [(1, A)]
    assert await library.store.list_conversations() == []
    assert (service.opened, service.closed) == (1, 1)


async def test_events_end_with_the_answer_that_was_streamed(library: Library) -> None:
    library.service(SEARCHED)
    async with Agent() as agent:
        events = [event async for event in agent.ask("When was the red bridge opened?")]
    assert isinstance(events[0], AnswerStarted)
    assert isinstance(events[-1], AnswerFinished)
    streamed = "".join(event.text for event in events if isinstance(event, AnswerDelta))
    assert streamed == events[-1].answer.text == OPENED


async def test_options_reach_the_agent(library: Library) -> None:
    model = FakeModel(["Hello."])
    library.service(model)
    async with Agent() as agent:
        await agent.answer("Hello", search="never", instructions="Speak like a pirate.")
    (call,) = model.calls
    assert not call.tools
    assert any("Speak like a pirate." in message.content for message in call.messages)


async def test_conversation_in_memory_knows_what_was_asked_and_is_not_stored(
    library: Library,
) -> None:
    model = FakeModel([*SEARCHED, "Yes, in 1932 [1]."])
    library.service(model)
    async with Agent() as agent:
        conversation = agent.conversation()
        await conversation.answer("When was the red bridge opened?")
        second = await conversation.answer("Really?", search="never")
    said = [message.content for message in model.calls[-1].messages]
    assert any("When was the red bridge opened?" in content for content in said)
    assert any("opened in 1932" in content for content in said)
    assert second.text.startswith("Yes, in 1932")
    assert conversation.id is None
    assert await library.store.list_conversations() == []


async def test_two_conversations_in_memory_know_nothing_of_each_other(library: Library) -> None:
    model = FakeModel(["My name is Ann.", "Who?"])
    library.service(model)
    async with Agent() as agent:
        await agent.conversation().answer("What is your name?", search="never")
        await agent.conversation().answer("And mine?", search="never")
    assert not any("Ann" in message.content for message in model.calls[-1].messages)


async def test_stored_conversation_is_in_the_list_and_can_be_gone_on_with(
    library: Library,
) -> None:
    library.service([*SEARCHED, "Yes.", "Indeed."])
    async with Agent() as agent:
        conversation = agent.conversation(stored=True)
        await conversation.answer("When was the red bridge opened?")
        assert conversation.id is not None
        await agent.conversation(conversation.id).answer("Really?", search="never")
        await agent.answer("For sure?", conversation_id=conversation.id, search="never")
    (listed,) = await library.store.list_conversations()
    stored = await library.store.load_conversation(listed.id)
    assert listed.id == conversation.id
    assert [turn.question for turn in stored.turns] == [
        "When was the red bridge opened?",
        "Really?",
        "For sure?",
    ]


async def test_failure_is_raised_as_the_error_it_was(library: Library) -> None:
    library.service([ModelUnavailable("No connection to the model server.")])
    async with Agent() as agent:
        with pytest.raises(ModelUnavailable, match="No connection") as raised:
            await agent.answer("Hello")
        with pytest.raises(ConversationNotFound):
            await agent.answer("Hello", conversation_id="none")
        with pytest.raises(InvalidRequest, match="empty"):
            await agent.answer(" ")
    assert raised.value.retryable


async def test_failure_is_an_event_where_events_are_read(library: Library) -> None:
    library.service([ModelUnavailable("No connection to the model server.")])
    async with Agent() as agent:
        events = [event async for event in agent.ask("Hello")]
    assert isinstance(events[-1], AnswerFailed)
    assert events[-1].code == "model_unavailable"


@pytest.mark.parametrize("code", ["internal_error", "too_many_requests", "stopped"])
def test_failure_of_no_kind_of_ours_keeps_its_code(code: str) -> None:
    error = python_api._error_of(AnswerFailed(code, "Something.", True))
    assert type(error) is AgentError
    assert (error.code, error.retryable, error.message) == (code, True, "Something.")
    assert AgentError.code == "agent_error"


def errors_below(kind: type[AgentError]) -> list[type[AgentError]]:
    """Those of `errors.py`: a module's own share the code of the one above them."""
    below = [one for kind in kind.__subclasses__() for one in errors_below(kind)]
    return [one for one in (kind, *below) if one.__module__ == AgentError.__module__]


@pytest.mark.parametrize("kind", errors_below(AgentError), ids=lambda kind: kind.__name__)
def test_every_error_of_an_answer_is_raised_as_its_own_kind(kind: type[AgentError]) -> None:
    error = python_api._error_of(AnswerFailed(kind.code, "Something.", kind.retryable))
    assert error.code == kind.code
    assert type(error) is (AgentError if issubclass(kind, TooManyRequests) else kind)


async def test_leaving_the_loop_stops_the_model(library: Library) -> None:
    model = FakeModel(["A long answer that nobody reads to its end."], hang_after=1)
    library.service(model)
    async with Agent() as agent:
        async with aclosing(agent.ask("Hello", search="never")) as events:
            async for event in events:
                if isinstance(event, AnswerDelta):
                    break
        assert model.stopped


async def test_closing_the_agent_stops_what_is_being_answered(library: Library) -> None:
    model = FakeModel(["A long answer."], hang_after=1)
    library.service(model)
    agent = Agent()
    asking = asyncio.create_task(agent.answer("Hello", search="never"))
    await model.hanging.wait()
    await agent.close()
    with pytest.raises(AgentError) as raised:
        await asking
    assert raised.value.code == "stopped"
    assert model.stopped


async def test_two_questions_at_once_open_it_once_and_both_are_answered(library: Library) -> None:
    model = FakeModel(["One.", "One."])
    service = library.service(model)
    agent = Agent()
    answers = await asyncio.gather(
        agent.answer("Hello", search="never"), agent.answer("Hello again", search="never")
    )
    await agent.close()
    await agent.close()
    assert [answer.text for answer in answers] == ["One.", "One."]
    assert (service.opened, service.closed) == (1, 1)


async def test_closed_agent_is_not_opened_again(library: Library) -> None:
    service = library.service(["Hello."])
    async with Agent() as agent:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        await agent.answer("Hello")
    assert service.opened == 1


def test_agent_in_a_second_event_loop_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    service = LibraryService(make_parts(None, []))  # type: ignore[arg-type]
    monkeypatch.setattr(python_api, "build_service", service.build)
    agent = Agent()
    asyncio.run(agent.search("q"))
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(agent.search("q"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"search": "alway"}, "search='alway' is not known; it is one of auto, always, never."),
        ({"mode": "fast"}, "quick, balanced, deep"),
        ({"time_range": "hour"}, "day, week, month, year"),
        ({"verification": "slow"}, "off, fast, model"),
        ({"evidence": "all"}, "passages, summaries"),
        ({"include_domains": "python.org"}, r"write include_domains=\['python.org'\]"),
        ({"exclude_domains": ["a b"]}, "is no domain"),
        ({"exclude_domains": 5}, "exclude_domains=5 is not a list"),
        ({"include_domains": [5]}, "include_domains holds what is no domain"),
        ({"include_domains": [""]}, "include_domains holds what is no domain"),
        ({"include_domains": ["a.example"] * 51}, "51 domains; at most 50"),
        ({"mode": ["quick"]}, "quick, balanced, deep"),
        ({"language": "!!"}, "language='!!' is no language tag"),
        ({"language": "en\n"}, "is no language tag"),
        ({"language": 5}, "is no language tag"),
        ({"strict": "no"}, "strict='no' is not True or False"),
        ({"instructions": 5}, "instructions=5 is not a text"),
        ({"max_answer_tokens": -5}, "max_answer_tokens=-5 is not a whole number of at least 1"),
        ({"max_answer_tokens": 0}, "max_answer_tokens=0"),
        ({"max_answer_tokens": True}, "max_answer_tokens=True"),
        ({"max_answer_tokens": "9"}, "max_answer_tokens='9'"),
        ({"conversation_id": 5}, "conversation_id=5 is not a text"),
        ({"serach": "auto"}, "serach: no such option; there are search, mode"),
        ({"question_id": None, "foo": 1}, "foo, question_id: no such option"),
    ],
)
def test_options_that_are_none_are_refused_at_once(options: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        Agent().ask("Hello", **options)  # type: ignore[arg-type]


def test_question_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="question=None is not a text"):
        Agent().ask(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(AskOptions.__annotations__))
def test_none_for_an_option_is_the_same_as_leaving_it_out(name: str) -> None:
    options: AskOptions = {name: None}  # type: ignore[misc]
    assert python_options.make_request("Hello", None, options) == AnswerRequest("Hello")


def test_options_that_are_right_are_taken_as_they_are() -> None:
    options: AskOptions = {"language": "zh-CN", "strict": False, "max_answer_tokens": 1}
    request = python_options.make_request("Hello", None, options)
    assert request == AnswerRequest("Hello", language="zh-CN", strict=False, max_answer_tokens=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_results": 0}, "max_results=0 is not a whole number from 1 to 50"),
        ({"max_results": 51}, "max_results=51"),
        ({"max_results": None}, "max_results=None"),
        ({"query": None}, "query=None is not a text"),
        ({"max_results": "3"}, "max_results='3'"),
        ({"language": "!!"}, "is no language tag"),
        ({"include_domains": "a.example"}, "is a list of domains"),
    ],
)
async def test_search_refuses_options_that_are_none(
    library: Library, options: dict[str, object], said: str
) -> None:
    service = library.service([])
    async with Agent() as agent:
        with pytest.raises(InvalidRequest, match=said):
            await agent.search(**{"query": "red bridge", **options})  # type: ignore[arg-type]
        await agent.search("red bridge", include_domains=None, exclude_domains=None)
    assert service.queries == [SearchQuery("red bridge")]


async def test_search_and_read_need_no_model(library: Library) -> None:
    service = library.service([])
    async with Agent() as agent:
        await agent.search("red bridge", max_results=3, include_domains=["https://A.example/x"])
        page = await agent.read(A)
        with pytest.raises(InvalidRequest, match="time_range"):
            await agent.search("red bridge", time_range="hour")  # type: ignore[arg-type]
    assert service.queries == [SearchQuery("red bridge", 3, include_domains=("a.example",))]
    assert page.text.startswith("The red bridge was opened")


def test_settings_are_the_given_ones_with_the_overrides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBSEARCH_MODEL_NAME", "of the environment")
    monkeypatch.setenv("WEBSEARCH_MAX_ANSWERS", "3")
    assert Agent(max_answers=5).settings.max_answers == 5
    assert Agent().settings.max_answers == 3
    given = Settings(
        model_name="given",
        model_url="http://localhost:9/v1",
        model_api_key="secret-key",  # type: ignore[arg-type]
        engines="local",  # type: ignore[arg-type]
        intranet_hosts="wiki.example",  # type: ignore[arg-type]
        trusted_proxies="127.0.0.1/32",  # type: ignore[arg-type]
    )
    assert Agent(given).settings is given
    both = Agent(given, strict=True).settings
    assert both.model_dump() == {**given.model_dump(), "strict": True}


def test_wrong_and_unknown_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="no such setting"):
        Agent(modelurl="http://localhost:9/v1")
    with pytest.raises(ConfigError, match="MAX_ANSWERS"):
        Agent(max_answers=0)


def test_import_of_the_package_loads_nothing_heavy() -> None:
    """Else the command line would be as slow to say `--help` as to answer."""
    code = (
        "import sys; before = set(sys.modules); import websearch_agent; "
        "dir(websearch_agent); websearch_agent.__version__; "
        "print(*sorted(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    ours = [name for name in done.stdout.split() if name.startswith("websearch_agent")]
    assert ours == ["websearch_agent"]
    assert not {"pydantic", "httpx", "langgraph", "mcp"} & set(done.stdout.split())


def test_every_name_of_the_package_is_there_and_known_to_type_checkers() -> None:
    stub = ast.parse((ROOT / "websearch_agent" / "__init__.pyi").read_text())
    (names,) = [ast.literal_eval(node.value) for node in stub.body if isinstance(node, ast.Assign)]
    assert names == sorted(websearch_agent.__all__)
    assert all(getattr(websearch_agent, name) is not None for name in names)
    imported = {
        alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert imported | {"__version__"} == set(names)
    with pytest.raises(AttributeError, match="Agnet"):
        _ = websearch_agent.Agnet  # type: ignore[attr-defined]


CONSUMER = """
from typing import assert_type

from websearch_agent import Agent, Answer, AnswerDelta, AnswerFailed


async def main() -> str:
    async with Agent(model_url="http://localhost:8080/v1") as agent:
        answer = await agent.answer("q", search="always", include_domains=["a.example"])
        assert_type(answer, Answer)
        async for event in agent.conversation(stored=True).ask("q", mode="quick"):
            if isinstance(event, AnswerDelta):
                assert_type(event.text, str)
            elif isinstance(event, AnswerFailed):
                return event.code
        return (await agent.read("https://a.example/")).text
"""


def test_consumer_is_type_checked_strictly(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(CONSUMER)
    wrong.write_text(CONSUMER.replace('search="always"', 'search="alway"'))
    # With the cache of `make check`, which knows the package.
    command = [sys.executable, "-m", "mypy", "--strict", str(right), str(wrong)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    # Those of the package itself are for `make check` to find.
    of_consumers = [line for line in errors if "right.py:" in line or "wrong.py:" in line]
    assert len(of_consumers) == 1, done.stdout + done.stderr
    assert "wrong.py:" in of_consumers[0]
    assert "alway" in of_consumers[0]
