import json
import re

import pytest
from dialect_fakes import CUT, END, SOURCE, TODAY, CountingModel, DeltaModel, hear
from fakes import FakeModel, search_call

from websearch_agent.errors import InvalidModelOutput
from websearch_agent.model_calls import (
    Message,
    ModelFinished,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    Usage,
)
from websearch_agent.models.dialects.markers import MarkersDialect
from websearch_agent.models.dialects.search_call import parse_queries
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.models.profile import find_profile
from websearch_agent.protocols import Dialect
from websearch_agent.types import Decision, Evidence, Prompt

pytestmark = pytest.mark.anyio

MEGREZ = find_profile("megrez-3b-instruct")
BOTH = [ToolsDialect(), MarkersDialect(MEGREZ)]
CALL = '{"name": "search_web", "arguments": {"queries": ["tide in Brest"]}}'
FOUND = Evidence(("tide",), (SOURCE,))


def called(arguments: object, name: str = "search_web") -> ToolCall:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall("c", name, text)


# ---- arguments -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "queries"),
    [
        ({"queries": ["a", "b"]}, ["a", "b"]),
        ({"query": " a  b "}, ["a b"]),
        ({"q": "a"}, ["a"]),
        ({"search_query": "a"}, ["a"]),
        ({"input": "a"}, ["a"]),
        ({"queries": "a"}, ["a"]),
        ({"queries": [["a"], [["b"]]]}, ["a", "b"]),
        ({"queries": [{"query": "a"}, {"q": "b"}]}, ["a", "b"]),
        ({"queries": '["a", "b"]'}, ["a", "b"]),
        (json.dumps({"query": "a"}), ["a"]),
        ("weather in Brest", ["weather in Brest"]),
        ('"a"', ["a"]),
        ('["a", "a", "b"]', ["a", "b"]),
        ("{'queries': ['a', 'b',]}", ["a", "b"]),
        ('{"queries": ["a", "b"', ["a", "b"]),
        ('{"queries": ["a\nb"]}', ["a b"]),
        ('{"queries": ["a"], "fresh": True, "n": None}', ["a"]),
    ],
)
def test_queries_are_understood_in_every_shape(arguments: object, queries: list[str]) -> None:
    assert parse_queries(called(arguments)) == queries


@pytest.mark.parametrize(
    "arguments", ["{", "[]", "{}", '{"queries": []}', '{"queries": 3}', '{"queries": ["half a qu']
)
def test_arguments_without_a_whole_query_are_an_error(arguments: str) -> None:
    with pytest.raises(InvalidModelOutput):
        parse_queries(called(arguments))


async def test_several_calls_are_one_search_of_three_queries() -> None:
    calls = search_call("a", "b") + search_call("b", "c", "d")
    decisions, _, _ = await hear(ToolsDialect(), FakeModel([calls]), Prompt(TODAY, "q"))
    assert decisions == [Decision(True, ("a", "b", "c"))]


async def test_reason_of_the_call_is_told() -> None:
    calls = (called({"reason": "recent  news", "queries": ["a"]}),)
    decisions, _, _ = await hear(ToolsDialect(), FakeModel([calls]), Prompt(TODAY, "q"))
    assert decisions == [Decision(True, ("a",), "recent news")]


# ---- where calls are written ---------------------------------------------------------------


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    "text", [CALL, f"<tool_call>{CALL}</tool_call>", f"<|function_start|>{CALL}", f"```\n{CALL}```"]
)
async def test_written_call_searches_and_is_not_shown(dialect: Dialect, text: str) -> None:
    decisions, shown, ends = await hear(dialect, FakeModel([text]), Prompt(TODAY, "q"))
    assert decisions == [Decision(True, ("tide in Brest",))]
    assert shown == ""
    assert len(ends) == 1


async def test_call_behind_words_takes_the_words_back() -> None:
    text = f"Let me look.\n<tool_call>{CALL}</tool_call>"
    decisions, _, _ = await hear(ToolsDialect(), FakeModel([text]), Prompt(TODAY, "q"))
    assert decisions == [Decision(False), Decision(True, ("tide in Brest",))]


async def test_call_in_the_thoughts_of_a_silent_reply_searches() -> None:
    thoughts = ReasoningDelta(f"I need the tide. <tool_call>{CALL}</tool_call>")
    decisions, _, _ = await hear(ToolsDialect(), DeltaModel([[thoughts, END]]), Prompt(TODAY, "q"))
    assert decisions == [Decision(True, ("tide in Brest",))]


