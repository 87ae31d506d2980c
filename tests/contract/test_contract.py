"""What the client relies on, asked of a real model server: see `run.py`.

The same tests for each server; where servers differ, `EXPECTED` says how.
"""

import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from websearch_agent.config import Settings, load_settings
from websearch_agent.errors import (
    AgentError,
    ContextTooLong,
    InvalidModelOutput,
    ModelRejectedRequest,
)
from websearch_agent.model_calls import (
    Message,
    ModelCall,
    ModelDelta,
    ModelFinished,
    TextDelta,
    Usage,
)
from websearch_agent.models.checked_server import open_server
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.dialects.tools import SEARCH_TOOL, ToolsDialect
from websearch_agent.models.server_check import check_server
from websearch_agent.models.true_or_false import REPLY_TOKENS, probability_of_true
from websearch_agent.types import Decision, Prompt

URL = os.environ.get("CONTRACT_URL", "")
SERVER = os.environ.get("CONTRACT_SERVER", "vllm")
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not URL, reason="needs a model server: make contract-vllm"),
]

TODAY = dt.date(2026, 11, 23)
QUESTION = Prompt(today=TODAY, question="Which colour has grass?", max_tokens=256)
COUNT = (Message("user", "Count from one to one hundred in words."),)
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "ok": {"type": "boolean"},
        "colour": {"type": "string", "enum": ["red", "green"]},
    },
    "required": ["ok", "colour"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Expected:
    """How one server differs. `failing`: checks of `model check` that it does not pass."""

    name: str
    profile: str
    tokenize: str
    refuses_unknown_model: bool
    holds_tool_choice: bool
    failing: frozenset[str]


EXPECTED = {
    # Random weights call no tool of their own accord; a forced call's arguments are any JSON.
    "vllm": Expected(
        "tiny-llama",
        "generic",
        "vllm",
        True,
        True,
        frozenset({"tools (auto)", "tools (required)"}),
    ),
    # The 1.5B writes fenced JSON instead of a call.
    "llama-server": Expected(
        "qwen2.5-coder-1.5b-instruct",
        "qwen2.5-small",
        "llama-server",
        False,
        False,
        frozenset({"tools (auto)", "tools (required)", "unknown model"}),
    ),
}[SERVER]


@pytest.fixture
def settings() -> Settings:
    return load_settings(model_url=URL)


@pytest.fixture
async def model(settings: Settings) -> AsyncIterator[OpenAICompatibleModel]:
    opened = OpenAICompatibleModel(settings)
    yield opened
    await opened.close()


async def ask(model: OpenAICompatibleModel, call: ModelCall) -> list[ModelDelta]:
    async with aclosing(model.stream(call)) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas: list[ModelDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def test_server_is_found_out(model: OpenAICompatibleModel) -> None:
    await model.prepare()
    found = model.capabilities
    assert model.name == EXPECTED.name
    assert model.profile.name == EXPECTED.profile
    assert (found.tools, found.json_schema, found.logprobs) == (True, True, True)
    assert found.tokenize == EXPECTED.tokenize
    assert found.context_window == 4096
    assert (await model.limits()).context_window == 4096


async def test_prompt_is_counted_as_the_server_counts_it(model: OpenAICompatibleModel) -> None:
    await model.prepare()
    text = "Der Zug 4711 nach Győr, 东方快车, costs 12.50 € since 2024. " * 40
    (counted,) = await model.count_tokens([text])
    call = ModelCall((Message("user", text),), max_tokens=4)
    deltas = await ask(model, call)
    (used,) = [d.usage.prompt_tokens for d in deltas if isinstance(d, ModelFinished)]
    # The chat template adds a few tokens round the message.
    assert 0 <= used - counted <= 40


async def test_what_was_found_out_is_remembered(settings: Settings) -> None:
    first, second = OpenAICompatibleModel(settings), OpenAICompatibleModel(settings)
    await first.prepare()
    await second.prepare()
    await first.close()
    await second.close()
    assert first.remembered_since_s is None
    assert second.remembered_since_s is not None
    assert second.capabilities == first.capabilities


async def test_reply_streams_and_ends_with_its_usage(model: OpenAICompatibleModel) -> None:
    deltas = await ask(model, ModelCall(COUNT, max_tokens=24))
    finished = deltas[-1]
    assert isinstance(finished, ModelFinished)
    assert sum(isinstance(delta, TextDelta) for delta in deltas) > 5
    assert finished.finish_reason == "length"
    assert finished.usage.completion_tokens == 24
    assert finished.usage.prompt_tokens > 5
    assert finished.usage.model_calls == 1


async def test_tokens_are_never_counted_too_few(model: OpenAICompatibleModel) -> None:
    """The client's count of a prompt against the server's own."""
    await model.prepare()
    for text in ("The quick brown fox, 12,345 times.\n" * 20, "天空为什么是蓝色的?" * 20):
        (counted,) = await model.count_tokens([text])
        call = ModelCall((Message("user", text),), max_tokens=1)
        empty = ModelCall((Message("user", "x"),), max_tokens=1)
        both = [(await ask(model, asked))[-1] for asked in (call, empty)]
        prompts = [end.usage.prompt_tokens for end in both if isinstance(end, ModelFinished)]
        assert counted >= prompts[0] - prompts[1]
        # No tokenizer in use is as odd as the tiny model's, of 1,536 tokens.
        assert counted <= (prompts[0] - prompts[1]) * 2 + 16


async def test_reply_is_held_to_a_schema(model: OpenAICompatibleModel) -> None:
    deltas = await ask(model, ModelCall(COUNT, max_tokens=64, json_schema=SCHEMA))
    reply = json.loads(text_of(deltas))
    assert set(reply) == {"ok", "colour"}
    assert reply["colour"] in ("red", "green")


async def test_logprobs_come_with_the_text(model: OpenAICompatibleModel) -> None:
    deltas = await ask(model, ModelCall(COUNT, max_tokens=4, logprobs=True))
    tokens = [token for d in deltas if isinstance(d, TextDelta) for token in d.tokens]
    assert tokens
    assert all(token.logprob <= 0 and token.alternatives for token in tokens)


async def test_closed_reply_frees_the_server(model: OpenAICompatibleModel) -> None:
    """Four long replies are closed; if one went on, the next would wait for it."""
    for _ in range(4):
        async with aclosing(model.stream(ModelCall(COUNT, max_tokens=2000))) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    break
    async with asyncio.timeout(20):
        await ask(model, ModelCall(COUNT, max_tokens=2))


async def test_second_reply_comes_while_the_first_is_open(model: OpenAICompatibleModel) -> None:
    first = ModelCall(COUNT, max_tokens=1000)
    async with aclosing(model.stream(first)) as deltas:
        assert isinstance(await anext(deltas), TextDelta)
        async with asyncio.timeout(20):
            second = await ask(model, ModelCall(COUNT, max_tokens=8))
        assert isinstance(second[-1], ModelFinished)
        assert second[-1].usage.completion_tokens == 8
        assert isinstance(await anext(deltas), TextDelta)


async def test_too_long_prompt_is_told_as_such(model: OpenAICompatibleModel) -> None:
    prompt = (Message("user", "one two three four five " * 1500),)
    with pytest.raises(ContextTooLong):
        await ask(model, ModelCall(prompt, max_tokens=16))


async def test_unknown_model_is_refused_with_the_known_names(settings: Settings) -> None:
    wrong = OpenAICompatibleModel(settings.model_copy(update={"model_name": "no-such-model"}))
    try:
        if EXPECTED.refuses_unknown_model:
            with pytest.raises(ModelRejectedRequest, match=EXPECTED.name) as caught:
                await ask(wrong, ModelCall(COUNT, max_tokens=2))
            assert "no-such-model" in caught.value.message
        else:
            assert text_of(await ask(wrong, ModelCall(COUNT, max_tokens=2)))
    finally:
        await wrong.close()


async def test_forced_tool_is_called_or_the_text_comes_through(
    model: OpenAICompatibleModel,
) -> None:
    call = ModelCall(COUNT, max_tokens=200, tools=(SEARCH_TOOL,), force_tool=True)
    deltas = await ask(model, call)
    finished = deltas[-1]
    assert isinstance(finished, ModelFinished)
    if EXPECTED.holds_tool_choice:
        assert {tool.name for tool in finished.tool_calls} == {SEARCH_TOOL.name}
        assert finished.finish_reason == "tool_calls"
    else:
        assert finished.tool_calls or text_of(deltas)


async def test_tools_dialect_decides_or_fails_in_words(model: OpenAICompatibleModel) -> None:
    """A forced search becomes queries, or an error that says what the model wrote."""
    prompt = replace(QUESTION, search="always")
    decisions: list[Decision] = []
    failure: AgentError | None = None
    try:
        async with aclosing(ToolsDialect().respond(model, prompt)) as deltas:
            decisions = [delta async for delta in deltas if isinstance(delta, Decision)]
    except AgentError as error:
        failure = error
    if failure is None:
        assert decisions[-1].search
        assert decisions[-1].queries
    else:
        assert isinstance(failure, InvalidModelOutput | ModelRejectedRequest)
        assert failure.message


async def test_schema_dialect_runs_from_end_to_end(model: OpenAICompatibleModel) -> None:
    """Random weights may decide anything: what counts is that it is a decision."""
    async with aclosing(SchemaDialect().respond(model, QUESTION)) as deltas:
        found = [delta async for delta in deltas]
    decisions = [delta for delta in found if isinstance(delta, Decision)]
    assert decisions
    assert any(isinstance(delta, ModelFinished) for delta in found)
    assert decisions[-1].queries if decisions[-1].search else True


async def test_judgement_is_one_short_call_with_a_probability(model: OpenAICompatibleModel) -> None:
    """Random weights may judge anything: what counts is that it is a judgement."""
    usages: list[Usage] = []
    asked = (Message("user", "Grass is green. Is grass green? Reply true or false."),)
    probability = await probability_of_true(model, asked, on_usage=usages.append)
    assert 0.0 <= probability <= 1.0
    assert [usage.model_calls for usage in usages] == [1]
    assert usages[0].completion_tokens <= REPLY_TOKENS


async def test_model_check_finds_the_same(settings: Settings) -> None:
    server = open_server(settings)
    try:
        async with aclosing(check_server(server)) as found:
            results = {result.name: result async for result in found}
    finally:
        await server.model.close()
    for result in results.values():
        line = f"{result.status:<8}{result.name:<18}{result.seconds:6.1f} s  {result.detail}\n"
        sys.stdout.write(line)
    failing = {name for name, result in results.items() if result.status == "no"}
    assert failing == EXPECTED.failing
    assert results["profile"].detail.startswith(f"{EXPECTED.profile} ")


def test_recorded_flags_are_those_of_the_installed_vllm() -> None:
    """`test_vllm_command.py` checks the profiles against this record."""
    vllm = os.environ.get("CONTRACT_VLLM")
    if not vllm:
        pytest.skip("not vLLM")
    here = Path(__file__).parent
    recorded = here.parent / "models" / "data" / "vllm.json"
    command = [sys.executable, str(here / "vllm_help.py"), vllm]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(recorded.read_text(encoding="utf-8")) == json.loads(told)
