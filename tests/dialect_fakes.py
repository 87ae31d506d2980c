"""A model whose deltas are scripted one by one, and what the tests of dialects ask it."""

import datetime as dt
import math
from collections.abc import AsyncGenerator, Sequence

from fakes import FakeModel

from websearch_agent.model_calls import (
    ModelCall,
    ModelDelta,
    ModelFinished,
    TextDelta,
    TokenLogprob,
    Usage,
)
from websearch_agent.protocols import Dialect
from websearch_agent.types import Decision, Passage, Source

TODAY = dt.date(2026, 11, 23)
SOURCE = Source(7, "https://example.org", "T", "example.org", (Passage("u", "The fact.", 0, 9),))
END = ModelFinished("stop", Usage(100, 10, 1))
CUT = ModelFinished("length", Usage(100, 10, 1))


class DeltaModel(FakeModel):
    """Yields its scripts, one a call; keeps the calls. The last delta of a script is its end."""

    def __init__(self, scripts: Sequence[Sequence[ModelDelta]]) -> None:
        super().__init__([])
        self._scripts = list(scripts)

    async def stream(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        self.calls.append(call)
        for delta in self._scripts.pop(0):
            yield delta


class CountingModel(DeltaModel):
    """Counts the deltas that were taken from it, and notes when it was stopped before its end."""

    def __init__(self, scripts: Sequence[Sequence[ModelDelta]]) -> None:
        super().__init__(scripts)
        self.taken = 0

    async def stream(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        try:
            async for delta in super().stream(call):
                self.taken += 1
                yield delta
        except GeneratorExit:
            self.stopped = True
            raise


def token(text: str, probability: float, **others: float) -> TextDelta:
    """A delta of one token with its probability; `marker` among `others` is the start of a call."""
    names = {"marker": "<|function_start|>"}
    alternatives = [(names.get(t, t), math.log(p)) for t, p in others.items()]
    written = TokenLogprob(text, math.log(probability), tuple(alternatives))
    return TextDelta(text, (written,))


async def hear(
    dialect: Dialect, model: FakeModel, prompt: object
) -> tuple[list[Decision], str, list[ModelFinished]]:
    """The decisions, the whole text and the ends of the calls."""
    decisions: list[Decision] = []
    text, ends = "", []
    async for delta in dialect.respond(model, prompt):  # type: ignore[arg-type]
        if isinstance(delta, Decision):
            decisions.append(delta)
        elif isinstance(delta, TextDelta):
            text += delta.text
        elif isinstance(delta, ModelFinished):
            ends.append(delta)
    return decisions, text, ends
