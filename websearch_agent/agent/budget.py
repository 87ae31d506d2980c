"""Decides what goes into the model's window: the one place that counts tokens.

Order of shrinking: long messages of the history are shortened, then its oldest turns go, until it
takes at most its share of the window (the latest turn stays, cut); then passages go, weakest first,
those of an earlier turn before any other, and whole sources last; then the room for the answer, and
the rest of the history last. The current question is never cut.
"""

import json
from dataclasses import asdict, replace

from websearch_agent.agent.state import AgentContext
from websearch_agent.errors import InvalidRequest
from websearch_agent.model_calls import Message
from websearch_agent.types import Evidence, Prompt, Source

# What a chat template adds round each message, and once for the reply's head.
TOKENS_PER_MESSAGE = 6
TOKENS_PER_PROMPT = 16
# The fence, title, site and date of one source in the prompt.
TOKENS_PER_SOURCE = 54
# Share of the window that earlier turns may take: beside sources, and without any.
HISTORY_SHARE = 0.25
CHAT_HISTORY_SHARE = 0.5
# Share of the window that the sources of an earlier turn may take.
IN_HAND_SHARE = 0.3
# A longer message is cut where the history does not fit.
MAX_HISTORY_MESSAGE_TOKENS = 300
# Cut to less than this, a long message says nothing any more.
MIN_HISTORY_MESSAGE_TOKENS = 16


