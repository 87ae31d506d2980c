import json
from contextlib import aclosing

import pytest
from dialect_fakes import END, TODAY, CountingModel, DeltaModel, hear
from fakes import FakeModel

from websearch_agent.model_calls import ModelFinished, TextDelta, ToolCall, Usage
from websearch_agent.models.dialects.markers import MarkersDialect
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.models.profile import find_profile
from websearch_agent.protocols import Dialect
from websearch_agent.types import Decision, Prompt

pytestmark = pytest.mark.anyio

BOTH = [ToolsDialect(), MarkersDialect(find_profile("megrez-3b-instruct"))]
CALL = '{"name": "search_web", "arguments": {"queries": ["tide in Brest"]}}'


def called(arguments: object, name: str = "search_web") -> ToolCall:
    return ToolCall("c", name, json.dumps(arguments))


PROSE_WITH_MARKS = [
    "Mistral marks calls with [TOOL_CALLS] and then a JSON list. Three more sentences follow.",
    'Qwen writes <tool_call>{"name":"get_weather","arguments":{}}</tool_call> here. So it is.',
    "<function=foo> is how it begins.",
    'So: <tool_call>{"name": "search_web", "arguments": {}}</tool_call> lacks its queries.',
    'So: <function=search_web>{"queries": [',
    "The tag <tool_call>search_web</tool_call> lacks its queries, too.",
    f"Here is how this assistant's call looks:\n\n```json\n{CALL}\n```",
]


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("text", PROSE_WITH_MARKS)
async def test_answer_that_mentions_a_mark_is_shown_whole_and_only_once(
    dialect: Dialect, text: str
) -> None:
    model = FakeModel([text])
    decisions, shown, ends = await hear(dialect, model, Prompt(TODAY, "q"))
    assert (decisions, shown, len(ends)) == ([Decision(False)], text, 1)
    _, shown, _ = await hear(dialect, FakeModel([text]), Prompt(TODAY, "q", search="never"))
    assert shown == text


@pytest.mark.parametrize("broken", [(called({"queries": []}),), (called({}, name="foo"),)])
async def test_broken_call_behind_an_answer_ends_it(broken: tuple[ToolCall]) -> None:
    end = ModelFinished("tool_calls", Usage(100, 10, 1), broken)
    model = DeltaModel([[TextDelta("So it is."), end]])
    decisions, shown, ends = await hear(ToolsDialect(), model, Prompt(TODAY, "q"))
    assert (decisions, shown, ends) == ([Decision(False)], "So it is.", [end])


async def test_answer_behind_a_broken_call_is_the_answer() -> None:
    model = FakeModel(["<tool_call>{x</tool_call> So it is."])
    decisions, shown, _ = await hear(ToolsDialect(), model, Prompt(TODAY, "q"))
    assert (decisions, shown) == ([Decision(False)], " So it is.")


CHINESE = "潮汐是由月球和太阳的引力造成的，布雷斯特的潮差很大。" * 20


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    "head",
    [
        '```json\n{"id": 1, "type": "潮"}\n```\n',
        "```python\nprint(1)\n```\n",
        "| 时间 | 潮高 |\n| --- | --- |\n| 6:00 | 7 m |\n",
        "[1] 说：",
        "[[citation:1]] 说：",
        '{"id": 1, "type": "潮汐", "args": "',
        '[{"name": "潮汐", "arguments": "',
        "[TOOL_CALLS] 是标记。",
    ],
)
async def test_chinese_answer_streams_whatever_it_begins_with(dialect: Dialect, head: str) -> None:
    text = head + CHINESE
    model = CountingModel([[*map(TextDelta, text), END]])
    async with aclosing(dialect.respond(model, Prompt(TODAY, "q"))) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                break
    assert model.taken < len(text) / 2
