"""`chat`: question after question in one conversation, and the commands between them."""

import asyncio
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import cast, get_args

from websearch_agent.cli.line_editor import LineEditor
from websearch_agent.cli.question_history import QuestionHistory
from websearch_agent.cli.session import AnsweringService, ServiceOpener
from websearch_agent.cli.terminal import TerminalView, printable_line
from websearch_agent.config import Settings
from websearch_agent.types import AnswerRequest, Mode, SearchSwitch

HISTORY_FILE_NAME = "chat_history"
GREETING = (
    "Ask anything; /help lists the commands. A line that ends in \\ goes on in the next one, and "
    'between two """ there may be many. Ctrl-C stops an answer; Ctrl-D or /exit ends the chat.'
)
HELP = """\
/new                        begin a new conversation
/search auto|always|never   whether to search: the model decides, always, never
/mode quick|balanced|deep   how much to read
/sources                    the sources of the last answer once more
/exit                       end the chat (Ctrl-D does too)
Anything else is a question; so is a line with a blank before its /."""
END_COMMANDS = ("/exit", "/quit")
COMMANDS = ("/help", "/new", "/search", "/mode", "/sources", *END_COMMANDS)


@dataclass
class Chat:
    """A chat in progress. `request` holds the options that the next question is asked with."""

    request: AnswerRequest
    view: TerminalView = field(default_factory=TerminalView)

    def obey(self, command: str) -> None:
        """Carry out a command other than the one that ends the chat, or say why not."""
        word, _, rest = command.partition(" ")
        match word:
            case "/help":
                print(HELP)
            case "/new":
                self.view.start_conversation()
                self.request = replace(self.request, conversation_id=None)
                print("A new conversation begins.")
            case "/search":
                if chosen := _choose(word, rest, get_args(SearchSwitch), self.request.search):
                    self.request = replace(self.request, search=cast(SearchSwitch, chosen))
            case "/mode":
                if chosen := _choose(word, rest, get_args(Mode), self.request.mode):
                    self.request = replace(self.request, mode=cast(Mode, chosen))
            case "/sources":
                self._show_sources()
            case _:
                _tell_unknown(word)

    def _show_sources(self) -> None:
        if self.view.sources:
            self.view.show_sources()
        else:
            print("The last answer has no sources.")

    async def answer(self, service: AnsweringService, question: str) -> None:
        request = replace(self.request, question=question)
        await _answer_or_stop(service, request, self.view)
        known_id = self.view.conversation_id or self.request.conversation_id
        self.request = replace(self.request, conversation_id=known_id)


async def chat_session(
    settings: Settings, request: AnswerRequest, open_service: ServiceOpener
) -> None:
    """Ask again and again in one conversation, until Ctrl-D or /exit."""
    chat = Chat(request)
    history = QuestionHistory(settings.data_dir / HISTORY_FILE_NAME)
    try:
        async with open_service(settings) as service:
            loading = asyncio.create_task(_quietly_prepare(service))
            print(GREETING)
            editor = LineEditor(history if sys.stdin is not None and sys.stdin.isatty() else None)
            while (text := await editor.read_question()) is not None:
                if text.strip() in END_COMMANDS:
                    break
                if is_command(text):
                    chat.obey(text.strip())
                elif text.strip():
                    await chat.answer(service, text)
            loading.cancel()
    finally:
        if chat.view.conversation_id:
            shown_id = chat.view.conversation_id
            print(f"\nTo go on later: websearch-agent chat --conversation {shown_id}")


def is_command(text: str) -> bool:
    """Whether it begins with a word such as /new; a path such as /etc/hosts begins a question."""
    word = text.split(maxsplit=1)[0] if text.strip() else ""
    return text.startswith("/") and "/" not in word[1:] and "\n" not in text.strip()


def _choose(word: str, value: str, values: tuple[str, ...], current: str) -> str | None:
    """The value that was named, if it is one; says what is in force now."""
    chosen = value.strip().lower()
    if chosen in values:
        print(f"{word[1:]}: {chosen}")
        return chosen
    print(f"{word[1:]} is {current}; to change it: {word} {'|'.join(values)}")
    return None


def _tell_unknown(word: str) -> None:
    nearest = get_close_matches(word, COMMANDS, 1)
    meant = f" Did you mean {nearest[0]}?" if nearest else ""
    print(
        f"There is no command {printable_line(word)}.{meant} /help lists them; a blank before the "
        "/ makes it a question."
    )


async def _answer_or_stop(
    service: AnsweringService, request: AnswerRequest, view: TerminalView
) -> None:
    """Ctrl-C ends this answer, not the chat."""
    loop = asyncio.get_running_loop()
    showing = asyncio.ensure_future(view.show(service.answer_question(request)))

    def stop(_signal: int, _frame: object) -> None:
        loop.call_soon_threadsafe(showing.cancel)

    before = signal.signal(signal.SIGINT, stop)
    try:
        await showing
    except asyncio.CancelledError:
        print("\nStopped. What was written is kept.")
    finally:
        signal.signal(signal.SIGINT, before)


async def _quietly_prepare(service: AnsweringService) -> None:
    # Its failure comes again, in words, with the first question.
    with suppress(Exception):
        await service.prepare()
