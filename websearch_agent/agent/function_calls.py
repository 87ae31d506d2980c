"""One turn of a model that may call functions of the caller, who then carries them out."""

import json
import logging
import re
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import date

from websearch_agent import prompts
from websearch_agent.agent.budget import TOKENS_PER_MESSAGE, TOKENS_PER_PROMPT
from websearch_agent.agent.unstored import results_behind_question
from websearch_agent.chats import ChatRequest
from websearch_agent.errors import ContextTooLong, InvalidModelOutput, ModelRejectedRequest
from websearch_agent.model_calls import (
    Message,
    ModelCall,
    ModelFinished,
    ReasoningDelta,
    TextDelta,
    Tool,
    ToolCall,
    Usage,
)
from websearch_agent.models.completion import complete
from websearch_agent.models.dialects.call_json import NotACall, repair_json
from websearch_agent.models.dialects.search_call import SEARCH_TOOL
from websearch_agent.models.http_errors import ToolsNotSupported
from websearch_agent.protocols import Dialect, ModelClient
from websearch_agent.types import new_boundary

NO_FUNCTION = "none"
CHOICE_TOKENS = 100
WANTS_CHARS = 60
# Of each result, when it is only to be seen that it is there.
RESULT_CHARS = 600
ARGUMENT_TOKENS = 400

_log = logging.getLogger(__name__)


