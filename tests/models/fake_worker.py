"""The embedded worker with a runtime that writes `token 0 token 1 …` instead of a model.

Run as a process by the tests: the protocol, the pipes and the signals are the real ones.
The user's message says what to do: `forever` never ends, `crash` ends the process.
"""

import os
import shutil
import sys
from pathlib import Path

from websearch_agent.models.embedded_protocol import Generate
from websearch_agent.models.embedded_worker import exit_now, serve, take_stdout
from websearch_agent.models.weights_file import note_sizes


class FakeGeneration:
    def __init__(self, command: Generate) -> None:
        self._text = command.messages[-1][1]
        self._max_tokens = command.max_tokens
        self._written = 0
        self.cancelled = False

    def read(self) -> tuple[list[int], list[float], str | None]:
        if self._text == "crash":
            os._exit(9)
        self._written += 1
        if self._text == "forever":
            return [self._written], [-0.5], None
        return [self._written], [-0.5], "length" if self._written == self._max_tokens else None

    def cancel(self) -> None:
        self.cancelled = True


class FakeRuntime:
    """Counts words; a reply has `max_tokens` tokens, one a step."""

    def __init__(self) -> None:
        self.generations: list[FakeGeneration] = []

    def render_prompt(self, messages: tuple[tuple[str, str], ...]) -> str:
        return " ".join(content for _, content in messages)

    def count_prompt_tokens(self, prompt: str) -> int:
        return len(prompt.split())

    def count_text_tokens(self, text: str) -> int:
        return len(text.split())

    def decode(self, token_ids: list[int]) -> str:
        return "".join(f"token {token_id} " for token_id in token_ids)

    def start(self, prompt: str, command: Generate, *, prompt_tokens: int) -> FakeGeneration:
        self.generations.append(FakeGeneration(command))
        return self.generations[-1]

    def step(self) -> None:
        """All tokens come from `read`."""


def main(arguments: list[str]) -> None:
    if arguments[0] == "--convert":
        model_dir = Path(arguments[2])
        shutil.rmtree(model_dir, ignore_errors=True)
        model_dir.mkdir()
        (model_dir / "openvino_model.xml").write_text("converted")
        note_sizes(model_dir)
        return
    if Path(arguments[0], "unloadable").exists():
        sys.exit("cannot load this")
    stdout = take_stdout()
    os.write(1, b"a library prints what is no line of the protocol\n")
    serve(
        FakeRuntime,
        context_window=int(arguments[1]),
        stdin=sys.stdin.buffer,
        stdout=stdout,
        on_end=exit_now,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
