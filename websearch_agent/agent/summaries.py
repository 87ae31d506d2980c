"""Each page summarised for the question by the model, for small windows."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from websearch_agent import prompts
from websearch_agent.agent.budget import TOKENS_PER_MESSAGE, TOKENS_PER_PROMPT, TOKENS_PER_SOURCE
from websearch_agent.agent.state import AgentContext, UsageCounted
from websearch_agent.errors import ModelError
from websearch_agent.model_calls import Message, ModelCall, ModelFinished, TextDelta
from websearch_agent.types import Source

MAX_SUMMARY_TOKENS = 220
# With less room each, a summary says nothing.
MIN_SUMMARY_TOKENS = 60
_MARKER = re.compile(r" ?\[(?:citation:)?\d{1,3}\]")
_NOTHING = re.compile(
    r"\W*(?:nothing relevant|(?:没有|無|无)相关(?:的)?(?:内容|信息))", re.IGNORECASE
)

_logger = logging.getLogger(__name__)


async def summarise_sources(
    sources: Sequence[Source],
    context: AgentContext,
    *,
    budget_tokens: int,
    emit: Callable[[object], None],
) -> tuple[Source, ...]:
    """The sources with what the model writes about each for the question, all at once.

    Those that it finds nothing in, and those whose call fails, are left out. The summaries
    together fit `budget_tokens`.
    """
    most = budget_tokens // (MIN_SUMMARY_TOKENS + TOKENS_PER_SOURCE)
    kept = list(sources)[:most]
    if not kept:
        return ()
    room = min(MAX_SUMMARY_TOKENS, budget_tokens // len(kept) - TOKENS_PER_SOURCE)
    summarised = await asyncio.gather(
        *(_summarise(source, context, max_tokens=room, emit=emit) for source in kept)
    )
    return tuple(source for source in summarised if source.summary)


async def _summarise(
    source: Source, context: AgentContext, *, max_tokens: int, emit: Callable[[object], None]
) -> Source:
    """The source with what it says about the question and the passages that this was made from."""
    source = await _fit(source, context, max_tokens=max_tokens)
    if not source.passages:
        return source
    call = ModelCall(_messages(source, context), max_tokens=max_tokens)
    text = ""
    try:
        async with aclosing(context.model.stream(call)) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    text += delta.text
                elif isinstance(delta, ModelFinished):
                    emit(UsageCounted(delta.usage))
    except ModelError as error:
        _logger.warning("source %d could not be summarised: %s", source.number, error.message)
        return source
    # Its markers would be taken for numbers of our sources.
    return (
        source if _NOTHING.match(text) else replace(source, summary=_MARKER.sub("", text).strip())
    )


async def _fit(source: Source, context: AgentContext, *, max_tokens: int) -> Source:
    """Without so many of the last passages that the call fits the window."""
    limits = await context.model.limits()
    while source.passages:
        texts = [message.content for message in _messages(source, context)]
        used = sum(await context.model.count_tokens(texts))
        used += TOKENS_PER_MESSAGE * len(texts) + TOKENS_PER_PROMPT
        if used + max_tokens <= limits.context_window:
            break
        source = replace(source, passages=source.passages[:-1])
    return source


def _messages(source: Source, context: AgentContext) -> tuple[Message, ...]:
    question = context.request.question
    return (
        Message("system", prompts.summarise_system(context.today)),
        Message("user", prompts.summarise_page(question, source=source, boundary=context.boundary)),
    )
