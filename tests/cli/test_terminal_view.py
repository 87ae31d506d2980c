"""What a person sees whose stdout and stderr are one terminal: the order must be right."""

import os
import pty
import re
import subprocess
import sys
import textwrap

import pytest

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
