"""The node `verify_citations`: what of the answer the sources say, and one repair of the rest."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from langgraph.runtime import Runtime

from websearch_agent.agent.notices import repaired_notice, unjudged_notice, unrepaired_notice
from websearch_agent.agent.repair import rewrite_answer
from websearch_agent.agent.state import (
    AgentContext,
    AgentState,
    AnswerVerified,
    UsageCounted,
    WrittenAnswer,
)
from websearch_agent.agent.verification import check_statements, judge_statements
from websearch_agent.citations.refusals import says_not_said
from websearch_agent.errors import ModelError
from websearch_agent.events import AnswerRestarted, Notice, StatementVerified
from websearch_agent.types import SupportMethod

Emit = Callable[[object], None]

# What storing and sending the answer may take of its time: the checks end before.
RESERVED_S = 2.0

_log = logging.getLogger(__name__)


async def verify_citations(
    state: AgentState, runtime: Runtime[AgentContext]
) -> dict[str, WrittenAnswer]:
    """Emit how well the sources say each statement. Never costs the answer."""
    context, emit = runtime.context, runtime.stream_writer
    written = state["written"]
    if written is None or (written.prompt.evidence is None and not written.markers):
        return {}  # A chat turn, perhaps in a conversation that has sources.
    if context.verification == "off" or not written.sources:
        checked = await _check(written, context)
        emit(AnswerVerified(None, _is_unanswered(checked)))
        return {}
    checked = await _verify(written, context, emit)
    repaired = False
    if context.strict and _unsupported(checked):
        better = await _repair(written, checked, context, emit)
        if better is not None:
            checked, repaired = better, True
    method: SupportMethod = "model" if _any_judged(checked) else "fast"
    emit(AnswerVerified(method, _is_unanswered(checked), repaired))
    return {}


async def _verify(
    written: WrittenAnswer, context: AgentContext, emit: Emit
) -> list[StatementVerified]:
    """By the words, and if it is wanted by the model; emits each as it comes."""
    checked = await _check(written, context)
    for check in checked:
        emit(check)
    if context.verification != "model":
        return checked
    until = context.answer_by - RESERVED_S
    checked, all_came = await judge_statements(checked, written, context, until=until, emit=emit)
    if not all_came:
        emit(Notice(unjudged_notice(context.request.question)))
    return checked


async def _check(written: WrittenAnswer, context: AgentContext) -> list[StatementVerified]:
    # In a thread: a long answer takes as long as some events of another question.
    return await asyncio.to_thread(check_statements, written, question=context.request.question)


async def _repair(
    written: WrittenAnswer, before: Sequence[StatementVerified], context: AgentContext, emit: Emit
) -> list[StatementVerified] | None:
    """Let the model write the answer anew; emit it if it is better, else None.

    Better: fewer unsupported statements, and no fewer supported ones: "The sources do not say." in
    the place of three true statements and a wrong one would be none.
    """
    question = context.request.question
    unsupported, supported = _unsupported(before), _supported(before)
    kept: list[object] = []

    def keep(event: object) -> None:
        # What the calls cost is counted, whether or not their answer is taken.
        (emit if isinstance(event, UsageCounted) else kept.append)(event)

    try:
        async with asyncio.timeout_at(context.answer_by - RESERVED_S):
            rewritten = await rewrite_answer(written, unsupported, context, emit=keep)
            checked = await _verify(rewritten, context, keep)
    except (ModelError, TimeoutError) as error:
        _log.warning("the answer could not be repaired: %s", error)
        emit(Notice(unrepaired_notice(question)))
        return None
    if len(_unsupported(checked)) >= len(unsupported) or _supported(checked) < supported:
        emit(Notice(unrepaired_notice(question)))
        return None
    emit(AnswerRestarted())
    for event in kept:
        emit(event)
    emit(Notice(repaired_notice(question, len(unsupported))))
    return checked


def _unsupported(checked: Sequence[StatementVerified]) -> list[str]:
    supports = [(check.statement.text, check.statement.support) for check in checked]
    return [text for text, support in supports if support and support.level == "unsupported"]


def _supported(checked: Sequence[StatementVerified]) -> int:
    supports = [check.statement.support for check in checked]
    return sum(support is not None and support.level == "supported" for support in supports)


def _any_judged(checked: Sequence[StatementVerified]) -> bool:
    supports = [check.statement.support for check in checked]
    return any(support is not None and support.method == "model" for support in supports)


def _is_unanswered(checked: Sequence[StatementVerified]) -> bool:
    """Whether the answer says that the sources do not say: at once, or nothing else of weight."""
    refuses = [says_not_said(check.statement.text) for check in checked]
    if not any(refuses):
        return False
    supports = [check.statement.support for check in checked]
    says_something = any(s is not None and s.level == "supported" for s in supports)
    return refuses[0] or not says_something
