"""The body of `POST /v1/responses`, and the conversation that it holds."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag
from pydantic.config import JsonDict

from websearch_agent.chats import ChatRequest
from websearch_agent.model_calls import Message, ToolCall
from websearch_agent.server.openai_bodies import (
    Content,
    FunctionSpec,
    Lenient,
    NoLogprobs,
    NotGiven,
    NotTrue,
    SearchFields,
    TextForm,
    TokenLimit,
    ToolChoiceField,
    WebSearchTool,
    refuse,
    text_of,
)
from websearch_agent.server.openai_settings import chat_request
from websearch_agent.server.openai_transcript import Transcript, transcript_of
from websearch_agent.types import SearchSwitch


class InputMessage(Lenient):
    """One message; `type` may be left out."""

    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: Content


class CallItem(Lenient):
    """A call of a function that the model made in an earlier response."""

    type: Literal["function_call"]
    call_id: str = Field(max_length=256)
    name: str
    arguments: str


class OutputItem(Lenient):
    """What the caller's function gave back."""

    type: Literal["function_call_output"]
    call_id: str = Field(max_length=256)
    output: Content


class PassedItem(Lenient):
    """What earlier responses held besides; taken and passed over."""

    type: Literal["web_search_call", "reasoning"]


def _kind_of(item: object) -> str | None:
    """By `type`, which messages may leave out."""
    if not isinstance(item, dict):
        kind = getattr(item, "type", None)
        return kind if isinstance(kind, str) else None
    kind = item.get("type")
    if kind in ("web_search_call", "reasoning"):
        return "passed"
    if kind is None:
        return "message" if "role" in item else None
    return kind if isinstance(kind, str) else str(kind)


InputItem = Annotated[
    Annotated[InputMessage, Tag("message")]
    | Annotated[CallItem, Tag("function_call")]
    | Annotated[OutputItem, Tag("function_call_output")]
    | Annotated[PassedItem, Tag("passed")],
    Discriminator(_kind_of),
]


class ResponsesFunctionTool(FunctionSpec):
    """A function of the caller: the model may call it, the caller carries it out."""

    type: Literal["function"]


ResponsesTool = Annotated[ResponsesFunctionTool | WebSearchTool, Field(discriminator="type")]


class TextOptions(Lenient):
    format: TextForm | None = Field(default=None, description="Only the type `text`.")


def _refuse_stored(value: object) -> object:
    if value is not None:
        raise refuse(
            "Unsupported parameter: responses are not stored here, so none can be continued. Send "
            "the whole conversation in 'input'.",
            code="unsupported_parameter",
        )
    return value


NothingStored = Annotated[Any, AfterValidator(_refuse_stored)]

_EXAMPLE: JsonDict = {
    "model": "websearch-agent",
    "input": "Does HTTPX support HTTP/2?",
    "tools": [{"type": "web_search"}],
}
_FILTERED: JsonDict = {
    "model": "websearch-agent",
    "instructions": "Answer in one sentence.",
    "input": [{"role": "user", "content": "Does HTTPX support HTTP/2?"}],
    "tools": [{"type": "web_search", "filters": {"allowed_domains": ["python-httpx.org"]}}],
    "tool_choice": "required",
    "stream": True,
}


class ResponsesBody(SearchFields):
    """A conversation of which nothing is stored, whatever `store` says. What samples, `user`,
    `metadata`, `reasoning`, `truncation` and unknown fields are taken and ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE, _FILTERED]})

    model: str = Field(max_length=256, description="One of the names that `GET /v1/models` lists.")
    input: str | list[InputItem]
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: TokenLimit | None = None
    tools: list[ResponsesTool] | None = None
    tool_choice: ToolChoiceField | None = None
    include: list[str] | None = Field(
        default=None, description="`web_search_call.action.sources` is known; others are ignored."
    )
    text: TextOptions | None = None
    top_logprobs: NoLogprobs | None = Field(default=None, description="Only 0.")
    background: NotTrue | None = Field(default=None, description="Only false.")
    previous_response_id: NothingStored | None = Field(default=None, description="Not supported.")
    conversation: NothingStored | None = Field(default=None, description="Not supported.")
    prompt: NotGiven | None = Field(default=None, description="Not supported.")

    @property
    def shows_searched(self) -> bool:
        """Whether calls of the web search say which sources they brought."""
        return "web_search_call.action.sources" in (self.include or [])

    def to_chat(self, search: SearchSwitch) -> ChatRequest:
        """The question that this body asks; `search` is what the model's name says.

        Raises OpenAIError.
        """
        tools = self.tools or []
        return chat_request(
            self,
            self._transcript(),
            search=search,
            web_tools=[tool for tool in tools if isinstance(tool, WebSearchTool)],
            functions=[tool for tool in tools if isinstance(tool, ResponsesFunctionTool)],
            choice=self.tool_choice,
            max_tokens=self.max_output_tokens,
        )

    def _transcript(self) -> Transcript:
        read = [("input", Message("user", self.input))] if isinstance(self.input, str) else []
        if not isinstance(self.input, str):
            read = _messages(self.input)
        return transcript_of(read, param="input", instructions=self.instructions or "")


def _messages(
    items: Sequence[InputMessage | CallItem | OutputItem | PassedItem],
) -> list[tuple[str, Message]]:
    """Calls stand in the message in front of them, if it is the assistant's."""
    read: list[tuple[str, Message]] = []
    for place, item in enumerate(items):
        if isinstance(item, CallItem):
            call = ToolCall(item.call_id, item.name, item.arguments)
            said, calls = "", [call]
            if read and read[-1][1].role == "assistant":
                _, before = read.pop()
                said, calls = before.content, [*before.tool_calls, call]
            message = Message("assistant", said, tool_calls=tuple(calls))
        elif isinstance(item, OutputItem):
            message = Message("tool", text_of(item.output), tool_call_id=item.call_id)
        elif isinstance(item, InputMessage):
            role = "system" if item.role == "developer" else item.role
            message = Message(role, text_of(item.content))
        else:
            continue
        read.append((f"input[{place}]", message))
    return read
