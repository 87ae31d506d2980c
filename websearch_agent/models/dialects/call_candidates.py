"""Places in a reply where a call may begin, and when it is sure whether it is one.

A candidate is shown the text from its beginning on, again and again as it grows. Its verdict about
a text must hold for every longer text: then the result does not depend on how a reply was cut
into chunks.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from websearch_agent.models.dialects.call_json import (
    NotACall,
    cannot_be_json_call,
    known_name,
    names_a_tool_first,
    read_json_calls,
)
from websearch_agent.models.dialects.call_python import cannot_be_python_call, read_python_calls
from websearch_agent.models.dialects.written_calls import BrokenCall, read_calls, without_fence
from websearch_agent.types import ToolCall

# How many characters a harmony header may take before its <|message|>.
MAX_HEADER_CHARS = 200
# No end mark is longer: where the last search ended, the next one begins this much earlier.
MAX_END_CHARS = 32
_HARMONY_NAME = re.compile(r"\bto=([\w.-]+)")
_FIRST_WORD = re.compile(r"\s*([\w.-]+)(?=[^\w.-])")
_DEEPSEEK_CALL = re.compile(
    r"(?:function)?\s*<｜tool▁sep｜>\s*([\w.-]+)\s*```(?:json)?\s*(.*?)\s*(?:```|\Z)"
    r"|([\w.-]+)\s*<｜tool▁sep｜>\s*(.*)",
    re.S,
)
_DEEPSEEK_MARK = re.compile(r"<｜tool▁call▁(?:begin|end)｜>")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the first `length` characters are: calls, a broken call, or (`is_text`) answer."""

    length: int
    calls: tuple[ToolCall, ...] = ()
    broken: BrokenCall | None = None
    is_text: bool = False


class Candidate(Protocol):
    """Text that may be a call."""

    def judge(self, text: str, *, final: bool, cut: bool) -> Verdict | None:
        """None while more text may change it; never None when `final`."""
        ...

    def overflow(self, text: str) -> Verdict:
        """The verdict when no more text may be held back."""
        ...


# ---- marked by special tags ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallForm:
    """How one family marks a call.

    `soft`: the opener may also be written about; what does not read as a call is text then.
    `end` matches the end mark, or the place before the next call.
    """

    opener: str
    end: re.Pattern[str]
    soft: bool = False


