"""Links of an answer that lead elsewhere than to its sources become text, and images too.

An address can carry what the conversation says to whoever owns it, at a click or, as an image,
without one. Whoever shows the answer's Markdown (this page, a terminal, another program) finds no
links in it but those to its sources, and no HTML. Code stays as it is; an address in the text
becomes code, which no program turns into a link. Where it takes the whole text to know whether
something is code, it is taken for none: then only what looks like a link is changed.
"""

import re
from collections.abc import Collection
from string import punctuation

from websearch_agent.agent.code_lines import CodeLines

# Longer than this, nothing is waited for: then "](" is torn apart, and a backtick is a backtick.
MAX_LABEL_CHARS = 200
MAX_CODE_CHARS = 400
MAX_TARGET_CHARS = 2100

_TICKS = re.compile(r"`+")
# Possessive, so that nothing is tried twice.
_LABEL = re.compile(rf"(?:\\.|[^\[\]\\\n]|\[[^\[\]\n]*+\]){{0,{MAX_LABEL_CHARS}}}+")
_TARGET = re.compile(
    r"\([ \t]*+(?P<address><[^<>\n]*+>|(?:\\.|[^\s()\\]|\((?:\\.|[^\s()\\])*+\))*+)"
    r"(?:[ \t]++(?:\"[^\"\n]*+\"|'[^'\n]*+'|\([^()\n]*+\)))?[ \t]*+\)"
)
_TARGET_SO_FAR = re.compile(
    r"\([ \t]*+(?:<[^<>\n]*+>?|[^\s<]\S*+)?(?:[ \t]++(?:[\"'(][^\n]*+)?)?\Z"
)
_ADDRESS = re.compile(
    rf"(?:https?://|ftp://|www\.|//(?=[\w-]+\.))[^\s<>\[\]`\"'“”（）。，；、]{{1,{MAX_TARGET_CHARS}}}",
    re.IGNORECASE,
)
_ADDRESS_SO_FAR = re.compile(
    r"(?:h|ht|htt|https?:?|https?:/{1,2}|f|ft|ftp:?|ftp:/{1,2}|w|ww|www\.?|http|/{1,2}[\w-]{0,63})\Z",
    re.IGNORECASE,
)
_AUTOLINK = re.compile(rf"<(?P<address>https?://[^\s<>]{{1,{MAX_TARGET_CHARS}}}+)>", re.IGNORECASE)
_AUTOLINK_SO_FAR = re.compile(rf"<(?:h[^\s<>]{{0,{MAX_TARGET_CHARS}}}+)?\Z", re.IGNORECASE)
# A tag, or a mail address in such brackets; "<0.05" is neither.
_TAG = re.compile(r"<(?:[^\s\d<=>]|\d[^\s<>]{0,80}@)")
_NUMBER_SO_FAR = re.compile(r"<\d[^\s<>]{0,80}\Z")
_LOOKS_LIKE_ADDRESS = re.compile(r"[:/.#?%&@]")
_PUNCTUATION_BEHIND = ".,;:!?*_~)]}|"
# What may begin one of these; a text without them goes out at once.
_SPECIAL = re.compile(r"[!\[\]<`\\\n]|(?<![^\W_])[hfw]|(?<![:/\w])/", re.IGNORECASE)


