"""`user` and `key`: what they say, what they refuse, and that passwords are not shown."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner, Result

from websearch_agent.accounts import LOCAL_OWNER, SCOPES
from websearch_agent.cli.account_app import ScopeName
from websearch_agent.cli.app import app
from websearch_agent.config import load_settings
from websearch_agent.errors import InvalidRequest
from websearch_agent.store.sqlite import SqliteStore

PASSWORD = "correct horse battery"
OTHER_PASSWORD = "a new password"
T = TypeVar("T")
PROGRAM = [sys.executable, "-c", "from websearch_agent.cli import main; main()"]


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def run_cli(*args: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, args, obj=CHEAP, input=stdin)


def in_store(work: Callable[[SqliteStore], Awaitable[T]]) -> T:
    """Do it in the database that the commands use."""

    async def run() -> T:
        store = SqliteStore(load_settings(_env_file=None).database_path, hasher=CHEAP)
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def add_user(name: str = "alice", password: str = PASSWORD) -> Result:
    return run_cli("user", "add", name, "--password-stdin", stdin=f"{password}\n")


def refusal(result: Result) -> str:
    assert isinstance(result.exception, InvalidRequest)
    assert result.stdout == ""
    return result.exception.message


def logs_in(name: str, password: str) -> bool:
    return in_store(lambda store: store.accounts.check_password(name, password)) is not None


def users() -> list[str]:
    return [user.name for user in in_store(lambda store: store.accounts.list_users())]


def hold_conversation_without_login() -> None:
    in_store(lambda store: store.for_owner(LOCAL_OWNER).create_conversation("before"))


# ---- user --------------------------------------------------------------------------------


def test_first_user_is_told_when_a_server_asks_for_a_login() -> None:
    result = add_user("Alice")
    assert (result.exit_code, result.stdout) == (
        0,
        "The user alice was added.\n"
        "A server asks for a login from its next start on: restart one that runs.\n",
    )
    assert add_user("bob").stdout == "The user bob was added.\n"
    assert logs_in("alice", PASSWORD)


def test_user_is_no_login_where_the_setting_says_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_AUTH", "off")
    assert "WEBSEARCH_AUTH=off: the server asks nobody for a login." in add_user().stdout


def test_conversations_from_before_are_offered_and_adopted() -> None:
    hold_conversation_without_login()
    assert "websearch-agent user adopt alice" in add_user().stdout
    adopted = run_cli("user", "adopt", "Alice")
    assert adopted.stdout == "alice now has 1 conversations more. Log in as alice to see them.\n"
    again = run_cli("user", "adopt", "alice")
    assert again.stdout == "There are no conversations that were held without a login.\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("al ice", "letters, digits"),
        ("local", "without a login"),
        ("", "1 to 64"),
        ("a\x1b", "x1b"),
    ],
)
def test_bad_name_is_refused_before_the_password_is_asked_for(name: str, words: str) -> None:
    message = refusal(run_cli("user", "add", name))
    assert words in message
    assert "\x1b" not in message


def test_name_that_is_taken_is_refused_before_the_password_is_asked_for() -> None:
    add_user()
    assert "websearch-agent user password" in refusal(run_cli("user", "add", "ALICE"))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (b"", "one line"),
        (b"\n", "one line"),
        (b"correct horse\nbattery staple\n", "one line"),
        (b"short\n", "at least 10"),
        (b"x" * 2000, "at most 1,024"),
    ],
)
def test_bad_password_on_stdin_is_refused(typed: bytes, words: str) -> None:
    message = refusal(run_cli("user", "add", "alice", "--password-stdin", stdin=typed))
    assert words in message
    assert users() == []


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_line_end_is_not_part_of_the_password(ending: str) -> None:
    run_cli("user", "add", "alice", "--password-stdin", stdin=PASSWORD + ending)
    assert logs_in("alice", PASSWORD)


@pytest.mark.parametrize("command", ["add", "password"])
def test_without_a_terminal_nobody_is_asked(command: str) -> None:
    add_user("bob")
    name = "alice" if command == "add" else "bob"
    message = refusal(run_cli("user", command, name, stdin=f"{PASSWORD}\n{PASSWORD}\n"))
    assert "--password-stdin" in message


def test_new_password_is_set() -> None:
    add_user()
    result = run_cli("user", "password", "Alice", "--password-stdin", stdin=OTHER_PASSWORD)
    assert "has to log in again everywhere" in result.stdout
    assert (logs_in("alice", PASSWORD), logs_in("alice", OTHER_PASSWORD)) == (False, True)


def test_users_are_listed_and_an_empty_list_says_what_to_do() -> None:
    empty = run_cli("user", "list")
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "websearch-agent user add NAME" in empty.stderr
    add_user("bob")
    add_user("李雷")
    names = [line.split()[0] for line in run_cli("user", "list").stdout.splitlines()]
    assert names == ["bob", "李雷"]


@pytest.mark.parametrize(
    "args",
    [
        ("user", "password", "bob"),
        ("user", "remove", "bob", "--yes"),
        ("user", "adopt", "bob"),
        ("key", "add", "ci", "--user", "bob"),
    ],
)
def test_unknown_user_is_refused(args: tuple[str, ...]) -> None:
    add_user()
    assert "no user 'bob'. `websearch-agent user list`" in refusal(run_cli(*args))
    assert users() == ["alice"]


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, []), ("YES", 0, []), ("", 1, None)])
def test_removing_asks_first(answer: str, code: int, left: list[str] | None) -> None:
    add_user()
    result = run_cli("user", "remove", "Alice", stdin=f"{answer}\n")
    assert "Remove alice with all conversations, keys and logins? [y/N]" in result.stderr
    assert result.exit_code == code
    assert users() == (["alice"] if left is None else left)


def test_removing_with_nobody_to_ask_is_refused() -> None:
    add_user()
    assert "Add --yes" in refusal(run_cli("user", "remove", "alice", stdin=""))
    assert users() == ["alice"]


@pytest.mark.parametrize(
    ("auth", "words"),
    [("auto", "asks for no login"), ("required", "does not start before"), ("off", "")],
)
def test_removing_the_last_user_says_what_follows(
    monkeypatch: pytest.MonkeyPatch, auth: str, words: str
) -> None:
    monkeypatch.setenv("WEBSEARCH_AUTH", auth)
    add_user()
    add_user("bob")
    assert "last user" not in run_cli("user", "remove", "bob", "--yes").stdout
    said = run_cli("user", "remove", "alice", "--yes").stdout
    assert "alice was removed, with all conversations" in said
    assert words in said
    assert ("last user" in said) == bool(words)


# ---- asking at a terminal ----------------------------------------------------------------


def at_terminal(tmp_path: Path, *args: str, answers: dict[str, str]) -> tuple[int, str]:
    """The exit code, and all that the terminal showed; each prompt gets its answer."""
    mine, its = os.openpty()
    # A session of its own has no /dev/tty: the password is asked for at this terminal.
    process = subprocess.Popen(
        [*PROGRAM, *args],
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=tmp_path,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    os.close(its)
    shown = ""
    waiting = list(answers.items())
    with suppress(OSError):  # how Linux says that the program has closed its terminal
        while piece := os.read(mine, 4096):
            shown += piece.decode()
            if waiting and waiting[0][0] in shown:
                os.write(mine, f"{waiting.pop(0)[1]}\n".encode())
    os.close(mine)
    return process.wait(timeout=60), shown


@pytest.mark.skipif(sys.platform != "linux", reason="reads a pseudo-terminal to its end")
@pytest.mark.parametrize(
    ("second", "code", "words"),
    [(PASSWORD, 0, "The user alice was added."), (OTHER_PASSWORD, 2, "The two passwords differ")],
)
def test_password_is_asked_for_twice_and_not_shown(
    tmp_path: Path, second: str, code: int, words: str
) -> None:
    answers = {"Password: ": PASSWORD, "Password again: ": second}
    ended, shown = at_terminal(tmp_path, "user", "add", "alice", answers=answers)
    assert ended == code
    assert words in shown
    assert PASSWORD not in shown
    assert second not in shown
    assert users() == (["alice"] if code == 0 else [])


@pytest.mark.skipif(sys.platform != "linux", reason="reads a pseudo-terminal to its end")
def test_end_of_input_at_the_prompt_changes_nothing(tmp_path: Path) -> None:
    ended, shown = at_terminal(tmp_path, "user", "add", "alice", answers={"Password: ": "\x04"})
    assert ended == 130
    assert "Stopped. Nothing was changed." in shown
    assert users() == []


# ---- key ---------------------------------------------------------------------------------


def test_key_alone_goes_to_stdout() -> None:
    add_user()
    result = run_cli("key", "add", "CI 任务", "--user", "Alice")
    assert re.fullmatch(r"wsa_[\w-]{43}\n", result.stdout)
    secret = result.stdout.strip()
    assert "of alice may: ask, read." in result.stderr
    assert "Authorization: Bearer" in result.stderr
    assert secret not in result.stderr
    identity = in_store(lambda store: store.accounts.identify_key(secret))
    assert identity is not None
    assert identity.scopes == {"ask", "read"}
    assert f"websearch-agent key revoke {identity.credential_id}" in result.stderr


def test_key_has_the_scopes_that_were_named() -> None:
    add_user()
    scopes = ("--scope", "delete", "--scope", "ask")
    result = run_cli("key", "add", "ci", "--user", "alice", *scopes)
    assert "may: ask, delete." in result.stderr
    assert run_cli("key", "add", "ci", "--user", "alice", "--scope", "root").exit_code == 2
    assert run_cli("key", "add", "ci").exit_code == 2


def test_every_scope_can_be_named() -> None:
    assert tuple(name.value for name in ScopeName) == SCOPES


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[2J"])
def test_key_name_that_would_not_show_is_refused(name: str) -> None:
    add_user()
    assert "key's name" in refusal(run_cli("key", "add", name, "--user", "alice"))


def test_keys_are_listed_without_themselves_and_can_be_revoked() -> None:
    add_user()
    secret = run_cli("key", "add", "CI 任务", "--user", "alice").stdout.strip()
    (line,) = run_cli("key", "list").stdout.splitlines()
    key_id = line.split()[0]
    assert line.split()[1:] == [
        f"{secret[:8]}…",
        "never",
        "used",
        "alice",
        "ask,read",
        "CI",
        "任务",
    ]
    assert f"The key {key_id} was revoked" in run_cli("key", "revoke", key_id).stdout
    assert in_store(lambda store: store.accounts.identify_key(secret)) is None
    assert "revoked 20" in run_cli("key", "list").stdout
    assert "`websearch-agent key list`" in refusal(run_cli("key", "revoke", key_id))


def test_list_without_keys_says_what_to_do() -> None:
    result = run_cli("key", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "websearch-agent key add NAME --user USER" in result.stderr


@pytest.mark.parametrize("command", ["user", "key"])
def test_without_a_command_the_help_is_shown(command: str) -> None:
    result = run_cli(command)
    assert "list" in result.stdout + result.stderr


def test_database_that_cannot_be_used_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "conversations.db").write_bytes(b"no database" * 1000)
    result = run_cli("user", "list")
    assert "conversations.db cannot be used" in str(result.exception)
