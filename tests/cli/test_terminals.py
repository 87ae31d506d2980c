"""An answer on a real (pseudo) terminal and in a pipe: colours and links on and off."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminals there")

ROOT = Path(__file__).resolve().parents[2]
STEERING = "\\x1b]8;;https://evil.example\\x07\\x1b[2J\\x9b5n"
SCRIPT = textwrap.dedent(
    f"""
    import sys
    sys.path.insert(0, "tests/cli")
    from cli_fakes import answering, opener_of
    from websearch_agent.cli.app import app
    from websearch_agent.events import SourcesSelected
    from websearch_agent.types import Answer, Citation, Source
    url = "https://a.example/{STEERING}"
    source = Source(1, url, "Page {STEERING}", "a.example", ())
    text = "**Quokkas** live on `Rottnest` [1]. {STEERING}"
    answer = Answer(text, citations=(Citation(1, url, "Page", 32, 35),), sources=(source,))
    service = answering(SourcesSelected((source,)), answer=answer)
    app(sys.argv[1:], obj=opener_of(service))
    """
)
PLAIN = "**Quokkas** live on `Rottnest` [1]. ]8;;https://evil.example[2J5n"
SAFE_URL = "https://a.example/%1B]8;;https://evil.example%07%1B[2J%C2%9B5n"
LINKED = f"\x1b]8;;{SAFE_URL}\x1b\\[1]\x1b]8;;\x1b\\"
COLOURED = f"\x1b[1mQuokkas\x1b[22m live on \x1b[36mRottnest\x1b[39m {LINKED}."


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    return kept | {"PYTHONPATH": str(ROOT), "WEBSEARCH_DATA_DIR": str(tmp_path / "data")} | more


def on_terminal(tmp_path: Path, typed: str = "", command: str = "ask", **more: str) -> str:
    """All that stdout and stderr show, which are one terminal."""
    ours, theirs = os.openpty()
    args = ["ask", "Where?"] if command == "ask" else [command]
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *args],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=environment(tmp_path, **more),
        start_new_session=True,
    ) as program:
        os.close(theirs)
        os.write(ours, typed.encode())
        screen = b""
        while True:
            try:
                screen += os.read(ours, 65536)
            except OSError:  # Linux: the other end is closed.
                break
    os.close(ours)
    assert program.returncode == 0
    return screen.decode().replace("\r\n", "\n")


def in_pipe(tmp_path: Path, **more: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "ask", "Where?"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(tmp_path, **more),
        timeout=60,
    )
    assert done.returncode == 0
    return done.stdout, done.stderr


def test_terminal_gets_colours_and_links(tmp_path: Path) -> None:
    screen = on_terminal(tmp_path, TERM="xterm-256color")
    assert COLOURED in screen
    assert f"\nSources\n{LINKED} Page ]8;;https://evil.example[2J5n (a.example)  " in screen
    for hostile in ("\x1b[2J", "\x9b", "\x07", "8;;https://evil.example\x1b"):
        assert hostile not in screen


def test_terminal_with_no_color_gets_links_alone(tmp_path: Path) -> None:
    screen = on_terminal(tmp_path, TERM="xterm-256color", NO_COLOR="1")
    assert f"**Quokkas** live on `Rottnest` {LINKED}." in screen
    assert "\x1b[1m" not in screen
    assert "\x1b[36m" not in screen


def test_dumb_terminal_gets_plain_text(tmp_path: Path) -> None:
    screen = on_terminal(tmp_path, TERM="dumb")
    assert PLAIN in screen
    assert "\x1b" not in screen


def test_pipe_gets_plain_text(tmp_path: Path) -> None:
    stdout, stderr = in_pipe(tmp_path, TERM="xterm-256color")
    assert stdout.startswith(f"{PLAIN}\n\nSources\n[1] Page")
    assert not {char for char in stdout + stderr if not char.isprintable()} - {"\n"}


def test_pipe_with_force_color_gets_colours_and_no_links(tmp_path: Path) -> None:
    stdout, stderr = in_pipe(tmp_path, TERM="xterm-256color", FORCE_COLOR="1")
    assert stdout.startswith("\x1b[1mQuokkas\x1b[22m live on \x1b[36mRottnest\x1b[39m [1].")
    assert "\x1b]" not in stdout + stderr
    assert "\x1b[?25" not in stderr  # no spinner, which would hide the cursor


def test_chat_keeps_what_was_asked_for_the_arrow_keys(tmp_path: Path) -> None:
    typed = "Where?\\\nAnd why?\n/exit\n"
    on_terminal(tmp_path, typed, "chat", TERM="xterm-256color")
    history = tmp_path / "data" / "chat_history"
    assert history.read_text().splitlines()[0] == '"Where?\\nAnd why?"'
    assert history.stat().st_mode & 0o777 == 0o600
    # Arrow up, twice, over the /exit of the first chat: the question comes again.
    screen = on_terminal(tmp_path, "\x1b[A\x1b[A\n/exit\n", "chat", TERM="xterm-256color")
    assert "\x1b[1mQuokkas" in screen


@pytest.mark.skipif(shutil.which("setsid") is None, reason="needs a terminal of its own")
@pytest.mark.parametrize(("typed", "code"), [("\x04", 0), ("\x03", 130)])
def test_ctrl_d_and_ctrl_c_at_the_prompt_end_the_chat(
    tmp_path: Path, typed: str, code: int
) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        ["setsid", "-c", sys.executable, "-c", SCRIPT, "chat"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=environment(tmp_path, TERM="xterm-256color"),
        # What a shell starts in the background ignores Ctrl-C, and so do its children.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as program:
        os.close(theirs)
        screen = b""
        while b"> " not in screen:
            screen += os.read(ours, 65536)
        os.write(ours, typed.encode())
        while True:
            try:
                screen += os.read(ours, 65536)
            except OSError:
                break
    os.close(ours)
    assert program.returncode == code
    assert b"Traceback" not in screen