class LinkFilter:
    """Takes a Markdown text in pieces and gives it out with links to `addresses` only.

    A link elsewhere is left as its words and its address as code, an image likewise, a bare
    address as code, a tag with a backslash in front, so that it is shown as it was written.
    `[n](address)` is left as `[n]`. Line breaks are made plain. `removed` counts links, images
    and addresses.
    """

    def __init__(self, addresses: Collection[str]) -> None:
        self._addresses = frozenset(addresses)
        self._held = ""
        self._code = CodeLines()
        self._line = ""
        self._is_code: bool | None = None
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
        ends_in_half_break = self._held.endswith("\r") and not self._final
        self._held, half = (self._held[:-1], "\r") if ends_in_half_break else (self._held, "")
        self._held = re.sub("\r\n?|\x0b|\x0c|\x85|\u2028|\u2029", "\n", self._held)
        out: list[str] = []
        while self._held:
            step = self._step()
            if step is None:
                break
            shown, length = step
            self._held = self._held[length:]
            self._pass_over(shown)
            out.append(shown)
        self._held += half
        return "".join(out)

    def _pass_over(self, shown: str) -> None:
        """Take note of what goes out: it is what others will parse."""
        for line in shown.splitlines(keepends=True):
            self._line += line
            if line.endswith("\n"):
                self._code.add(self._line, is_code=bool(self._is_code))
                self._line, self._is_code = "", None

    def _step(self) -> tuple[str, int] | None:
        """What to show of the head of the held text, and its length; None: more is needed."""
        if self._is_code is None:
            start = self._held.partition("\n")
            self._is_code = self._code.is_code(start[0] + start[1] + ("\n" if self._final else ""))
            if self._is_code is None:
                return None
        end_of_line = self._held.find("\n") + 1
        if self._is_code:
            return self._as_it_is(end_of_line or len(self._held))
        match self._held[0]:
            case "`":
                return self._step_ticks()
            case "\\":
                return self._step_backslash()
            case "!" | "[":
                return self._step_link()
            case "]":
                return self._step_label_end()
            case "<":
                return self._step_tag()
            case "h" | "H" | "f" | "F" | "w" | "W" | "/":
                return self._step_address()
        special = _SPECIAL.search(self._held)
        if special is None:
            return self._as_it_is(len(self._held))
        return self._as_it_is(special.start() + (special[0] == "\n"))

    def _step_backslash(self) -> tuple[str, int] | None:
        if len(self._held) < 2 and not self._final:
            return None
        return self._as_it_is(2 if self._held[1:2] in punctuation else 1)

    # ---- code within a line ------------------------------------------------------------------

    def _step_ticks(self) -> tuple[str, int] | None:
        """Code within a line, if it ends there; other backticks are made plain ones, or they
        could pair with some that come later."""
        run = _TICKS.match(self._held)
        length = run.end() if run else 1
        if length == len(self._held) and not self._final:
            return None
        apart = " " if self._line.endswith("`") else ""
        within = self._held[length : length + MAX_CODE_CHARS].partition("\n")[0]
        for ticks in _TICKS.finditer(within):
            if len(ticks[0]) == length:
                if ticks.end() == len(self._held) - length and not self._final:
                    return None  # One more backtick would make it another run.
                if "|" in within[: ticks.start()]:
                    break  # In a table each cell ends it.
                return apart + self._held[: length + ticks.end()], length + ticks.end()
        if len(within) == len(self._held) - length < MAX_CODE_CHARS and not self._final:
            return None
        return apart + "\\`" * length, length

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
        words = self._words(label)
        if address in self._addresses and not is_image:
            return f"[{words}]{target[0]}", target.end()
        self.removed += 1
        if is_citation:
            return f"[{label}]", target.end()
        apart = " " if self._line[-1:].isalnum() else ""
        shown = f"{words} ({self._as_code(address)})" if address else words
        return apart + shown.strip(), target.end()

    def _words(self, label: str) -> str:
        """The words of a link, in which images, tags and addresses may stand."""
        inner = LinkFilter(self._addresses)
        inner._line, inner._is_code = ".", False
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
        if self._held[1:2] == ":" and self._line.lstrip(" \t>-+*.)0123456789")[:1] in ("[", ""):
            return "] ", 1  # "[a]: address" at the beginning of a line.
        return self._as_it_is(1)

    # ---- addresses and tags ------------------------------------------------------------------

    def _step_address(self) -> tuple[str, int] | None:
        """A bare address; many programs make a link of it."""
        before = self._line[-1:]
        if before.isalnum() or (self._held[0] == "/" and before in (":", "/")):
            return self._as_it_is(1)
        found = _ADDRESS.match(self._held)
        if found is None:
            waits = _ADDRESS_SO_FAR.match(self._held) and not self._final
            return None if waits else self._as_it_is(1)
        if found.end() == len(self._held) and not self._final:
            return None
        address = found[0].rstrip(_PUNCTUATION_BEHIND)
        if address in self._addresses:
            return self._as_it_is(len(address))
        self.removed += 1
        return self._as_code(address), len(address)

    def _step_tag(self) -> tuple[str, int] | None:
        waits = _AUTOLINK_SO_FAR.match(self._held) or _NUMBER_SO_FAR.match(self._held)
        if waits and not self._final:
            return None
        autolink = _AUTOLINK.match(self._held)
        if autolink is not None and autolink["address"] in self._addresses:
            return self._as_it_is(autolink.end())
        if autolink is not None:
            self.removed += 1
            return self._as_code(autolink["address"]), autolink.end()
        if _TAG.match(self._held):
            return "\\<", 1
        return self._as_it_is(1)

    def _as_code(self, address: str) -> str:
        """The address as code: shown as it is, and no link anywhere."""
        apart = " " if self._line.endswith(("`", "\\")) else ""
        return f"{apart}`{address.replace('`', '%60').replace('|', '%7C')}`"

    def _as_it_is(self, length: int) -> tuple[str, int]:
        return self._held[:length], length
