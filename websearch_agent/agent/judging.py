"""The served model as a judge of whether sources say a statement."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from websearch_agent import prompts
from websearch_agent.model_calls import Message, Usage
from websearch_agent.models.true_or_false import REPLY_TOKENS, probability_of_true
from websearch_agent.protocols import ModelClient
from websearch_agent.types import Passage, Source

# A judge reads the cited passages, not the window: each 100 tokens cost a laptop half a second.
MAX_EVIDENCE_TOKENS = 900


async def judge_support(
    model: ModelClient,
    statement: str,
    sources: Sequence[Source],
    *,
    boundary: str,
    question: str = "",
    on_usage: Callable[[Usage], None] = lambda _: None,
) -> float:
    """The model's probability, 0 to 1, that the sources say all of the statement.

    The source stands in front of the statement, so that a server with a prefix cache reads it
    once for all statements that cite it. Raises ModelError.
    """
    shown = await _fit(model, statement, sources, question, boundary)
    messages = (
        Message("system", prompts.judge_system()),
        Message(
            "user",
            prompts.judge_statement(statement, sources=shown, boundary=boundary, question=question),
        ),
    )
    return await probability_of_true(model, messages, on_usage=on_usage)


async def _fit(
    model: ModelClient, statement: str, sources: Sequence[Source], question: str, boundary: str
) -> list[Source]:
    """The sources without so many of their passages, last ones first, that they are read fast."""
    window = (await model.limits()).context_window
    fixed = prompts.judge_system() + prompts.judge_statement(
        statement, sources=(), boundary=boundary, question=question
    )
    texts = [fixed, *(p.text for source in sources for p in source.passages)]
    fixed_tokens, *counts = await model.count_tokens(texts)
    left = max(0, min(MAX_EVIDENCE_TOKENS, window - fixed_tokens - REPLY_TOKENS - 100))
    kept: list[Source] = []
    for source in sources:
        passages: list[Passage] = []
        for passage in source.passages:
            left -= counts.pop(0)
            if left >= 0 or not (kept or passages):
                passages.append(passage)
        if passages:
            kept.append(replace(source, passages=tuple(passages), summary=""))
    return kept
