"""Reads one reply of a model: its text without calls, and every call in it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from websearch_agent.errors import InvalidModelOutput
from websearch_agent.model_calls import (
    ModelCall,
    ModelDelta,
    ModelFinished,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    ToolCall,
)
from websearch_agent.models.dialects.call_json import unknown_function
from websearch_agent.models.dialects.call_stream import MAX_HELD_CHARS, CallStream
from websearch_agent.models.dialects.search_call import (
    SEARCH_TOOL,
    SEARCH_TOOLS,
    parse_queries,
    search_decision,
)
from websearch_agent.models.dialects.written_calls import BrokenCall
from websearch_agent.protocols import ModelClient
from websearch_agent.types import Decision


class ReplyReader:
    """Passes a reply on without its calls; afterwards it tells what the calls ask for.

    Calls may come as OpenAI tool calls, as text, or, of models that put them there, in the
    thoughts of a reply that says nothing else. `written`: all that the model wrote so far.
    """

    def __init__(self) -> None:
        self._stream = CallStream(SEARCH_TOOLS, is_usable=_asks_for_something)
        self._calls: tuple[ToolCall, ...] = ()
        self._thoughts = ""
        self.written = ""
        self.tokens: list[TokenLogprob] = []
        self.has_text = False

    async def read(self, model: ModelClient, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        """Yield the reply's deltas, `ModelFinished` last. Raises ModelError."""
        finished: ModelFinished | None = None
        async with aclosing(model.stream(call)) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta | ReasoningDelta):
                    self.written += delta.text
                if isinstance(delta, TextDelta):
                    self.tokens.extend(delta.tokens)
                    if text := self._seen(self._stream.feed(delta.text)):
                        yield TextDelta(text)
                elif isinstance(delta, ModelFinished):
                    finished = delta
                    break
                else:
                    if isinstance(delta, ReasoningDelta):
                        self._thoughts = (self._thoughts + delta.text)[-MAX_HELD_CHARS:]
                    yield delta
        if finished is None:
            raise InvalidModelOutput("The model's reply came without an end. Try again.")
        rest, written = self._stream.finish(cut=finished.finish_reason == "length")
        self._calls = (*finished.tool_calls, *written)
        if text := self._seen(rest):
            yield TextDelta(text)
        yield finished

    @property
    def has_calls(self) -> bool:
        """Whether there was any call, whole or broken."""
        return bool(self._calls or self._stream.broken)

    def outcome(self) -> Decision | BrokenCall | None:
        """The search that the calls ask for, or what is wrong with them; None without a call."""
        calls = self._calls
        if not self.has_calls and not self.has_text:
            calls = self._calls_in_thoughts()
        try:
            return search_decision(calls)
        except InvalidModelOutput:
            pass
        if calls:
            return _broken(calls[0])
        return self._stream.broken[0] if self._stream.broken else None

    def _seen(self, text: str) -> str:
        self.has_text = self.has_text or bool(text.strip())
        return text

    def _calls_in_thoughts(self) -> tuple[ToolCall, ...]:
        stream = CallStream(SEARCH_TOOLS)
        stream.feed(self._thoughts)
        return stream.finish()[1]


def _asks_for_something(call: ToolCall) -> bool:
    try:
        return bool(parse_queries(call))
    except InvalidModelOutput:
        return False


def _broken(call: ToolCall) -> BrokenCall:
    known = call.name == SEARCH_TOOL.name
    problem = "its queries are missing or cannot be read"
    if not known:
        problem = unknown_function(call.name, SEARCH_TOOLS)
    return BrokenCall(f"{call.name}({call.arguments})", problem)