async def fit_prompt(prompt: Prompt, context: AgentContext, *, shrink: float = 1.0) -> Prompt:
    """The prompt with a history, sources and `max_tokens` that fit the window.

    `shrink` scales the window, for a server that refused what should have fit.
    Raises InvalidRequest when the question alone is too long.
    """
    limits = await context.model.limits()
    window = int(limits.context_window * shrink)
    bare = replace(prompt, history=(), evidence=_without_sources(prompt.evidence), in_hand=())
    fixed = await count_prompt(context, bare)
    least = context.dialect.min_reply_tokens
    if fixed + least > window:
        raise InvalidRequest(
            f"The question is too long for this model: it takes about {fixed} tokens with the "
            f"instructions, and the window holds {window}. Ask in fewer words."
        )
    wanted = context.request.max_answer_tokens or limits.answer_tokens
    answer = min(limits.answer_tokens, max(wanted, least), max(least, (window - fixed) // 2))
    room = window - fixed - answer
    share = CHAT_HISTORY_SHARE if prompt.evidence is None else HISTORY_SHARE
    history = await _fit_history(context, prompt, min(room, int(window * share)))
    in_hand = await _fit_in_hand(context, prompt.in_hand, int(window * IN_HAND_SHARE))
    fitted = replace(prompt, history=history, in_hand=in_hand, max_tokens=answer)
    return await _drop_sources_until_it_fits(fitted, context, window)


async def source_budget(prompt: Prompt, context: AgentContext) -> int:
    """Tokens that the passages of new sources may take."""
    limits = await context.model.limits()
    without = replace(prompt, evidence=Evidence(("",), ()))
    fitted = await fit_prompt(without, context)
    used = await count_prompt(context, fitted)
    return min(limits.source_tokens, limits.context_window - used - fitted.max_tokens)


async def count_prompt(context: AgentContext, prompt: Prompt) -> int:
    """Tokens of the call for this prompt: messages, offered tools, the chat template's own."""
    messages = context.dialect.build_messages(prompt)
    texts = [m.content + "".join(call.arguments for call in m.tool_calls) for m in messages]
    texts += [json.dumps(asdict(tool)) for tool in context.dialect.offered_tools(prompt)]
    counts = await context.model.count_tokens(texts)
    return sum(counts) + TOKENS_PER_MESSAGE * len(texts) + TOKENS_PER_PROMPT


def _without_sources(evidence: Evidence | None) -> Evidence | None:
    return None if evidence is None else replace(evidence, sources=())


async def _fit_history(
    context: AgentContext, prompt: Prompt, budget_tokens: int
) -> tuple[Message, ...]:
    """The latest turns that fit, whole pairs of question and answer, shortened if they must be."""
    counts = await context.model.count_tokens([message.content for message in prompt.history])
    if sum(counts) + TOKENS_PER_MESSAGE * len(counts) <= budget_tokens:
        return prompt.history
    kept: list[Message] = []
    for end in range(len(counts), 0, -2):
        tokens = (counts[end - 2], counts[end - 1])
        cut = _cut_turn(tokens, budget_tokens - 2 * TOKENS_PER_MESSAGE, latest=not kept)
        if cut is None:
            break
        kept = [*map(_shorten, prompt.history[end - 2 : end], tokens, cut), *kept]
        budget_tokens -= sum(cut) + 2 * TOKENS_PER_MESSAGE
    return tuple(kept)


def _cut_turn(tokens: tuple[int, int], allowed: int, *, latest: bool) -> tuple[int, int] | None:
    """Tokens that question and answer of a turn may keep; None if it has to go.

    The latest one gets what there is: a follow-up means nothing without it.
    """
    question = min(tokens[0], MAX_HISTORY_MESSAGE_TOKENS)
    most = (
        max(MAX_HISTORY_MESSAGE_TOKENS, allowed - question)
        if latest
        else (MAX_HISTORY_MESSAGE_TOKENS)
    )
    answer = min(tokens[1], most)
    if latest and question + answer > allowed:
        question = min(question, allowed // 2)
        answer = min(answer, allowed - question)
    readable = min(tokens[1], MIN_HISTORY_MESSAGE_TOKENS)
    return (question, answer) if question + answer <= allowed and answer >= readable else None


def _shorten(message: Message, tokens: int, most: int) -> Message:
    """The beginning of a message that has so many tokens: about as many as it may have."""
    if tokens <= most:
        return message
    return replace(message, content=message.content[: len(message.content) * most // tokens] + " …")


async def _fit_in_hand(
    context: AgentContext, sources: tuple[Source, ...], budget_tokens: int
) -> tuple[Source, ...]:
    """The sources without so many of the weakest passages that they fit."""
    while sources and await _cost(context, sources) > budget_tokens:
        sources = _drop_weakest_passage(sources)
    return sources


async def _cost(context: AgentContext, sources: tuple[Source, ...]) -> int:
    texts = [
        text
        for source in sources
        for text in ([source.summary] if source.summary else [p.text for p in source.passages])
    ]
    return sum(await context.model.count_tokens(texts)) + TOKENS_PER_SOURCE * len(sources)


async def _drop_sources_until_it_fits(prompt: Prompt, context: AgentContext, window: int) -> Prompt:
    """The weakest passages go first, until the whole prompt and its answer fit."""
    while True:
        used = await count_prompt(context, prompt)
        if used + prompt.max_tokens <= window:
            return prompt
        if prompt.in_hand:
            prompt = replace(prompt, in_hand=_drop_weakest_passage(prompt.in_hand))
        elif prompt.evidence is not None and prompt.evidence.sources:
            sources = _drop_weakest_passage(prompt.evidence.sources)
            prompt = replace(prompt, evidence=replace(prompt.evidence, sources=sources))
        elif prompt.max_tokens > context.dialect.min_reply_tokens:
            room = max(context.dialect.min_reply_tokens, window - used)
            prompt = replace(prompt, max_tokens=min(prompt.max_tokens - 1, room))
        elif prompt.history:
            prompt = replace(prompt, history=prompt.history[2:])
        else:
            return prompt


def _drop_weakest_passage(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """Without the worst passage of a source that has several, else without the last source.

    So every page stays for as long as it can: each one may know what no other does.
    """
    spare = [
        (passage.score, -number, passage)
        for number, source in enumerate(sources)
        if len(source.passages) > 1 and not source.summary
        for passage in source.passages
    ]
    if not spare:
        return sources[:-1]
    _, place, weakest = min(spare, key=lambda item: item[:2])
    source = sources[-place]
    kept = tuple(passage for passage in source.passages if passage is not weakest)
    return (*sources[:-place], replace(source, passages=kept), *sources[-place + 1 :])
