"""The node `respond`: one turn of the model, which searches or answers."""

import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from websearch_agent.agent.budget import fit_prompt
from websearch_agent.agent.fence_echo import FenceEchoFilter
from websearch_agent.agent.notices import cut_notice, nothing_found_notice, uncited_notice
from websearch_agent.agent.prompting import build_prompt, citable_sources
from websearch_agent.agent.relative_dates import with_absolute_dates
from websearch_agent.agent.state import AgentContext, AgentState, TextEnded, UsageCounted
from websearch_agent.citations.markers import CitationStream
from websearch_agent.citations.quotes import find_quote, find_source
from websearch_agent.errors import ContextTooLong, InvalidModelOutput, ModelError
from websearch_agent.events import (
    AnswerDelta,
    AnswerRestarted,
    CitationAdded,
    DecisionMade,
    Notice,
    ReasoningAdded,
    SourcesSelected,
)
from websearch_agent.model_calls import ModelFinished, ReasoningDelta, TextDelta
from websearch_agent.types import Decision, Prompt, Source, SourceNamed

Emit = Callable[[object], None]

SHRINK_TO_LEARNT_WINDOW = 0.85
SHRINK_TO_UNKNOWN_WINDOW = 0.5

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_LATIN_WORD = re.compile(r"[a-z][a-z0-9_]{2,}")


async def respond(
    state: AgentState, runtime: Runtime[AgentContext]
) -> Command[Literal["search_web", "respond", "__end__"]]:
    """Let the model decide or answer. Raises ModelError."""
    context = runtime.context
    decision = await _reply_or_ask_again(state, context, runtime.stream_writer)
    if decision is not None and decision.search:
        return Command(update={"new_queries": decision.queries}, goto="search_web")
    if decision is not None and decision.reuse:
        runtime.stream_writer(SourcesSelected(context.in_hand))
        return Command(update={"sources": context.in_hand, "reused": True}, goto="respond")
    return Command(goto="__end__")


async def _reply_or_ask_again(
    state: AgentState, context: AgentContext, emit: Emit
) -> Decision | None:
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


class _EmptyReply(InvalidModelOutput):
    """The model ended without a word."""


def _nothing_written(finish_reason: str) -> InvalidModelOutput:
    if finish_reason == "length":
        # Again, it would think just as long.
        return InvalidModelOutput(
            "The model used up its tokens before it wrote an answer, most likely on thinking. "
            "Raise WEBSEARCH_ANSWER_TOKENS, or switch its thinking off in its profile."
        )
    if finish_reason == "repetition":
        return InvalidModelOutput("The model went round in circles. Ask in other words.")
    return _EmptyReply("The model wrote nothing. Ask again, or in other words.")


class _NothingSaid(Exception):
    """The call failed before a word of it was shown: it may be made again."""

    def __init__(self, cause: ModelError) -> None:
        super().__init__(cause.message)
        self.cause = cause


async def _fit_and_reply(
    state: AgentState, context: AgentContext, emit: Emit, *, shrink: float
) -> Decision | None:
    wanted = build_prompt(state, context, sources=state["sources"])
    prompt = await fit_prompt(wanted, context, shrink=shrink)
    shown = prompt.evidence.sources if prompt.evidence is not None else ()
    if shown != state["sources"]:
        emit(SourcesSelected(shown))
    answer = _AnswerWriter(
        emit,
        citable_sources(prompt, context),
        shown,
        prompt.question,
        searched=prompt.evidence is not None,
    )
    try:
        return await _reply(prompt, context, emit, answer)
    except (_EmptyReply, ContextTooLong) as error:
        if answer.started:
            raise
        raise _NothingSaid(error) from error


async def _reply(
    prompt: Prompt, context: AgentContext, emit: Emit, answer: "_AnswerWriter"
) -> Decision | None:
    decision: Decision | None = None
    finish_reason = "stop"
    async with aclosing(context.dialect.respond(context.model, prompt)) as deltas:
        async for delta in deltas:
            match delta:
                case Decision():
                    decision = _with_dates(delta, context)
                    if delta.search:
                        answer.restart()
                    if delta.search or prompt.evidence is None:
                        emit(_as_event(decision))
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


def _with_dates(decision: Decision, context: AgentContext) -> Decision:
    """Its queries with "last week" and the like written out, each once."""
    written = (with_absolute_dates(query, today=context.today) for query in decision.queries)
    return replace(decision, queries=tuple(dict.fromkeys(written)))


def _as_event(decision: Decision) -> DecisionMade:
    return DecisionMade(
        decision.search,
        decision.queries,
        decision.reason,
        reuse=decision.reuse,
        probability=decision.probability,
    )


class _AnswerWriter:
    """Sends the answer's text out through the citation stream."""

    def __init__(
        self,
        emit: Emit,
        sources: dict[int, Source],
        shown: Sequence[Source],
        question: str,
        *,
        searched: bool,
    ) -> None:
        self._emit = emit
        self._searched = searched
        self._question = question
        self._sources = sources
        self._shown = shown
        self._stream = self._new_stream()
        self._fence_echo = FenceEchoFilter()
        self._sent_markers = 0

    @property
    def started(self) -> bool:
        return self._stream.length > 0

    def write(self, text: str) -> None:
        self._show(self._fence_echo.feed(text))

    def _show(self, text: str) -> None:
        # Models like to begin with blank lines.
        self._send(self._stream.feed(text if self.started else text.lstrip()))

    def name_source(self, number: int) -> None:
        """Put the source that the model named behind its answer, unless nothing speaks for it.

        A sentence of the source must come near the answer: asked for a source, a small model
        names one for anything. Where the two are in different scripts, the source must hold at
        least half of the answer's Latin words, such as names and commands.
        """
        source = next((source for source in self._shown if source.number == number), None)
        text = self._stream.text
        if source is None:
            return
        said = " ".join(passage.text for passage in source.passages)
        if bool(_CJK.search(text)) == bool(_CJK.search(said)):
            near = bool(find_quote(text, source))
        else:
            words = set(_LATIN_WORD.findall(text.casefold()))
            shared = words & set(_LATIN_WORD.findall(said.casefold()))
            near = bool(words) and 2 * len(shared) >= len(words)
        if near:
            self.write(f" [{number}]")

    def restart(self) -> None:
        if self.started:
            self._emit(AnswerRestarted())
        self._stream = self._new_stream()
        self._fence_echo = FenceEchoFilter()
        self._sent_markers = 0

    def _new_stream(self) -> CitationStream:
        return CitationStream(
            self._sources, find_source=lambda statement: find_source(statement, self._shown)
        )

    def end(self, finish_reason: str) -> None:
        self._show(self._fence_echo.finish())
        self._send(self._stream.finish())
        if not self._stream.text.strip():
            raise _nothing_written(finish_reason)
        if self._searched and not self._shown:
            self._emit(Notice(nothing_found_notice(self._question)))
        elif self._shown and not self._stream.markers:
            self._emit(Notice(uncited_notice(self._question)))
        if cut := cut_notice(self._question, finish_reason):
            self._emit(Notice(cut))
        self._emit(TextEnded(finish_reason, self._stream.dropped_markers))

    def _send(self, text: str) -> None:
        if text:
            self._emit(AnswerDelta(text))
        for marker in self._stream.markers[self._sent_markers :]:
            url = self._sources[marker.source_number].url
            place = (marker.start_index, marker.end_index)
            self._emit(CitationAdded(marker.source_number, url, *place, added=marker.added))
        self._sent_markers = len(self._stream.markers)
