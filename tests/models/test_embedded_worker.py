"""The embedded model's worker without a process, its lines, and its grammars."""

import queue
import re
import subprocess
import sys

import pytest

from tests.models.fake_worker import FakeRuntime
from websearch_agent.models.embedded_protocol import (
    Cancel,
    Command,
    Counted,
    CountTokens,
    Delta,
    Finished,
    Generate,
    Reply,
    decode_line,
    encode_line,
)
from websearch_agent.models.embedded_worker import Worker, whole_characters
from websearch_agent.models.json_grammar import build_json_grammar


def run_worker(runtime: FakeRuntime, *commands: Command) -> list[Reply]:
    """The replies to `commands`, up to the end of what they ask for."""
    replies: list[Reply] = []
    worker = Worker(runtime, context_window=4096, send=replies.append)
    for command in commands:
        worker.take(command)
    while worker.busy:
        worker.advance()
    return replies


def test_third_reply_waits_until_one_of_two_has_ended() -> None:
    runtime = FakeRuntime()
    replies = run_worker(runtime, *(Generate(i, (("user", "x"),), 2) for i in (1, 2, 3)))
    ids = [reply.id for reply in replies if isinstance(reply, Delta | Finished)]
    assert ids == [1, 2, 1, 1, 2, 2, 3, 3, 3]


def test_cancelled_reply_is_told_to_the_runtime_and_says_nothing_more() -> None:
    runtime = FakeRuntime()
    replies = run_worker(runtime, Generate(1, (("user", "forever"),), 3), Cancel(1))
    assert (replies, runtime.generations[0].cancelled) == ([], True)


def test_waiting_reply_can_be_cancelled() -> None:
    runtime = FakeRuntime()
    generate = [Generate(i, (("user", "x"),), 1) for i in (1, 2, 3)]
    replies = run_worker(runtime, *generate, Cancel(3), Cancel(99))
    assert {reply.id for reply in replies if isinstance(reply, Finished)} == {1, 2}


def test_half_a_character_is_held_back_until_it_is_whole() -> None:
    class HalfCharacters(FakeRuntime):
        def decode(self, token_ids: list[int]) -> str:
            return "龘".encode()[: len(token_ids)].decode(errors="replace")

    replies = run_worker(HalfCharacters(), Generate(1, (("user", "x"),), 3))
    assert replies == [Delta(1, "龘"), Finished(1, "length", 1, 3)]
    assert whole_characters("ab\ufffd") == "ab"


def test_every_line_comes_back_as_it_was() -> None:
    for value in (
        Generate(1, (("user", "你好\n\u2028"),), 3, 0.5, "root"),
        CountTokens(2, ("a\nb",)),
        Delta(3, "\U0001f984"),
    ):
        line = encode_line(value)
        assert line.count(b"\n") == 1
        assert decode_line(line) == value
    with pytest.raises(ValueError, match="not a line"):
        decode_line(b'{"kind": "Unknown"}\n')


def test_end_of_commands_ends_the_worker_though_a_reply_is_running() -> None:
    commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
    for command in (CountTokens(1, ("a b",)), Generate(2, (("user", "forever"),), 3), None):
        commands.put(command)
    replies: list[Reply] = []
    worker = Worker(FakeRuntime(), context_window=4096, send=replies.append)
    worker.run(commands)
    assert replies == [Counted(1, (2,))]
    assert worker.busy
    assert commands.empty()


def test_grammar_has_no_free_white_space_and_keeps_the_bounds() -> None:
    grammar = build_json_grammar(
        {
            "type": "object",
            "properties": {
                "q": {"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 3},
                "kind": {"enum": ["a", 'b"']},
            },
        }
    )
    item = r'("\"" four{0,1} char{0,5} "\"")'
    assert grammar.splitlines()[0] == (
        rf'root ::= "{{" "\"q\": " "[" ({item} (", " {item}){{0,2}})? "]" ", " '
        r'"\"kind\": " ("\"a\"" | "\"b\\\"\"") "}"'
    )


@pytest.mark.parametrize(("least", "most"), [(0, 3), (0, 4), (1, 80), (0, 60), (2, 9), (5, 5)])
def test_string_lengths_of_the_grammar_are_those_of_the_schema(least: int, most: int) -> None:
    schema = {"type": "string", "minLength": least, "maxLength": most}
    rule = build_json_grammar(schema).splitlines()[0]
    pattern = rule.removeprefix('root ::= "\\"" ').removesuffix(' "\\""')
    pattern = pattern.replace("four", "(xxxx)").replace("char", "(x)").replace(" ", "")
    lengths = [length for length in range(100) if re.fullmatch(pattern, "x" * length)]
    assert lengths == list(range(least, most + 1))


def test_runtime_has_nothing_to_tell_its_maker_with() -> None:
    # In a process of its own, as the worker is: what was imported cannot be taken back.
    script = (
        "from websearch_agent.models.embedded_worker import switch_off_telemetry\n"
        "switch_off_telemetry()\n"
        "import openvino_genai\n"
        "from openvino.tools.ovc import convert_impl, main, telemetry_utils, utils\n"
        "for part in (convert_impl, main, telemetry_utils, utils):\n"
        "    print(part.tm.__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub"] * 4
