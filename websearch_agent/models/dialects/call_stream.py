"""Separates calls that a model writes as text from its answer, while the reply streams in.

Text that is certainly no call goes out at once; what may become one is held back until it is
sure. The result never depends on how the reply was cut into chunks.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from websearch_agent.model_calls import ToolCall
from websearch_agent.models.dialects.call_candidates import (
    Candidate,
    FenceCandidate,
    Place,
    TaggedCandidate,
    Verdict,
    WholeReplyCandidate,
)
from websearch_agent.models.dialects.call_forms import CALL_FORMS, CallForm
from websearch_agent.models.dialects.call_json import cannot_be_json_call
from websearch_agent.models.dialects.call_python import cannot_be_python_call
from websearch_agent.models.dialects.written_calls import BrokenCall

MAX_HELD_CHARS = 8000
# Of one reply; what is beyond them is dropped unread, since mending broken JSON takes long.
MAX_CALLS = 32
MAX_BROKEN = 4
# So many marks are read to see that they are text; beyond them the others are text unread.
MAX_EXAMPLES = 16
# Small models write "I will search for that:" before a call in a code block.
MAX_LEAD_IN_CHARS = 80
_EXPLAINS = re.compile(
    r"\b(?:example|instance|looks|format|syntax|(?:this|here)(?: is|'s|’s) how)\b|例|格式|语法",
    re.IGNORECASE,
)
# A long chunk is taken in pieces, so that looking ahead never copies more than this.
_PIECE_CHARS = 2000
_MAX_OPENER_CHARS = max(len(form.opener) for form in CALL_FORMS)
# Kept while a call that is far too long is thrown away: its end mark may be cut in two.
_TAIL_CHARS = 32

_PLAIN = re.compile(r"[^<\[`\n]+")
_FENCE_SO_FAR = re.compile(r" {0,3}`{0,2}\Z")
_FENCE = re.compile(r" {0,3}```")
_LABEL = re.compile(r"[ \t]*(\w*)[ \t]*(?P<behind>\n|[{\[])?")
_LABELS = ("", "json", "tool_call", "tool_calls", "tool_code")


class CallStream:
    """Feed the reply's text; take out the answer's text, and the calls at the end.

    Only names in `tool_names` are calls; as a mapping they carry the tools' JSON schemas, which
    tell numbers from text in forms without quotes. `broken` are those with which the reply began
    and that cannot be carried out: never shown as text. Behind other text they are text, as are
    calls there that are not `is_usable`.
    """

    def __init__(
        self,
        tool_names: Collection[str],
        *,
        is_usable: Callable[[ToolCall], bool] = lambda call: True,
    ) -> None:
        is_mapping = isinstance(tool_names, Mapping)
        self._names: Collection[str] = tool_names if is_mapping else frozenset(tool_names)
        self._is_usable = is_usable
        self._held = ""
        self._at = 0
        self._lead_in = ""
        self._out: list[str] = []
        self._calls: list[ToolCall] = []
        self._broken: list[BrokenCall] = []
        self._candidate: Candidate | None = None
        self._throwing_away: CallForm | None = None
        self._form: CallForm | None = None
        self._begun = False
        self._line_start = True
        self._in_fence = False
        self._in_code = False
        self._fence_may_call = False
        self._examples = 0
        self._final = False
        self._cut = False

    @property
    def broken(self) -> tuple[BrokenCall, ...]:
        return tuple(self._broken)

    def feed(self, text: str) -> str:
        """Take in some more; return what is certainly no call."""
        for start in range(0, len(text), _PIECE_CHARS):
            self._held = self._held[self._at :] + text[start : start + _PIECE_CHARS]
            self._at = 0
            self._run()
        return self._taken()

    def finish(self, *, cut: bool = False) -> tuple[str, tuple[ToolCall, ...]]:
        """The end of the reply: the rest of the text, and all calls.

        `cut`: the reply was cut at its most tokens, so a call without its end is a broken one.
        """
        self._final, self._cut = True, cut
        self._run()
        numbered = [
            replace(call, id=f"written_{number}") for number, call in enumerate(self._calls, 1)
        ]
        return self._taken(), tuple(numbered)

    def _taken(self) -> str:
        text = "".join(self._out)
        self._out.clear()
        return text

    def _run(self) -> None:
        while self._at < len(self._held) and self._step():
            pass

    def _step(self) -> bool:
        """Decide about the head of the held text; False if it takes more text to decide."""
        if self._throwing_away is not None:
            return self._throw_away(self._throwing_away)
        if self._candidate is not None:
            return self._judge(self._candidate)
        if self._line_start:
            fence = self._step_fence()
            if fence is not None:
                return fence
        head = self._held[self._at]
        if head in "<[":
            tag = self._step_tag()
            if tag is not None:
                return tag
        if not self._begun and not head.isspace():
            self._begun = True
            if self._may_be_a_whole_reply():
                self._candidate = WholeReplyCandidate(self._names)
                return True
        if head == "`":
            self._in_code = not self._in_code
        plain = _PLAIN.match(self._held, self._at) if self._begun else None
        return self._emit(plain.end() - self._at if plain else 1)

    def _may_be_a_whole_reply(self) -> bool:
        # Only the first character is looked at: the candidate itself asks about the rest.
        head = self._held[self._at]
        return not (
            cannot_be_json_call(head, self._names) and cannot_be_python_call(head, self._names)
        )

    # ---- code ------------------------------------------------------------------------------

    def _step_fence(self) -> bool | None:
        """At a line's start: None if no fence begins here."""
        head = self._held[self._at : self._at + 6]
        if not self._final and _FENCE_SO_FAR.match(head):
            return False
        self._line_start = False
        fence = _FENCE.match(head)
        if fence is None:
            return None
        if self._in_fence:
            self._in_fence = False
            return self._emit(fence.end())
        self._fence_may_call = self._said_only_a_lead_in()
        label = _LABEL.match(self._held, self._at + fence.end())
        name = label[1].lower() if label else ""
        whole = label is None or label.end() < len(self._held) or label["behind"] is not None
        if not whole and not self._final and any(known.startswith(name) for known in _LABELS):
            self._line_start = True
            return False
        behind = label["behind"] if label else None
        if not self._fence_may_call or label is None or behind is None or name not in _LABELS:
            self._begun = self._in_fence = True
            return self._emit(fence.end())
        end = label.end() if behind == "\n" else label.end() - 1
        opened = self._held[self._at : end]
        self._candidate = FenceCandidate(opened, self._names, label=name, leads=not self._begun)
        return True

    # ---- tags ------------------------------------------------------------------------------

    def _step_tag(self) -> bool | None:
        """At `<` or `[`: None if no mark of a call begins here."""
        rest = self._held[self._at : self._at + _MAX_OPENER_CHARS]
        for form in CALL_FORMS:
            if rest.startswith(form.opener):
                return self._open_tag(form)
        if self._final:
            return None
        return False if any(form.opener.startswith(rest) for form in CALL_FORMS) else None

    def _open_tag(self, form: CallForm) -> bool | None:
        place = self._place()
        if place is None or (place != "beginning" and self._examples >= MAX_EXAMPLES):
            return None
        if place == "beginning" and len(self._broken) >= MAX_BROKEN:
            self._throwing_away = form
            self._at += len(form.opener)
            return True
        self._form = form
        self._candidate = TaggedCandidate(form, self._names, place)
        return True

    def _place(self) -> Place | None:
        """Where in the reply a mark stands; None in code that cannot be a call."""
        if self._in_fence:
            return "code block" if self._fence_may_call else None
        if self._in_code:
            return "inline code"
        return "prose" if self._begun else "beginning"

    def _said_only_a_lead_in(self) -> bool:
        said = self._lead_in.strip()
        return len(said) <= MAX_LEAD_IN_CHARS and not _EXPLAINS.search(said)

    # ---- candidates ------------------------------------------------------------------------

    def _judge(self, candidate: Candidate) -> bool:
        text = self._held[self._at : self._at + MAX_HELD_CHARS]
        full = len(text) == MAX_HELD_CHARS
        verdict = candidate.judge(text, final=self._final and not full, cut=self._cut)
        if verdict is None and not full:
            return False
        if verdict is None:
            verdict = candidate.overflow(text)
            if verdict.broken is not None:
                self._throwing_away = self._form
        self._candidate = None
        return self._carry_out(verdict, candidate)

    def _carry_out(self, verdict: Verdict, candidate: Candidate) -> bool:
        if isinstance(candidate, TaggedCandidate):
            self._examples += candidate.was_read
        if verdict.is_text or (self._begun and self._is_unusable(verdict)):
            if isinstance(candidate, FenceCandidate):
                text = self._held[self._at : self._at + verdict.length]
                self._in_fence = text.count("```") % 2 == 1
            self._begun = True
            return self._emit(verdict.length)
        self._calls.extend(verdict.calls[: MAX_CALLS - len(self._calls)])
        if verdict.broken is not None:
            self._broken.append(verdict.broken)
        self._at += verdict.length
        return True

    def _is_unusable(self, verdict: Verdict) -> bool:
        return bool(verdict.calls) and not any(map(self._is_usable, verdict.calls))

    def _throw_away(self, form: CallForm) -> bool:
        end = form.end.search(self._held, self._at)
        if end is not None:
            self._at = end.end()
            self._throwing_away = None
            return True
        self._at = len(self._held) if self._final else max(self._at, len(self._held) - _TAIL_CHARS)
        return False

    def _emit(self, count: int) -> bool:
        text = self._held[self._at : self._at + count]
        self._at += count
        self._out.append(text)
        if len(self._lead_in) <= MAX_LEAD_IN_CHARS + 1:
            self._lead_in = re.sub(r"\s+", " ", self._lead_in + text)[: MAX_LEAD_IN_CHARS + 2]
        if "\n" in text:
            self._in_code = False  # Code in a line ends with it, closed or not.
        self._line_start = text.endswith("\n")
        return True
