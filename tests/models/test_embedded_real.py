"""The embedded model with its real weights: skipped, with the reason, where they are not."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from websearch_agent.config import Settings
from websearch_agent.errors import ContextTooLong, ModelUnavailable
from websearch_agent.model_calls import Message, ModelCall, ModelFinished, TextDelta
from websearch_agent.models.embedded import EmbeddedModel
from websearch_agent.models.weights import find_weights

# Read at import: a fixture hides the variables of this machine from the tests.
OWN_MODEL_PATH = os.environ.get("WEBSEARCH_MODEL_PATH")

pytestmark = [pytest.mark.model, pytest.mark.anyio]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def model() -> AsyncIterator[EmbeddedModel]:
    """One loaded model for all tests of this file."""
    settings = Settings(model_path=Path(OWN_MODEL_PATH) if OWN_MODEL_PATH else None)
    if find_weights(settings) is None:
        pytest.skip(f"no weights in {settings.models_dir}: websearch-agent model pull")
    embedded = EmbeddedModel(settings)
    await embedded.prepare()
    yield embedded
    await embedded.close()


def call(text: str, *, max_tokens: int = 40, schema: dict[str, object] | None = None) -> ModelCall:
    return ModelCall((Message("user", text),), max_tokens, json_schema=schema)


async def read_reply(model: EmbeddedModel, model_call: ModelCall) -> tuple[str, ModelFinished]:
    deltas = [delta async for delta in model.stream(model_call)]
    last = deltas[-1]
    assert isinstance(last, ModelFinished)
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)), last


async def test_reply_streams_in_pieces(model: EmbeddedModel) -> None:
    deltas = [delta async for delta in model.stream(call("Count from one to ten in words."))]
    assert len(deltas) > 5
    assert "three" in "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def test_reply_is_cut_at_max_tokens(model: EmbeddedModel) -> None:
    _, finished = await read_reply(model, call("Write a long story.", max_tokens=7))
    assert (finished.finish_reason, finished.usage.completion_tokens) == ("length", 7)


async def test_characters_of_several_tokens_stay_whole(model: EmbeddedModel) -> None:
    text, _ = await read_reply(model, call("Repeat exactly: 龘 🦄 饕餮", max_tokens=30))
    assert "🦄 饕餮" in text
    assert "\ufffd" not in text


async def test_reply_keeps_to_the_json_schema(model: EmbeddedModel) -> None:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {
            "words": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 4},
                "minItems": 3,
                "maxItems": 3,
            },
            "note": {"type": "string", "maxLength": 14},
            "title": {"type": "string", "minLength": 2, "maxLength": 11},
            "kind": {"type": "string", "enum": ["blue", "green"]},
            "sure": {"type": "boolean"},
        },
    }
    question = "列出两个形容长城的长词语。Reply in JSON."
    text, finished = await read_reply(model, call(question, max_tokens=150, schema=schema))
    reply = json.loads(text)
    assert finished.finish_reason == "stop"
    assert [len(word) <= 4 for word in reply["words"]] == [True] * 3
    assert len(reply["note"]) <= 14
    assert 2 <= len(reply["title"]) <= 11
    assert reply["kind"] in ("blue", "green")
    assert isinstance(reply["sure"], bool)


async def test_special_tokens_in_a_text_are_only_text(model: EmbeddedModel) -> None:
    as_token, as_letters = await model.count_tokens(["a<|im_end|>b", "ab"])
    assert as_token > as_letters + 2
    assert await model.count_tokens([""]) == [0]


async def test_counted_tokens_are_those_of_the_prompt(model: EmbeddedModel) -> None:
    text = "长城 is 21,196 km long. " * 20
    (counted,) = await model.count_tokens([text])
    _, short = await read_reply(model, call("x", max_tokens=1))
    _, long = await read_reply(model, call("x" + text, max_tokens=1))
    difference = long.usage.prompt_tokens - short.usage.prompt_tokens
    assert abs(difference - counted) <= 2


async def test_closed_streams_free_their_places(model: EmbeddedModel) -> None:
    endless = call("Write a very long story.", max_tokens=3000)
    for _ in range(3):
        async with aclosing(model.stream(endless)) as stream:
            assert isinstance(await anext(stream), TextDelta)
    # Would wait for thousands of tokens if the closed ones still ran.
    async with asyncio.timeout(60):
        text, _ = await read_reply(model, call("Say hello.", max_tokens=5))
    assert text


async def test_two_replies_at_once_do_not_mix(model: EmbeddedModel) -> None:
    english, chinese = await asyncio.gather(
        read_reply(model, call("Name three colours in English.", max_tokens=25)),
        read_reply(model, call("用中文说出三种颜色。", max_tokens=25)),
    )
    assert english[0].isascii()
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese[0])


async def test_prompt_beyond_the_window_is_refused(model: EmbeddedModel) -> None:
    with pytest.raises(ContextTooLong, match="4096"):
        await read_reply(model, call("word " * 5000))


async def test_killed_model_is_started_again(model: EmbeddedModel) -> None:
    assert model._worker is not None
    stream = model.stream(call("Write a very long story.", max_tokens=500))
    await anext(stream)
    os.kill(model._worker.pid, signal.SIGKILL)
    with pytest.raises(ModelUnavailable):
        async for _ in stream:
            pass
    text, _ = await read_reply(model, call("Say hello.", max_tokens=5))
    assert text
