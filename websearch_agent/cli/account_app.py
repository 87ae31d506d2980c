"""The commands `user` and `key`: who may log in, and with which keys programs may ask."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from websearch_agent.accounts import SCOPES
from websearch_agent.cli.running import EXIT_FAILED, from_shell, quiet_settings, run

if TYPE_CHECKING:
    from argon2 import PasswordHasher

user_app = typer.Typer(
    help="Users, who log in to the page. With the first one a server asks for a login.",
    no_args_is_help=True,
)
key_app = typer.Typer(
    help="API keys, with which programs ask in the name of a user.", no_args_is_help=True
)


class ScopeName(StrEnum):
    ask = "ask"
    read = "read"
    delete = "delete"


UserArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin; nobody is asked.")
]


def _hasher(context: typer.Context) -> "PasswordHasher | None":
    """What the caller of `app` has put in (tests do: a cheap one), else the real one."""
    hasher: PasswordHasher | None = context.obj
    return hasher


@user_app.command("add")
def user_add(
    context: typer.Context, name: UserArgument, password_stdin: PasswordOption = False
) -> None:
    """Add a user. The password is asked for twice and not shown."""
    from websearch_agent.cli.account_commands import add_user, check_free_name, read_password

    settings, name = quiet_settings(), from_shell(name)
    run(check_free_name(settings, name))
    password = read_password(from_stdin=password_stdin)
    run(add_user(settings, name, password, hasher=_hasher(context)))


@user_app.command("list")
def user_list() -> None:
    """All users."""
    from websearch_agent.cli.account_commands import list_users

    run(list_users(quiet_settings()))


@user_app.command("password")
def user_password(
    context: typer.Context, name: UserArgument, password_stdin: PasswordOption = False
) -> None:
    """Set a new password. The user is logged out everywhere; keys stay valid."""
    from websearch_agent.cli.account_commands import find_user, read_password, set_password

    settings, name = quiet_settings(), from_shell(name)
    run(find_user(settings, name))
    password = read_password(from_stdin=password_stdin)
    run(set_password(settings, name, password, hasher=_hasher(context)))


@user_app.command("remove")
def user_remove(
    name: UserArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a user with all conversations, keys and logins. Exit 1 if you then say no."""
    from websearch_agent.cli.account_commands import confirm_removal, find_user, remove_user

    settings, name = quiet_settings(), from_shell(name)
    user = run(find_user(settings, name))
    if not yes and not confirm_removal(user.name):
        raise typer.Exit(EXIT_FAILED)
    run(remove_user(settings, user.name))


@user_app.command("adopt")
def user_adopt(name: UserArgument) -> None:
    """Give a user the conversations that were held without a login."""
    from websearch_agent.cli.account_commands import adopt_conversations

    run(adopt_conversations(quiet_settings(), from_shell(name)))


@key_app.command("add")
def key_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for, in your words.")],
    user: Annotated[str, typer.Option(help="Whose conversations it works on.")],
    scope: Annotated[
        list[ScopeName] | None,
        typer.Option(help="What it may do; may be given again. Default: ask and read."),
    ] = None,
) -> None:
    """Make a key. It alone goes to stdout, and is shown this once."""
    from websearch_agent.cli.account_commands import add_key

    named = scope or [ScopeName.ask, ScopeName.read]
    scopes = [known for known in SCOPES if known in named]
    run(add_key(quiet_settings(), from_shell(name), from_shell(user), scopes))


@key_app.command("list")
def key_list() -> None:
    """All keys, the newest first, also the revoked ones."""
    from websearch_agent.cli.account_commands import list_keys

    run(list_keys(quiet_settings()))


@key_app.command("revoke")
def key_revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `key list` shows it.")],
) -> None:
    """End a key, from the next request on."""
    from websearch_agent.cli.account_commands import revoke_key

    run(revoke_key(quiet_settings(), from_shell(key_id)))
