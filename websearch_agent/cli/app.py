"""The commands. Heavy modules are imported inside them: `--help` must be quick."""

import asyncio
import io
import logging
import sys
from collections.abc import Coroutine
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from websearch_agent import __version__
from websearch_agent.cli.account_app import key_app, user_app
from websearch_agent.cli.eval_app import eval_app
from websearch_agent.cli.model_app import model_app
from websearch_agent.config import Settings, load_settings
from websearch_agent.errors import AgentError, ConfigError, ConversationNotFound, InvalidRequest
from websearch_agent.events import (
    AnswerFailed,
)
from websearch_agent.types import AnswerRequest

if TYPE_CHECKING:
    from websearch_agent.cli.session import ServiceOpener
    from websearch_agent.wiring import AgentService

T = TypeVar("T")

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
BAD_INPUT_CODES = (ConfigError.code, ConversationNotFound.code, InvalidRequest.code)

app = typer.Typer(
    help="Ask, and get an answer that cites the pages it was read from.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Search(StrEnum):
    auto = "auto"
    always = "always"
    never = "never"


class AnswerMode(StrEnum):
    quick = "quick"
    balanced = "balanced"
    deep = "deep"


class Check(StrEnum):
    off = "off"
    fast = "fast"
    model = "model"


SearchOption = Annotated[
    Search, typer.Option(help="Whether to search: the model decides (auto), always, never.")
]
ModeOption = Annotated[AnswerMode, typer.Option(help="How much to read.")]
VerificationOption = Annotated[
    Check | None,
    typer.Option(
        "--verification",
        help="Who checks the statements against the sources. Default: WEBSEARCH_VERIFICATION.",
    ),
]
StrictOption = Annotated[
    bool | None,
    typer.Option(help="Write an answer with unsupported statements anew, once."),
]
ConversationOption = Annotated[
    str | None, typer.Option("--conversation", help="Continue the conversation with this id.")
]


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
    return EXIT_BAD_INPUT if code in BAD_INPUT_CODES else EXIT_FAILED


def _run(work: Coroutine[object, object, T]) -> T:
    """Run a command's work; Ctrl-C has let it tidy up when this returns."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"websearch-agent {__version__}")
        raise typer.Exit


@app.command()
def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question; - reads it from stdin.")],
    search: SearchOption = Search.auto,
    mode: ModeOption = AnswerMode.balanced,
    conversation: ConversationOption = None,
    verification: VerificationOption = None,
    strict: StrictOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the Answer as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only answer and sources.")] = False,
) -> None:
    """Answer one question and exit: 0 answered, 1 failed, 2 bad input, 130 interrupted."""
    from websearch_agent.cli.session import ask_for_json, ask_once

    text = sys.stdin.read() if question == "-" else question
    request = AnswerRequest(
        question=_from_shell(text),
        conversation_id=conversation,
        search=search.value,
        mode=mode.value,
        verification=verification.value if verification else None,
        strict=strict,
    )
    if as_json:
        end = _run(ask_for_json(_quiet_settings, request, _service_opener(context)))
    else:
        settings = _quiet_settings()
        end = _run(ask_once(settings, request, _service_opener(context), quiet=quiet))
    if isinstance(end, AnswerFailed):
        raise typer.Exit(EXIT_BAD_INPUT if end.code in BAD_INPUT_CODES else EXIT_FAILED)


@app.command()
def chat(
    context: typer.Context,
    search: SearchOption = Search.auto,
    mode: ModeOption = AnswerMode.balanced,
    conversation: ConversationOption = None,
    verification: VerificationOption = None,
    strict: StrictOption = None,
) -> None:
    """Talk in the terminal. Ctrl-C stops an answer, Ctrl-D or /exit ends the chat."""
    from websearch_agent.cli.session import chat_session

    request = AnswerRequest(
        question="",
        conversation_id=conversation,
        search=search.value,
        mode=mode.value,
        verification=verification.value if verification else None,
        strict=strict,
    )
    _run(chat_session(_quiet_settings(), request, _service_opener(context)))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
) -> None:
    """Serve the page and the API until Ctrl-C."""
    from websearch_agent.server.run import run_server
    from websearch_agent.wiring import build_service

    settings = _load_settings()
    _start_logging(settings)

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
        _load_settings(), targets or [], clear=clear, builtin=builtin, crawl_pages=crawl
    )
    if not _run(work):
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

    words = PROBE_QUERY if query is None else _from_shell(query)
    if not words.strip():
        raise InvalidRequest("--query is empty; name something to search for")
    if not _run(run_engines(_quiet_settings(), words, as_json=as_json)):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def doctor() -> None:
    """Check model, engines, index, database and disk, and say what to do. Exit 1 if one fails."""
    from websearch_agent.cli.doctor import run_doctor

    if not _run(run_doctor(_quiet_settings())):
        raise typer.Exit(EXIT_FAILED)


def _service_opener(context: typer.Context) -> "ServiceOpener":
    """What the caller of `app` has put in (tests do), else the real program."""
    from websearch_agent.cli.session import open_service

    opener: ServiceOpener = context.obj or open_service
    return opener


def _from_shell(text: str) -> str:
    """An argument as it was typed: Python keeps UTF-8 as surrogates where the locale is not."""
    with suppress(UnicodeError):
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    return text


def _load_settings() -> Settings:
    """The settings; the data folder is made here, for its owner only, before anything is written.

    Where it cannot be made, the command that needs it says so in its own words.
    """
    settings = load_settings()
    with suppress(OSError):
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings


def _quiet_settings() -> Settings:
    """The settings; logs would disturb an answer, so only errors show unless a level is set."""
    settings = _load_settings()
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "error"})
    _start_logging(settings)
    return settings


def _start_logging(settings: Settings) -> None:
    from websearch_agent.log_secrets import keep_secrets_out_of_logs

    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # They log each request and statement, with what a person asked in it.
    for noisy in ("aiosqlite", "httpx", "httpcore", "primp", "ddgs", "trafilatura"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    keep_secrets_out_of_logs(settings)
