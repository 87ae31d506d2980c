"""The commands. Heavy modules are imported inside them: `--help` must be quick."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from websearch_agent import __version__
from websearch_agent.cli.account_app import key_app, user_app
from websearch_agent.cli.answer_commands import ask, chat
from websearch_agent.cli.eval_app import eval_app
from websearch_agent.cli.model_app import model_app
from websearch_agent.cli.running import (
    EXIT_FAILED,
    SettingsFlags,
    command_settings,
    exit_code_of,
    from_shell,
    quiet_settings,
    remember_flags,
    run,
    settings_in_force,
)
from websearch_agent.cli.usage_errors import PlainUsageErrors
from websearch_agent.errors import AgentError, InvalidRequest

if TYPE_CHECKING:
    from websearch_agent.wiring import AgentService

app = typer.Typer(
    cls=PlainUsageErrors,
    help="Ask, and get an answer that cites the pages it was read from.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; an error of ours is one line on stderr, never a traceback."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # A terminal that is not UTF-8 shows "?" for what it cannot show. Input keeps what is
        # no UTF-8, so that the question is refused in words.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape" if stream is sys.stdin else "replace")
    try:
        app()
    except AgentError as error:
        raise SystemExit(_report(error.code, error.message)) from None
    except OSError as error:
        # The disk of a redirected answer is full, a file of ours cannot be read: nothing to trace.
        raise SystemExit(_report("os_error", str(error))) from None


def _report(code: str, message: str) -> int:
    """Say what went wrong and return the exit code."""
    print(f"websearch-agent: {message}", file=sys.stderr)
    return exit_code_of(code)


@app.callback(invoke_without_command=True)
def _global_options(
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML file with settings. Default: WEBSEARCH_CONFIG_FILE, else "
            "~/.config/websearch-agent/config.toml if there is one.",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A setting for this command (`websearch-agent config` lists them). May be given "
            "again.",
        ),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"websearch-agent {__version__}")
        raise typer.Exit
    values = tuple(from_shell(assignment) for assignment in assignments or ())
    remember_flags(SettingsFlags(values, config))


app.command()(ask)
app.command()(chat)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
) -> None:
    """Serve the page and the API until Ctrl-C."""
    from websearch_agent.server.run import run_server
    from websearch_agent.wiring import build_service

    settings = command_settings()

    async def make_service() -> "AgentService":
        service = await build_service(settings)
        await service.mark_abandoned_turns()
        return service

    run_server(settings, host, port, service_factory=make_service)


@app.command()
def index(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders, files (HTML, Markdown, text, PDF), URLs, or @FILE with one of these a "
            "line."
        ),
    ] = None,
    crawl: Annotated[
        int,
        typer.Option(
            help="Of each URL's site, read up to so many pages: those below its folder that its "
            "links lead to; a sitemap's address works too.",
            min=0,
            max=10_000,
        ),
    ] = 0,
    clear: Annotated[bool, typer.Option(help="Empty the index first.")] = False,
    builtin: Annotated[
        bool, typer.Option(help="Make the built-in collection instead (done by make install).")
    ] = False,
) -> None:
    """Index documents of your own; the engine `local` then searches them."""
    from websearch_agent.cli.index_command import run_index

    work = run_index(
        command_settings(), targets or [], clear=clear, builtin=builtin, crawl_pages=crawl
    )
    if not run(work):
        raise typer.Exit(EXIT_FAILED)


app.add_typer(model_app, name="model")

app.add_typer(user_app, name="user")

app.add_typer(key_app, name="key")

app.add_typer(eval_app, name="eval")


@app.command()
def engines(
    query: Annotated[
        str | None, typer.Option(help="What to ask them. Default: python programming language.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """Ask every search engine one real query and show its state. Exit 1 if none answered."""
    from websearch_agent.cli.engine_probe import PROBE_QUERY
    from websearch_agent.cli.engines_command import run_engines

    words = PROBE_QUERY if query is None else from_shell(query)
    if not words.strip():
        raise InvalidRequest("--query is empty; name something to search for")
    if not run(run_engines(quiet_settings(), words, as_json=as_json)):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check settings, model, engines, indexes, database and disk, and say what to do.

    Exit codes: 0 all that is needed works, 1 something fails, 2 a setting is wrong.
    """
    from websearch_agent.cli.doctor import report_wrong_settings, run_doctor

    try:
        found = settings_in_force()
    except AgentError as error:
        if not as_json:
            raise
        report_wrong_settings(error)
        raise typer.Exit(exit_code_of(error.code)) from None
    if not run(run_doctor(quiet_settings(found), found, as_json=as_json)):
        raise typer.Exit(EXIT_FAILED)


@app.command("config")
def show_config(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show every setting in force and where it comes from; secrets are masked.

    Exit codes: 0 shown, 2 a setting is wrong.
    """
    from websearch_agent.cli.config_command import print_settings

    print_settings(settings_in_force(), as_json=as_json)


@app.command()
def mcp() -> None:
    """Serve the tools answer_question, search_web and read_page over stdio (MCP).

    For a program that starts it; nothing but the protocol is written to stdout. Over HTTP: `serve`.
    """
    from websearch_agent.mcp_server import run_stdio

    run(run_stdio(command_settings()))
