"""The commands `ask` and `chat`."""

from typing import TYPE_CHECKING, Annotated

import typer

from websearch_agent.cli.answer_options import (
    AnswerMode,
    ConversationOption,
    ExcludeSiteOption,
    LanguageOption,
    ModeOption,
    Search,
    SearchOption,
    SinceOption,
    SiteOption,
    StrictOption,
    VerificationOption,
    build_request,
)
from websearch_agent.cli.question_text import read_question
from websearch_agent.cli.running import exit_code_of, interruptible, quiet_settings, run
from websearch_agent.errors import AgentError
from websearch_agent.events import AnswerFailed

if TYPE_CHECKING:
    from websearch_agent.cli.session import ServiceOpener


def ask(
    context: typer.Context,
    question: Annotated[
        str | None,
        typer.Argument(
            help="The question. - or nothing: it is read from stdin. With a question, a text that "
            "is piped in is what it is about.",
            show_default=False,
        ),
    ] = None,
    search: SearchOption = Search.auto,
    mode: ModeOption = AnswerMode.balanced,
    site: SiteOption = None,
    exclude_site: ExcludeSiteOption = None,
    since: SinceOption = None,
    language: LanguageOption = None,
    conversation: ConversationOption = None,
    verification: VerificationOption = None,
    strict: StrictOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the Answer as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only answer and sources.")] = False,
) -> None:
    """Answer one question. The answer and its sources go to stdout, progress to stderr.

    Exit codes: 0 answered, 1 failed, 2 bad input or settings, 130 interrupted.
    """
    from websearch_agent.cli.session import ask_for_json, ask_once, print_as_json

    try:
        settings = quiet_settings()
        with interruptible():
            text = read_question(question)
        request = build_request(
            text,
            search=search,
            mode=mode,
            sites=site,
            excluded_sites=exclude_site,
            since=since,
            language=language,
            conversation=conversation,
            verification=verification,
            strict=strict,
        )
    except AgentError as error:
        if not as_json:
            raise
        print_as_json(AnswerFailed(error.code, error.message, error.retryable))
        raise typer.Exit(exit_code_of(error.code)) from None
    if as_json:
        end = run(ask_for_json(settings, request, _service_opener(context)))
    else:
        end = run(ask_once(settings, request, _service_opener(context), quiet=quiet))
    if isinstance(end, AnswerFailed):
        raise typer.Exit(exit_code_of(end.code))


def chat(
    context: typer.Context,
    search: SearchOption = Search.auto,
    mode: ModeOption = AnswerMode.balanced,
    site: SiteOption = None,
    exclude_site: ExcludeSiteOption = None,
    since: SinceOption = None,
    language: LanguageOption = None,
    conversation: ConversationOption = None,
    verification: VerificationOption = None,
    strict: StrictOption = None,
) -> None:
    """Talk in the terminal; /help lists what can be typed.

    Ctrl-C stops an answer, Ctrl-D or /exit ends the chat. Exit codes: 0 ended, 2 bad settings, 130
    interrupted at the prompt.
    """
    from websearch_agent.cli.chat import chat_session

    request = build_request(
        "",
        search=search,
        mode=mode,
        sites=site,
        excluded_sites=exclude_site,
        since=since,
        language=language,
        conversation=conversation,
        verification=verification,
        strict=strict,
    )
    run(chat_session(quiet_settings(), request, _service_opener(context)))


def _service_opener(context: typer.Context) -> "ServiceOpener":
    """What the caller of `app` has put in (tests do), else the real program."""
    from websearch_agent.cli.session import open_service

    opener: ServiceOpener = context.obj or open_service
    return opener
