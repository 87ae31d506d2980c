import os
import stat
from pathlib import Path

import pytest
from cli_fakes import ANSWER, answering, run_cli
from typer.testing import Result

from websearch_agent.cli.chat import is_command
from websearch_agent.cli.question_history import (
    MAX_QUESTION_CHARS,
    MAX_QUESTIONS,
    QuestionHistory,
)
from websearch_agent.types import AnswerRequest


def chat(stdin: str) -> tuple[Result, list[AnswerRequest]]:
    service = answering()
    result = run_cli("chat", service=service, stdin=stdin)
    assert result.exit_code == 0
    assert service.closed
    return result, service.requests


def questions(stdin: str) -> list[str]:
    return [request.question for request in chat(stdin)[1]]


def test_chat_goes_on_in_the_same_conversation() -> None:
    result, requests = chat("Where?\n\nAnd why?\n")
    assert [request.question for request in requests] == ["Where?", "And why?"]
    assert [request.conversation_id for request in requests] == [None, "c1"]
    assert result.stdout.count(ANSWER.text) == 2
    assert "websearch-agent chat --conversation c1" in result.stdout


@pytest.mark.parametrize("command", ["/exit", "/quit", " /exit "])
def test_exit_ends_the_chat(command: str) -> None:
    assert questions(f"{command}\nWhere?\n") == []


# ---- several lines -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("One \\\ntwo\\\nthree\nfour\n", ["One \ntwo\nthree", "four"]),
        ('"""One\n\n/two"""\nthree\n', ["One\n\n/two", "three"]),
        ('"""\nOne\ntwo\n"""\n', ["One\ntwo"]),
        ('"""One"""\n', ["One"]),
        ('"""One\ntwo', ["One\ntwo"]),
        ("One\\\n", ["One"]),
        ('"""\n"""\n\\\n\n', []),
    ],
)
def test_question_may_have_several_lines(typed: str, asked: list[str]) -> None:
    assert [question.rstrip("\n") for question in questions(typed)] == asked


def test_greeting_says_how_to_write_several_lines() -> None:
    greeting = chat("")[0].stdout.splitlines()[0]
    assert "ends in \\" in greeting
    assert '"""' in greeting
    assert "/help" in greeting


# ---- commands ----------------------------------------------------------------------------


def test_search_and_mode_hold_from_then_on() -> None:
    result, requests = chat("/search never\n/mode deep\nWhere?\n/search auto\nWhy?\n")
    assert [(request.search, request.mode) for request in requests] == [
        ("never", "deep"),
        ("auto", "deep"),
    ]
    assert "search: never\n" in result.stdout


@pytest.mark.parametrize("typed", ["/search", "/search sometimes"])
def test_command_without_a_known_value_tells_what_holds(typed: str) -> None:
    result, _ = chat(f"{typed}\n")
    assert "search is auto; to change it: /search auto|always|never\n" in result.stdout


def test_new_begins_another_conversation() -> None:
    result, requests = chat("Where?\n/new\n/sources\nWhere?\n")
    assert [request.conversation_id for request in requests] == [None, None]
    assert "The last answer has no sources.\n" in result.stdout


def test_sources_are_listed_again() -> None:
    result, _ = chat("Where?\n/sources\n")
    assert result.stdout.count("\nSources\n[1] First page") == 2
    assert result.stdout.count("\nAlso read, not cited\n[2] Second page") == 2


def test_help_lists_every_command() -> None:
    from websearch_agent.cli.chat import COMMANDS, HELP

    assert set(COMMANDS) - {"/help", "/quit"} == {
        line.split()[0] for line in HELP.splitlines() if line.startswith("/")
    }
    assert HELP in chat("/help\n")[0].stdout


def test_unknown_command_is_told_and_not_asked() -> None:
    result, requests = chat("/serch never\n")
    assert requests == []
    assert "There is no command /serch. Did you mean /search?" in result.stdout


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/new", True),
        ("/nwe now", True),
        ("/etc/hosts: what is it?", False),
        (" /new", False),
        ("/new\nline", False),
        ("a /new", False),
        ("", False),
    ],
)
def test_path_or_a_blank_before_the_slash_makes_a_question(text: str, command: bool) -> None:
    assert is_command(text) is command


# ---- history -----------------------------------------------------------------------------


def test_history_keeps_questions_of_several_lines_for_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "history"
    QuestionHistory(file).add("One\ntwo ")
    QuestionHistory(file).add("为什么?")
    assert QuestionHistory(file).questions() == ["One\ntwo", "为什么?"]
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_history_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "history"
    file.write_text("".join(f'"{i}"\n' for i in range(2 * MAX_QUESTIONS + 1)))
    kept = QuestionHistory(file).questions()
    assert (len(kept), kept[-1]) == (MAX_QUESTIONS, str(2 * MAX_QUESTIONS))
    assert len(file.read_text().splitlines()) == MAX_QUESTIONS
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    QuestionHistory(file).add("x" * (MAX_QUESTION_CHARS + 1))
    QuestionHistory(file).add(" ")
    assert len(file.read_text().splitlines()) == MAX_QUESTIONS


def test_damaged_history_ends_no_chat_and_steers_no_terminal(tmp_path: Path) -> None:
    file = tmp_path / "history"
    file.write_bytes(b'no json\n[1]\n"a\\u001b[2J\\ud800"\n\xff\n')
    assert QuestionHistory(file).questions() == ["a[2J"]
    nowhere = QuestionHistory(tmp_path / "missing" / "history")
    nowhere.add("Where?")
    assert nowhere.questions() == []


def test_piped_chat_leaves_no_history(tmp_path: Path) -> None:
    chat("Where?\n")
    assert not (tmp_path / "data" / "chat_history").exists()
