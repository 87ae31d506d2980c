"""Links of an answer that lead elsewhere than to its sources become text, and images too.

An address can carry what the conversation says to whoever owns it, at a click or, as an image,
without one. Whoever shows the answer's Markdown (this page, a terminal, another program) finds no
links in it but those to its sources. Code stays as it is. Where it takes the whole text to know
whether something is code, it is taken for none: then only what looks like a link is changed.
"""

import re
from collections.abc import Collection

# Longer than this, nothing is waited for: then "](" is torn apart, and a backtick is a backtick.
MAX_LABEL_CHARS = 200
MAX_CODE_CHARS = 400
MAX_TARGET_CHARS = 2100

# What stands before a block within quotations and lists.
_PREFIX = r"[ \t>]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+[ \t>]*)*"
_FENCE_LINE = re.compile(rf"(?P<prefix>{_PREFIX})(?P<fence>`{{3,}}(?=[^`\n]*$)|~{{3,}}).*\n?")
_LINE_SO_FAR = re.compile(
    rf"{_PREFIX}(?:\Z|`{{1,2}}\Z|`{{3}}|~{{1,2}}\Z|~{{3}}|[-+*]\Z|\d{{1,9}}[.)]?\Z)"
)
_PREFIX_ALONE = re.compile(_PREFIX)
_TICKS = re.compile(r"`+")
# Possessive, so that nothing is tried twice.
_LABEL = re.compile(rf"(?:\\.|[^\[\]\\\n]|\[[^\[\]\n]*+\]){{0,{MAX_LABEL_CHARS}}}+")
_TARGET = re.compile(
    r"\([ \t]*+(?P<address><[^<>\n]*>|(?:\\.|[^\s()\\]|\((?:\\.|[^\s()\\])*+\))*+)"
    r"(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*\)"
)
_TARGET_SO_FAR = re.compile(
    r"\([ \t]*+(?:<[^<>\n]*+>?|[^\s<]\S*+)?(?:[ \t]++(?:[\"'(][^\n]*+)?)?\Z"
)
_DEFINED = re.compile(r"\]:[ \t]*+\n?[ \t]*+(?P<address>\S+)(?=\s|\Z)")
_DEFINED_SO_FAR = re.compile(r"\]:[ \t]*+\n?[ \t]*+\S*+\Z")
_AUTOLINK = re.compile(
    r"<(?P<address>[a-z][a-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]+@[^\s<>@]+)>", re.IGNORECASE
)
_AUTOLINK_SO_FAR = re.compile(rf"<[^\s<>]{{0,{MAX_TARGET_CHARS}}}+\Z")
# Tags that load, lead or act, for those who show the raw HTML of an answer. At the beginning of a
# line any tag would begin a block of HTML, in which fences and links are none.
_TAG = re.compile(
    r"</?(?:a|applet|audio|base|body|button|embed|form|frame|frameset|html|iframe|image|img|input"
    r"|link|math|meta|object|picture|script|source|style|svg|track|video)(?![a-z0-9:-])",
    re.IGNORECASE,
)
_TAG_AT_LINE_START = re.compile(r"<[a-z/!?]", re.IGNORECASE)
_LOOKS_LIKE_ADDRESS = re.compile(r"[:/.#?%&@]")
# What may begin one of these; a text without them goes out at once.
_SPECIAL = re.compile(r"[!\[\]<`\\\n]")
_MARKUP = re.compile(r"([!\[\]<>`\\])")


