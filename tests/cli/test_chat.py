from cli_fakes import ANSWER, answering, run_cli


def test_chat_goes_on_in_the_same_conversation() -> None:
    service = answering()
    result = run_cli("chat", service=service, stdin="Where?\n\nAnd why?\n")
    assert result.exit_code == 0
    assert [request.question for request in service.requests] == ["Where?", "And why?"]
    assert [request.conversation_id for request in service.requests] == [None, "c1"]
    assert result.stdout.count(ANSWER.text) == 2
    assert "websearch-agent chat --conversation c1" in result.stdout


def test_exit_ends_the_chat() -> None:
    service = answering()
    assert run_cli("chat", service=service, stdin="/exit\nWhere?\n").exit_code == 0
    assert service.requests == []
    assert service.closed
