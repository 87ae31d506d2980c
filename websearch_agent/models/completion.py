"""A short reply taken whole, for calls whose text nobody reads while it streams."""

from contextlib import aclosing

from websearch_agent.errors import InvalidModelOutput
from websearch_agent.model_calls import ModelCall, ModelFinished, TextDelta, TokenLogprob
from websearch_agent.protocols import ModelClient


async def complete(
    model: ModelClient, call: ModelCall
) -> tuple[str, tuple[TokenLogprob, ...], ModelFinished]:
    """The text, its tokens where the call asked for them, and its end. Raises ModelError."""
    text, tokens = "", list[TokenLogprob]()
    finished: ModelFinished | None = None
    async with aclosing(model.stream(call)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                text += delta.text
                tokens.extend(delta.tokens)
            elif isinstance(delta, ModelFinished):
                finished = delta
    if finished is None:
        raise InvalidModelOutput("The model's reply came without an end.")
    return text, tuple(tokens), finished
