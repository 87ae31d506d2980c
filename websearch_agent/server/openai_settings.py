"""What a request to the OpenAI APIs means in our settings.

Fields of the request go before what the model's name says. In the order of their weight:

- `disable_search: true`, or `tool_choice: "none"` beside a web search tool: `never`;
- `tool_choice` that names the web search, or is `required` and nothing else is offered: `always`;
- a web search tool, `web_search_options`, `search_mode: "web"` or `disable_search: false`: at least
  `auto`, also for a model named `:never`;
- else the model's name, which means `auto` if it has no suffix.

With `always` and functions of the caller the model may call these first; there is a search before
it answers. A `tool_choice` that names the web search leaves the functions out.

`search_context_size` low, medium, high is the mode quick, balanced, deep.
"""

from collections.abc import Sequence

from websearch_agent.chats import ChatRequest
from websearch_agent.model_calls import Tool
from websearch_agent.server.openai_bodies import (
    FunctionSpec,
    SearchFields,
    SearchFilters,
    ToolChoice,
    ToolChoiceField,
    WebSearchOptions,
    WebSearchTool,
)
from websearch_agent.server.openai_errors import OpenAIError
from websearch_agent.server.openai_transcript import Transcript
from websearch_agent.types import AnswerRequest, Mode, SearchSwitch, TimeRange

_MODES: dict[str, Mode] = {"low": "quick", "medium": "balanced", "high": "deep"}
_TIME_RANGES: dict[str, TimeRange] = {
    "hour": "day",
    "day": "day",
    "week": "week",
    "month": "month",
    "year": "year",
}
_NO_PARAMETERS: dict[str, object] = {"type": "object", "properties": {}}


def chat_request(
    fields: SearchFields,
    transcript: Transcript,
    *,
    search: SearchSwitch,
    web_tools: Sequence[WebSearchTool],
    functions: Sequence[FunctionSpec],
    choice: ToolChoiceField | None,
    max_tokens: int | None,
) -> ChatRequest:
    """The request as the agent takes it; `search` is what the model's name says.

    Raises OpenAIError for a choice of what is not offered.
    """
    _check_choice(choice, functions=functions, web_tools=web_tools)
    options: list[WebSearchOptions] = [*web_tools]
    if fields.web_search_options is not None:
        options.append(fields.web_search_options)
    sizes = [one.search_context_size for one in options if one.search_context_size is not None]
    included, excluded = _domains(fields, [one.filters for one in options if one.filters])
    recency = fields.search_recency_filter
    request = AnswerRequest(
        transcript.question,
        search=_switch(fields, search, web_tools, functions, choice),
        mode=_MODES[sizes[0]] if sizes else "balanced",
        time_range=_TIME_RANGES[recency] if recency else None,
        include_domains=included,
        exclude_domains=excluded,
        instructions=transcript.instructions,
        max_answer_tokens=max_tokens,
    )
    tools = tuple(
        Tool(spec.name, spec.description or "", spec.parameters or _NO_PARAMETERS)
        for spec in functions
    )
    chosen = _function_choice(choice, functions)
    several = fields.parallel_tool_calls is not False
    return ChatRequest(transcript.messages, request, tools, chosen, several)


def _switch(
    fields: SearchFields,
    named: SearchSwitch,
    web_tools: Sequence[WebSearchTool],
    functions: Sequence[FunctionSpec],
    choice: ToolChoiceField | None,
) -> SearchSwitch:
    if fields.disable_search or (web_tools and choice == "none"):
        return "never"
    names_search = isinstance(choice, ToolChoice) and choice.type != "function"
    if names_search or (choice == "required" and web_tools and not functions):
        return "always"
    is_offered = (
        web_tools
        or fields.web_search_options is not None
        or fields.search_mode is not None
        or fields.disable_search is False
    )
    return "auto" if is_offered and named == "never" else named


def _function_choice(choice: ToolChoiceField | None, functions: Sequence[FunctionSpec]) -> str:
    if isinstance(choice, ToolChoice):
        # One that names the web search leaves no choice but to search.
        return (choice.type == "function" and choice.function_name) or "none"
    return choice if choice and functions else "auto"


def _check_choice(
    choice: ToolChoiceField | None,
    *,
    functions: Sequence[FunctionSpec],
    web_tools: Sequence[WebSearchTool],
) -> None:
    if choice == "required" and not functions and not web_tools:
        message = "'tool_choice' is 'required', but 'tools' offers none."
        raise OpenAIError(message, param="tool_choice", code="invalid_value")
    if not isinstance(choice, ToolChoice):
        return
    if choice.type != "function":
        if not web_tools:
            message = "'tool_choice' names the web search, which 'tools' does not offer."
            raise OpenAIError(message, param="tool_choice", code="invalid_value")
        return
    if choice.function_name not in {spec.name for spec in functions}:
        message = "'tool_choice' names a function that 'tools' does not offer."
        raise OpenAIError(message, param="tool_choice", code="invalid_value")


def _domains(
    fields: SearchFields, filters: Sequence[SearchFilters]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """To which the search is held, and which are left out; each once."""
    signed = fields.search_domain_filter or []
    included = [domain for domain in signed if not domain.startswith("-")]
    excluded = [domain.removeprefix("-") for domain in signed if domain.startswith("-")]
    for one in filters:
        included += one.allowed_domains or []
        excluded += one.blocked_domains or []
    return tuple(dict.fromkeys(included)), tuple(dict.fromkeys(excluded))
