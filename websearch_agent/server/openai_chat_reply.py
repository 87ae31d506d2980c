"""The form of a chat completion, for the OpenAPI description."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from websearch_agent.server.openai_description import example, stream_example
from websearch_agent.server.openai_sources import SearchResultObject, WebsearchObject


class UrlCitation(BaseModel):
    """Where a marker such as `[1]` stands: code points, the end exclusive."""

    start_index: int
    end_index: int
    url: str
    title: str


class ChatAnnotation(BaseModel):
    type: Literal["url_citation"]
    url_citation: UrlCitation


class ReplyFunction(BaseModel):
    name: str
    arguments: str = Field(description="JSON text, as the model wrote it.")


class ReplyCall(BaseModel):
    """A function of the caller that the model wants to be carried out."""

    id: str
    type: Literal["function"]
    function: ReplyFunction


class ReplyMessage(BaseModel):
    """`reasoning_content` are the thoughts of a model that shows them."""

    role: Literal["assistant"]
    content: str | None
    refusal: None = None
    annotations: list[ChatAnnotation]
    tool_calls: list[ReplyCall] | None = None
    function_call: ReplyFunction | None = None
    reasoning_content: str | None = None


class ChatChoice(BaseModel):
    index: int
    message: ReplyMessage
    finish_reason: Literal["stop", "length", "tool_calls", "function_call"]
    logprobs: None = None


class ChatUsage(BaseModel):
    """Tokens as the model server counted them, of all calls that the answer took."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """An answer. `citations[n - 1]` is the address of the source `[n]`."""

    model_config = ConfigDict(title="ChatCompletion")

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage
    citations: list[str]
    search_results: list[SearchResultObject]
    websearch: WebsearchObject


_ADDRESS = "https://www.python-httpx.org/http2/"
_MESSAGE = {
    "role": "assistant",
    "content": "Yes, but it is off by default [1].",
    "refusal": None,
    "annotations": [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": 30,
                "end_index": 33,
                "url": _ADDRESS,
                "title": "HTTP/2 support",
            },
        }
    ],
}
_REPLY = {
    "id": "chatcmpl-2c1f0a",
    "object": "chat.completion",
    "created": 1795000000,
    "model": "websearch-agent",
    "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop", "logprobs": None}],
    "usage": {"prompt_tokens": 1210, "completion_tokens": 14, "total_tokens": 1224},
    "citations": [_ADDRESS],
    "search_results": [
        {"title": "HTTP/2 support", "url": _ADDRESS, "date": None, "snippet": "HTTP/2 is off …"}
    ],
    "websearch": {
        "statements": [],
        "notices": [],
        "search_queries": ["httpx http2"],
        "verification": "fast",
        "unanswered": False,
        "finish_reason": "stop",
    },
}
_CHUNK = (
    'data: {"id":"chatcmpl-2c1f0a","object":"chat.completion.chunk","created":1795000000,'
    '"model":"websearch-agent","choices":[{"index":0,"delta":{"content":"Yes, "},'
    '"logprobs":null,"finish_reason":null}]}\n\ndata: [DONE]\n\n'
)
CHAT_EXAMPLES = (example(_REPLY), stream_example(_CHUNK))
