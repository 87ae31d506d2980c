"""The node `respond`: one turn of the model, which searches or answers."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from websearch_agent.agent.budget import fit_prompt
from websearch_agent.agent.state import AgentContext, AgentState, TextEnded, UsageCounted
from websearch_agent.citations.markers import CitationStream
from websearch_agent.citations.quotes import find_source
from websearch_agent.errors import ContextTooLong, InvalidModelOutput
from websearch_agent.types import (
    AnswerDelta,
    AnswerRestarted,
    CitationAdded,
    Decision,
    DecisionMade,
    Evidence,
    ModelFinished,
    Prompt,
    ReasoningAdded,
    ReasoningDelta,
    SearchSwitch,
    Source,
    TextDelta,
)

Emit = Callable[[object], None]

# Below this many seconds another search could not end in an answer.
MIN_SECONDS_TO_SEARCH = 20.0


async def respond(
    state: AgentState, runtime: Runtime[AgentContext]
) -> Command[Literal["search_web", "__end__"]]:
    """Let the model decide or answer. Raises ModelError."""
    context = runtime.context
    decision = await _reply_or_ask_again(state, context, runtime.stream_writer)
    if decision is not None and decision.search:
        return Command(update={"new_queries": decision.queries}, goto="search_web")
    return Command(goto="__end__")


async def _reply_or_ask_again(
    state: AgentState, context: AgentContext, emit: Emit
) -> Decision | None:
    """One broken reply is asked for again, one refused length is shrunk once."""
    prompt = await fit_prompt(_prompt(state, context), context)
    answer = _AnswerWriter(emit, _known_sources(state, context), state["sources"])
    try:
        return await _reply(prompt, context, emit, answer)
    except InvalidModelOutput:
        if answer.started:
            raise
    except ContextTooLong:
        if answer.started:
            raise
        # The server's real window is smaller than it says.
        prompt = await fit_prompt(_prompt(state, context), context, shrink=0.5)
    return await _reply(prompt, context, emit, answer)


async def _reply(
    prompt: Prompt, context: AgentContext, emit: Emit, answer: "_AnswerWriter"
) -> Decision | None:
    decision: Decision | None = None
    finish_reason = "stop"
    async with aclosing(context.dialect.respond(context.model, prompt)) as deltas:
        async for delta in deltas:
            match delta:
                case Decision():
                    decision = delta
                    if delta.search:
                        answer.restart()
                    if delta.search or prompt.evidence is None:
                        emit(DecisionMade(delta.search, delta.queries, delta.reason))
                case TextDelta():
                    answer.write(delta.text)
                case ReasoningDelta():
                    emit(ReasoningAdded(delta.text))
                case ModelFinished():
                    emit(UsageCounted(delta.usage))
                    finish_reason = delta.finish_reason
    if decision is None or not decision.search:
        answer.end(finish_reason)
    return decision


class _AnswerWriter:
    """Sends the answer's text out through the citation stream."""

    def __init__(self, emit: Emit, sources: dict[int, Source], shown: Sequence[Source]) -> None:
        self._emit = emit
        self._sources = sources
        self._shown = shown
        self._stream = self._new_stream()
        self._sent_markers = 0

    @property
    def started(self) -> bool:
        return bool(self._stream.text)

    def write(self, text: str) -> None:
        # Models like to begin with blank lines.
        self._send(self._stream.feed(text if self._stream.text else text.lstrip()))

    def restart(self) -> None:
        if self.started:
            self._emit(AnswerRestarted())
        self._stream = self._new_stream()
        self._sent_markers = 0

    def _new_stream(self) -> CitationStream:
        return CitationStream(
            self._sources, find_source=lambda statement: find_source(statement, self._shown)
        )

    def end(self, finish_reason: str) -> None:
        self._send(self._stream.finish())
        if not self._stream.text.strip():
            raise InvalidModelOutput("The model wrote nothing. Ask again, or in other words.")
        self._emit(TextEnded(finish_reason, self._stream.dropped_markers))

    def _send(self, text: str) -> None:
        if text:
            self._emit(AnswerDelta(text))
        for marker in self._stream.markers[self._sent_markers :]:
            url = self._sources[marker.source_number].url
            place = (marker.start_index, marker.end_index)
            self._emit(CitationAdded(marker.source_number, url, *place, added=marker.added))
        self._sent_markers = len(self._stream.markers)


def _prompt(state: AgentState, context: AgentContext) -> Prompt:
    searched = state["searches_made"] > 0
    return Prompt(
        today=context.today,
        question=context.request.question,
        history=context.history,
        evidence=Evidence(state["queries"], state["sources"]) if searched else None,
        search=_search_switch(state, context),
    )


def _search_switch(state: AgentState, context: AgentContext) -> SearchSwitch:
    """What this call may do: the person's switch, while searches and time are left."""
    if state["searches_made"] == 0:
        return context.request.search
    seconds_left = context.answer_by - asyncio.get_running_loop().time()
    may_search = (
        context.request.search != "never"
        and state["searches_made"] < context.plan.max_searches
        and seconds_left > MIN_SECONDS_TO_SEARCH
    )
    return "auto" if may_search else "never"


def _known_sources(state: AgentState, context: AgentContext) -> dict[int, Source]:
    """By number: this question's sources, and the conversation's, which the history may cite."""
    known = {source.number: source for source in context.earlier_sources}
    known.update({source.number: source for source in state["sources"]})
    return known
