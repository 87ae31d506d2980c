"""The embedded model's own process: commands on stdin, replies on stdout, logs on stderr.

    python -m websearch_agent.models.embedded_worker MODEL_DIR CONTEXT_WINDOW
    python -m websearch_agent.models.embedded_worker --convert GGUF_FILE MODEL_DIR

A process of its own, since the runtime blocks, takes gigabytes, and may die: the program goes
on and starts it anew. It ends as soon as stdin is closed, that is, when its parent is gone.
"""

import argparse
import os
import queue
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from websearch_agent.models.embedded_protocol import (
    Cancel,
    Command,
    Counted,
    CountTokens,
    Delta,
    Failed,
    Finished,
    Generate,
    Ready,
    Reply,
    decode_line,
    encode_line,
)

# Two replies at once took no longer than one (measured 2026-11: a step reads all weights, however
# many replies it serves). The cache is made for two whole windows; a third waits.
MAX_REPLIES_AT_ONCE = 2
# Room for the beginnings of earlier prompts beside the running ones; 17 KB a token.
PREFIX_CACHE_TOKENS = 8192


class Generation(Protocol):
    """A reply that the runtime is writing."""

    def read(self) -> tuple[list[int], list[float], str | None]:
        """Token ids that are new since the last call, their logarithms of probability, and `stop`
        or `length` at the end, else None."""
        ...

    def cancel(self) -> None: ...


class Runtime(Protocol):
    """A loaded model. Only `step` takes long; it moves all generations on."""

    def render_prompt(self, messages: tuple[tuple[str, str], ...]) -> str: ...

    def count_prompt_tokens(self, prompt: str) -> int: ...

    def count_text_tokens(self, text: str) -> int: ...

    def decode(self, token_ids: list[int]) -> str: ...

    def start(self, prompt: str, command: Generate, *, prompt_tokens: int) -> Generation: ...

    def step(self) -> None: ...


@dataclass(slots=True)
class RunningReply:
    """A reply with what has been sent of it."""

    id: int
    generation: Generation
    prompt_tokens: int
    logprobs: bool
    token_ids: list[int]
    sent_text: str = ""


class Worker:
    """Takes commands and writes replies; `run` returns when the commands end."""

    def __init__(
        self, runtime: Runtime, *, context_window: int, send: Callable[[Reply], None]
    ) -> None:
        self._runtime = runtime
        self._context_window = context_window
        self._send = send
        self._running: dict[int, RunningReply] = {}
        self._waiting: deque[Generate] = deque()

    @property
    def busy(self) -> bool:
        return bool(self._running)

    def run(self, commands: "queue.SimpleQueue[Command | None]") -> None:
        """Work until None comes. Sleeps while there is nothing to write."""
        while True:
            while not self.busy or not commands.empty():
                command = commands.get()
                if command is None:
                    return
                self.take(command)
            self.advance()

    def take(self, command: Command) -> None:
        """Act on one command; a reply is started here and written by `advance`."""
        if isinstance(command, CountTokens):
            counts = tuple(self._runtime.count_text_tokens(text) for text in command.texts)
            self._send(Counted(command.id, counts))
        elif isinstance(command, Cancel):
            self._cancel(command.id)
        else:
            self._waiting.append(command)
        self._start_waiting()

    def advance(self) -> None:
        """One step: write some tokens of each running reply and send them."""
        self._runtime.step()
        for reply in list(self._running.values()):
            self._send_progress(reply)
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < MAX_REPLIES_AT_ONCE:
            self._start(self._waiting.popleft())

    def _start(self, command: Generate) -> None:
        prompt = self._runtime.render_prompt(command.messages)
        prompt_tokens = self._runtime.count_prompt_tokens(prompt)
        if prompt_tokens + command.max_tokens > self._context_window:
            message = (
                f"The prompt has {prompt_tokens} tokens and the reply may have "
                f"{command.max_tokens}: more than the window of {self._context_window}. "
                "Shorten the question or raise WEBSEARCH_CONTEXT_WINDOW."
            )
            self._send(Failed(command.id, "context_too_long", message))
            return
        generation = self._runtime.start(prompt, command, prompt_tokens=prompt_tokens)
        self._running[command.id] = RunningReply(
            command.id, generation, prompt_tokens, command.logprobs, []
        )

    def _cancel(self, reply_id: int) -> None:
        self._waiting = deque(command for command in self._waiting if command.id != reply_id)
        reply = self._running.pop(reply_id, None)
        if reply is not None:
            reply.generation.cancel()

    def _send_progress(self, reply: RunningReply) -> None:
        new_token_ids, logprobs, finish_reason = reply.generation.read()
        reply.token_ids += new_token_ids
        text = self._runtime.decode(reply.token_ids)
        if finish_reason is None:
            text = whole_characters(text)
        tokens: tuple[tuple[str, float], ...] = ()
        if reply.logprobs:
            pieces = (self._runtime.decode([token_id]) for token_id in new_token_ids)
            tokens = tuple(zip(pieces, logprobs, strict=True))
        if len(text) > len(reply.sent_text) or tokens:
            self._send(Delta(reply.id, text[len(reply.sent_text) :], tokens))
            reply.sent_text = text
        if finish_reason is not None:
            del self._running[reply.id]
            written = len(reply.token_ids)
            self._send(Finished(reply.id, finish_reason, reply.prompt_tokens, written))


