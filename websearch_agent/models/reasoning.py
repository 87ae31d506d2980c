"""Keeps a model's thoughts apart from its answer where the server has not done it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from websearch_agent.model_calls import (
    ModelDelta,
    ModelFinished,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
)
from websearch_agent.models.stray_tags import StrayTagFinder

# An opening tag counts only where nothing of the answer stands before it: an answer may well
# speak about `<think>`.
TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|channel>thought": "<channel|>",
    "◁think▷": "◁/think▷",
}
# Words that an answer in XML may begin with: tags only of families that are known to think in them.
_WORD_TAGS = ("<thinking>", "<thought>", "<reasoning>")
# A reply that is one such block and nothing else has no answer beside it: it is the answer.
_ANSWER_TAGS = ("<thought>", "<reasoning>")
_HARMONY = ("<|channel|>", "<|start|>")
_HARMONY_ENDS = ("<|end|>", "<|return|>", "<|call|>", *_HARMONY)
_MESSAGE = "<|message|>"

Kind = Literal["text", "reasoning", "markup"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a reply; all pieces joined are the reply. `markup` is shown to nobody."""

    kind: Kind
    text: str


class ReasoningSplitter:
    """Divides a reply as it comes; how it is cut into chunks makes no difference.

    Knows tags at the reply's beginning and gpt-oss's channels. Holds back no more than what may
    be the beginning of a tag. `begins_inside`: the chat template has opened the thoughts.
    `word_tags`: the family may think in `<thinking>`, `<thought>` or `<reasoning>`.
    """

    def __init__(self, *, begins_inside: bool = False, word_tags: bool = False) -> None:
        self._held = ""
        self._tags = {o: c for o, c in TAGS.items() if word_tags or o not in _WORD_TAGS}
        self._stray = StrayTagFinder()
        self._text_came = False
        self._thoughts_began = begins_inside
        self.thoughts_shown = False
        """Text was given that a closing tag behind it shows to have been thoughts."""
        self.blocks: list[str] = []
        """The opening tags of the blocks that were closed."""
        self._open = ""
        self._state: Literal["start", "thoughts", "text", "header", "channel"] = "start"
        self._close = ""
        self._kind: Kind = "text"
        if begins_inside:
            self._state, self._close = "thoughts", TAGS["<think>"]

    def feed(self, text: str) -> list[Piece]:
        self._held += text
        pieces: list[Piece] = []
        while self._held:
            before = (self._held, self._state)
            match self._state:
                case "start":
                    self._begin(pieces)
                case "thoughts":
                    self._think(pieces)
                case "header":
                    self._read_header(pieces)
                case "channel":
                    self._read_channel(pieces)
                case "text":
                    self._take_text(pieces)
            if (self._held, self._state) == before:
                break
        return pieces

    def finish(self) -> list[Piece]:
        """What was held back. Half a channel's header was never an answer."""
        pieces: list[Piece] = []
        kinds: dict[str, Kind] = {"thoughts": "reasoning", "header": "markup"}
        kind = kinds.get(self._state, "text")
        if self._state == "channel":
            kind = self._kind
        elif self._state == "text" and self._stray.is_tag_at_end(self._held):
            self._note_stray_tag()
            kind = "markup"
        elif self._state == "header" and _calls_function(self._held):
            kind = "text"
        self._take(pieces, kind, len(self._held))
        return pieces

    def _take(self, pieces: list[Piece], kind: Kind, count: int) -> None:
        if count > 0:
            pieces.append(Piece(kind, self._held[:count]))
            self._held = self._held[count:]

    def _take_text(self, pieces: list[Piece]) -> None:
        """Text, without a closing tag at the beginning of a line."""
        count, tag_chars = self._stray.next_tag(self._held)
        self._text_came |= not self._held[:count].isspace() and count > 0
        self._take(pieces, "text", count)
        if tag_chars:
            self._note_stray_tag()
            self._take(pieces, "markup", tag_chars)

    def _note_stray_tag(self) -> None:
        self.thoughts_shown |= self._text_came and not self._thoughts_began

    def _begin(self, pieces: list[Piece]) -> None:
        bare = self._held.lstrip()
        blank = len(self._held) - len(bare)
        for opening, close in self._tags.items():
            if bare.startswith(opening):
                self._take(pieces, "markup", blank + len(opening))
                self._state, self._open, self._close = "thoughts", opening, close
                self._thoughts_began = True
                return
        if bare.startswith(_HARMONY):
            self._take(pieces, "markup", blank)
            self._state, self._thoughts_began = "header", True
        elif bare and not any(tag.startswith(bare) for tag in (*self._tags, *_HARMONY)):
            self._state = "text"

    def _think(self, pieces: list[Piece]) -> None:
        end = self._held.find(self._close)
        if end < 0:
            kept = _possible_tag(self._held, (self._close,))
            self._take(pieces, "reasoning", len(self._held) - kept)
            return
        self._take(pieces, "reasoning", end)
        self._take(pieces, "markup", len(self._close))
        self.blocks.append(self._open)
        self._state = "start"

    def _read_header(self, pieces: list[Piece]) -> None:
        end = self._held.find(_MESSAGE)
        if end < 0:
            return
        header = self._held[:end]
        if _calls_function(header):
            # The dialects read such a call out of the text themselves.
            self._kind = "text"
            self._take(pieces, "text", end + len(_MESSAGE))
        else:
            self._kind = "text" if "<|channel|>final" in header else "reasoning"
            self._take(pieces, "markup", end + len(_MESSAGE))
        self._state = "channel"

    def _read_channel(self, pieces: list[Piece]) -> None:
        places = [(self._held.find(end), end) for end in _HARMONY_ENDS]
        place, end = min((found for found in places if found[0] >= 0), default=(-1, ""))
        if place < 0:
            kept = _possible_tag(self._held, _HARMONY_ENDS)
            self._take(pieces, self._kind, len(self._held) - kept)
            return
        self._take(pieces, self._kind, place)
        if end in _HARMONY:
            self._state = "header"
            return
        self._take(pieces, "text" if end == "<|call|>" else "markup", len(end))
        self._state = "start"


