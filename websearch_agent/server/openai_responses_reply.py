"""The form of a response, for the OpenAPI description."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from websearch_agent.server.openai_description import example, stream_example
from websearch_agent.server.openai_sources import SearchResultObject, WebsearchObject

ItemStatus = Literal["in_progress", "searching", "completed", "incomplete"]


class TextAnnotation(BaseModel):
    """Where a marker such as `[1]` stands: code points, the end exclusive."""

    type: Literal["url_citation"]
    start_index: int
    end_index: int
    url: str
    title: str


class OutputText(BaseModel):
    type: Literal["output_text"]
    text: str
    annotations: list[TextAnnotation]
    logprobs: list[Any]


class OutputMessage(BaseModel):
    """The answer."""

    id: str
    type: Literal["message"]
    status: ItemStatus
    role: Literal["assistant"]
    content: list[OutputText]


class SearchAction(BaseModel):
    """`sources` only where `include` asks for them."""

    type: Literal["search"]
    query: str
    queries: list[str]
    sources: list[dict[str, str]] | None = None


class OutputSearch(BaseModel):
    """The web was searched, or addresses of the question were opened (no query)."""

    id: str
    type: Literal["web_search_call"]
    status: ItemStatus
    action: SearchAction


class OutputCall(BaseModel):
    """A function of the caller that the model wants to be carried out."""

    id: str
    type: Literal["function_call"]
    status: ItemStatus
    call_id: str
    name: str
    arguments: str


class ResponseUsage(BaseModel):
    """Tokens as the model server counted them, of all calls that the answer took."""

    input_tokens: int
    input_tokens_details: dict[str, int]
    output_tokens: int
    output_tokens_details: dict[str, int]
    total_tokens: int


Item = Annotated[OutputMessage | OutputSearch | OutputCall, Field(discriminator="type")]


class ResponseObject(BaseModel):
    """An answer. `citations[n - 1]` is the address of the source `[n]`. Some of OpenAI's fields are
    always the same here and left out of this description."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["completed", "incomplete"]
    error: dict[str, str] | None
    incomplete_details: dict[str, str] | None
    instructions: str | None
    max_output_tokens: int | None
    model: str
    output: list[Item]
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    usage: ResponseUsage
    citations: list[str]
    search_results: list[SearchResultObject]
    websearch: WebsearchObject


_ADDRESS = "https://www.python-httpx.org/http2/"
_CITATION = {
    "type": "url_citation",
    "start_index": 30,
    "end_index": 33,
    "url": _ADDRESS,
    "title": "HTTP/2 support",
}
_MESSAGE = {
    "id": "msg_2c1f0a",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [
        {
            "type": "output_text",
            "text": "Yes, but it is off by default [1].",
            "annotations": [_CITATION],
            "logprobs": [],
        }
    ],
}
_RESPONSE = {
    "id": "resp_2c1f0a",
    "object": "response",
    "created_at": 1795000000,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "model": "websearch-agent",
    "output": [_MESSAGE],
    "tool_choice": "auto",
    "tools": [{"type": "web_search"}],
    "usage": {
        "input_tokens": 1210,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 14,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 1224,
    },
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
_STREAM = (
    "event: response.output_text.delta\n"
    'data: {"type":"response.output_text.delta","item_id":"msg_2c1f0a","output_index":1,'
    '"content_index":0,"delta":"Yes, ","logprobs":[],"sequence_number":9}\n\n'
)
RESPONSE_EXAMPLES = (example(_RESPONSE), stream_example(_STREAM))