def _end(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


CALL_FORMS = (
    CallForm("<|function_start|>", _end(r"<\|function_end\|>|(?=<\|function_start\|>)")),
    CallForm("<tool_call>", _end(r"</tool_call>|(?=<tool_call>)"), soft=True),
    CallForm("<function_call>", _end(r"</function_call>|(?=<function_call>)"), soft=True),
    CallForm("<tools>", _end(r"</tools>|(?=<tools>)"), soft=True),
    CallForm("<function=", _end(r"</function>|(?=<function=)"), soft=True),
    CallForm("<|python_tag|>", _end(r"<\|eo[mt]_id\|>|(?=<\|python_tag\|>)")),
    CallForm("[TOOL_CALLS]", _end(r"(?=\[TOOL_CALLS\])|</s>")),
    CallForm("<|start|>", _end(r"<\|(?:call|end|return)\|>|(?=<\|start\|>)"), soft=True),
    CallForm("<|channel|>", _end(r"<\|(?:call|end|return)\|>|(?=<\|start\|>)"), soft=True),
    CallForm("<｜tool▁calls▁begin｜>", _end(r"<｜tool▁calls▁end｜>")),
    CallForm("<｜tool▁call▁begin｜>", _end(r"<｜tool▁call▁end｜>")),
)
_TOOL_CALL_TAGS = ("</tool_call>", "<tool_call>")
_QUOTED_END = re.compile(r"(?=\n {0,3}```)")


class TaggedCandidate:
    """From an opener to its end mark, or to the end of the reply.

    `quoted`: it stands in a code block or in inline code, where it may be an example.
    """

    def __init__(self, form: CallForm, names: Collection[str], *, quoted: bool) -> None:
        self._form = form
        self._names = names
        self._quoted = quoted
        self._ends = (form.end, _QUOTED_END) if quoted else (form.end,)
        self._searched = len(form.opener)

    def judge(self, text: str, *, final: bool, cut: bool) -> Verdict | None:
        refused = self._refuse_by_its_beginning(text, final=final)
        if refused is not None:
            return refused
        found = [match for end in self._ends if (match := end.search(text, self._searched))]
        if found:
            first = min(found, key=lambda match: match.start())
            return self._read(text, first.start(), first.end(), closed=True, cut=cut)
        self._searched = max(self._searched, len(text) - MAX_END_CHARS)
        if not final:
            return None
        return self._read(text, len(text), len(text), closed=False, cut=cut)

    def overflow(self, text: str) -> Verdict:
        if self._quoted:
            return Verdict(len(text), is_text=True)
        return Verdict(len(text), broken=BrokenCall(text, "it is far too long"))

    def _refuse_by_its_beginning(self, text: str, *, final: bool) -> Verdict | None:
        if not self._form.soft:
            return None
        opener = self._form.opener
        body = text[len(opener) :]
        if opener.startswith("<|"):
            header, message, _ = body.partition("<|message|>")
            is_call = "to=" in header and (message or final)
            if len(header) < MAX_HEADER_CHARS and (is_call or not (message or final)):
                return None
            return self._text()
        if opener == "<function=":
            return None if re.fullmatch(r"[\w.-]*(?:\s*>.*)?", body, re.S) else self._text()
        start = body.lstrip()[:1]
        if not start:
            return self._text() if final else None
        word = _FIRST_WORD.match(body)
        if start == "<":
            tag = body.lstrip()[: len("</tool_call>")]
            known = ("<function=", *(_TOOL_CALL_TAGS if opener == "<tool_call>" else ()))
            return None if any(_begin_alike(tag, each) for each in known) else self._text()
        if start in "{[`" or (word and known_name(word[1], self._names)):
            return None
        if not cannot_be_python_call(body, self._names):
            return None
        return self._text()

    def _text(self) -> Verdict:
        return Verdict(len(self._form.opener), is_text=True)

    def _read(self, text: str, end: int, after: int, *, closed: bool, cut: bool) -> Verdict:
        body = text[len(self._form.opener) : end]
        try:
            calls, rest = self._calls(body, closed=closed, cut=cut)
        except NotACall as error:
            if self._quoted:
                return Verdict(after, is_text=True)
            return Verdict(after, broken=BrokenCall(text[:end], str(error)))
        return Verdict(after if closed else after - len(rest), calls)

    def _calls(self, body: str, *, closed: bool, cut: bool) -> tuple[tuple[ToolCall, ...], str]:
        opener = self._form.opener
        if opener == "<function=":
            closing = "</function>" if closed else ""
            return read_calls(opener + body + closing, self._names, closed=closed, cut=cut)
        if opener in ("<|start|>", "<|channel|>"):
            header, _, arguments = body.partition("<|message|>")
            name = _HARMONY_NAME.search(header)
            named = f"{name[1] if name else '?'}{arguments.strip() or '{}'}"
            return read_calls(named, self._names, closed=closed, cut=cut)
        if opener.startswith("<｜"):
            return self._deepseek_calls(body, closed=closed, cut=cut), ""
        return read_calls(body, self._names, closed=closed, cut=cut)

    def _deepseek_calls(self, body: str, *, closed: bool, cut: bool) -> tuple[ToolCall, ...]:
        calls: list[ToolCall] = []
        for part in _DEEPSEEK_MARK.split(body):
            if not part.strip():
                continue
            found = _DEEPSEEK_CALL.match(part.strip())
            if found is None:
                raise NotACall("it names no function with arguments")
            named = (found[1] or found[3]) + (found[2] or found[4] or "{}")
            calls.extend(read_calls(named, self._names, closed=closed, cut=cut)[0])
        if not calls:
            raise NotACall("it names no function")
        return tuple(calls)


# ---- without marks -------------------------------------------------------------------------


def _begin_alike(text: str, tag: str) -> bool:
    return text.startswith(tag) or tag.startswith(text)


class FenceCandidate:
    """A code fence that may hold just a call.

    It is one when it begins or ends the reply, or when its label says so. In the middle of prose
    it is an example.
    """

    def __init__(self, opened: str, names: Collection[str], *, label: str, leads: bool) -> None:
        self._start = len(opened)
        self._names = names
        self._may_be_python = label.startswith("tool")
        self._counts_anywhere = leads or label.startswith("tool")

    def judge(self, text: str, *, final: bool, cut: bool) -> Verdict | None:
        body, fence, rest = text[self._start :].partition("```")
        if self._cannot_be_a_call(body):
            return Verdict(self._start, is_text=True)
        if not fence:
            return self._unclosed(text, body, cut=cut) if final else None
        length = len(text) - len(rest)
        calls = self._calls(body)
        if not calls:
            return Verdict(length, is_text=True)
        if self._counts_anywhere:
            return Verdict(length, calls)
        if rest.strip():
            return Verdict(length, is_text=True)
        return Verdict(len(text), calls) if final else None

    def overflow(self, text: str) -> Verdict:
        return Verdict(len(text), is_text=True)

    def _unclosed(self, text: str, body: str, *, cut: bool) -> Verdict:
        calls = () if cut else self._calls(body)
        if not calls and self._counts_anywhere and names_a_tool_first(body, self._names):
            return Verdict(len(text), broken=BrokenCall(text, "it was cut off before its end"))
        return Verdict(len(text), calls) if calls else Verdict(len(text), is_text=True)

    def _cannot_be_a_call(self, body: str) -> bool:
        if not cannot_be_json_call(body, self._names):
            return False
        return not self._may_be_python or cannot_be_python_call(body, self._names)

    def _calls(self, body: str) -> tuple[ToolCall, ...]:
        return whole_calls(body, self._names, may_be_python=self._may_be_python)


class WholeReplyCandidate:
    """A reply that begins like a call without any mark: it is one if nothing else follows."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._scan = _BracketScan()

    def judge(self, text: str, *, final: bool, cut: bool) -> Verdict | None:
        is_json = not cannot_be_json_call(text, self._names)
        if not is_json and cannot_be_python_call(text, self._names):
            return Verdict(1, is_text=True)
        if final:
            return self._read(text, cut=cut)
        self._scan.extend(text)
        end = self._scan.end
        if end is None:
            return None
        rest = text[end:].lstrip()
        if rest and not self._may_go_on(rest):
            return Verdict(1, is_text=True)
        return None

    def overflow(self, text: str) -> Verdict:
        return Verdict(1, is_text=True)

    def _may_go_on(self, rest: str) -> bool:
        return rest[0] in "{[(;," or not cannot_be_python_call(rest, self._names)

    def _read(self, text: str, *, cut: bool) -> Verdict:
        calls: tuple[ToolCall, ...] = ()
        if not (cut and self._ended_early(text)):
            calls = whole_calls(text, self._names, may_be_python=True)
        if calls:
            return Verdict(len(text), calls)
        if names_a_tool_first(text, self._names) and '"properties"' not in text:
            return Verdict(len(text), broken=BrokenCall(text, "the JSON is broken or cut off"))
        return Verdict(1, is_text=True)

    def _ended_early(self, text: str) -> bool:
        self._scan.extend(text)
        return self._scan.end is None


def whole_calls(text: str, names: Collection[str], *, may_be_python: bool) -> tuple[ToolCall, ...]:
    """The calls of a text that holds nothing else; none if it does."""
    text = without_fence(text)
    try:
        calls, rest = read_json_calls(text, names, may_repair=names_a_tool_first(text, names))
        if not rest:
            return calls
    except NotACall:
        pass
    if not may_be_python:
        return ()
    try:
        if "[ARGS]" in text:
            return read_calls(text, names, closed=True, cut=False)[0]
        return read_python_calls(text, names)
    except NotACall:
        return ()


class _BracketScan:
    """Finds the place where the first bracket of a growing text is closed."""

    def __init__(self) -> None:
        self._at = 0
        self._depth = 0
        self._quote = ""
        self.end: int | None = None

    def extend(self, text: str) -> None:
        """Look at what is new in the text."""
        while self.end is None and self._at < len(text):
            char = text[self._at]
            self._at += 1
            if char == "\\" and self._quote:
                self._at += 1
            elif self._quote:
                self._quote = "" if char == self._quote else self._quote
            elif char == '"':
                self._quote = char
            elif char in "([{":
                self._depth += 1
            elif char in ")]}":
                self._depth -= 1
                self.end = self._at if self._depth <= 0 else None