async def test_call_in_the_thoughts_of_an_answer_is_only_a_thought() -> None:
    script = [ReasoningDelta(f"Should I? <tool_call>{CALL}</tool_call>"), TextDelta("No."), END]
    decisions, shown, _ = await hear(ToolsDialect(), DeltaModel([script]), Prompt(TODAY, "q"))
    assert (decisions, shown) == ([Decision(False)], "No.")


# ---- broken calls --------------------------------------------------------------------------

BROKEN = [
    (called('{"queries": ["tide in Br'),),
    (called({"queries": []}),),
    (called({"city": "Brest"}, name="get_weather"),),
    '<tool_call>{"name": "get_weather", "arguments": {"city": "Brest"}}</tool_call>',
    '<|function_start|>{"name": "search_web"}<|function_end|>',
    "<|function_start|>{nonsense",
]


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("broken", BROKEN)
async def test_broken_call_is_asked_again_once_in_its_context(
    dialect: Dialect, broken: object
) -> None:
    model = FakeModel([broken, CALL])  # type: ignore[list-item]
    decisions, shown, ends = await hear(dialect, model, Prompt(TODAY, "q"))
    assert decisions == [Decision(True, ("tide in Brest",))]
    assert (shown, len(ends)) == ("", 2)
    first, second = model.calls
    assert second.messages[: len(first.messages)] == first.messages
    shown_again, asked = second.messages[len(first.messages) :]
    assert shown_again.role == "assistant"
    assert asked.role == "user"
    assert "cannot be carried out" in asked.content
    assert "search_web" in asked.content
    assert second.max_tokens < first.max_tokens


async def test_model_is_told_what_is_wrong() -> None:
    model = FakeModel([(called({}, name="get_weather"),), "Hello"])
    decisions, shown, _ = await hear(ToolsDialect(), model, Prompt(TODAY, "q"))
    assert "'get_weather', only search_web" in model.calls[1].messages[-1].content
    assert (decisions, shown) == ([Decision(False)], "Hello")


async def test_call_cut_at_the_most_tokens_is_no_answer() -> None:
    cut = [TextDelta('<tool_call>{"name": "search_web", "arguments": {"queries": ["a"]'), CUT]
    model = DeltaModel([cut, [TextDelta(CALL), END]])
    decisions, shown, _ = await hear(ToolsDialect(), model, Prompt(TODAY, "q"))
    assert (decisions, shown) == ([Decision(True, ("tide in Brest",))], "")


@pytest.mark.parametrize("dialect", BOTH)
async def test_call_that_stays_broken_is_an_error(dialect: Dialect) -> None:
    model = FakeModel(["<tool_call>{x", "<tool_call>{y"])
    with pytest.raises(InvalidModelOutput, match="broken"):
        await hear(dialect, model, Prompt(TODAY, "q"))
    assert len(model.calls) == 2


@pytest.mark.parametrize("dialect", BOTH)
async def test_call_that_stays_broken_searches_the_question_where_a_search_was_asked_for(
    dialect: Dialect,
) -> None:
    model = FakeModel(["<tool_call>{x", "<tool_call>{y"])
    prompt = Prompt(TODAY, "the question", search="always")
    decisions, shown, ends = await hear(dialect, model, prompt)
    assert decisions == [Decision(True, ("the question",))]
    assert (shown, len(ends)) == ("", 2)


async def test_call_is_not_asked_again_where_the_window_has_no_room() -> None:
    model = FakeModel(["<tool_call>{x"])
    with pytest.raises(InvalidModelOutput):
        await hear(ToolsDialect(), model, Prompt(TODAY, "q", max_tokens=40))
    assert len(model.calls) == 1


# ---- the switch ----------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", BOTH)
async def test_always_searches_even_hello_and_shows_no_other_words(dialect: Dialect) -> None:
    decisions, shown, _ = await hear(
        dialect, FakeModel(["Hello to you!"]), Prompt(TODAY, "hello", search="always")
    )
    assert (decisions, shown) == ([Decision(True, ("hello",))], "")


