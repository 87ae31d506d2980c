"""The questions of earlier chats, for the arrow keys: a file for its owner only."""

import json
import os
from contextlib import suppress
from pathlib import Path
from types import ModuleType

MAX_QUESTIONS = 500
# A longer one is for a file, not for the arrow keys.
MAX_QUESTION_CHARS = 4_000


class QuestionHistory:
    """One question a line, as JSON, for a question may have several lines.

    Each is added at once: a chat that is killed loses none, and two at a time keep all of both.
    A file that cannot be read or written ends no chat.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> None:
        """Hand the questions to the line editing of this process, where there is one."""
        readline = _line_editing()
        if readline is None:
            return
        readline.set_auto_history(False)
        readline.clear_history()
        for question in self.questions():
            readline.add_history(question)

    def questions(self) -> list[str]:
        """The last ones, the oldest first. Forgets older ones, in the file too."""
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        kept = lines[-MAX_QUESTIONS:]
        if len(lines) > 2 * MAX_QUESTIONS:
            self._rewrite(kept)
        return [question for question in map(_question_of, kept) if question]

    def add(self, question: str) -> None:
        text = question.strip()
        if not text or len(text) > MAX_QUESTION_CHARS:
            return
        if readline := _line_editing():
            readline.add_history(text)
        with suppress(OSError):
            self._write([json.dumps(text)], self._path, os.O_APPEND)

    def _rewrite(self, lines: list[str]) -> None:
        shorter = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._write(lines, shorter, os.O_TRUNC)
            shorter.replace(self._path)

    def _write(self, lines: list[str], path: Path, how: int) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)


def _question_of(line: str) -> str:
    """Empty for a line that is none of ours; what would steer the terminal is left out."""
    from websearch_agent.cli.terminal import printable

    with suppress(ValueError):
        question = json.loads(line)
        return printable(question) if isinstance(question, str) else ""
    return ""


def _line_editing() -> ModuleType | None:
    try:
        import readline
    except ImportError:  # Windows
        return None
    return readline