class LinkFilter:
    """Takes a Markdown text in pieces and gives it out with links to `addresses` only.

    A link elsewhere is left as its words and its address in round brackets, an image likewise,
    a tag that loads something with a backslash in front, so that it is shown as it was written.
    `[n](address)` is left as `[n]`. `removed` counts them.
    """

    def __init__(self, addresses: Collection[str]) -> None:
        self._addresses = frozenset(addresses)
        self._held = ""
        self._fence: re.Match[str] | None = None
        self._knows_code = True
        self._ticks_are_open = False
        self._line_start = True
        self._line = ""
        self._final = False
        self.removed = 0

    def feed(self, text: str) -> str:
        """What can go out now; no more is held back than a link or a line's code."""
        self._held += text
        return self._run()

    def finish(self) -> str:
        """The rest: what was begun and never ended is text."""
        self._final = True
        return self._run()

    def _run(self) -> str:
        out: list[str] = []
        while self._held:
            step = self._step()
            if step is None:
                break
            shown, length = step
            out.append(shown)
            taken, self._held = self._held[:length], self._held[length:]
            self._pass_over(taken)
        return "".join(out)

    def _pass_over(self, taken: str) -> None:
        self._line_start = taken.endswith("\n")
        if self._line_start and not (self._line + taken).strip():
            self._ticks_are_open = False  # Code within a line ends with its paragraph.
        self._line = "" if self._line_start else (self._line + taken)[-MAX_LABEL_CHARS:]

    def _step(self) -> tuple[str, int] | None:
        """What to show of the head of the held text, and its length; None: more is needed."""
        if self._line_start:
            waits = self._fence or (self._knows_code and _LINE_SO_FAR.match(self._held))
            if waits and "\n" not in self._held and not self._final:
                return None
            if waits:
                fenced = self._step_fence()
                if fenced is not None:
                    return fenced
        match self._held[0]:
            case "`":
                return self._step_ticks()
            case "\\":
                return self._as_it_is(2) if len(self._held) > 1 or self._final else None
            case "!" | "[":
                return self._step_link()
            case "]":
                return self._step_label_end()
            case "<":
                return self._step_tag()
        special = _SPECIAL.search(self._held)
        if special is None:
            return self._as_it_is(len(self._held))
        return self._as_it_is(special.start() + (special[0] == "\n"))

    # ---- code --------------------------------------------------------------------------------

    def _step_fence(self) -> tuple[str, int] | None:
        """A line of a code block, its fences included; None for any other line.

        Where a line within a fence stands further left than the fence does, that depends on the
        list round it: from there on nothing is taken for code.
        """
        line = self._held[: self._held.find("\n") + 1] or self._held
        if self._fence is None:
            self._fence = _FENCE_LINE.fullmatch(line)
            # Four blanks, or a tab, make code of their own, in which a fence is text.
            is_fence = self._fence and not re.search(" {4}|\t", self._fence["prefix"])
            if is_fence and not self._ticks_are_open:
                return self._as_it_is(len(line))
            self._fence = None
            return None
        prefix, fence = self._fence["prefix"], self._fence["fence"]
        if line.strip() and not _is_within(prefix, line):
            self._fence, self._knows_code = None, False
            return None
        end = line[len(prefix) :].strip(" \t\n")
        indent = len(line) - len(line.lstrip(" ")) - len(prefix)
        if set(end) == {fence[0]} and len(end) >= len(fence) and indent <= 3:
            self._fence = None
        return self._as_it_is(len(line))

    def _step_ticks(self) -> tuple[str, int] | None:
        """Code within a line, if it ends there. Behind an open one nothing is code until the
        paragraph ends: which backticks belong together is not known yet."""
        run = _TICKS.match(self._held)
        length = run.end() if run else 1
        if length == len(self._held) and not self._final:
            return None
        if self._ticks_are_open or not self._knows_code:
            return self._as_it_is(length)
        within = self._held[length : length + MAX_CODE_CHARS].partition("\n")[0]
        for ticks in _TICKS.finditer(within):
            if len(ticks[0]) == length:
                if ticks.end() == len(self._held) - length and not self._final:
                    return None  # One more backtick would make it another run.
                if "|" in within[: ticks.start()]:
                    break  # In a table each cell ends it.
                return self._as_it_is(length + ticks.end())
        if len(within) == len(self._held) - length < MAX_CODE_CHARS and not self._final:
            return None
        self._ticks_are_open = True
        return self._as_it_is(length)

    # ---- links -------------------------------------------------------------------------------

    def _step_link(self) -> tuple[str, int] | None:
        opening = 1 + (self._held[0] == "!")
        if opening == 2 and self._held[1:2] != "[":
            return self._as_it_is(1) if len(self._held) > 1 or self._final else None
        found = _LABEL.match(self._held, opening)
        end = found.end() if found else opening
        behind = self._held[end : end + 2]
        target = _TARGET.match(self._held, end + 1) if behind == "](" else None
        if target is not None:
            return self._link(self._held[opening:end], target, is_image=opening == 2)
        if not self._final and self._may_become_link(opening, end, behind):
            return None
        return self._as_it_is(1)

    def _may_become_link(self, opening: int, end: int, behind: str) -> bool:
        if behind in ("", "\\"):
            return end - opening < MAX_LABEL_CHARS
        if behind == "](":
            is_short = len(self._held) - end < MAX_TARGET_CHARS
            return is_short and _TARGET_SO_FAR.match(self._held, end + 1) is not None
        # A bracket within the label that is open yet.
        rest = self._held[end:]
        is_open = behind[0] == "[" and "]" not in rest and "\n" not in rest
        return behind == "]" or (is_open and len(rest) < MAX_LABEL_CHARS)

    def _link(self, label: str, target: re.Match[str], *, is_image: bool) -> tuple[str, int]:
        address = target["address"].strip("<>")
        is_citation = label.isascii() and label.isdigit() and not is_image
        if is_citation and not _LOOKS_LIKE_ADDRESS.search(address):
            return self._as_it_is(target.end())  # "rows[0](x)" is a call.
        words = self._filtered(label)
        if address in self._addresses and not is_image:
            return f"[{words}]{target[0]}", target.end()
        self.removed += 1
        if is_citation:
            return f"[{label}]", target.end()
        return f"{words} ({_plain(address)})".strip() if address else words, target.end()

    def _filtered(self, label: str) -> str:
        """The words of a link, in which images and tags may stand."""
        inner = LinkFilter(self._addresses)
        inner._line_start, inner._line = False, "."
        words = inner.feed(label) + inner.finish()
        self.removed += inner.removed
        return words

    def _step_label_end(self) -> tuple[str, int] | None:
        """A label that was too long to wait for, or one that names an address for later use."""
        if len(self._held) < 2 and not self._final:
            return None
        if self._held[1:2] == "(":
            self.removed += 1
            return "] ", 1
        if self._held[1:2] != ":":
            return self._as_it_is(1)
        if not self._final and _DEFINED_SO_FAR.match(self._held):
            return None if len(self._held) < MAX_TARGET_CHARS else ("] ", 2)
        defined = _DEFINED.match(self._held)
        address = defined["address"].strip("<>") if defined else ""
        if not _LOOKS_LIKE_ADDRESS.search(address) or address in self._addresses:
            return self._as_it_is(2)
        self.removed += 1
        return "] ", 2

    def _step_tag(self) -> tuple[str, int] | None:
        if not self._final and _AUTOLINK_SO_FAR.match(self._held):
            return None
        autolink = _AUTOLINK.match(self._held)
        if autolink is not None:
            if autolink["address"] in self._addresses:
                return self._as_it_is(autolink.end())
            self.removed += 1
            return "\\<", 1
        if _TAG.match(self._held):
            self.removed += 1
            return "\\<", 1
        if self._knows_code and _PREFIX_ALONE.fullmatch(self._line):
            return ("\\<" if _TAG_AT_LINE_START.match(self._held) else "<"), 1
        return self._as_it_is(1)

    def _as_it_is(self, length: int) -> tuple[str, int]:
        return self._held[:length], length


def _is_within(prefix: str, line: str) -> bool:
    """Whether the line can be in the list or quotation that stands in front of a fence."""
    if ">" in prefix:
        return line.startswith(prefix.rstrip())
    return len(line) - len(line.lstrip(" \t")) >= len(prefix)


def _plain(address: str) -> str:
    """The address as text that means nothing in Markdown."""
    return _MARKUP.sub(r"\\\1", address)
