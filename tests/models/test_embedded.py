"""The embedded model with real processes and pipes, and a runtime without weights."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from websearch_agent.config import Settings
from websearch_agent.errors import (
    ContextTooLong,
    ModelRejectedRequest,
    ModelUnavailable,
    WeightsUnavailable,
)
from websearch_agent.model_calls import (
    Message,
    ModelCall,
    ModelFinished,
    ModelStatus,
    TextDelta,
    TokenLogprob,
    Tool,
    Usage,
)
from websearch_agent.models.embedded import EmbeddedModel
from websearch_agent.models.embedded_protocol import (
    Delta,
    Generate,
    decode_line,
    encode_line,
)
from websearch_agent.models.weights_file import Progress, lock_models_dir

pytestmark = pytest.mark.anyio

FAKE_WORKER = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))


class FakeWeights:
    """Stands in for the download; `failures` fail first, one a call."""

    def __init__(self, folder: Path, failures: int = 0) -> None:
        self.gguf_file = folder / "model.gguf"
        self.gguf_file.write_bytes(b"GGUF")
        self.failures = failures
        self.calls = 0

    async def __call__(
        self,
        *,
        model_path: Path | None,
        models_dir: Path,
        on_progress: Progress,
        on_wait: Callable[[], None],
    ) -> Path:
        self.calls += 1
        on_progress(1, 4)
        if self.calls <= self.failures:
            raise WeightsUnavailable("no place has it")
        return self.gguf_file


@pytest.fixture
def weights(tmp_path: Path) -> FakeWeights:
    return FakeWeights(tmp_path)


@pytest.fixture
async def model(weights: FakeWeights, tmp_path: Path) -> AsyncIterator[EmbeddedModel]:
    settings = Settings(data_dir=tmp_path / "data")
    embedded = EmbeddedModel(settings, ensure_weights=weights, worker_command=FAKE_WORKER)
    yield embedded
    await embedded.close()


def call(text: str, *, max_tokens: int = 3, **more: object) -> ModelCall:
    return ModelCall((Message("user", text),), max_tokens, **more)  # type: ignore[arg-type]


def worker_pid(model: EmbeddedModel) -> int:
    assert model._worker is not None
    return model._worker.pid


async def test_reply_streams_and_ends_with_its_usage(model: EmbeddedModel) -> None:
    deltas = [delta async for delta in model.stream(call("two words"))]
    assert deltas == [
        TextDelta("token 1 "),
        TextDelta("token 2 "),
        TextDelta("token 3 "),
        ModelFinished("length", Usage(2, 3, model_calls=1)),
    ]


async def test_tokens_and_their_probabilities_come_with_the_text(model: EmbeddedModel) -> None:
    deltas = [delta async for delta in model.stream(call("hello", max_tokens=1, logprobs=True))]
    assert deltas[0] == TextDelta("token 1 ", (TokenLogprob("token 1 ", -0.5),))


async def test_tokens_are_counted_text_by_text(model: EmbeddedModel) -> None:
    assert await model.count_tokens(["one two", "", "one"]) == [2, 0, 1]


async def test_tools_are_refused_before_the_model_is_loaded(model: EmbeddedModel) -> None:
    with pytest.raises(ModelRejectedRequest, match="no tools"):
        await anext(model.stream(call("hello", tools=(Tool("search", "", {}),))))
    assert model.status().state == "idle"


async def test_unknown_schema_keyword_is_refused(model: EmbeddedModel) -> None:
    schema = {"type": "object", "properties": {"a": {"anyOf": []}}}
    with pytest.raises(ModelRejectedRequest, match="anyOf"):
        await anext(model.stream(call("hello", json_schema=schema)))


async def test_too_long_prompt_is_refused_and_the_model_goes_on(model: EmbeddedModel) -> None:
    with pytest.raises(ContextTooLong, match="4096"):
        await anext(model.stream(call("word " * 4094)))
    deltas = [delta async for delta in model.stream(call("hello", max_tokens=1))]
    assert deltas == [TextDelta("token 1 "), ModelFinished("length", Usage(1, 1, model_calls=1))]


async def test_two_streams_run_at_once_and_a_closed_one_frees_its_place(
    model: EmbeddedModel,
) -> None:
    first, second = model.stream(call("forever")), model.stream(call("forever"))
    assert isinstance(await anext(first), TextDelta)
    assert isinstance(await anext(second), TextDelta)
    await first.aclose()
    third = [delta async for delta in model.stream(call("hello"))]
    assert isinstance(third[-1], ModelFinished)
    await second.aclose()


async def test_killed_worker_fails_the_stream_and_the_next_one_works(
    model: EmbeddedModel,
) -> None:
    stream = model.stream(call("forever"))
    await anext(stream)
    killed = worker_pid(model)
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(ModelUnavailable, match="being restarted"):
        async for _ in stream:
            pass
    assert isinstance([delta async for delta in model.stream(call("again"))][-1], ModelFinished)
    assert worker_pid(model) != killed


async def test_waiting_tasks_share_one_preparation_and_one_may_leave(
    model: EmbeddedModel, weights: FakeWeights
) -> None:
    leaving, staying = (asyncio.create_task(model.prepare()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    assert leaving.cancelled()
    assert (weights.calls, model.status().state) == (1, "ready")


async def test_failed_preparation_shows_and_the_next_one_tries_again(tmp_path: Path) -> None:
    weights = FakeWeights(tmp_path, failures=1)
    settings = Settings(data_dir=tmp_path / "data")
    model = EmbeddedModel(settings, ensure_weights=weights, worker_command=FAKE_WORKER)
    with pytest.raises(WeightsUnavailable):
        await model.prepare()
    assert (model.status().state, model.status().detail) == ("failed", "no place has it")
    await model.prepare()
    assert model.status().state == "ready"
    await model.close()


async def test_download_shows_its_bytes(tmp_path: Path) -> None:
    weights, seen = FakeWeights(tmp_path), []

    async def observe(*, on_progress: Progress, **more: Any) -> Path:
        path = await weights(on_progress=on_progress, **more)
        seen.append(model.status())
        return path

    settings = Settings(data_dir=tmp_path / "data")
    model = EmbeddedModel(settings, ensure_weights=observe, worker_command=FAKE_WORKER)
    await model.prepare()
    await model.close()
    assert (seen[0].state, seen[0].done_bytes, seen[0].total_bytes) == ("downloading", 1, 4)


async def test_model_that_cannot_be_loaded_is_unavailable(
    model: EmbeddedModel, tmp_path: Path
) -> None:
    await model.prepare()
    await model.close()
    (model_dir,) = (tmp_path / "data" / "models").glob("*-openvino")
    (model_dir / "unloadable").touch()
    with pytest.raises(ModelUnavailable, match="could not be loaded"):
        await model.prepare()
    assert model.status().state == "failed"


async def test_model_that_never_gets_ready_is_ended(weights: FakeWeights, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    model = EmbeddedModel(
        settings, ensure_weights=weights, worker_command=FAKE_WORKER, loading_timeout_s=0.0
    )
    with pytest.raises(ModelUnavailable, match="not loaded within 0 s and was ended"):
        await model.prepare()
    assert (model.status().state, model._worker) == ("failed", None)
    await model.close()


async def test_conversion_that_never_ends_is_ended(weights: FakeWeights, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    model = EmbeddedModel(
        settings, ensure_weights=weights, worker_command=FAKE_WORKER, conversion_timeout_s=0.0
    )
    with pytest.raises(ModelUnavailable, match="not converted within 0 s and was ended"):
        await model.prepare()
    assert model.status().state == "failed"
    # Its lock is free again.
    async with lock_models_dir(settings.models_dir):
        pass


async def test_waiting_for_another_process_shows(tmp_path: Path) -> None:
    weights, seen = FakeWeights(tmp_path), []

    async def observe(*, on_wait: Callable[[], None], **more: Any) -> Path:
        path = await weights(on_wait=on_wait, **more)
        on_wait()
        seen.append(model.status())
        return path

    settings = Settings(data_dir=tmp_path / "data")
    model = EmbeddedModel(settings, ensure_weights=observe, worker_command=FAKE_WORKER)
    await model.prepare()
    await model.close()
    assert seen == [ModelStatus("loading", "Waiting for another process that prepares the model")]


async def test_one_who_waits_for_the_folder_is_told_so(tmp_path: Path) -> None:
    told = asyncio.Event()

    async def wait_for_it() -> None:
        async with lock_models_dir(tmp_path, on_wait=told.set):
            pass

    async with lock_models_dir(tmp_path):
        waiting = asyncio.create_task(wait_for_it())
        await told.wait()
    await waiting


async def test_damaged_conversion_is_made_anew(model: EmbeddedModel, tmp_path: Path) -> None:
    await model.prepare()
    await model.close()
    (model_dir,) = (tmp_path / "data" / "models").glob("*-openvino")
    (model_dir / "openvino_model.xml").write_text("cut")
    await model.prepare()
    assert (model_dir / "openvino_model.xml").read_text() == "converted"


async def test_closed_model_leaves_no_process(model: EmbeddedModel) -> None:
    stream = model.stream(call("forever"))
    await anext(stream)
    pid = worker_pid(model)
    await model.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(ModelUnavailable):
        async for _ in stream:
            pass


async def test_worker_ends_while_busy_when_its_parent_is_gone() -> None:
    process = await asyncio.create_subprocess_exec(
        *FAKE_WORKER,
        *(".", "4096"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(encode_line(Generate(1, (("user", "forever"),), 3)))
    await process.stdout.readline()
    assert isinstance(decode_line(await process.stdout.readline()), Delta)
    process.stdin.close()
    while await process.stdout.read(65536):
        pass
    assert await process.wait() == 0