def _calls_function(header: str) -> bool:
    return "to=functions." in header


def _possible_tag(text: str, tags: tuple[str, ...]) -> int:
    """How many of the last characters may be the beginning of a tag."""
    longest = min(len(text), max(len(tag) for tag in tags) - 1)
    for count in range(longest, 0, -1):
        if any(tag.startswith(text[-count:]) for tag in tags):
            return count
    return 0


async def split_reasoning(
    deltas: AsyncGenerator[ModelDelta, None],
    *,
    begins_inside: bool = False,
    word_tags: bool = False,
    json_reply: bool = False,
    on_thoughts_shown: Callable[[], None] = lambda: None,
) -> AsyncGenerator[ModelDelta, None]:
    """Turn the thoughts in a reply's text into `ReasoningDelta`s.

    With `begins_inside`, a reply that ends on its own (`stop`, no tool call) and never closed
    its thoughts had none, thinking being switched off: all of it comes as text at the end. One
    that was cut, or that calls a tool, was still thinking. `json_reply`: the call has a schema, so
    a reply that begins with a brace has no thoughts either. `on_thoughts_shown`: a closing tag
    came behind text that was taken for the answer; before the end, and at most once.
    """
    reply = _Reply(begins_inside=begins_inside, word_tags=word_tags)
    async with aclosing(deltas):
        async for delta in deltas:
            match delta:
                case TextDelta():
                    if json_reply and delta.text.lstrip().startswith("{"):
                        reply.has_no_thoughts()
                    for divided in reply.divide(delta):
                        yield divided
                case ReasoningDelta():
                    reply.has_no_thoughts()
                    yield delta
                case ModelFinished():
                    for divided in reply.finish(delta):
                        yield divided
                    if reply.thoughts_shown:
                        on_thoughts_shown()
                    yield delta


class _Reply:
    """Carries the tokens' probabilities along with the text they belong to."""

    def __init__(self, *, begins_inside: bool, word_tags: bool) -> None:
        self._splitter = ReasoningSplitter(begins_inside=begins_inside, word_tags=word_tags)
        self._word_tags = word_tags
        self._whole: list[TextDelta] = []
        self._unclosed = begins_inside
        self._answered = False
        self._server_splits = False
        self._given = 0
        self._tokens: list[tuple[int, TokenLogprob]] = []
        self._came = 0

    @property
    def thoughts_shown(self) -> bool:
        return self._splitter.thoughts_shown and not self._server_splits

    def has_no_thoughts(self) -> None:
        """The text begins with the answer: the server tells thoughts apart, or made none."""
        self._server_splits = True
        if self._unclosed and self._came == 0:
            self._splitter, self._unclosed = ReasoningSplitter(word_tags=self._word_tags), False

    def divide(self, delta: TextDelta) -> list[ModelDelta]:
        aligned = "".join(token.text for token in delta.tokens) == delta.text
        place = self._came
        for token in delta.tokens:
            self._tokens.append((place, token))
            place += len(token.text) if aligned else 0
        self._came += len(delta.text)
        self._whole.append(delta)
        return self._deltas(self._splitter.feed(delta.text))

    def finish(self, finished: ModelFinished) -> list[ModelDelta]:
        rest = self._deltas(self._splitter.finish())
        ended = finished.finish_reason == "stop" and not finished.tool_calls
        if ended and (self._unclosed or self._is_one_block()):
            return [*rest, *self._whole]
        return rest

    def _is_one_block(self) -> bool:
        """The reply is an XML answer that looks like thoughts."""
        blocks = self._splitter.blocks
        closed_one = len(blocks) == 1 and blocks[0] in _ANSWER_TAGS
        return closed_one and not self._answered and not self._server_splits

    def _deltas(self, pieces: list[Piece]) -> list[ModelDelta]:
        deltas: list[ModelDelta] = []
        for piece in pieces:
            self._given += len(piece.text)
            split = next(
                (n for n, (at, _) in enumerate(self._tokens) if at >= self._given),
                len(self._tokens),
            )
            tokens = tuple(token for _, token in self._tokens[:split])
            self._tokens = self._tokens[split:]
            if piece.kind == "markup":
                self._unclosed = False
            elif piece.kind == "text":
                self._answered |= not piece.text.isspace()
                deltas.append(TextDelta(piece.text, tokens))
            else:
                deltas.append(ReasoningDelta(piece.text))
        return deltas
