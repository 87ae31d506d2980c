"""What `ask` makes of its arguments and of what is piped in."""

import json

import pytest
from cli_fakes import answering, run_cli
from typer.testing import Result

from websearch_agent.cli.question_text import MAX_STDIN_CHARS
from websearch_agent.errors import InvalidRequest
from websearch_agent.types import AnswerRequest


def request_of(*args: str, stdin: str | None = None) -> AnswerRequest:
    service = answering()
    assert run_cli("ask", *args, service=service, stdin=stdin).exit_code == 0
    return service.requests[0]


def refusal_of(*args: str, stdin: str | None = None) -> str:
    service = answering()
    error = run_cli("ask", *args, service=service, stdin=stdin).exception
    assert isinstance(error, InvalidRequest)
    assert service.requests == []
    return error.message


def test_sites_time_and_language_reach_the_request() -> None:
    request = request_of(
        "Where?",
        *("--site", "https://Docs.Python.org/3/", "--site", "-pinterest.com"),
        *("--exclude-site", "quora.com", "--exclude-site", "pinterest.com"),
        *("--since", "week", "--language", "zh-CN"),
    )
    assert request.include_domains == ("docs.python.org",)
    assert request.exclude_domains == ("pinterest.com", "quora.com")
    assert (request.time_range, request.language) == ("week", "zh-CN")


def test_chat_takes_the_same_options() -> None:
    service = answering()
    run_cli("chat", "--site", "a.example", "--since", "day", service=service, stdin="Where?\n")
    assert service.requests[0].include_domains == ("a.example",)
    assert service.requests[0].time_range == "day"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--site", "no domain"), "'no domain' is no domain; example: docs.python.org"),
        (("--site", "-"), "'' is no domain"),
        (("--exclude-site", "a@b"), "'a@b' is no domain"),
        (("--language", "klingonese"), "--language: 'klingonese' is no language tag"),
    ],
)
def test_what_is_no_domain_or_language_is_refused(args: tuple[str, ...], words: str) -> None:
    assert refusal_of("Where?", *args).startswith(words)


@pytest.mark.parametrize(
    ("option", "choices"),
    [
        ("--since", "'day', 'week', 'month', 'year'"),
        ("--mode", "'quick', 'balanced', 'deep'"),
        ("--search", "'auto', 'always', 'never'"),
        ("--verification", "'off', 'fast', 'model'"),
    ],
)
@pytest.mark.parametrize("command", [("ask", "Where?"), ("chat",)])
def test_unknown_choice_is_told_with_those_there_are(
    command: tuple[str, ...], option: str, choices: str
) -> None:
    result = run_cli(*command, option, "decade", service=answering())
    assert result.exit_code == 2
    told = f"Invalid value for '{option}': 'decade' is not one of {choices}."
    assert told in " ".join(result.stderr.split())


def test_unknown_choice_of_a_command_in_a_group_is_told_alike() -> None:
    result = run_cli("model", "pull", "--hub", "zz")
    assert result.exit_code == 2
    assert "Invalid value for '--hub': 'zz' is not one of" in " ".join(result.stderr.split())


# ---- stdin -------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [(), ("-",)])
def test_question_may_come_from_stdin_alone(args: tuple[str, ...]) -> None:
    assert request_of(*args, stdin="Where?\n").question == "Where?\n"


def test_piped_text_is_what_the_question_is_about() -> None:
    asked = request_of("Summarise this", stdin="One.\nTwo.\n").question
    assert asked == "Summarise this\n\nOne.\nTwo.\n"


@pytest.mark.parametrize("stdin", [None, "", " \n"])
def test_empty_pipe_changes_nothing(stdin: str | None) -> None:
    assert request_of("Where?", stdin=stdin).question == "Where?"


def test_piped_text_that_is_too_long_is_refused_with_what_to_do() -> None:
    message = refusal_of("Summarise this", stdin="a" * 20_000)
    assert message.startswith("The piped text has 20,000 characters; with the question at most 20,")
    assert "head -c" in message
    assert "websearch-agent index FILE" in message


def test_endless_pipe_is_not_read_to_its_end() -> None:
    message = refusal_of("Summarise this", stdin="a" * (MAX_STDIN_CHARS + 10))
    assert message.startswith("More than 2,000,000 characters were piped in.")


def test_json_of_a_refused_question_is_json_too() -> None:
    result: Result = run_cli("ask", "Summarise", "--json", service=answering(), stdin="a" * 20_000)
    assert result.exit_code == 2
    assert json.loads(result.stdout)["code"] == "invalid_request"
    assert result.stderr == ""


def test_exit_codes_are_told_by_help() -> None:
    for command in ("ask", "chat", "doctor", "config"):
        assert "Exit codes: 0 " in run_cli(command, "--help").stdout
