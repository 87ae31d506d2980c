"""The body of `POST /v1/chat/completions`, and the conversation that it holds."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from websearch_agent.chats import ChatRequest
from websearch_agent.model_calls import Message, ToolCall
from websearch_agent.server.openai_bodies import (
    CalledFunction,
    Content,
    FunctionSpec,
    Lenient,
    NamedFunction,
    NoLogprobs,
    NotGiven,
    NotTrue,
    OneAnswer,
    SearchFields,
    TextForm,
    TextMedia,
    TokenLimit,
    ToolChoice,
    ToolChoiceField,
    WebSearchTool,
    text_of,
)
from websearch_agent.server.openai_settings import chat_request
from websearch_agent.server.openai_transcript import Transcript, transcript_of
from websearch_agent.types import SearchSwitch


class ChatCall(Lenient):
    """A call of a function that the model made in an earlier message."""

    id: str = Field(max_length=256)
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(Lenient):
    """One message. `tool_call_id` belongs to the role `tool`; `function` is its older form."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None
    name: str | None = None
    tool_calls: list[ChatCall] | None = None
    tool_call_id: str | None = Field(default=None, max_length=256)
    function_call: CalledFunction | None = None


class FunctionTool(Lenient):
    """A function of the caller: the model may call it, the caller carries it out."""

    type: Literal["function"]
    function: FunctionSpec


ChatTool = Annotated[FunctionTool | WebSearchTool, Field(discriminator="type")]


class StreamOptions(Lenient):
    include_usage: bool | None = None


_EXAMPLE: JsonDict = {
    "model": "websearch-agent",
    "messages": [{"role": "user", "content": "Does HTTPX support HTTP/2?"}],
}
_STREAMED: JsonDict = {
    "model": "websearch-agent:always",
    "messages": [
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": "Does HTTPX support HTTP/2?"},
    ],
    "stream": True,
    "stream_options": {"include_usage": True},
    "web_search_options": {"search_context_size": "low"},
    "search_domain_filter": ["python-httpx.org", "-example.com"],
}


class ChatBody(SearchFields):
    """A chat of which nothing is stored. What samples (`temperature`, `top_p`, `seed`, `stop`,
    penalties), `user`, `metadata` and unknown fields are taken and ignored: the sampling is that
    of the served model's profile."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE, _STREAMED]})

    model: str = Field(max_length=256, description="One of the names that `GET /v1/models` lists.")
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: TokenLimit | None = None
    max_tokens: TokenLimit | None = Field(
        default=None, description="The older name of `max_completion_tokens`."
    )
    tools: list[ChatTool] | None = None
    tool_choice: ToolChoiceField | None = None
    functions: list[FunctionSpec] | None = Field(
        default=None, description="The older form of `tools`; the reply is then in that form too."
    )
    function_call: Literal["auto", "none"] | NamedFunction | None = None
    n: OneAnswer | None = Field(default=None, description="Only 1.")
    logprobs: NotTrue | None = Field(default=None, description="Only false.")
    top_logprobs: NoLogprobs | None = Field(default=None, description="Only 0.")
    response_format: TextForm | None = Field(default=None, description="Only the type `text`.")
    modalities: TextMedia | None = Field(default=None, description="Only `text`.")
    audio: NotGiven | None = Field(default=None, description="Not supported.")

    @property
    def uses_old_functions(self) -> bool:
        return bool(self.functions) and not self.tools

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def to_chat(self, search: SearchSwitch) -> ChatRequest:
        """The question that this body asks; `search` is what the model's name says.

        Raises OpenAIError.
        """
        tools = self.tools or []
        specs = [tool.function for tool in tools if isinstance(tool, FunctionTool)]
        return chat_request(
            self,
            _transcript(self.messages),
            search=search,
            web_tools=[tool for tool in tools if isinstance(tool, WebSearchTool)],
            functions=specs or (self.functions or []),
            choice=self._choice(),
            max_tokens=self.max_completion_tokens or self.max_tokens,
        )

    def _choice(self) -> ToolChoiceField | None:
        if not self.uses_old_functions:
            return self.tool_choice
        if isinstance(self.function_call, NamedFunction):
            return ToolChoice(type="function", name=self.function_call.name)
        return self.function_call


def _transcript(messages: Sequence[ChatMessage]) -> Transcript:
    read: list[tuple[str, Message]] = []
    last_call = ""
    for place, message in enumerate(messages):
        calls = [
            ToolCall(call.id, call.function.name, call.function.arguments)
            for call in message.tool_calls or ()
        ]
        if message.function_call is not None:
            # The older form has no ids: a result belongs to the call in front of it.
            last_call = f"call_{place}"
            old = message.function_call
            calls.append(ToolCall(last_call, old.name, old.arguments))
        call_id = last_call if message.role == "function" else message.tool_call_id
        read.append((f"messages[{place}]", _message(message, calls, call_id)))
    return transcript_of(read, param="messages")


def _message(message: ChatMessage, calls: list[ToolCall], call_id: str | None) -> Message:
    text = text_of(message.content)
    if message.role in ("system", "developer"):
        return Message("system", text)
    if message.role in ("tool", "function"):
        return Message("tool", text, tool_call_id=call_id or "")
    if message.role == "assistant":
        return Message("assistant", text, tool_calls=tuple(calls))
    return Message("user", text)