@dataclass
class FunctionTurn:
    """What the model made of its turn, once `reply` is read to its end.

    `calls` of the caller's functions; `searches`: it wants, or is to use, the web instead; `text`
    it answered.
    """

    chat: ChatRequest
    model: ModelClient
    dialect: Dialect
    today: date
    calls: tuple[ToolCall, ...] = ()
    searches: bool = False
    text: str = ""
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)

    @property
    def leaves_the_question(self) -> bool:
        """To whoever answers questions without functions."""
        no_reply = not (self.calls or self.text or self.chat.has_results)
        return self.searches or no_reply

    async def reply(self) -> AsyncGenerator[TextDelta | ReasoningDelta, None]:
        """Yield what it says to the person. Raises ModelError."""
        # Only then it is known which way of calling the model has.
        await self.model.prepare()
        turn = self._by_tool_calls() if self.dialect.takes_tools else self._by_written_calls()
        try:
            async with aclosing(turn) as deltas:
                async for delta in deltas:
                    yield delta
            return
        except ToolsNotSupported as error:
            if self.text or self.calls:
                raise
            _log.warning("%s Functions are called by constrained JSON.", error.message)
        async with aclosing(self._by_written_calls()) as deltas:
            async for delta in deltas:
                yield delta

    # ---- models that take tools ------------------------------------------------------------

    async def _by_tool_calls(self) -> AsyncGenerator[TextDelta | ReasoningDelta, None]:
        offered = self._offered()
        must_search = self.chat.options.search == "always"
        may_search = self._may_search(offered)
        system = self._system(search_tool=may_search)
        tools = (*offered, SEARCH_TOOL) if may_search else offered
        messages = (Message("system", system), *self.chat.messages)
        forced = self._is_forced() or must_search
        call = await self._call(messages, tools=tools, force_tool=forced)
        async for delta in self._stream(call):
            if not must_search:  # else it is not the answer
                yield delta
        names = {function.name for function in offered}
        own = tuple(call for call in self.calls if call.name in names)
        self.searches = not own and (must_search or (may_search and bool(self.calls)))
        if self.calls and not own and not self.searches:
            raise InvalidModelOutput("The model called a function that was not offered to it.")
        self.calls = own if self.chat.parallel_calls else own[:1]

    # ---- models that do not ----------------------------------------------------------------

    async def _by_written_calls(self) -> AsyncGenerator[TextDelta | ReasoningDelta, None]:
        """A choice by constrained JSON, then the arguments, or the answer from the results."""
        results = results_behind_question(self.chat.messages)
        offered = self._offered()
        if not self._is_forced():
            # A small model wants what it has just done once more, whatever that has brought.
            called = {name for name, _ in results}
            offered = tuple(function for function in offered if function.name not in called)
        chosen = await self._choose(offered, results) if offered else None
        messages = _as_text(self.chat.messages)
        if chosen is not None:
            arguments = await self._write_arguments(chosen, messages)
            self.calls = (ToolCall(f"call_{secrets.token_hex(12)}", chosen.name, arguments),)
            self.finish_reason = "tool_calls"
        elif self.chat.options.search == "always":
            self.searches = True
        elif self.chat.has_results:
            system = Message("system", self._system(search_tool=False))
            async for delta in self._stream(await self._call((system, *messages))):
                yield delta

    async def _choose(
        self, offered: Sequence[Tool], results: Sequence[tuple[str, str]]
    ) -> Tool | None:
        """None if it needs none of them."""
        by_name = {function.name: function for function in offered}
        may_answer = not self._is_forced()
        if len(by_name) == 1 and not may_answer:
            return offered[0]
        asked = prompts.choose_function_question(
            self.chat.options.question,
            functions=[(function.name, function.description) for function in offered],
            results=[(name, text[:RESULT_CHARS]) for name, text in results],
        )
        questions = [n for n, message in enumerate(self.chat.messages) if message.role == "user"]
        messages = (
            Message("system", prompts.choose_function(may_answer=may_answer)),
            *_as_text(self.chat.messages[: questions[-1]]),
            Message("user", asked),
        )
        names = [*by_name, NO_FUNCTION] if may_answer else [*by_name]
        # What is wanted comes first: then 20 of 24 choices were right, without it 11 (1.5B).
        wants = {"type": "string", "maxLength": WANTS_CHARS}
        schema = _object_schema({"wants": wants, "function": {"type": "string", "enum": names}})
        call = await self._call(messages, most=CHOICE_TOKENS)
        name = (await self._complete(replace(call, json_schema=schema))).get("function")
        if name not in names:
            raise InvalidModelOutput("The model named a function that was not offered to it.")
        return by_name.get(str(name))

    async def _write_arguments(self, function: Tool, messages: tuple[Message, ...]) -> str:
        if not function.parameters.get("properties"):
            return "{}"
        parameters = json.dumps(function.parameters, ensure_ascii=False)
        asked = prompts.function_arguments(function.name, parameters=parameters)
        system = Message("system", self._system(search_tool=False))
        call = await self._call((system, *messages, Message("user", asked)), most=ARGUMENT_TOKENS)
        try:
            arguments = await self._complete(replace(call, json_schema=function.parameters))
        except ModelRejectedRequest as error:
            _log.info("The arguments of %s are not constrained: %s", function.name, error.message)
            arguments = await self._complete(call)
        return json.dumps(arguments, ensure_ascii=False)

    async def _complete(self, call: ModelCall) -> dict[str, object]:
        """The reply as a JSON object. Raises InvalidModelOutput."""
        text, _, end = await complete(self.model, call)
        self._count(end.usage)
        try:
            value = repair_json(_without_fence(text))
        except NotACall as error:
            raise InvalidModelOutput(f"The model wrote a call that is no JSON: {error}.") from error
        if not isinstance(value, dict):
            raise InvalidModelOutput("The model wrote a call that is no JSON object.")
        return value

    # ---- both ------------------------------------------------------------------------------

    def _offered(self) -> tuple[Tool, ...]:
        """The caller's functions that may be called; a named choice leaves this one."""
        choice, functions = self.chat.function_choice, self.chat.functions
        if choice in ("auto", "required"):
            return functions
        return tuple(function for function in functions if function.name == choice)

    def _is_forced(self) -> bool:
        return self.chat.function_choice not in ("auto", "none")

    def _may_search(self, offered: Sequence[Tool]) -> bool:
        """Not beside a function of this name."""
        return (
            self.chat.options.search != "never"
            and not self._is_forced()
            and all(function.name != SEARCH_TOOL.name for function in offered)
        )

    def _system(self, *, search_tool: bool) -> str:
        options = self.chat.options
        return prompts.chat_system(
            self.today,
            search_tool=search_tool,
            language=prompts.language_name(options.question),
            instructions=options.instructions,
        )

    async def _call(
        self,
        messages: tuple[Message, ...],
        *,
        tools: tuple[Tool, ...] = (),
        force_tool: bool = False,
        most: int | None = None,
    ) -> ModelCall:
        """The call without the oldest messages that do not fit the window.

        Raises ContextTooLong if the last question and what is behind it do not.
        """
        limits = await self.model.limits()
        wanted = self.chat.options.max_answer_tokens or limits.answer_tokens
        max_tokens = most or min(wanted, limits.answer_tokens)
        texts = [_as_json(tool) for tool in tools]
        texts += [m.content + "".join(call.arguments for call in m.tool_calls) for m in messages]
        counts = [count + TOKENS_PER_MESSAGE for count in await self.model.count_tokens(texts)]
        used = sum(counts) + TOKENS_PER_PROMPT
        counts = counts[len(tools) :]
        kept = list(messages)
        while used + max_tokens > limits.context_window:
            questions = [place for place, message in enumerate(kept) if message.role == "user"]
            if len(questions) < 2:
                raise ContextTooLong(
                    f"The conversation is too long for this model: it takes about {used} tokens "
                    f"with the functions, and the window holds {limits.context_window}. Send "
                    "fewer or shorter messages, results or functions."
                )
            gone = slice(1, questions[1])  # The first exchange, whole.
            used -= sum(counts[gone])
            del kept[gone], counts[gone]
        return ModelCall(tuple(kept), max_tokens, tools=tools, force_tool=force_tool)

    async def _stream(self, call: ModelCall) -> AsyncGenerator[TextDelta | ReasoningDelta, None]:
        async with aclosing(self.model.stream(call)) as deltas:
            async for delta in deltas:
                if isinstance(delta, ModelFinished):
                    self._count(delta.usage)
                    self.finish_reason, self.calls = delta.finish_reason, delta.tool_calls
                    continue
                if isinstance(delta, TextDelta):
                    self.text += delta.text
                yield delta

    def _count(self, usage: Usage) -> None:
        self.usage = add_usage(self.usage, usage)


def add_usage(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        one.model_calls + other.model_calls,
    )


def _as_text(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Calls and results as what was said, for models that know no such messages."""
    boundary, names = new_boundary(), dict[str, str]()
    written: list[Message] = []
    for message in messages:
        if message.role == "tool":
            name = names.get(message.tool_call_id or "", "")
            result = prompts.function_result(name, result=message.content, boundary=boundary)
            written.append(Message("user", result))
            continue
        names |= {call.id: call.name for call in message.tool_calls}
        calls = [f"{call.name}({call.arguments})" for call in message.tool_calls]
        said = "\n".join(part for part in (message.content, *calls) if part)
        written.append(Message(message.role, said))
    return tuple(written)


def _as_json(tool: Tool) -> str:
    shown = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return json.dumps(shown, ensure_ascii=False)


def _object_schema(properties: dict[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _without_fence(text: str) -> str:
    return re.sub(r"^\s*```[a-z]*\s*|\s*```\s*$", "", text)
