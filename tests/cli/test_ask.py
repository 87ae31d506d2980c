import json
from dataclasses import fields

import pytest
from cli_fakes import ANSWER, SOURCES, ScriptedService, answering, run_cli

from websearch_agent.events import (
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerRestarted,
    AnswerStarted,
    DecisionMade,
    ModelWaiting,
    Notice,
    PageFinished,
    SearchFinished,
)
from websearch_agent.model_calls import ModelStatus
from websearch_agent.types import Answer, EngineFailure, PageFailure, Source

FAILURE = AnswerFailed("no_engine_answered", "No search engine answered.", True)
# What a page or a model could send to a terminal: a colour, a C1 introducer, a bell, a backspace,
# turned text, hidden text, tags, and rich's own markup, emoji code and link.
HOSTILE = (
    "\x1b[31mred\x9b2J\x07bell\x08back\u202eturned\u2066\u200bhidden\u061c\ufeff\U000e0041"
    "[bold]bold[/bold] :smile: [link=https://evil.example]x[/link] [/]"
)
CLEAN = (
    "[31mred2Jbellbackturnedhidden[bold]bold[/bold] :smile: [link=https://evil.example]x[/link] [/]"
)


def test_answer_and_its_sources_go_to_stdout() -> None:
    service = answering()
    result = run_cli("ask", "Where do quokkas live?", service=service)
    assert result.exit_code == 0
    assert result.stdout == (
        "Quokkas live on Rottnest Island [1].\n\nSources\n"
        "[1] First page (a.example, 2026-10-02)  https://a.example/one\n"
        "\nAlso read, not cited\n"
        "[2] Second page (b.example)  https://b.example/two\n"
    )
    assert service.closed


def test_options_reach_the_request() -> None:
    service = answering()
    args = ("--search", "never", "--mode", "deep", "--conversation", "c7")
    run_cli("ask", "Where?", *args, service=service)
    request = service.requests[0]
    assert (request.question, request.search, request.mode) == ("Where?", "never", "deep")
    assert request.conversation_id == "c7"


def test_work_is_told_on_stderr() -> None:
    service = answering(
        DecisionMade(search=True, queries=("quokka", "短尾矮袋鼠"), reason="a fact"),
        SearchFinished(("quokka",), 3, (EngineFailure("ddgs", "quokka", "x", "offline"),)),
        PageFinished("https://a.example/one", "First page"),
        PageFinished("https://c.example", failure=PageFailure("https://c.example", "x", "404")),
        Notice("Only the built-in collection was asked."),
    )
    result = run_cli("ask", "Where?", service=service)
    assert result.stderr.splitlines() == [
        "Searching: quokka; 短尾矮袋鼠  (a fact)",
        "  ddgs: offline",
        "  read  First page  https://a.example/one",
        "  not read  https://c.example: 404",
        "Only the built-in collection was asked.",
    ]


def test_quiet_leaves_the_answer_its_sources_and_notices() -> None:
    service = answering(DecisionMade(search=True, queries=("quokka",)), Notice("Know this."))
    result = run_cli("ask", "Where?", "--quiet", service=service)
    assert result.stderr == "Know this.\n"
    assert result.stdout.startswith(ANSWER.text)


def test_waiting_for_the_model_leaves_no_trace_in_a_file() -> None:
    service = answering(ModelWaiting(ModelStatus("downloading", "", 1, 2)))
    assert run_cli("ask", "Where?", service=service).stderr == ""


def test_text_before_a_search_is_not_printed_as_the_answer() -> None:
    service = answering(AnswerDelta("Let me look that up."), AnswerRestarted())
    assert "look that up" not in run_cli("ask", "Where?", service=service).stdout


def test_failure_is_a_line_on_stderr_and_exit_1() -> None:
    result = run_cli("ask", "Where?", service=ScriptedService([FAILURE]))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "No search engine answered.\n"


def test_text_before_a_failure_is_kept_and_ends_its_line() -> None:
    service = ScriptedService([AnswerStarted("c1", "t1"), AnswerDelta("Half of"), FAILURE])
    result = run_cli("ask", "Where?", service=service)
    assert result.stdout == "Half of\n"