def whole_characters(text: str) -> str:
    """Without the half character that a decoder writes as U+FFFD at the end."""
    return text.rstrip("\N{REPLACEMENT CHARACTER}")


def read_commands(
    lines: Iterable[bytes],
    commands: "queue.SimpleQueue[Command | None]",
    *,
    on_end: Callable[[], None],
) -> None:
    """Put every line into `commands`; then call `on_end`. Runs in a thread of its own."""
    try:
        for line in lines:
            command = decode_line(line)
            assert isinstance(command, Generate | Cancel | CountTokens)  # noqa: S101
            commands.put(command)
    finally:
        on_end()


def serve(
    load_runtime: Callable[[], Runtime],
    *,
    context_window: int,
    stdin: BinaryIO,
    stdout: BinaryIO,
    on_end: Callable[[], None],
) -> None:
    """Load the model, say Ready, and work until `stdin` ends.

    `on_end` is called by the reading thread, also while a step is running: the process ends
    there, so that no worker outlives its parent.
    """
    commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()

    def send(reply: Reply) -> None:
        stdout.write(encode_line(reply))
        stdout.flush()

    def end() -> None:
        on_end()
        commands.put(None)

    reader = threading.Thread(
        target=read_commands, args=(stdin, commands), kwargs={"on_end": end}, daemon=True
    )
    reader.start()
    worker = Worker(load_runtime(), context_window=context_window, send=send)
    send(Ready())
    worker.run(commands)


def take_stdout() -> BinaryIO:
    """The real stdout; whatever else is printed from now on goes to stderr.

    Libraries print: on the descriptor itself, not only through `sys.stdout`.
    """
    real_stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return real_stdout


def exit_now() -> None:
    """End at once, whatever the other threads do; the runtime has nothing to save."""
    os._exit(0)


def switch_off_telemetry() -> None:
    """Before OpenVINO is imported: its Python tools tell Google Analytics of their use, under an id
    that they leave in the home folder, unless they find no package to do it with."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def main() -> None:
    parser = argparse.ArgumentParser(description="The embedded model's process.")
    parser.add_argument("--convert", type=Path, metavar="GGUF_FILE")
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("context_window", type=int, nargs="?", default=4096)
    arguments = parser.parse_args()
    stdout = take_stdout()
    switch_off_telemetry()
    # Imported here: 0.2 s, and the tests of the protocol need no runtime.
    from websearch_agent.models import embedded_runtime

    if arguments.convert:
        threading.Thread(
            target=read_commands,
            args=(sys.stdin.buffer, queue.SimpleQueue()),
            kwargs={"on_end": exit_now},
            daemon=True,
        ).start()
        embedded_runtime.convert_gguf(arguments.convert, arguments.model_dir)
    else:
        cache_tokens = MAX_REPLIES_AT_ONCE * arguments.context_window + PREFIX_CACHE_TOKENS
        serve(
            lambda: embedded_runtime.load_runtime(arguments.model_dir, cache_tokens=cache_tokens),
            context_window=arguments.context_window,
            stdin=sys.stdin.buffer,
            stdout=stdout,
            on_end=exit_now,
        )


if __name__ == "__main__":
    try:
        main()
    except BaseException:  # noqa: BLE001 - the process's door: the log shows why it ended
        traceback.print_exc()
        sys.stderr.flush()
        # Not sys.exit: the runtime's threads and the reader would be waited for.
        os._exit(1)
    os._exit(0)
