"""Completion in the shell: the script that is installed, and what it then asks for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_fakes import run_cli

ROOT = Path(__file__).resolve().parents[2]
# The name of the program is what completion is asked by.
PROGRAM = (
    "import sys; sys.argv[0] = 'websearch-agent'; from websearch_agent.cli import main; main()"
)


def run_program(*args: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *args],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


def script_for(shell: str) -> str:
    return run_program(_WEBSEARCH_AGENT_COMPLETE=f"source_{shell}")


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "complete -o default -F _websearch_agent_completion websearch-agent"),
        ("zsh", "compdef _websearch_agent_completion websearch-agent"),
        ("fish", "complete --command websearch-agent"),
    ],
)
def test_each_shell_has_its_script(shell: str, line: str) -> None:
    assert line in script_for(shell)


def test_script_can_be_installed_and_shown() -> None:
    help_text = run_cli("--help").stdout
    assert "--install-completion" in help_text
    assert "--show-completion" in help_text


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("websearch-agent do", {"doctor"}),
        ("websearch-agent model se", {"serve"}),
        ("websearch-agent ask --sit", {"--site"}),
        ("websearch-agent ask --since ", {"day", "week", "month", "year"}),
    ],
)
def test_commands_options_and_values_are_completed(typed: str, offered: set[str]) -> None:
    words = run_program(
        _WEBSEARCH_AGENT_COMPLETE="complete_bash",
        COMP_WORDS=typed,
        COMP_CWORD=str(len(typed.split(" ")) - 1),
    )
    assert set(words.split()) == offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_command_with_the_script(tmp_path: Path) -> None:
    program = tmp_path / "websearch-agent"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{PROGRAM}" "$@"\n')
    program.chmod(0o755)
    steps = (
        f"{script_for('bash')}\nCOMP_WORDS=(websearch-agent eng); COMP_CWORD=1\n"
        '_websearch_agent_completion websearch-agent; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", steps],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("engines\n", "")
