"""Places in a reply where a call may begin, and when it is sure whether it is one.

A candidate is shown the text from its beginning on, again and again as it grows. Its verdict about
a text must hold for every longer text: then the result does not depend on how a reply was cut
into chunks.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, Protocol

from websearch_agent.model_calls import ToolCall
from websearch_agent.models.dialects.call_forms import (
    FUNCTION_TAG,
    HARMONY_NAME,
    HARMONY_OPENERS,
    CallForm,
    is_written_about,
)
from websearch_agent.models.dialects.call_json import (
    NotACall,
    cannot_be_json_call,
    names_a_tool_first,
    read_json_calls,
)
from websearch_agent.models.dialects.call_python import cannot_be_python_call, read_python_calls
from websearch_agent.models.dialects.written_calls import BrokenCall, read_calls, without_fence

# No end mark is longer: where the last search ended, the next one begins this much earlier.
MAX_END_CHARS = 32
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


Place = Literal["beginning", "prose", "code block", "inline code"]
_QUOTED_END = re.compile(r"(?=\n {0,3}```)")
_HALF_QUOTED_END = re.compile(r"\n {0,3}`{0,2}\Z")
_BLOCK_END = re.compile(r"\s*(?:`{1,3}\s*)?")


class TaggedCandidate:
    """From an opener to its end mark, or to the end of the reply.

    At the reply's beginning, what looks like a call and cannot be read is a broken one. Anywhere
    else it is text, since answers write about calls, too; and in code, a call that can be read is
    an example if there is more in the code or behind it. `was_read`: judging it took long.
    """

    def __init__(self, form: CallForm, names: Collection[str], place: Place) -> None:
        self._form = form
        self._names = names
        self._place = place
        self._in_code = place in ("code block", "inline code")
        self._ends = (form.end, _QUOTED_END) if self._in_code else (form.end,)
        self._searched = len(form.opener)
        self._read: tuple[tuple[ToolCall, ...], str] | None = None
        self.was_read = False

    def judge(self, text: str, *, final: bool, cut: bool) -> Verdict | None:
        found = [match for end in self._ends if (match := end.search(text, self._searched))]
        first = min(found, key=lambda match: match.start()) if found else None
        end, after = (first.start(), first.end()) if first else (len(text), len(text))
        body = text[len(self._form.opener) : end]
        if first is None and not final:
            self._searched = max(self._searched, len(text) - MAX_END_CHARS)
            return self._text() if self._is_written_about(self._begun(body), whole=False) else None
        if self._is_written_about(body, whole=True):
            return self._text()
        try:
            # Kept while it waits for what stands behind: its end never changes.
            self._read = self._read or self._calls(body, closed=first is not None, cut=cut)
        except NotACall as error:
            self.was_read = True
            if self._place != "beginning":
                return self._text()
            return Verdict(after, broken=BrokenCall(text[:end], str(error)))
        calls, rest = self._read
        # What stands behind a call without an end mark is words again.
        length = len(self._form.opener) + body.rfind(rest) if rest and not first else after
        is_example = self._is_example(text[length:], final=final)
        if is_example is None:
            return None
        return self._text() if is_example else Verdict(length, calls)

    def overflow(self, text: str) -> Verdict:
        self.was_read = True
        if self._place != "beginning":
            return self._text()
        return Verdict(len(text), broken=BrokenCall(text, "it is far too long"))

    def _begun(self, body: str) -> str:
        if self._in_code:
            body = _HALF_QUOTED_END.sub("", body)
        return self._form.without_half_end(body)

    def _is_written_about(self, body: str, *, whole: bool) -> bool:
        known_only = self._place != "beginning"
        opener = self._form.opener
        return is_written_about(opener, body, self._names, whole=whole, known_only=known_only)

    def _is_example(self, behind: str, *, final: bool) -> bool | None:
        """Whether code goes on behind its call, None if more text tells."""
        if self._place == "inline code":
            return behind.startswith("`") if behind or final else None
        if self._place != "code block":
            return False
        if _BLOCK_END.fullmatch(behind):
            return False if final else None
        behind, opener = behind.lstrip(), self._form.opener
        if len(behind) < len(opener) and opener.startswith(behind) and not final:
            return None
        return not behind.startswith(opener)

    def _text(self) -> Verdict:
        return Verdict(len(self._form.opener), is_text=True)

    def _calls(self, body: str, *, closed: bool, cut: bool) -> tuple[tuple[ToolCall, ...], str]:
        opener = self._form.opener
        if opener == FUNCTION_TAG:
            closing = "</function>" if closed else ""
            return read_calls(opener + body + closing, self._names, closed=closed, cut=cut)
        if opener in HARMONY_OPENERS:
            header, _, arguments = body.partition("<|message|>")
            name = HARMONY_NAME.search(header)
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


class FenceCandidate:
    """A code fence that may hold just a call, at the reply's beginning or behind a short lead-in.

    Behind a lead-in it must end the reply, unless its label says that it is a call: otherwise
    it is an example.
    """

    def __init__(self, opened: str, names: Collection[str], *, label: str, leads: bool) -> None:
        self._start = len(opened)
        self._names = names
        self._may_be_python = label.startswith("tool")
        self._leads = leads

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
        if self._leads or self._may_be_python:
            return Verdict(length, calls)
        if rest.strip():
            return Verdict(length, is_text=True)
        return Verdict(len(text), calls) if final else None

    def overflow(self, text: str) -> Verdict:
        return Verdict(len(text), is_text=True)

    def _unclosed(self, text: str, body: str, *, cut: bool) -> Verdict:
        calls = () if cut else self._calls(body)
        if not calls and self._leads and names_a_tool_first(body, self._names):
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
