"""Lets the model write an answer anew without the statements that no source supports."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from websearch_agent import prompts
from websearch_agent.agent.answer_writer import AnswerWriter
from websearch_agent.agent.budget import TOKENS_PER_MESSAGE, fit_prompt
from websearch_agent.agent.state import AgentContext, UsageCounted, WrittenAnswer
from websearch_agent.errors import ContextTooLong
from websearch_agent.model_calls import Message, ModelCall, ModelFinished, TextDelta
from websearch_agent.types import Evidence, Prompt, Source

# Few are named: a list as long as the answer says no more than "write it again".
MAX_NAMED_STATEMENTS = 6
MAX_STATEMENT_CHARS = 300


async def rewrite_answer(
    written: WrittenAnswer,
    unsupported: Sequence[str],
    context: AgentContext,
    *,
    emit: Callable[[object], None],
) -> WrittenAnswer:
    """The answer anew, from the same sources. Emits its events. Raises ModelError."""
    sources = tuple(written.sources.values())
    statements = [text[:MAX_STATEMENT_CHARS] for text in unsupported[:MAX_NAMED_STATEMENTS]]
    asked = (
        Message("assistant", written.text),
        Message(
            "user",
            prompts.repair_answer(context.request.question, statements=statements, sources=sources),
        ),
    )
    prompt = await _fit(written.prompt, sources=sources, asked=asked, context=context)
    call = ModelCall(
        (*context.dialect.build_messages(prompt), *asked), max_tokens=prompt.max_tokens
    )
    writer = AnswerWriter(
        emit,
        dict(written.sources),
        sources,
        context.request.question,
        boundary=prompt.boundary,
        searched=True,
    )
    finish_reason = "stop"
    async with aclosing(context.model.stream(call)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                writer.write(delta.text)
            elif isinstance(delta, ModelFinished):
                emit(UsageCounted(delta.usage))
                finish_reason = delta.finish_reason
    writer.end(finish_reason)
    return writer.written(prompt)


async def _fit(
    prompt: Prompt,
    *,
    sources: tuple[Source, ...],
    asked: tuple[Message, ...],
    context: AgentContext,
) -> Prompt:
    """The prompt with room for the answer so far and what is wrong with it.

    Without earlier turns: the answer says what they were needed for.
    """
    counts = await context.model.count_tokens([message.content for message in asked])
    extra = sum(counts) + TOKENS_PER_MESSAGE * len(asked)
    window = (await context.model.limits()).context_window
    if extra >= window // 2:
        raise ContextTooLong("The answer is too long to be written again in this window.")
    evidence = prompt.evidence or Evidence((), sources)
    bare = replace(prompt, history=(), evidence=evidence, in_hand=(), search="never")
    return await fit_prompt(bare, context, shrink=1 - extra / window)
