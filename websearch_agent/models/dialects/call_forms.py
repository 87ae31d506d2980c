"""How each model family marks a call, and whether a mark is used or only written about.

What this module says about the beginning of a text holds for every longer text.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from websearch_agent.models.dialects.call_json import cannot_be_json_call, known_name
from websearch_agent.models.dialects.call_python import cannot_be_python_call, may_become_name

# How many characters a harmony header may take before its <|message|>.
MAX_HEADER_CHARS = 200
HARMONY_NAME = re.compile(r"\bto=([\w.-]+)")
HARMONY_OPENERS = ("<|start|>", "<|channel|>")
FUNCTION_TAG = "<function="
DEEPSEEK_CALL_BEGIN = "<｜tool▁call▁begin｜>"
DEEPSEEK_SEPARATOR = "<｜tool▁sep｜>"

_FENCE = re.compile(r"```\w*\s*")
_WORD = re.compile(r"[\w.-]+")
_FUNCTION_NAME = re.compile(r"([\w.-]*)\s*")
_LISTED_CALL = re.compile(r"\[\s*(?:[{\[]|[\w.-]+\()")
_LISTED_CALL_SO_FAR = re.compile(r"\[\s*[\w.-]*")
_DEEPSEEK_NAME = re.compile(r"\s*[\w.-]*\s*")
# What stands between a name and its arguments.
_BEHIND_NAME = ("{", "[ARGS]", "[CALL_ID]", "<arg_key>")


@dataclass(frozen=True, slots=True)
class CallForm:
    """How one family marks a call: its end is one of `ends`, or the place before `restart`."""

    opener: str
    ends: tuple[str, ...]
    restart: str = ""

    @property
    def end(self) -> re.Pattern[str]:
        ends = [re.escape(end) for end in self.ends]
        restart = [f"(?={re.escape(self.restart)})"] if self.restart else []
        return re.compile("|".join(ends + restart))

    def without_half_end(self, text: str) -> str:
        """The text without the beginning of an end mark that may be completed by more text."""
        for mark in (*self.ends, self.restart):
            for length in range(min(len(mark) - 1, len(text)), 0, -1):
                if text.endswith(mark[:length]):
                    return text[:-length]
        return text


CALL_FORMS = (
    CallForm("<|function_start|>", ("<|function_end|>",), "<|function_start|>"),
    CallForm("<tool_call>", ("</tool_call>",), "<tool_call>"),
    CallForm("<function_call>", ("</function_call>",), "<function_call>"),
    CallForm("<tools>", ("</tools>",), "<tools>"),
    CallForm(FUNCTION_TAG, ("</function>",), FUNCTION_TAG),
    CallForm("<|python_tag|>", ("<|eom_id|>", "<|eot_id|>"), "<|python_tag|>"),
    CallForm("[TOOL_CALLS]", ("</s>",), "[TOOL_CALLS]"),
    CallForm("<|start|>", ("<|call|>", "<|end|>", "<|return|>"), "<|start|>"),
    CallForm("<|channel|>", ("<|call|>", "<|end|>", "<|return|>"), "<|start|>"),
    CallForm("<｜tool▁calls▁begin｜>", ("<｜tool▁calls▁end｜>",)),
    CallForm(DEEPSEEK_CALL_BEGIN, ("<｜tool▁call▁end｜>",)),
)


def is_written_about(
    opener: str, body: str, names: Collection[str], *, whole: bool, known_only: bool
) -> bool:
    """Whether the text behind a mark cannot be a call, so that the mark is only mentioned.

    `known_only`: not a call of a known tool; otherwise what looks like any call counts as one,
    however broken. `whole`: the body ends there.
    """
    if opener in HARMONY_OPENERS:
        return _no_harmony_call(body, names, whole=whole, known_only=known_only)
    if opener == FUNCTION_TAG:
        return _no_function_tag(body, names, whole=whole, known_only=known_only)
    if opener.startswith("<｜"):
        return _no_deepseek_call(body, whole=whole)
    body = body.lstrip()
    if not whole and body in ("`", "``"):
        return False
    body = body[fence.end() :] if (fence := _FENCE.match(body)) else body
    if not body:
        return whole and known_only
    if body[0] == "<":
        if not body.startswith(FUNCTION_TAG):
            return whole or not FUNCTION_TAG.startswith(body)
        inner = body[len(FUNCTION_TAG) :]
        return _no_function_tag(inner, names, whole=whole, known_only=known_only)
    if known_only:
        return _no_known_call(body, names, whole=whole)
    return _looks_like_no_call(body, names, whole=whole)


def begin_alike(text: str, mark: str) -> bool:
    """Whether one is the beginning of the other."""
    return text.startswith(mark) or mark.startswith(text)


def _no_known_call(body: str, names: Collection[str], *, whole: bool) -> bool:
    if not cannot_be_json_call(body, names) or not cannot_be_python_call(body, names):
        return False
    word = _WORD.match(body)
    if word is None or known_name(word[0], names) is None:
        return True
    return not _may_have_arguments(body[word.end() :], whole=whole)


def _looks_like_no_call(body: str, names: Collection[str], *, whole: bool) -> bool:
    if body[0] == "{":
        return False
    if body[0] == "[":
        may_become = not whole and _LISTED_CALL_SO_FAR.fullmatch(body)
        return not (body == "[" or _LISTED_CALL.match(body) or may_become)
    word = _WORD.match(body)
    if word is None:
        return True
    rest = body[word.end() :]
    if known_name(word[0], names) and (rest or whole):
        return False
    return not (rest.startswith("(") or _may_have_arguments(rest, whole=whole))


def _may_have_arguments(rest: str, *, whole: bool) -> bool:
    rest = rest.lstrip()
    if not rest or whole:
        return not whole or rest.startswith(_BEHIND_NAME)
    return any(begin_alike(rest, each) for each in _BEHIND_NAME)


def _no_harmony_call(body: str, names: Collection[str], *, whole: bool, known_only: bool) -> bool:
    header, message, arguments = body.partition("<|message|>")
    if len(header) >= MAX_HEADER_CHARS:
        return True
    if not message:
        return whole
    name = HARMONY_NAME.search(header)
    if name is None or (known_only and known_name(name[1], names) is None):
        return True
    return arguments.strip()[:1] not in ("", "{", "[")


def _no_function_tag(body: str, names: Collection[str], *, whole: bool, known_only: bool) -> bool:
    found = _FUNCTION_NAME.match(body)
    name, end = (found[1], found.end()) if found else ("", 0)
    if end == len(body):
        return whole or (known_only and not may_become_name(name, names))
    if body[end] != ">" or (known_only and known_name(name, names) is None):
        return True
    return body[end + 1 :].strip()[:1] not in ("", "{", "[", "<")


def _no_deepseek_call(body: str, *, whole: bool) -> bool:
    body = body.lstrip()
    if not whole and DEEPSEEK_CALL_BEGIN.startswith(body):
        return False
    body = body.removeprefix(DEEPSEEK_CALL_BEGIN)
    name = _DEEPSEEK_NAME.match(body)
    rest = body[name.end() :] if name else body
    if whole:
        return not rest.startswith(DEEPSEEK_SEPARATOR)
    return not begin_alike(rest, DEEPSEEK_SEPARATOR)
