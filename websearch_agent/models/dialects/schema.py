"""Dialect `schema`: a constrained JSON reply decides, then a second call answers.

For small models, which cannot hold a tool protocol. The decision names the kind of task and then
what it needs; the queries are written by a call of their own, only when there is a search.
"""

import json
import logging
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from websearch_agent import prompts
from websearch_agent.errors import InvalidModelOutput, ModelError
from websearch_agent.model_calls import (
    Message,
    ModelCall,
    ModelDelta,
    ModelFinished,
    TextDelta,
    TokenLogprob,
    Tool,
    Usage,
)
from websearch_agent.models.completion import complete
from websearch_agent.models.dialects.decision import (
    DECISION_TOKENS,
    QUERIES_TOKENS,
    STANDALONE_TOKENS,
    decision_schema,
    parse_decision,
    parse_queries,
    parse_standalone,
    queries_schema,
    question_as_query,
    standalone_schema,
)
from websearch_agent.models.dialects.search_or_answer import answer_tokens
from websearch_agent.models.dialects.standalone import shown_turns, with_question_before
from websearch_agent.protocols import ModelClient
from websearch_agent.types import Decision, DialectDelta, Prompt, SourceNamed

T = TypeVar("T")

_log = logging.getLogger(__name__)

NAME_SOURCE_TOKENS = 24
# Of a decision that could not be read, what the model is shown of it.
MAX_REPEATED_CHARS = 300
# The question about the source, its reply, and what the chat template adds to both.
NAME_SOURCE_ROOM_TOKENS = 120
_MARKER = re.compile(r" ?\[\d+\]")


class SchemaDialect:
    """For models that need their reply constrained. Deciding costs one short call, queries another.

    `search_threshold`: search when the model's probability of searching is at least this,
    where it tells one; None: what it writes.
    """

    min_reply_tokens = QUERIES_TOKENS
    takes_tools = False

    def __init__(self, *, search_threshold: float | None = None) -> None:
        self._search_threshold = search_threshold

    def build_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        if prompt.evidence is not None:
            return _answer_messages(prompt)
        if prompt.search == "never":
            return _chat_messages(prompt)
        return _decide_messages(prompt)

    def offered_tools(self, prompt: Prompt) -> tuple[Tool, ...]:
        return ()

    async def respond(
        self, model: ModelClient, prompt: Prompt
    ) -> AsyncGenerator[DialectDelta, None]:
        if prompt.search != "never" and prompt.evidence is None:
            async with aclosing(self._decide(model, prompt)) as deciding:
                async for item in deciding:
                    yield item
                    if isinstance(item, Decision) and (item.search or item.reuse):
                        return
        async with aclosing(_answer(model, prompt)) as deltas:
            async for delta in deltas:
                yield delta

    async def _decide(
        self, model: ModelClient, prompt: Prompt
    ) -> AsyncGenerator[Decision | ModelFinished, None]:
        """Yield the end of each call, then the decision with its queries."""
        decision = Decision(search=True)
        if prompt.search != "always":
            call = ModelCall(
                _decide_messages(prompt),
                max_tokens=DECISION_TOKENS,
                json_schema=decision_schema(prompt),
                logprobs=True,
            )
            threshold = self._search_threshold
            decision, ends = await _ask(
                model,
                call,
                lambda text, tokens: parse_decision(
                    text, prompt, tokens=tokens, threshold=threshold
                ),
            )
            for end in ends:
                yield end
        if decision.search:
            question, ends = await _stand_alone(model, prompt)
            queries, more_ends = await _write_queries(model, prompt, question)
            for end in (*ends, *more_ends):
                yield end
            decision = replace(decision, queries=queries)
        yield decision


