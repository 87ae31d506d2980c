"""The embedded model: the product's default, needs no server and no key."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

from websearch_agent.config import Settings
from websearch_agent.errors import AgentError, ModelRejectedRequest, ModelUnavailable
from websearch_agent.model_calls import (
    Message,
    ModelCall,
    ModelDelta,
    ModelFinished,
    ModelStatus,
    TextDelta,
    TokenLogprob,
    Usage,
)
from websearch_agent.models.dialects.decision import decision_schema
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.embedded_process import WorkerProcess, start_worker
from websearch_agent.models.embedded_protocol import Delta
from websearch_agent.models.repetition import guard_repetition
from websearch_agent.models.weights import ensure_weights
from websearch_agent.models.weights_file import (
    Progress,
    check_free_space,
    is_whole,
    lock_models_dir,
    saved_model_dir,
)
from websearch_agent.protocols import ModelLimits
from websearch_agent.types import Prompt

MODEL_NAME = "qwen2.5-coder-1.5b-instruct"
CONTEXT_WINDOW = 4096
SOURCE_TOKENS = 1400
ANSWER_TOKENS = 700
WORKER_MODULE = "websearch_agent.models.embedded_worker"

# The saved model is so much larger than its GGUF file (1.29 GB from 1.12).
SAVED_PER_GGUF_BYTE = 1.16

# Measured: 5 to 20 s. Far above it, for slow disks and busy machines: no more than a way out.
LOADING_TIMEOUT_S = 180.0
CONVERSION_TIMEOUT_S = 600.0


class EnsureWeights(Protocol):
    """`weights.ensure_weights`, or a double without a network."""

    async def __call__(
        self,
        *,
        model_path: Path | None,
        models_dir: Path,
        on_progress: Progress,
        on_wait: Callable[[], None],
    ) -> Path: ...


class EmbeddedModel:
    """Downloads, loads and runs the model in a process of its own; a `ModelClient`.

    Costs nothing until `prepare` or the first call. A process that dies fails the running
    replies and is started again.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        ensure_weights: EnsureWeights = ensure_weights,
        worker_command: Sequence[str] = (sys.executable, "-m", WORKER_MODULE),
        loading_timeout_s: float = LOADING_TIMEOUT_S,
        conversion_timeout_s: float = CONVERSION_TIMEOUT_S,
    ) -> None:
        self._settings = settings
        self._loading_timeout_s = loading_timeout_s
        self._conversion_timeout_s = conversion_timeout_s
        self._ensure_weights = ensure_weights
        self._worker_command = tuple(worker_command)
        self._limits = ModelLimits(
            context_window=settings.context_window or CONTEXT_WINDOW,
            source_tokens=settings.source_tokens or SOURCE_TOKENS,
            answer_tokens=settings.answer_tokens or ANSWER_TOKENS,
        )
        self._status = ModelStatus("idle")
        self._worker: WorkerProcess | None = None
        self._preparing: asyncio.Task[WorkerProcess] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        path = self._settings.model_path
        return path.stem if path else MODEL_NAME

    def status(self) -> ModelStatus:
        return self._status

    async def limits(self) -> ModelLimits:
        return self._limits

    async def prepare(self) -> None:
        """Download, convert, load and warm up, whatever of it has not been done yet."""
        await self._ready_worker()

    async def stream(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        if call.tools:
            raise ModelRejectedRequest("The embedded model takes no tools; use a JSON schema.")
        worker = await self._ready_worker()
        async with contextlib.aclosing(guard_repetition(_deltas(worker, call))) as deltas:
            async for delta in deltas:
                yield delta

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        worker = await self._ready_worker()
        return await worker.count_tokens(texts)

    async def close(self) -> None:
        """End whatever runs: the download, the process. A later call starts anew."""
        for task in (self._preparing, self._watching):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        self._preparing = self._watching = None
        if self._worker is not None:
            await self._worker.close()
            self._worker = None
        self._status = ModelStatus("idle")

    async def _ready_worker(self) -> WorkerProcess:
        """The loaded worker; all who wait share one task, and one of them may leave."""
        if self._worker is not None and self._worker.running:
            return self._worker
        return await asyncio.shield(self._begin_preparing())

    def _begin_preparing(self) -> asyncio.Task[WorkerProcess]:
        if self._preparing is None or self._preparing.done():
            self._preparing = asyncio.create_task(self._prepare())
            # The status tells of a failure that nobody waited for.
            self._preparing.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._preparing

    async def _prepare(self) -> WorkerProcess:
        try:
            weights = await self._ensure_weights(
                model_path=self._settings.model_path,
                models_dir=self._settings.models_dir,
                on_progress=self._show_download,
                on_wait=self._show_waiting,
            )
            model_dir = weights if weights.is_dir() else await self._convert(weights)
            self._status = ModelStatus("loading", "Loading the model")
            worker = await self._load(model_dir)
        except AgentError as error:
            self._status = ModelStatus("failed", error.message)
            raise
        except OSError as error:
            message = f"The embedded model could not be started ({error.strerror})."
            self._status = ModelStatus("failed", message)
            raise ModelUnavailable(message) from error
        self._worker = worker
        self._status = ModelStatus("ready")
        self._watching = asyncio.create_task(self._restart_when_ended(worker))
        return worker

    def _show_download(self, done_bytes: int, total_bytes: int) -> None:
        detail = "Downloading the model (once)"
        self._status = ModelStatus("downloading", detail, done_bytes, total_bytes)

    def _show_waiting(self) -> None:
        detail = "Waiting for another process that prepares the model"
        self._status = ModelStatus("loading", detail)

    async def _convert(self, gguf_file: Path) -> Path:
        """The saved model's folder. In a process of its own: it takes 4 GB for 20 seconds."""
        models_dir = self._settings.models_dir
        async with lock_models_dir(models_dir, on_wait=self._show_waiting):
            model_dir = await asyncio.to_thread(saved_model_dir, gguf_file, models_dir=models_dir)
            if await asyncio.to_thread(is_whole, model_dir):
                return model_dir
            self._status = ModelStatus("loading", "Converting the model (once)")
            gguf_bytes = (await asyncio.to_thread(gguf_file.stat)).st_size
            check_free_space(models_dir, int(gguf_bytes * SAVED_PER_GGUF_BYTE))
            command = (*self._worker_command, "--convert", str(gguf_file), str(model_dir))
            await self._run_converter(command)
            if not await asyncio.to_thread(is_whole, model_dir):
                raise ModelUnavailable(
                    f"The embedded model could not be converted: {gguf_file.name} is damaged or "
                    "of a kind that is not supported, or less than 4 GB of memory were free "
                    "(needed this once). Check the file, or free some memory and ask again."
                )
            return model_dir

    async def _run_converter(self, command: Sequence[str]) -> None:
        converter = await start_worker(command)
        try:
            async with asyncio.timeout(self._conversion_timeout_s):
                await converter.wait_until_ended()
        except TimeoutError as error:
            converter.kill()
            raise _took_too_long("converted", self._conversion_timeout_s) from error
        finally:
            await converter.close()

    async def _load(self, model_dir: Path) -> WorkerProcess:
        window = str(self._limits.context_window)
        worker = await start_worker((*self._worker_command, str(model_dir), window))
        try:
            async with asyncio.timeout(self._loading_timeout_s):
                await worker.wait_until_ready()
                await _warm_up(worker)
        except TimeoutError as error:
            worker.kill()
            await worker.close()
            raise _took_too_long("loaded", self._loading_timeout_s) from error
        except BaseException:
            await worker.close()
            raise
        return worker

    async def _restart_when_ended(self, worker: WorkerProcess) -> None:
        """Once only: a worker that cannot be loaded any more is not started again and again."""
        await worker.wait_until_ended()
        await worker.close()
        self._status = ModelStatus("loading", "The model stopped unexpectedly and is restarted")
        self._begin_preparing()


async def _deltas(worker: WorkerProcess, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
    async with contextlib.aclosing(worker.generate(call)) as replies:
        async for reply in replies:
            if isinstance(reply, Delta):
                tokens = tuple(TokenLogprob(text, logprob) for text, logprob in reply.tokens)
                yield TextDelta(reply.text, tokens)
            else:
                usage = Usage(reply.prompt_tokens, reply.completion_tokens, model_calls=1)
                yield ModelFinished(reply.finish_reason, usage)


def _took_too_long(done: str, timeout_s: float) -> ModelUnavailable:
    return ModelUnavailable(
        f"The embedded model was not {done} within {timeout_s:g} s and was ended; the machine may "
        "have too little free memory or a very slow disk. Free some memory and ask again, or set "
        "WEBSEARCH_MODEL_URL to another model's server."
    )


async def _warm_up(worker: WorkerProcess) -> None:
    """The first reply after loading takes 3 to 5 s longer: no question shall wait for that.

    Nor for the head that all decisions share: it is read here and stays in the prefix cache.
    """
    prompt = Prompt(date.today(), "Hello")
    deciding = SchemaDialect().build_messages(prompt)
    for messages, schema in (
        ((Message("user", "Hello"),), None),
        (deciding, decision_schema(prompt)),
    ):
        async for _ in worker.generate(ModelCall(messages, max_tokens=2, json_schema=schema)):
            pass
