"""`answer_chat`: the way in for callers that keep the conversation and may bring functions."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from websearch_agent.agent.answer_builder import AnswerBuilder
from websearch_agent.agent.answer_writer import AnswerWriter
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
from websearch_agent.agent.state import InnerEvent
from websearch_agent.agent.unstored import UnstoredConversation, turns_before_answer
from websearch_agent.chats import ChatRequest
from websearch_agent.events import (
    AgentEvent,
    AnswerFinished,
    AnswerStarted,
    FunctionsCalled,
    ReasoningAdded,
)
from websearch_agent.model_calls import TextDelta, Usage
from websearch_agent.types import SearchSwitch, new_boundary


def answer_chat(chat: ChatRequest, parts: AgentParts) -> AsyncGenerator[AgentEvent, None]:
    """Yield what happens, as `answer_question` does. Nothing is stored.

    A model that wants functions of the caller to be carried out says so by FunctionsCalled; the
    answer's `finish_reason` is then `tool_calls`. With the search `always` it may call them first:
    there is a search before it answers.
    """
    unstored = replace(parts, store=UnstoredConversation(turns_before_answer(chat.messages)))
    options = replace(chat.options, conversation_id=None, replace_turn=None)
    may_call = bool(chat.functions) and chat.function_choice != "none"
    if may_call or (chat.has_results and options.search != "always"):
        turn = replace(chat, options=options)
        return run_to_last_event(parts, lambda emit: _turn_with_functions(turn, unstored, emit))
    return answer_question(options, unstored)


async def _turn_with_functions(chat: ChatRequest, parts: AgentParts, emit: Emit) -> None:
    check_question(chat.options.question)
    clock = asyncio.get_running_loop().time
    conversation_id = await parts.store.create_conversation("")
    emit(AnswerStarted(conversation_id, ""))
    await wait_for_model(parts.model, emit)
    answer_by = clock() + parts.answer_deadline_s
    builder = AnswerBuilder(clock)

    def tell(event: object) -> None:
        builder.observe(event)
        if not isinstance(event, InnerEvent):
            emit(event)  # type: ignore[arg-type]  # the writer's: all events of the agent

    # No sources are shown: a number in the text names none, and no address is one of theirs.
    question, boundary = chat.options.question, new_boundary()
    writer = AnswerWriter(tell, {}, (), question, boundary=boundary, searched=False)
    turn = FunctionTurn(chat, parts.model, parts.dialect, parts.today())
    try:
        async with asyncio.timeout_at(answer_by), aclosing(turn.reply()) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    writer.write(delta.text)
                else:
                    tell(ReasoningAdded(delta.text))
    except TimeoutError as error:
        raise deadline_error() from error
    if turn.leaves_the_question:
        writer.restart()
        left = replace(parts, answer_deadline_s=max(0.0, answer_by - clock()))
        switch: SearchSwitch = "always" if turn.searches else chat.options.search
        await _answer_without_functions(chat, switch, left, emit, spent=turn.usage)
        return
    if turn.text or not turn.calls:
        writer.end(turn.finish_reason)
    if turn.calls:
        emit(FunctionsCalled(turn.calls))
    answer = replace(builder.build(finish_reason=turn.finish_reason), usage=turn.usage)
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
