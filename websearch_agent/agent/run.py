"""`answer_question`: the only way in, for every door."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date
from typing import cast
from weakref import WeakValueDictionary

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.agent.addresses import find_addresses
from websearch_agent.agent.answer_builder import AnswerBuilder
from websearch_agent.agent.graph import agent_graph, recursion_limit
from websearch_agent.agent.history import (
    conversation_sources,
    history_messages,
    sources_in_hand,
)
from websearch_agent.agent.plan import PLANS
from websearch_agent.agent.running import RunningAnswers
from websearch_agent.agent.state import (
    AgentContext,
    AnswerVerified,
    InnerEvent,
    initial_state,
)
from websearch_agent.agent.stopped_answer import check_stopped
from websearch_agent.agent.titles import conversation_of, names_conversation, title_of
from websearch_agent.conversations import (
    Conversation,
    Turn,
)
from websearch_agent.errors import AgentError, DeadlineExceeded, InvalidRequest
from websearch_agent.events import (
    AgentEvent,
    AnswerFailed,
    AnswerFinished,
    AnswerStarted,
    ModelWaiting,
)
from websearch_agent.protocols import (
    Dialect,
    DocumentStore,
    ModelClient,
    PageReader,
    Reranker,
    SearchEngine,
    TurnStore,
)
from websearch_agent.search.resting import RestTable
from websearch_agent.types import Answer, AnswerRequest, EvidenceForm, Verification

_log = logging.getLogger(__name__)

MAX_QUESTION_CHARS = 20_000
MODEL_STATUS_EVERY_S = 0.5

Emit = Callable[[AgentEvent], None]


@dataclass(frozen=True, slots=True)
class AgentParts:
    """Everything that answering needs and that outlives one question. Made by `wiring`.

    `engines` is called for each question: an index may have been made since the last one.
    `owner_id` is whose conversations `store` holds: only they can stop their answers.
    """

    model: ModelClient
    dialect: Dialect
    store: TurnStore
    engines: Callable[[], tuple[SearchEngine, ...]]
    builtin_engine: Callable[[], SearchEngine | None]
    reader: PageReader
    documents: DocumentStore
    search_deadline_s: float
    reading_deadline_s: float
    answer_deadline_s: float
    evidence: EvidenceForm = "passages"
    verification: Verification = "fast"
    strict: bool = False
    reranker: Reranker | None = None
    today: Callable[[], date] = date.today
    rests: RestTable = field(default_factory=RestTable)
    owner_id: str = LOCAL_OWNER
    running: RunningAnswers = field(default_factory=RunningAnswers)
    locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def end_running(self) -> None:
        """Stop the questions that are being answered; each is stored as stopped."""
        await self.running.end_all()

    def stop_answer(self, turn_id: str) -> bool:
        """Let an answer of this owner end with what was written. False if none is being written."""
        return self.running.stop(self.owner_id, turn_id)


async def answer_question(
    request: AnswerRequest, parts: AgentParts
) -> AsyncGenerator[AgentEvent, None]:
    """Yield what happens; exactly one AnswerFinished or AnswerFailed is the last.

    The work runs in a task of its own, so that closing this generator stops the model and the
    searches at once, and what was written is still stored, marked as stopped. After
    `parts.stop_answer` the stream ends with that as an AnswerFinished.
    """
    work = run_to_last_event(parts, lambda emit: _work(request, parts, emit))
    async with aclosing(work) as events:
        async for event in events:
            yield event


async def run_to_last_event(
    parts: AgentParts,
    work: Callable[[Callable[[AgentEvent], None]], Coroutine[object, object, None]],
) -> AsyncGenerator[AgentEvent, None]:
    """Yield what `work` emits, in a task of its own. Whatever happens, a last event comes."""
    events: asyncio.Queue[AgentEvent] = asyncio.Queue()
    task = parts.running.start(_to_a_last_event(work(events.put_nowait), events.put_nowait))
    try:
        while True:
            event = await events.get()
            yield event
            if isinstance(event, AnswerFinished | AnswerFailed):
                return
    finally:
        task.cancel()
        # Shielded: the caller may be cancelled again and again while the turn is stored.
        await asyncio.shield(asyncio.wait([task]))


async def _work(request: AnswerRequest, parts: AgentParts, emit: Emit) -> None:
    check_question(request.question)
    _check_replacing(request, parts)
    conversation_id = await conversation_of(request, parts.store)
    names_it = await names_conversation(request, parts.store)
    turn = await parts.store.begin_turn(
        conversation_id, request.question, replace_turn=request.replace_turn
    )
    emit(AnswerStarted(conversation_id, turn.id))
    end = await _answer_turn(request, parts, conversation_id, turn, emit)
    # Stopped before its first word, it has replaced nothing.
    if names_it and isinstance(end, AnswerFinished) and end.answer.text:
        await parts.store.rename_conversation(conversation_id, title_of(request.question))
    emit(end)


async def _to_a_last_event(work: Coroutine[object, object, None], emit: Emit) -> None:
    try:
        await work
    except asyncio.CancelledError:
        emit(AnswerFailed("stopped", "The answer was stopped. What was written is kept.", True))
        raise
    except Exception as error:  # noqa: BLE001 - a door: whatever it is, the stream ends with it
        emit(_failure(error))


async def _answer_turn(
    request: AnswerRequest,
    parts: AgentParts,
    conversation_id: str,
    turn: Turn,
    emit: Emit,
) -> AnswerFinished | AnswerFailed:
    """Answer and store; returns how the stream ends. Stores also what a stop or an error left."""
    loop = asyncio.get_running_loop()
    builder = AnswerBuilder(loop.time)
    lock = parts.locks.setdefault(conversation_id, asyncio.Lock())
    running = parts.running.register(parts.owner_id, conversation_id, turn.id)
    stored = False

    async def store(status: str, answer: Answer, failure: AnswerFailed | None = None) -> None:
        nonlocal stored
        stored = True
        parts.running.settle(parts.owner_id, turn.id)
        await _to_the_end(
            parts.store.finish_turn(turn.id, status=status, answer=answer, failure=failure)
        )

    try:
        # One question at a time in a conversation: the second one needs the first one's numbers.
        async with lock:
            conversation = await parts.store.load_conversation(conversation_id)
            builder.know(conversation_sources(conversation.turns))
            await wait_for_model(parts.model, emit)
            await _run_graph(_context(request, parts, conversation), builder, emit)
            answer = builder.build()
            await store("finished", answer)
    except asyncio.CancelledError:
        if stored:
            raise
        if running.stop_asked:
            _check_stopped(request, parts, builder, emit)
        answer = builder.build(finish_reason="stopped")
        await store("stopped", answer)
        if not running.stop_asked:
            raise
        running.task.uncancel()
    except Exception as error:  # noqa: BLE001 - stored with its turn, then told
        failure = _failure(error)
        await store("failed", builder.build(finish_reason="failed"), failure)
        return failure
    return AnswerFinished(conversation_id, answer)


def _check_stopped(
    request: AnswerRequest,
    parts: AgentParts,
    builder: AnswerBuilder,
    emit: Emit,
) -> None:
    """Without a wait: until it is stored, nothing may cut this short."""
    if (request.verification or parts.verification) == "off":
        return
    checked = check_stopped(builder.build(), request.question, today=parts.today())
    for check in checked:
        builder.observe(check)
        emit(check)
    if checked:
        builder.observe(AnswerVerified("fast", unanswered=False))


async def _to_the_end(storing: Coroutine[object, object, None]) -> None:
    """Do not let a cancellation cut this short: it is raised when all is written."""
    task = asyncio.ensure_future(storing)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


async def _run_graph(context: AgentContext, builder: AnswerBuilder, emit: Emit) -> None:
    """Run the graph to its end. Raises DeadlineExceeded and what the nodes raise."""
    stream = agent_graph().astream(
        initial_state(context.earlier_sources),
        context=context,
        stream_mode="custom",
        config={"recursion_limit": recursion_limit(context.plan.max_searches)},
    )
    # langgraph types its stream more loosely than it is: the nodes emit nothing else.
    events = cast("AsyncGenerator[AgentEvent | InnerEvent, None]", stream)
    try:
        async with asyncio.timeout_at(context.answer_by), aclosing(events):
            async for event in events:
                builder.observe(event)
                if not isinstance(event, InnerEvent):
                    emit(event)
    except TimeoutError as error:
        raise deadline_error() from error


def deadline_error() -> DeadlineExceeded:
    return DeadlineExceeded(
        "The answer took longer than it may (WEBSEARCH_ANSWER_DEADLINE_S). "
        "Ask again, or choose the mode quick."
    )


async def wait_for_model(model: ModelClient, emit: Emit) -> None:
    """Return when the model is ready; say how far it is while it is not, and when it is."""
    if model.status().state == "ready":
        return
    preparing = asyncio.create_task(model.prepare())
    said = None
    try:
        while not preparing.done():
            await asyncio.wait([preparing], timeout=MODEL_STATUS_EVERY_S)
            status = model.status()
            if not preparing.done() and status != said:
                emit(ModelWaiting(status))
                said = status
        await preparing
        if said is not None:
            emit(ModelWaiting(model.status()))
    finally:
        preparing.cancel()


def _context(request: AnswerRequest, parts: AgentParts, conversation: Conversation) -> AgentContext:
    verification = request.verification or parts.verification
    strict = parts.strict if request.strict is None else request.strict
    if request.strict and verification == "off":
        raise InvalidRequest(
            "strict needs the statements to be checked: ask with verification fast or model."
        )
    return AgentContext(
        request=request,
        today=parts.today(),
        history=history_messages(conversation.turns),
        earlier_sources=conversation_sources(conversation.turns),
        in_hand=sources_in_hand(conversation.turns) if request.search == "auto" else (),
        addresses=find_addresses(request.question),
        plan=PLANS[request.mode],
        model=parts.model,
        dialect=parts.dialect,
        engines=parts.engines(),
        builtin_engine=parts.builtin_engine(),
        reader=parts.reader,
        documents=parts.documents,
        evidence=request.evidence or parts.evidence,
        verification=verification,
        strict=strict,
        reranker=parts.reranker,
        rests=parts.rests,
        search_deadline_s=parts.search_deadline_s,
        reading_deadline_s=parts.reading_deadline_s,
        answer_by=asyncio.get_running_loop().time() + parts.answer_deadline_s,
    )


def _check_replacing(request: AnswerRequest, parts: AgentParts) -> None:
    """Raises InvalidRequest where a turn cannot be replaced now, whichever it is."""
    if request.replace_turn is None:
        return
    if request.conversation_id is None:
        raise InvalidRequest(
            "replace_turn names a turn of a conversation: send its conversation_id too."
        )
    # It would hide the turn that is being answered, whose numbers and text it must know.
    if parts.running.is_answering(parts.owner_id, request.conversation_id):
        raise InvalidRequest(
            "A question of this conversation is still being answered. Stop it, or wait for its end."
        )


def check_question(question: str) -> None:
    """Raises InvalidRequest for a question that is empty, overlong, or no Unicode text."""
    if not question.strip():
        raise InvalidRequest("The question is empty. Write what you want to know.")
    if len(question) > MAX_QUESTION_CHARS:
        raise InvalidRequest(
            f"The question has {len(question):,} characters; at most {MAX_QUESTION_CHARS:,} are "
            "taken. Shorten it."
        )
    if any("\ud800" <= character <= "\udfff" for character in question):
        # Bytes that are no UTF-8 (command line) or half a JSON escape: no part can store them.
        raise InvalidRequest("The question is not readable text. Send it as UTF-8.")


def _failure(error: Exception) -> AnswerFailed:
    if isinstance(error, AgentError):
        return AnswerFailed(error.code, error.message, error.retryable)
    _log.error("unexpected error while answering", exc_info=error)
    return AnswerFailed(
        "internal_error", "Something went wrong inside the program; the log has it.", True
    )
