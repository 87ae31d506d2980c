"""`answer_chat`: the way in for callers that keep the conversation and may bring functions."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from websearch_agent.agent.function_calls import FunctionTurn, add_usage
from websearch_agent.agent.run import (
    AgentParts,
    Emit,
    answer_question,
    check_question,
    deadline_error,
    run_to_last_event,
    wait_for_model,
)
from websearch_agent.agent.unstored import UnstoredConversation, turns_before_question
from websearch_agent.chats import ChatRequest
from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFinished,
    AnswerStarted,
    FunctionsCalled,
    ReasoningAdded,
)
from websearch_agent.model_calls import TextDelta, Usage
from websearch_agent.types import Answer, SearchSwitch


def answer_chat(chat: ChatRequest, parts: AgentParts) -> AsyncGenerator[AgentEvent, None]:
    """Yield what happens, as `answer_question` does. Nothing is stored.

    A model that wants functions of the caller to be carried out says so by FunctionsCalled; the
    answer's `finish_reason` is then `tool_calls`.
    """
    store = UnstoredConversation(turns_before_question(chat.messages))
    unstored = replace(parts, store=store)
    options = replace(chat.options, conversation_id=None, replace_turn=None)
    may_call = bool(chat.functions) and chat.function_choice != "none"
    # A search that was asked for comes first: the functions are for what is left to do.
    searches_first = options.search == "always" and chat.function_choice in ("auto", "none")
    if chat.has_results or (may_call and not searches_first):
        turn = replace(chat, options=options)
        return run_to_last_event(parts, lambda emit: _turn_with_functions(turn, unstored, emit))
    return answer_question(options, unstored)


async def _turn_with_functions(chat: ChatRequest, parts: AgentParts, emit: Emit) -> None:
    check_question(chat.options.question)
    conversation_id = await parts.store.create_conversation("")
    emit(AnswerStarted(conversation_id, ""))
    await wait_for_model(parts.model, emit)
    turn = FunctionTurn(chat, parts.model, parts.dialect, parts.today())
    try:
        async with asyncio.timeout(parts.answer_deadline_s), aclosing(turn.reply()) as deltas:
            async for delta in deltas:
                says = isinstance(delta, TextDelta)
                emit(AnswerDelta(delta.text) if says else ReasoningAdded(delta.text))
    except TimeoutError as error:
        raise deadline_error() from error
    if not (turn.calls or turn.text) or turn.searches:
        switch: SearchSwitch = "always" if turn.searches else chat.options.search
        await _answer_without_functions(chat, switch, parts, emit, spent=turn.usage)
        return
    if turn.calls:
        emit(FunctionsCalled(turn.calls))
    answer = Answer(turn.text, usage=turn.usage, finish_reason=turn.finish_reason)
    emit(AnswerFinished(conversation_id, answer))


async def _answer_without_functions(
    chat: ChatRequest,
    search: SearchSwitch,
    parts: AgentParts,
    emit: Emit,
    *,
    spent: Usage,
) -> None:
    """The question as any other; `spent` was used up before."""
    request = replace(chat.options, search=search)
    async with aclosing(answer_question(request, parts)) as events:
        async for event in events:
            if isinstance(event, AnswerFinished):
                usage = add_usage(spent, event.answer.usage)
                event = replace(event, answer=replace(event.answer, usage=usage))
            if not isinstance(event, AnswerStarted):
                emit(event)
