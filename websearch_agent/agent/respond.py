"""The node `respond`: one turn of the model, which searches or answers."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from websearch_agent.agent.answer_writer import AnswerWriter, EmptyReply
from websearch_agent.agent.budget import fit_prompt
from websearch_agent.agent.prompting import build_prompt, citable_sources
from websearch_agent.agent.query_guard import guard_queries
from websearch_agent.agent.relative_dates import with_absolute_dates
from websearch_agent.agent.state import AgentContext, AgentState, UsageCounted, WrittenAnswer
from websearch_agent.errors import ContextTooLong, ModelError
from websearch_agent.events import DecisionMade, ReasoningAdded, SourcesSelected
from websearch_agent.model_calls import ModelFinished, ReasoningDelta, TextDelta
from websearch_agent.types import Decision, Prompt, SourceNamed

Emit = Callable[[object], None]

SHRINK_TO_LEARNT_WINDOW = 0.85
SHRINK_TO_UNKNOWN_WINDOW = 0.5


async def respond(
    state: AgentState, runtime: Runtime[AgentContext]
) -> Command[Literal["search_web", "respond", "verify_citations"]]:
    """Let the model decide or answer. Raises ModelError."""
    context = runtime.context
    decision, written = await _reply_or_ask_again(state, context, runtime.stream_writer)
    if decision is not None and decision.search:
        if not (decision.queries or context.addresses):
            # Nothing of what it wanted to search may be sent: it answers from what it has.
            return Command(update={"searches_made": context.plan.max_searches}, goto="respond")
        return Command(update={"new_queries": decision.queries}, goto="search_web")
    if decision is not None and decision.reuse:
        runtime.stream_writer(SourcesSelected(context.in_hand))
        return Command(update={"sources": context.in_hand, "reused": True}, goto="respond")
    return Command(update={"written": written}, goto="verify_citations")


async def _reply_or_ask_again(
    state: AgentState, context: AgentContext, emit: Emit
) -> tuple[Decision | None, WrittenAnswer | None]:
    """An empty reply is asked for again once, and a refused length is shrunk once.

    Replies that cannot be read are the dialect's: it asks again with what was wrong.
    """
    shrink = 1.0
    believed = (await context.model.limits()).context_window
    try:
        return await _fit_and_reply(state, context, emit, shrink=shrink)
    except _NothingSaid as error:
        if isinstance(error.cause, ContextTooLong):
            # The server's real window is smaller than it says. Some tell it when they refuse; then
            # only the count was too low as well, or may have been.
            learnt = (await context.model.limits()).context_window < believed
            shrink = SHRINK_TO_LEARNT_WINDOW if learnt else SHRINK_TO_UNKNOWN_WINDOW
    try:
        return await _fit_and_reply(state, context, emit, shrink=shrink)
    except _NothingSaid as error:
        raise error.cause from error


class _NothingSaid(Exception):
    """The call failed before a word of it was shown: it may be made again."""

    def __init__(self, cause: ModelError) -> None:
        super().__init__(cause.message)
        self.cause = cause


async def _fit_and_reply(
    state: AgentState, context: AgentContext, emit: Emit, *, shrink: float
) -> tuple[Decision | None, WrittenAnswer | None]:
    wanted = build_prompt(state, context, sources=state["sources"])
    prompt = await fit_prompt(wanted, context, shrink=shrink)
    shown = prompt.evidence.sources if prompt.evidence is not None else ()
    if shown != state["sources"]:
        emit(SourcesSelected(shown))
    answer = AnswerWriter(
        emit,
        citable_sources(prompt, context),
        shown,
        prompt.question,
        boundary=prompt.boundary,
        searched=prompt.evidence is not None,
    )
    try:
        decision = await _reply(prompt, context, emit, answer)
        return decision, answer.written(prompt)
    except (EmptyReply, ContextTooLong) as error:
        if answer.started:
            raise
        raise _NothingSaid(error) from error


async def _reply(
    prompt: Prompt, context: AgentContext, emit: Emit, answer: "AnswerWriter"
) -> Decision | None:
    decision: Decision | None = None
    finish_reason = "stop"
    async with aclosing(context.dialect.respond(context.model, prompt)) as deltas:
        async for delta in deltas:
            match delta:
                case Decision():
                    decision, refused = _checked(delta, prompt, context)
                    if delta.search:
                        answer.restart()
                    if delta.search or prompt.evidence is None:
                        emit(_as_event(decision, refused))
                case TextDelta():
                    answer.write(delta.text)
                case SourceNamed():
                    answer.name_source(delta.number)
                case ReasoningDelta():
                    emit(ReasoningAdded(delta.text))
                case ModelFinished():
                    emit(UsageCounted(delta.usage))
                    finish_reason = delta.finish_reason
    if decision is None or not (decision.search or decision.reuse):
        answer.end(finish_reason)
    return decision


def _checked(
    decision: Decision, prompt: Prompt, context: AgentContext
) -> tuple[Decision, tuple[str, ...]]:
    """Its queries as they may be sent, with "last week" and the like written out; what was not.

    A first search goes on with the question itself if no query is left.
    """
    question = context.request.question
    asked = [message.content for message in prompt.history if message.role == "user"]
    sent = prompt.evidence.queries if prompt.evidence is not None else ()
    guarded = guard_queries(
        decision.queries,
        question=question,
        asked_before=(*asked, *sent),
        pages_shown=bool(prompt.evidence or prompt.in_hand),
    )
    queries = guarded.queries
    if decision.search and not queries and prompt.evidence is None:
        queries = guard_queries([question], question=question).queries
    written = (with_absolute_dates(query, today=context.today) for query in queries)
    return replace(decision, queries=tuple(dict.fromkeys(written))), guarded.refused


def _as_event(decision: Decision, refused: tuple[str, ...]) -> DecisionMade:
    return DecisionMade(
        decision.search,
        decision.queries,
        decision.reason,
        reuse=decision.reuse,
        probability=decision.probability,
        refused=refused,
    )
