"""The commands. Heavy modules are imported inside them: `--help` must be quick."""

import asyncio
import logging
import sys
from enum import StrEnum
from typing import Annotated

import typer

from websearch_agent import __version__
from websearch_agent.config import Settings, load_settings
from websearch_agent.errors import AgentError, ConfigError
from websearch_agent.types import AnswerFailed, AnswerRequest

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

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


SearchOption = Annotated[
    Search, typer.Option(help="Whether to search: the model decides (auto), always, never.")
]
ModeOption = Annotated[AnswerMode, typer.Option(help="How much to read.")]
ConversationOption = Annotated[
    str | None, typer.Option("--conversation", help="Continue the conversation with this id.")
]


def main() -> None:
    """Run the command line; an error of ours is one line on stderr, never a traceback."""
    try:
        app()
    except AgentError as error:
        sys.stderr.write(f"websearch-agent: {error.message}\n")
        raise SystemExit(
            EXIT_BAD_INPUT if isinstance(error, ConfigError) else EXIT_FAILED
        ) from None
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        raise SystemExit(EXIT_INTERRUPTED) from None


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"websearch-agent {__version__}")
        raise typer.Exit


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question; - reads it from stdin.")],
    search: SearchOption = Search.auto,
    mode: ModeOption = AnswerMode.balanced,
    conversation: ConversationOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the Answer as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only answer and sources.")] = False,
) -> None:
    """Answer one question and exit: 0 answered, 1 failed, 2 bad input, 130 interrupted."""
    from websearch_agent.cli.session import ask_once

    text = sys.stdin.read() if question == "-" else question
    request = AnswerRequest(
        question=text, conversation_id=conversation, search=search.value, mode=mode.value
    )
    settings = _settings(log_level="error")
    end = asyncio.run(ask_once(settings, request, quiet=quiet or as_json, as_json=as_json))
    if isinstance(end, AnswerFailed):
        bad_input = end.code in ("invalid_request", "conversation_not_found")
        raise typer.Exit(EXIT_BAD_INPUT if bad_input else EXIT_FAILED)


@app.command()
def chat(
    search: SearchOption = Search.auto,
    mode: ModeOption = AnswerMode.balanced,
    conversation: ConversationOption = None,
) -> None:
    """Talk in the terminal. Ctrl-C stops an answer, Ctrl-D or /exit ends the chat."""
    from websearch_agent.cli.session import chat_session

    request = AnswerRequest(
        question="", conversation_id=conversation, search=search.value, mode=mode.value
    )
    asyncio.run(chat_session(_settings(log_level="error"), request))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
) -> None:
    """Serve the page and the API until Ctrl-C."""
    from websearch_agent.server.run import run_server
    from websearch_agent.wiring import build_service

    settings = _settings()
    _logging(settings)

    async def make_service() -> object:
        from websearch_agent.indexing import build_builtin_collection

        await build_builtin_collection(settings)
        service = await build_service(settings)
        await service.store.mark_abandoned_turns()
        return service

    run_server(settings, host, port, service_factory=make_service)  # type: ignore[arg-type]


@app.command()
def index(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Folders, files (HTML, Markdown, text, PDF) or URLs."),
    ] = None,
    clear: Annotated[bool, typer.Option(help="Empty the index first.")] = False,
    builtin: Annotated[
        bool, typer.Option(help="Make the built-in collection instead (done by make install).")
    ] = False,
) -> None:
    """Index documents of your own; the engine `local` then searches them."""
    from websearch_agent.cli.index_command import run_index

    asyncio.run(run_index(_settings(), targets or [], clear=clear, builtin=builtin))


model_app = typer.Typer(help="The embedded model.", no_args_is_help=True)
app.add_typer(model_app, name="model")


@model_app.command("pull")
def model_pull() -> None:
    """Download the embedded model's weights now instead of at the first start."""
    from websearch_agent.cli.model_command import pull_weights

    asyncio.run(pull_weights(_settings(log_level="warning")))


@app.command()
def doctor() -> None:
    """Check model, engines, index, database and disk, and say what to do. Exit 1 if one fails."""
    from websearch_agent.cli.doctor import run_doctor

    if not asyncio.run(run_doctor(_settings(log_level="error"))):
        raise typer.Exit(EXIT_FAILED)


def _settings(*, log_level: str | None = None) -> Settings:
    settings = load_settings()
    if log_level is not None:
        logging.basicConfig(level=log_level.upper(), format="%(levelname)s %(message)s")
    return settings


def _logging(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # Both log each request at INFO, with addresses that may hold what a person asked.
    for noisy in ("httpx", "httpcore", "primp", "ddgs", "trafilatura"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