async def _stand_alone(model: ModelClient, prompt: Prompt) -> tuple[str, list[ModelFinished]]:
    """The question as it would be asked without its conversation, and the ends of the calls."""
    if not prompt.history:
        return prompt.question, []
    call = ModelCall(
        _standalone_messages(prompt), max_tokens=STANDALONE_TOKENS, json_schema=standalone_schema()
    )
    try:
        return await _ask(model, call, lambda text, _: parse_standalone(text, prompt))
    except InvalidModelOutput as error:
        _log.warning("%s The follow-up is searched as it was asked.", error.message)
        return with_question_before(prompt.question, prompt.history), []


async def _write_queries(
    model: ModelClient, prompt: Prompt, question: str
) -> tuple[tuple[str, ...], list[ModelFinished]]:
    """Queries for a question that stands alone, and the ends of the calls."""
    messages = _query_messages(prompt, question)
    call = ModelCall(messages, max_tokens=QUERIES_TOKENS, json_schema=queries_schema())
    try:
        return await _ask(model, call, lambda text, _: parse_queries(text, question))
    except InvalidModelOutput as error:
        # The search was decided; the question is searched beside the queries anyway.
        _log.warning("%s The question itself is searched.", error.message)
        return question_as_query(question), []


async def _ask(
    model: ModelClient, call: ModelCall, read: Callable[[str, tuple[TokenLogprob, ...]], T]
) -> tuple[T, list[ModelFinished]]:
    """The reply as `read` understands it, and the end of each call.

    What cannot be read is asked again once, with what was wrong: the same call again would
    bring the same reply. Raises InvalidModelOutput.
    """
    text, tokens, end = await complete(model, call)
    try:
        return read(text, tokens), [end]
    except InvalidModelOutput:
        said = Message("assistant", text[:MAX_REPEATED_CHARS] or "-")
        again = Message("user", prompts.decide_again(call.messages[-1].content))
    call = replace(call, messages=(*call.messages, said, again))
    text, tokens, second_end = await complete(model, call)
    return read(text, tokens), [end, second_end]


async def _answer(model: ModelClient, prompt: Prompt) -> AsyncGenerator[DialectDelta, None]:
    """The answer, from the sources if there are any; behind one that names none its source."""
    text = ""
    end: ModelFinished | None = None
    async with aclosing(_write_answer(model, prompt)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                text += delta.text
            if isinstance(delta, ModelFinished):
                end = delta
            yield delta
    if end is not None and _may_be_asked_for_its_source(text, end, prompt):
        async for extra in _name_source(model, prompt, text):
            yield extra


async def _write_answer(model: ModelClient, prompt: Prompt) -> AsyncGenerator[ModelDelta, None]:
    if prompt.evidence is not None and not prompt.evidence.sources:
        yield TextDelta(prompts.nothing_found(prompt.question))
        yield ModelFinished("stop", Usage())
        return
    if prompt.evidence is None:
        call = ModelCall(_chat_messages(prompt), max_tokens=answer_tokens(prompt), purpose="chat")
        async with aclosing(model.stream(call)) as deltas:
            async for delta in deltas:
                yield delta
        return
    shown = prompt.evidence.sources
    example = prompts.answer_example(prompt.question, sources=shown)
    examples = [answered for _, answered in example]
    call = ModelCall(_answer_messages(prompt), max_tokens=answer_tokens(prompt))
    held: str | None = ""
    async with aclosing(model.stream(call)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta) and held is not None:
                held += delta.text
                if any(example.startswith(held.strip()) for example in examples):
                    continue  # So far it might be no more than a copy of the example.
                delta, held = TextDelta(held), None
            if isinstance(delta, ModelFinished) and held:
                if held.strip() in examples:
                    yield delta
                    break
                yield TextDelta(held)
                held = None
            yield delta
    if held:
        call = replace(call, messages=_answer_messages(prompt, with_example=False))
        async with aclosing(model.stream(call)) as deltas:
            async for delta in deltas:
                yield delta


def _may_be_asked_for_its_source(text: str, finished: ModelFinished, prompt: Prompt) -> bool:
    """Whether an answer from sources names none, is whole, and leaves room to ask."""
    room = prompt.max_tokens - finished.usage.completion_tokens
    shown = prompt.evidence is not None and bool(prompt.evidence.sources)
    return (
        shown
        and bool(text.strip())
        and not _MARKER.search(text)
        and finished.finish_reason == "stop"
        and room >= NAME_SOURCE_ROOM_TOKENS
    )


async def _name_source(
    model: ModelClient, prompt: Prompt, text: str
) -> AsyncGenerator[SourceNamed | ModelFinished, None]:
    """Ask the model which source its answer rests on.

    A 1.5B model leaves the markers out of half of its answers, most of all where question and
    sources are in different languages. A failure here never costs the answer.
    """
    assert prompt.evidence is not None  # noqa: S101 - for the type checker; callers looked
    numbers = [str(source.number) for source in prompt.evidence.sources]
    asked = (
        Message("assistant", text),
        Message("user", prompts.name_source(prompt.question)),
    )
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"source": {"type": "string", "enum": [*numbers, "none"]}},
        "required": ["source"],
        "additionalProperties": False,
    }
    call = ModelCall(
        (*_answer_messages(prompt), *asked), max_tokens=NAME_SOURCE_TOKENS, json_schema=schema
    )
    reply = ""
    try:
        async with aclosing(model.stream(call)) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    reply += delta.text
                elif isinstance(delta, ModelFinished):
                    yield delta
        number = json.loads(reply)["source"]
    except (ModelError, ValueError, KeyError, TypeError) as error:
        _log.warning("the model could not say which source it used: %s", error)
        return
    if number in numbers:
        yield SourceNamed(int(number))


