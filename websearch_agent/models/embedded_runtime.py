"""openvino-genai behind the worker's `Runtime` protocol. Facts with their measurements inside."""

import os
import re
import shutil
from pathlib import Path

import openvino_genai as genai

from websearch_agent.models.embedded_protocol import Generate
from websearch_agent.models.weights_file import note_sizes

BLOCK_TOKENS = 32
# Prompt lookup guesses the next tokens from the prompt and checks them in one step. Text that
# quotes its sources comes three to four times as fast with 8 guesses; other text a third slower,
# because a step that checks more than two tokens costs 240 ms instead of 140 (2 cores, 2026-11).
# The pipeline takes no request without lookup: 1 guess costs nothing.
# Tried on the same machine (AMX), without gain: the cache's precision (u8, f16, u4), groups of
# dynamic quantisation, bf16 by name: 6.3 tokens a second, 7.8 with 1 guess. f32 writes 9.8, but
# reads 1,470 tokens in 8.6 s instead of 3.8 s.
QUOTING_GUESSES = 8
PLAIN_GUESSES = 1
QUOTING_PROMPT_TOKENS = 500
LOOKUP_NGRAM = 3

# "<|im_end|>" in a web page would end its message and begin another one in the page's words.
SPECIAL_TOKEN = re.compile(r"<\|([A-Za-z0-9_]+)\|>")
CHAT_ROLES = ("system", "user", "assistant")


class OpenVinoGeneration:
    """A request in the pipeline."""

    def __init__(self, handle: "genai.GenerationHandle") -> None:
        self._handle = handle

    def read(self) -> tuple[list[int], list[float], str | None]:
        # The status first: all that a finished request has written is then there to be read.
        status = self._handle.get_status()
        token_ids: list[int] = []
        logprobs: list[float] = []
        reason = genai.GenerationFinishReason.NONE
        while self._handle.can_read():
            for output in self._handle.read().values():
                token_ids += output.generated_ids
                logprobs += output.generated_log_probs
                reason = output.finish_reason
        if status == genai.GenerationStatus.RUNNING:
            return token_ids, logprobs, None
        if status == genai.GenerationStatus.IGNORED:
            raise RuntimeError("the pipeline's cache is too small for the running requests")
        cut = reason == genai.GenerationFinishReason.LENGTH
        return token_ids, logprobs, "length" if cut else "stop"

    def cancel(self) -> None:
        self._handle.cancel()


class OpenVinoRuntime:
    """A pipeline that serves several requests at once and remembers prompts' beginnings."""

    def __init__(self, pipeline: genai.ContinuousBatchingPipeline) -> None:
        self._pipeline = pipeline
        self._tokenizer = pipeline.get_tokenizer()
        self._defaults = pipeline.get_config()
        self._last_request_id = 0

    def render_prompt(self, messages: tuple[tuple[str, str], ...]) -> str:
        history = [
            {
                "role": role if role in CHAT_ROLES else "user",
                "content": defuse_special_tokens(content),
            }
            for role, content in messages
        ]
        return str(self._tokenizer.apply_chat_template(history, add_generation_prompt=True))

    def count_prompt_tokens(self, prompt: str) -> int:
        inputs = self._tokenizer.encode(prompt, add_special_tokens=False)
        return int(inputs.input_ids.shape[1])

    def count_text_tokens(self, text: str) -> int:
        return self.count_prompt_tokens(defuse_special_tokens(text)) if text else 0

    def decode(self, token_ids: list[int]) -> str:
        return str(self._tokenizer.decode(token_ids)) if token_ids else ""

    def start(self, prompt: str, command: Generate, *, prompt_tokens: int) -> OpenVinoGeneration:
        config = genai.GenerationConfig()
        config.apply_chat_template = False
        config.eos_token_id = self._defaults.eos_token_id
        config.stop_token_ids = self._defaults.stop_token_ids
        config.max_new_tokens = command.max_tokens
        config.max_ngram_size = LOOKUP_NGRAM
        quotes = command.grammar is None and prompt_tokens >= QUOTING_PROMPT_TOKENS
        config.num_assistant_tokens = QUOTING_GUESSES if quotes else PLAIN_GUESSES
        if command.logprobs:
            config.logprobs = 1  # Without it every logarithm is told as 0.
        if command.temperature > 0:
            config.do_sample = True
            config.temperature = command.temperature
        if command.grammar is not None:
            config.structured_output_config = genai.StructuredOutputConfig(grammar=command.grammar)
        self._last_request_id += 1
        return OpenVinoGeneration(self._pipeline.add_request(self._last_request_id, prompt, config))

    def step(self) -> None:
        self._pipeline.step()


def defuse_special_tokens(text: str) -> str:
    """`<|im_end|>` becomes `<| im_end |>`: text for the reader, no token for the model."""
    return SPECIAL_TOKEN.sub(r"<| \1 |>", text)


def load_runtime(model_dir: Path, *, cache_tokens: int) -> OpenVinoRuntime:
    """Load a saved model; the memory of its cache is bounded by `cache_tokens`, 17 KB each."""
    scheduler = genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.num_kv_blocks = -(-cache_tokens // BLOCK_TOKENS)
    pipeline = genai.ContinuousBatchingPipeline(
        str(model_dir), scheduler, "CPU", {"prompt_lookup": True}
    )
    return OpenVinoRuntime(pipeline)


def convert_gguf(gguf_file: Path, model_dir: Path) -> None:
    """Save `gguf_file` in OpenVINO's own form: loads in seconds, and without 4 GB of memory.

    All is made in a folder beside `model_dir` and renamed at the end: a killed conversion leaves
    nothing that looks whole. One process at a time (`lock_models_dir`).
    """
    temporary_dir = model_dir.with_name(model_dir.name + ".partial")
    shutil.rmtree(temporary_dir, ignore_errors=True)
    temporary_dir.mkdir(parents=True)
    # openvino-genai saves beside the file that it reads: give it a link in our folder.
    link = temporary_dir / "model.gguf"
    link.symlink_to(gguf_file.resolve())
    genai.Tokenizer(str(link), enable_save_ov_model=True)
    genai.ContinuousBatchingPipeline(
        str(link), genai.SchedulerConfig(), "CPU", {"enable_save_ov_model": True}
    )
    link.unlink()
    for path in temporary_dir.iterdir():
        _write_through(path)
    note_sizes(temporary_dir)
    shutil.rmtree(model_dir, ignore_errors=True)
    temporary_dir.rename(model_dir)


def _write_through(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
