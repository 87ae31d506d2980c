"""What the commands `user` and `key` do, also beside a server that runs."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from getpass import getpass

import typer
from argon2 import PasswordHasher

from websearch_agent.accounts import LOCAL_OWNER, ApiKey, Scope, User
from websearch_agent.cli.terminal import printable_line
from websearch_agent.config import Settings
from websearch_agent.errors import InvalidRequest
from websearch_agent.store.credentials import check_user_name
from websearch_agent.store.sqlite import SqliteStore

EXIT_INTERRUPTED = 130
MAX_STDIN_CHARS = 10_000


@asynccontextmanager
async def _open_store(
    settings: Settings, *, hasher: PasswordHasher | None = None
) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(settings.database_path, hasher=hasher)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


# ---- asking the person -------------------------------------------------------------------


def read_password(*, from_stdin: bool) -> str:
    """Raises InvalidRequest if there is nobody to ask, or the two do not match."""
    if from_stdin:
        return _one_line(sys.stdin.read(MAX_STDIN_CHARS))
    if not sys.stdin.isatty():
        raise InvalidRequest(
            "There is no terminal to ask for the password. Send it to stdin and add "
            "--password-stdin."
        )
    try:
        first, second = getpass("Password: "), getpass("Password again: ")
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. Nothing was changed.", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except UnicodeError:
        raise InvalidRequest("The password is not readable text. Send it as UTF-8.") from None
    if first != second:
        raise InvalidRequest("The two passwords differ. Nothing was changed; try again.")
    return first


def _one_line(text: str) -> str:
    line = text.removesuffix("\n").removesuffix("\r")
    if not line or "\n" in line:
        raise InvalidRequest("--password-stdin needs one line on stdin: the password.")
    return line


def confirm_removal(name: str) -> bool:
    """Whether the person says yes. Raises InvalidRequest if there is nobody to ask."""
    question = f"Remove {printable_line(name)} with all conversations, keys and logins? [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        print("\nStopped. Nothing was removed.", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if not answer:
        print(file=sys.stderr)
        raise InvalidRequest("Nobody answered, and nothing was removed. Add --yes to do it.")
    if answer.strip().lower() in ("y", "yes"):
        return True
    print("Nothing was removed.", file=sys.stderr)
    return False


# ---- users -------------------------------------------------------------------------------


async def check_free_name(settings: Settings, name: str) -> None:
    """Before the password is asked for. Raises InvalidRequest."""
    name = check_user_name(name)
    async with _open_store(settings) as store:
        if any(user.name == name for user in await store.accounts.list_users()):
            raise InvalidRequest(
                f"There is a user {name!r} already. `websearch-agent user password` sets a new "
                "password."
            )


async def find_user(settings: Settings, name: str) -> User:
    """Raises InvalidRequest for an unknown one."""
    async with _open_store(settings) as store:
        return await store.accounts.find_user(name)


async def add_user(
    settings: Settings, name: str, password: str, *, hasher: PasswordHasher | None = None
) -> None:
    async with _open_store(settings, hasher=hasher) as store:
        first = not await store.accounts.has_users()
        user = await store.accounts.add_user(name, password)
        left = await store.for_owner(LOCAL_OWNER).list_conversations(limit=1)
    print(f"The user {printable_line(user.name)} was added.")
    if settings.auth == "off":
        print("WEBSEARCH_AUTH=off: the server asks nobody for a login. Unset it for `auto`.")
    elif first and settings.auth == "auto":
        print("A server asks for a login from its next start on: restart one that runs.")
    if left:
        print(
            "There are conversations from before. To give them to this user: "
            f"websearch-agent user adopt {printable_line(user.name)}"
        )


async def list_users(settings: Settings) -> None:
    async with _open_store(settings) as store:
        users = await store.accounts.list_users()
    for user in users:
        print(f"{printable_line(user.name):<24} since {user.created_at:%Y-%m-%d}")
    if not users:
        print("There are no users. To add one: websearch-agent user add NAME", file=sys.stderr)


async def set_password(
    settings: Settings, name: str, password: str, *, hasher: PasswordHasher | None = None
) -> None:
    async with _open_store(settings, hasher=hasher) as store:
        await store.accounts.set_password(name, password)
    print("The password was set. The user has to log in again everywhere; keys stay valid.")


async def remove_user(settings: Settings, name: str) -> None:
    async with _open_store(settings) as store:
        await store.accounts.remove_user(name)
        more = await store.accounts.has_users()
    print(f"{printable_line(name)} was removed, with all conversations, keys and logins.")
    if not more and settings.auth == "auto":
        print(
            "That was the last user: from its next start on, a server asks for no login and "
            "listens on this machine only."
        )
    elif not more and settings.auth == "required":
        print(
            "That was the last user: with WEBSEARCH_AUTH=required a server does not start before "
            "`websearch-agent user add NAME`."
        )


async def adopt_conversations(settings: Settings, name: str) -> None:
    async with _open_store(settings) as store:
        user = await store.accounts.find_user(name)
        count = await store.accounts.adopt_conversations(name)
    shown = printable_line(user.name)
    if not count:
        print("There are no conversations that were held without a login.")
    else:
        print(f"{shown} now has {count} conversations more. Log in as {shown} to see them.")


# ---- keys --------------------------------------------------------------------------------


async def add_key(settings: Settings, name: str, user_name: str, scopes: Sequence[Scope]) -> None:
    async with _open_store(settings) as store:
        made = await store.accounts.create_key(user_name, name, scopes)
    print(made.secret, flush=True)
    print(
        f"Key {made.key.id} of {printable_line(made.key.user_name)} may: "
        f"{', '.join(made.key.scopes)}. It is shown this once, and kept as a hash only.\n"
        "Send it with each request as: Authorization: Bearer KEY\n"
        f"To end it: websearch-agent key revoke {made.key.id}",
        file=sys.stderr,
    )


async def list_keys(settings: Settings) -> None:
    async with _open_store(settings) as store:
        keys = await store.accounts.list_keys()
    for key in keys:
        print(_line_of_key(key))
    if not keys:
        print(
            "There are no keys. To make one: websearch-agent key add NAME --user USER",
            file=sys.stderr,
        )


def _line_of_key(key: ApiKey) -> str:
    used = f"used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never used"
    state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else used
    words = f"{key.user_name:<16} {','.join(key.scopes):<16} {key.name}"
    return printable_line(f"{key.id}  {key.prefix}…  {state:<26}  {words}")


async def revoke_key(settings: Settings, key_id: str) -> None:
    async with _open_store(settings) as store:
        await store.accounts.revoke_key(key_id)
    print(f"The key {printable_line(key_id)} was revoked: from now on it is refused.")
