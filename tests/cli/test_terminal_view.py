"""What a person sees whose stdout and stderr are one terminal: the order must be right."""

import os
import pty
import re
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator

import pytest

from websearch_agent.cli.support_lines import (
    doubt_lines,
    filtered_words,
    refusal_lines,
    summary_line,
)
from websearch_agent.cli.terminal import TerminalView, describe_source, printable, printable_json
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFinished,
    DecisionMade,
    Notice,
    PageFinished,
)
from websearch_agent.types import (
    Answer,
    Citation,
    Filtered,
    Passage,
    Source,
    Statement,
    Support,
)

SCRIPT = textwrap.dedent(
    """
    import asyncio
    from websearch_agent.cli.terminal import TerminalView
    from websearch_agent.events import *
    from websearch_agent.model_calls import ModelStatus

    async def events():
        yield AnswerStarted("c1", "t1")
        yield ModelWaiting(ModelStatus("loading"))
        yield AnswerDelta("Let me look.")
        yield AnswerRestarted()
        yield DecisionMade(True, ("quokka",), "specific fact", probability=0.96)
        yield PageFinished("https://a.example", "A page")
        yield AnswerDelta("Half of")
        yield AnswerFailed("model_unavailable", "The model server broke off.", True)

    asyncio.run(TerminalView().show(events()))
    """
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminals there")
def test_answer_and_notes_do_not_run_into_each_other() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=theirs, stdout=theirs, stderr=theirs
    ) as program:
        os.close(theirs)
        screen = b""
        while True:
            try:
                screen += os.read(ours, 65536)
            except OSError:  # Linux: the other end is closed.
                break
    os.close(ours)
    assert program.returncode == 0
    lines = ESCAPES.sub("", screen.decode()).splitlines()
    # The status line is drawn over and over; what stays are the others.
    assert [line for line in lines if not re.search("[⠀-⣿]", line)] == [
        "Let me look.",
        "(That was not the answer yet.)",
        "Searching: quokka  (specific fact, 96% sure)",
        "  read  A page  https://a.example",
        "Half of",
        "The model server broke off.",
    ]


def checked(*supports: Support | None, **changes: object) -> Answer:
    """An answer of as many statements, which the fast check has seen."""
    found = [Statement(f"It is {i} [1].", 0, 10, (1,), s) for i, s in enumerate(supports)]
    return Answer("text", statements=tuple(found), verification="fast", **changes)  # type: ignore[arg-type]


SUPPORTED = Support("supported", 0.9, 1)
OTHER_SOURCE = Support("supported", 0.9, 2)
PARTIAL = Support("partial", 0.5, 1)
UNSUPPORTED = Support("unsupported", 0.1, 1, contradicted=("1999", "Paris"))
OPINION = Support("not_checkable", 0.0)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (checked(SUPPORTED, OTHER_SOURCE, OPINION), "2 of 2 statements supported by 2 sources"),
        (checked(SUPPORTED, PARTIAL), "1 of 2 statements supported by 1 source, 1 in part"),
        (checked(UNSUPPORTED), "0 of 1 statement supported"),
        (
            checked(SUPPORTED, repaired=True),
            "1 of 1 statement supported by 1 source; rewritten once for lack of support",
        ),
        (checked(OPINION, None), ""),
        (Answer("text", statements=(Statement("It.", 0, 3),)), ""),
    ],
)
def test_summary_counts_what_could_be_checked(answer: Answer, line: str) -> None:
    assert summary_line(answer) == line


def test_statements_to_doubt_are_listed_with_the_nearest_words() -> None:
    partial = Support("partial", 0.5, 2, "Opened\n by  Ann.", contradicted=("Berta",))
    unsupported = Support("unsupported", 0.1, 1, "It was 1932.", contradicted=("1999", "Paris"))
    nothing_near = Support("unsupported", 0.0)
    shown = checked(SUPPORTED, unsupported, PARTIAL, partial, nothing_near, unanswered=True)
    assert doubt_lines(shown) == [
        "The sources do not say.",
        "Not supported: It is 1.  (not so in the source: 1999, Paris)",
        "    nearest words of source 1: “It was 1932.”",
        "Supported in part: It is 3.  (not so in the source: Berta)",
        "    nearest words of source 2: “Opened by Ann.”",
        "Not supported: It is 4.",
    ]


