import datetime as dt

import pytest
from fakes import FakeModel, Reply, search_call

from websearch_agent.errors import InvalidModelOutput, ModelUnavailable
from websearch_agent.model_calls import ModelFinished, TextDelta
from websearch_agent.models.dialects.schema import SchemaDialect, parse_decision
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.protocols import Dialect
from websearch_agent.types import Decision, Evidence, Passage, Prompt, Source, SourceNamed

pytestmark = pytest.mark.anyio

TODAY = dt.date(2026, 11, 23)
SOURCE = Source(7, "https://example.org", "T", "example.org", (Passage("u", "The fact.", 0, 9),))


async def respond(dialect: Dialect, model: FakeModel, prompt: Prompt) -> list[object]:
    return [d async for d in dialect.respond(model, prompt) if not isinstance(d, ModelFinished)]


@pytest.mark.parametrize("dialect", [SchemaDialect(), ToolsDialect()])
async def test_never_leaves_no_trace_of_searching(dialect: Dialect) -> None:
    model = FakeModel(["Hello"])
    said = await respond(dialect, model, Prompt(TODAY, "hi", search="never"))
    assert said == [TextDelta("Hello")]
    assert model.calls[0].tools == ()
    assert not any("search" in m.content.lower() for m in model.calls[0].messages)


@pytest.mark.parametrize(
    ("dialect", "reply"),
    [
        (SchemaDialect(), '{"reason": "asked", "queries": ["hello"]}'),
        (ToolsDialect(), search_call("hello")),
    ],
)
async def test_always_searches_even_hello(dialect: Dialect, reply: object) -> None:
    model = FakeModel([reply])  # type: ignore[list-item]
    said = await respond(dialect, model, Prompt(TODAY, "hello", search="always"))
    assert isinstance(said[-1], Decision)
    assert said[-1].search
    assert said[-1].queries == ("hello",)


async def test_always_searches_when_the_server_ignores_the_forced_tool() -> None:
    said = await respond(ToolsDialect(), FakeModel(["Hi!"]), Prompt(TODAY, "q", search="always"))
    assert said[-1] == Decision(True, ("q",))


async def test_tools_answer_is_decided_by_its_first_word() -> None:
    said = await respond(ToolsDialect(), FakeModel(["Hello"]), Prompt(TODAY, "hi"))
    assert said == [Decision(False), TextDelta("Hello")]


@pytest.mark.parametrize("dialect", [SchemaDialect(), ToolsDialect()])
async def test_sources_are_shown_with_their_numbers(dialect: Dialect) -> None:
    model = FakeModel(["So it is [7]."])
    prompt = Prompt(TODAY, "q", evidence=Evidence(("query",), (SOURCE,)), search="never")
    await respond(dialect, model, prompt)
    shown = model.calls[0].messages[-1].content
    assert '<source id="7"' in shown
    assert "The fact." in shown
    assert model.calls[0].tools == ()


EVIDENCE = Prompt(TODAY, "q", evidence=Evidence(("query",), (SOURCE,)), search="never")


async def test_answer_without_marker_is_asked_for_its_source() -> None:
    model = FakeModel(["It is so.", '{"source": "7"}'], chunk_chars=50)
    said = await respond(SchemaDialect(), model, EVIDENCE)
    assert said == [TextDelta("It is so."), SourceNamed(7)]
    assert model.calls[1].messages[-2].content == "It is so."


@pytest.mark.parametrize("reply", ['{"source": "none"}', "garbage", ModelUnavailable("gone")])
async def test_answer_stays_as_it_is_when_no_source_is_named(reply: Reply) -> None:
    model = FakeModel(["It is so.", reply], chunk_chars=50)
    assert await respond(SchemaDialect(), model, EVIDENCE) == [TextDelta("It is so.")]


async def test_answer_with_a_marker_is_not_asked_again() -> None:
    model = FakeModel(["It is so [7]."], chunk_chars=50)
    await respond(SchemaDialect(), model, EVIDENCE)
    assert len(model.calls) == 1


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"next": "search_web"}', '{"reason": 1, "next": 2}']
)
def test_broken_decision_is_an_error(text: str) -> None:
    with pytest.raises(InvalidModelOutput):
        parse_decision(text, Prompt(TODAY, "question"))
