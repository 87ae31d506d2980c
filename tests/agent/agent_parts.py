"""The agent with fakes at its edges, and what its events hold."""

import datetime as dt
from collections.abc import Sequence

from fakes import FakeDocuments, FakeEngine, FakeModel, FakeReader, Reply, make_results

from websearch_agent.agent.run import AgentParts, answer_question
from websearch_agent.events import AgentEvent, AnswerFailed, AnswerFinished
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.protocols import ConversationStore, SearchEngine
from websearch_agent.types import Answer, AnswerRequest

A, B, C = "https://a.example/", "https://b.example/", "https://c.example/"
TEXTS = {
    A: "The red bridge was opened in 1932 by the mayor of the town.",
    B: "The red bridge is 500 metres long and crosses the wide river.",
    C: "The red bridge was painted blue in 1980, and red again in 1990.",
}


def make_parts(
    store: ConversationStore,
    replies: Sequence[Reply] | FakeModel,
    *,
    engines: Sequence[SearchEngine] | None = None,
    builtin: SearchEngine | None = None,
    pages: dict[str, object] | None = None,
) -> AgentParts:
    model = replies if isinstance(replies, FakeModel) else FakeModel(replies)
    chosen = tuple(engines) if engines is not None else (FakeEngine(make_results(A, B, C)),)
    return AgentParts(
        model=model,
        dialect=ToolsDialect(),
        store=store,
        engines=lambda: chosen,
        builtin_engine=lambda: builtin,
        reader=FakeReader({**TEXTS, **(pages or {})}),  # type: ignore[arg-type]
        documents=FakeDocuments({"builtin:1": "The package httpx is an HTTP client for Python."}),
        search_deadline_s=5.0,
        reading_deadline_s=5.0,
        answer_deadline_s=60.0,
        today=lambda: dt.date(2026, 11, 23),
    )


async def ask(parts: AgentParts, question: str = "When was the red bridge opened?", **kw: object):
    request = AnswerRequest(question=question, **kw)  # type: ignore[arg-type]
    return [event async for event in answer_question(request, parts)]


def finished(events: list[AgentEvent]) -> AnswerFinished:
    assert isinstance(events[-1], AnswerFinished), events[-1]
    return events[-1]


def answer_of(events: list[AgentEvent]) -> Answer:
    return finished(events).answer


def failed(events: list[AgentEvent]) -> AnswerFailed:
    assert isinstance(events[-1], AnswerFailed), events[-1]
    return events[-1]