def test_long_words_of_a_source_are_shortened() -> None:
    (_, line) = doubt_lines(checked(Support("unsupported", 0.1, 1, "word " * 60)))
    assert line.endswith("word…”")
    assert len(line) < 250


@pytest.mark.anyio
@pytest.mark.parametrize("quiet", [False, True])
async def test_what_is_unsupported_goes_with_the_answer_wherever_it_is_written(
    capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    async def events() -> AsyncGenerator[AgentEvent, None]:
        yield AnswerDelta("text")
        yield AnswerFinished("c1", checked(SUPPORTED, UNSUPPORTED))

    await TerminalView(quiet=quiet).show(events())
    out, err = capsys.readouterr()
    assert out.startswith("text\n\nNot supported: It is 1.")
    assert ("1 of 2 statements supported by 1 source" in err) is not quiet


STEERING = (
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07\x1b[2J\x9b5n\r\x08\u202e\u200b\U000e0041"
)
LEFT_OVER = "]8;;https://evil.exampleclick]8;;[2J5n"


@pytest.mark.anyio
async def test_nothing_foreign_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"https://a.example/{STEERING}"
    source = Source(
        1, url, STEERING, STEERING, (Passage(url, "a", 0, 1),), date=STEERING, author=STEERING
    )
    statement = Statement(
        STEERING, 0, 3, (1,), Support("unsupported", 0.1, 1, STEERING, (STEERING,))
    )
    answer = Answer(
        "text",
        statements=(statement,),
        citations=(Citation(1, url, STEERING, 0, 3),),
        sources=(source,),
        refused_queries=(STEERING,),
        verification="fast",
    )

    async def events() -> AsyncGenerator[AgentEvent, None]:
        yield DecisionMade(True, (STEERING,), STEERING)
        yield PageFinished(url, STEERING)
        yield Notice(STEERING)
        yield AnswerDelta(STEERING)
        yield AnswerFinished("c1", answer)

    await TerminalView().show(events())
    out, err = capsys.readouterr()
    assert LEFT_OVER in out
    assert LEFT_OVER in err
    assert {char for char in out + err if not char.isprintable()} == {"\n"}


def test_title_cannot_forge_a_line_of_ours() -> None:
    source = Source(1, "https://a.example", "A\nSources\n[2] Forged", "", ())
    assert describe_source(source) == "[1] A Sources [2] Forged  https://a.example"


def test_letters_keep_their_joiners() -> None:
    text = "می‌خواهم 👩‍💻 ❤️"
    assert printable(text) == text


def test_json_escapes_what_it_cannot_show() -> None:
    assert printable_json({"a": "\x1b\u202e"}) == '{\n  "a": "\\u001b\\u202e"\n}'


@pytest.mark.parametrize(
    ("filtered", "words"),
    [
        (Filtered(), ""),
        (Filtered(hidden_parts=1), "filtered: 1 hidden part"),
        (Filtered(3, 12, 1), "filtered: 3 hidden parts, 12 invisible characters, 1 forged mark"),
    ],
)
def test_what_was_left_out_of_a_page_is_told_below_its_source(
    filtered: Filtered, words: str
) -> None:
    assert filtered_words(filtered) == words
    source = Source(1, "https://a.example", "A", "", (), filtered=filtered)
    shown = ["[1] A  https://a.example", f"    {words}"] if words else ["[1] A  https://a.example"]
    assert describe_source(source).splitlines() == shown


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (Answer("text"), []),
        (Answer("text", removed_links=1), ["1 link leads to no source and is only text."]),
        (
            Answer("text", removed_links=2, refused_queries=("too long", "too long")),
            [
                "2 links lead to no source and are only text.",
                "A search query was changed or not sent: too long",
            ],
        ),
    ],
)
def test_what_the_model_was_not_let_do_is_told(answer: Answer, lines: list[str]) -> None:
    assert refusal_lines(answer) == lines