@pytest.mark.parametrize("code", ["invalid_request", "conversation_not_found", "config_error"])
def test_bad_input_is_exit_2(code: str) -> None:
    service = ScriptedService([AnswerFailed(code, "Bad.", False)])
    assert run_cli("ask", "Where?", service=service).exit_code == 2


def test_question_is_read_from_stdin() -> None:
    service = answering()
    run_cli("ask", "-", service=service, stdin="Where?\nAnd 为什么?\n")
    assert service.requests[0].question == "Where?\nAnd 为什么?\n"


def test_utf8_bytes_of_another_locale_are_read_as_utf8() -> None:
    service = answering()
    as_python_reads_it = "你好".encode().decode("ascii", "surrogateescape")
    run_cli("ask", as_python_reads_it, service=service)
    assert service.requests[0].question == "你好"


def test_json_is_the_answer_field_by_field() -> None:
    result = run_cli("ask", "Where?", "--json", service=answering(Notice("Know this.")))
    reply = json.loads(result.stdout)
    assert set(reply) == {"conversation_id"} | {field.name for field in fields(Answer)}
    assert (reply["conversation_id"], reply["text"]) == ("c1", ANSWER.text)
    assert [source["number"] for source in reply["sources"]] == [s.number for s in SOURCES]
    assert result.stderr == ""


def test_json_of_a_failure_has_code_message_and_retryable() -> None:
    result = run_cli("ask", "Where?", "--json", service=ScriptedService([FAILURE]))
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "code": "no_engine_answered",
        "message": "No search engine answered.",
        "retryable": True,
    }


def test_json_of_a_wrong_setting_is_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_ENGINES", "goggle")
    result = run_cli("ask", "Where?", "--json", service=answering())
    assert result.exit_code == 2
    assert json.loads(result.stdout)["code"] == "config_error"


def test_nothing_foreign_steers_the_terminal() -> None:
    hostile = Source(1, f"https://a.example/{HOSTILE}", f"{HOSTILE}\nforged", HOSTILE, ())
    service = answering(
        DecisionMade(search=True, queries=(HOSTILE,), reason=HOSTILE),
        SearchFinished((HOSTILE,), 3, (EngineFailure(HOSTILE, HOSTILE, "x", HOSTILE),)),
        PageFinished("https://a.example", f"{HOSTILE}\nforged line"),
        PageFinished(HOSTILE, failure=PageFailure(HOSTILE, "x", HOSTILE)),
        Notice(HOSTILE),
        answer=Answer(HOSTILE, sources=(hostile,)),
    )
    result = run_cli("ask", "Where?", service=service)
    assert result.exit_code == 0
    assert f"{CLEAN}\n" in result.stdout
    assert f"[1] {CLEAN} forged ({CLEAN})  https://a.example/{CLEAN}\n" in result.stdout
    assert f"Searching: {CLEAN}  ({CLEAN})\n  {CLEAN}: {CLEAN}\n" in result.stderr
    assert f"read  {CLEAN} forged line  https://a.example\n" in result.stderr
    assert f"not read  {CLEAN}: {CLEAN}\n{CLEAN}\n" in result.stderr


def test_failure_from_elsewhere_does_not_steer_the_terminal() -> None:
    service = ScriptedService([AnswerFailed("model_error", HOSTILE, False)])
    assert run_cli("ask", "Where?", service=service).stderr == f"{CLEAN}\n"


def test_json_escapes_what_would_steer_and_loses_nothing() -> None:
    service = ScriptedService([AnswerFinished("c1", Answer(HOSTILE))])
    result = run_cli("ask", "Where?", "--json", service=service)
    assert json.loads(result.stdout)["text"] == HOSTILE
    assert not set(result.stdout) & set("\x1b\x9b\x07\x08\u202e\u2066\u200b\u061c\ufeff\U000e0041")


def test_return_does_not_overwrite_what_stands_there() -> None:
    result = run_cli("ask", "Where?", service=answering(Notice("a\rb"), answer=Answer("c\rd")))
    assert (result.stderr, result.stdout) == ("a b\n", "cd\n")


def test_joiners_of_persian_and_emoji_stay() -> None:
    text = "می\u200cخواهم 👩\u200d💻"
    result = run_cli("ask", "Where?", service=answering(answer=Answer(text)))
    assert result.stdout == f"{text}\n"
