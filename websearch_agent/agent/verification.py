"""Checks every statement of an answer against the sources: by its words, and by the model."""

import asyncio
import logging
import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from websearch_agent.agent.judging import judge_support
from websearch_agent.agent.state import AgentContext, UsageCounted, WrittenAnswer
from websearch_agent.citations.checkable import has_something_to_check
from websearch_agent.citations.claims import parse_claim
from websearch_agent.citations.statements import split_statements
from websearch_agent.citations.support import SupportChecker
from websearch_agent.citations.support_weights import level_of
from websearch_agent.errors import ModelError
from websearch_agent.events import StatementVerified
from websearch_agent.forged_marks import count_forged_marks
from websearch_agent.types import Source, Statement, Support, SupportLevel

# Judgements that are asked for at once; what a server cannot take at once it queues itself.
JUDGED_AT_ONCE = 8
FAST_WEIGHT, MODEL_WEIGHT, MODEL_YES_BIAS = 0.7, 1.4, 1.6
# No judge is surer than this.
MOST_SURE = 0.02
UNDECIDED = 0.5
_MARKER = re.compile(r"\s?\[\d+\]")

_log = logging.getLogger(__name__)


def check_statements(written: WrittenAnswer, *, question: str) -> list[StatementVerified]:
    """Each statement against the words of the sources that it names; without any, of all.

    Also each of its citations alone. Milliseconds a statement. In a chat turn that names sources
    of an earlier one, the statements that name none are the model's own.
    """
    checker = SupportChecker(list(written.sources.values()))
    chat = written.prompt.evidence is None

    def check(statement: Statement) -> StatementVerified:
        cited = statement.source_numbers
        if chat and not cited:
            return StatementVerified(replace(statement, support=Support("not_checkable", 0.0)))
        support = checker.check(statement.text, cited=cited, question=question)
        if support.level == "supported" and count_forged_marks(support.quote):
            # Words that stand where a page passes for somebody else are no good witness.
            support = replace(support, level="partial")
        each = [
            (number, _level_alone(checker, statement, number, support, question))
            for number in cited
        ]
        return StatementVerified(replace(statement, support=support), tuple(each))

    return [check(statement) for statement in split_statements(written.text, written.markers)]


def _level_alone(
    checker: SupportChecker, statement: Statement, number: int, together: Support, question: str
) -> SupportLevel:
    if len(statement.source_numbers) == 1:
        return together.level
    return checker.check(statement.text, cited=(number,), question=question).level


async def judge_statements(
    checked: Sequence[StatementVerified],
    written: WrittenAnswer,
    context: AgentContext,
    *,
    until: float,
    emit: Callable[[object], None],
) -> tuple[list[StatementVerified], bool]:
    """The same with the model's judgement of each that can be checked, and whether all came.

    One that fails, or is not there at the time `until` (of the event loop's clock), leaves what
    the words said. Each is emitted as it comes.
    """
    turn = asyncio.Semaphore(JUDGED_AT_ONCE)
    outcomes = list(checked)
    missing: dict[int, Support] = {}
    for place, check in enumerate(checked):
        support = check.statement.support
        if support is not None and _can_be_judged(check.statement, support, context):
            missing[place] = support

    async def judge(place: int, support: Support) -> None:
        try:
            async with turn:
                probability = await _judge(
                    checked[place].statement, support, written, context, emit
                )
        except ModelError as error:
            _log.warning("a statement could not be judged: %s", error.message)
            return
        del missing[place]
        outcomes[place] = _with_judgement(checked[place], support, probability)
        emit(outcomes[place])

    with suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            await asyncio.gather(*(judge(place, said) for place, said in missing.items()))
    return outcomes, not missing


async def _judge(
    statement: Statement,
    support: Support,
    written: WrittenAnswer,
    context: AgentContext,
    emit: Callable[[object], None],
) -> float:
    return await judge_support(
        context.model,
        _MARKER.sub("", statement.text),
        _sources_of(statement, support, written),
        boundary=context.boundary,
        question=context.request.question,
        on_usage=lambda usage: emit(UsageCounted(usage)),
    )


def _can_be_judged(statement: Statement, support: Support, context: AgentContext) -> bool:
    """Also where words cannot tell because the sources are in another script, if it names one."""
    if support.level != "not_checkable":
        return True
    claim = parse_claim(statement.text, context.request.question)
    return bool(statement.source_numbers) and has_something_to_check(claim)


def _sources_of(statement: Statement, support: Support, written: WrittenAnswer) -> list[Source]:
    """Those that it names; without any the nearest one, else all."""
    numbers = statement.source_numbers
    if not numbers and support.source_number is not None:
        numbers = (support.source_number,)
    return [s for n, s in written.sources.items() if not numbers or n in numbers]


def _with_judgement(
    check: StatementVerified, support: Support, probability: float
) -> StatementVerified:
    judged = judged_support(support, probability)
    each = check.citation_support
    if len(each) == 1:
        each = ((each[0][0], judged.level),)
    return StatementVerified(replace(check.statement, support=judged), each)


def judged_support(support: Support, probability: float) -> Support:
    """What the words said, with the model's judgement; what contradicts stays unsupported.

    Where the words could not tell (another script), the model decides alone.
    """
    fast = UNDECIDED if support.level == "not_checkable" else support.score
    score = combine_scores(fast, probability)
    contradicts = bool(support.contradicted) and support.level == "unsupported"
    level: SupportLevel = "unsupported" if contradicts else level_of(score)
    return replace(support, score=round(score, 4), level=level, method="model")


def combine_scores(fast: float, probability: float) -> float:
    """The score of both, on the scale of the words alone.

    Their log odds, weighted: the embedded model says yes to most statements (0.83 to supported
    ones on average, 0.66 to others), so its yes counts only where it is sure. Fitted on 197
    statements that this model judged; another model may deserve other weights.
    """
    odds = FAST_WEIGHT * _log_odds(fast) + MODEL_WEIGHT * _log_odds(probability) - MODEL_YES_BIAS
    return 1 / (1 + math.exp(-odds))


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, MOST_SURE), 1 - MOST_SURE)
    return math.log(bounded / (1 - bounded))