@pytest.mark.parametrize("dialect", BOTH)
async def test_always_does_not_wait_for_an_answer_nobody_sees(dialect: Dialect) -> None:
    words = [TextDelta("\n"), *(TextDelta(f"word {number} ") for number in range(500))]
    model = CountingModel([[ReasoningDelta("Hm. "), *words, END]])
    decisions, shown, ends = await hear(dialect, model, Prompt(TODAY, "q", search="always"))
    assert (decisions, shown) == ([Decision(True, ("q",))], "")
    assert (model.taken, model.stopped) == (3, True)
    (end,) = ends
    assert end.usage.model_calls == 1
    assert end.usage.prompt_tokens > 0
    assert 0 < end.usage.completion_tokens < 10


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("question", ["hi", "你好"])
@pytest.mark.parametrize("in_hand", [(), (SOURCE,)])
async def test_never_leaves_no_trace_of_searching(
    dialect: Dialect, question: str, in_hand: tuple[()]
) -> None:
    model = FakeModel(["Hello"])
    prompt = Prompt(
        TODAY, question, search="never", in_hand=in_hand, addresses=("https://example.org",)
    )
    decisions, _, _ = await hear(dialect, model, prompt)
    assert decisions == []
    (call,) = model.calls
    assert call.tools == ()
    assert not call.force_tool
    rendered = " ".join(message.content for message in call.messages)
    assert not re.search(r"search|web|tool|function|搜索", rendered, re.IGNORECASE)


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("evidence", [None, FOUND])
async def test_unasked_call_is_dropped_from_the_answer(
    dialect: Dialect, evidence: Evidence | None
) -> None:
    prompt = Prompt(TODAY, "q", search="never", evidence=evidence)
    model = FakeModel([f"So it is. <tool_call>{CALL}</tool_call>"])
    decisions, shown, ends = await hear(dialect, model, prompt)
    assert (decisions, shown.strip(), len(ends)) == ([], "So it is.", 1)


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("reply", [CALL, search_call("a"), "<tool_call>{x"])
async def test_unasked_call_instead_of_an_answer_is_an_error(
    dialect: Dialect, reply: object
) -> None:
    model = FakeModel([reply])  # type: ignore[list-item]
    with pytest.raises(InvalidModelOutput, match="call"):
        await hear(dialect, model, Prompt(TODAY, "q", search="never", evidence=FOUND))


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    ("prompt", "purpose"),
    [
        (Prompt(TODAY, "q", search="never"), "chat"),
        (Prompt(TODAY, "q"), "agent"),
        (Prompt(TODAY, "q", search="never", evidence=FOUND), "agent"),
    ],
)
async def test_purpose_is_chat_only_without_sources_and_search(
    dialect: Dialect, prompt: Prompt, purpose: str
) -> None:
    model = FakeModel(["Hello"])
    await hear(dialect, model, prompt)
    assert model.calls[0].purpose == purpose


# ---- what the prompt shows -----------------------------------------------------------------


@pytest.mark.parametrize("dialect", BOTH)
def test_sources_in_hand_are_shown_with_the_question(dialect: Dialect) -> None:
    *_, asked = dialect.build_messages(Prompt(TODAY, "the question", in_hand=(SOURCE,)))
    assert "The fact." in asked.content
    assert "from earlier in this conversation" in asked.content
    assert "otherwise search" in asked.content
    assert asked.content.endswith("the question")


@pytest.mark.parametrize("dialect", BOTH)
def test_model_knows_that_a_search_opens_the_addresses(dialect: Dialect) -> None:
    def system(**fields: object) -> str:
        return dialect.build_messages(Prompt(TODAY, "q", **fields))[0].content  # type: ignore[arg-type]

    line = "opens the web addresses"
    assert line in system(addresses=("https://example.org",))
    assert line not in system()
    assert line not in system(addresses=("https://example.org",), evidence=FOUND)


@pytest.mark.parametrize(
    ("name", "mark"), [("generic", "[1]"), ("megrez-3b-instruct", "[citation:1]")]
)
def test_markers_are_asked_for_in_the_form_of_the_family(name: str, mark: str) -> None:
    dialect = ToolsDialect(find_profile(name))
    system = dialect.build_messages(Prompt(TODAY, "q", evidence=FOUND))[0].content
    assert f"like this {mark}." in system
    in_hand = dialect.build_messages(Prompt(TODAY, "q", in_hand=(SOURCE,)))[-1].content
    assert f"like {mark};" in in_hand


async def test_each_call_ends_once_and_its_usage_is_passed_on() -> None:
    ends_of_model = ModelFinished("stop", Usage(7, 3, 1))
    model = DeltaModel([[TextDelta("<tool_call>{x"), ends_of_model], [TextDelta("So."), END]])
    _, _, ends = await hear(ToolsDialect(), model, Prompt(TODAY, "q"))
    assert ends == [ends_of_model, END]


def test_history_stands_between_system_prompt_and_question() -> None:
    history = (Message("user", "a"), Message("assistant", "b"))
    for dialect in BOTH:
        messages = dialect.build_messages(Prompt(TODAY, "q", history))
        assert messages[1:3] == history