def _decide_messages(prompt: Prompt) -> tuple[Message, ...]:
    system = prompts.decide_system(
        prompt.today, follow_up=bool(prompt.history), sources_in_hand=bool(prompt.in_hand)
    )
    question = prompts.decide_question(prompt.question, addresses=bool(prompt.addresses))
    return (Message("system", system), *prompt.history, Message("user", question))


def _query_messages(prompt: Prompt, question: str) -> tuple[Message, ...]:
    system = prompts.write_queries(prompt.today)
    return (Message("system", system), Message("user", prompts.query_question(question)))


def _standalone_messages(prompt: Prompt) -> tuple[Message, ...]:
    system = prompts.standalone_system(prompt.today, prompt.question)
    example = [
        message
        for asked, rewrite in prompts.standalone_examples(prompt.question)
        for message in (
            Message("user", asked),
            Message("assistant", json.dumps({"standalone": rewrite}, ensure_ascii=False)),
        )
    ]
    question = prompts.standalone_question(prompt.question, turns=shown_turns(prompt.history))
    return (Message("system", system), *example, Message("user", question))


def _chat_messages(prompt: Prompt) -> tuple[Message, ...]:
    language = prompts.language_name(prompt.question)
    system = prompts.chat_system(
        prompt.today, search_tool=False, language=language, instructions=prompt.instructions
    )
    return (Message("system", system), *prompt.history, Message("user", prompt.question))


def _answer_messages(prompt: Prompt, *, with_example: bool = True) -> tuple[Message, ...]:
    assert prompt.evidence is not None  # noqa: S101 - for the type checker; callers looked
    system = prompts.answer_system(
        prompt.today, search_tool=False, instructions=prompt.instructions
    )
    question = prompts.answer_question(
        prompt.question, sources=prompt.evidence.sources, boundary=prompt.boundary
    )
    example = [
        message
        for asked, answered in prompts.answer_example(
            prompt.question, sources=prompt.evidence.sources
        )
        for message in (Message("user", asked), Message("assistant", answered))
        if with_example
    ]
    history = [_without_markers(message) for message in prompt.history]
    return (Message("system", system), *example, *history, Message("user", question))


def _without_markers(message: Message) -> Message:
    """An earlier answer without its `[n]`: small models would copy them behind new statements."""
    if message.role != "assistant":
        return message
    return replace(message, content=_MARKER.sub("", message.content))
