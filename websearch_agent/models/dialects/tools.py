"""Dialect `tools`: the model searches by an OpenAI tool call."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from websearch_agent import prompts
from websearch_agent.errors import InvalidModelOutput
from websearch_agent.protocols import ModelClient
from websearch_agent.types import (
    Decision,
    Message,
    ModelCall,
    ModelDelta,
    ModelFinished,
    Prompt,
    TextDelta,
    Tool,
    ToolCall,
)

MAX_QUERIES = 3
MAX_QUERY_CHARS = 200

SEARCH_TOOL = Tool(
    name="search_web",
    description="Search the web and read the best pages. The result is a list of numbered "
    "sources with their text.",
    parameters={
        "type": "object",
        "properties": {
            "queries": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "maxItems": MAX_QUERIES,
                "description": "One to three short queries, each understandable on its own.",
            }
        },
        "required": ["queries"],
    },
)


class ToolsDialect:
    """For servers that take `tools`. Deciding costs nothing: the decision is the reply's start."""

    min_reply_tokens = 128

    def build_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        may_search = prompt.search != "never"
        if prompt.evidence is None:
            language = prompts.language_name(prompt.question)
            system = prompts.chat_system(prompt.today, search_tool=may_search, language=language)
            return (Message("system", system), *prompt.history, Message("user", prompt.question))
        system = prompts.answer_system(prompt.today, search_tool=may_search)
        arguments = json.dumps({"queries": prompt.evidence.queries}, ensure_ascii=False)
        call = ToolCall(id="search_1", name=SEARCH_TOOL.name, arguments=arguments)
        return (
            Message("system", system),
            *prompt.history,
            Message("user", prompt.question),
            Message("assistant", "", tool_calls=(call,)),
            Message("tool", prompts.sources(prompt.evidence.sources), tool_call_id=call.id),
        )

    def offered_tools(self, prompt: Prompt) -> tuple[Tool, ...]:
        return () if prompt.search == "never" else (SEARCH_TOOL,)

    async def respond(
        self, model: ModelClient, prompt: Prompt
    ) -> AsyncGenerator[Decision | ModelDelta, None]:
        may_search = prompt.search != "never"
        call = ModelCall(
            messages=self.build_messages(prompt),
            max_tokens=prompt.max_tokens,
            tools=self.offered_tools(prompt),
            force_tool=prompt.search == "always",
        )
        decided = not may_search
        async with aclosing(model.stream(call)) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta) and not decided and delta.text.strip():
                    decided = True
                    yield Decision(search=False)
                yield delta
                if isinstance(delta, ModelFinished) and may_search:
                    decision = _decision(delta, prompt)
                    if decision.search or not decided:
                        yield decision


def _decision(finished: ModelFinished, prompt: Prompt) -> Decision:
    queries: list[str] = []
    for call in finished.tool_calls:
        queries.extend(parse_queries(call))
    if queries:
        return Decision(search=True, queries=tuple(dict.fromkeys(queries))[:MAX_QUERIES])
    if prompt.search == "always":
        # Not every server enforces tool_choice: the person asked for a search, so one is made.
        return Decision(search=True, queries=(prompt.question[:MAX_QUERY_CHARS],))
    return Decision(search=False)


def parse_queries(call: ToolCall) -> list[str]:
    """The queries of a call. Raises InvalidModelOutput when they cannot be made out."""
    try:
        arguments = json.loads(call.arguments)
    except ValueError as error:
        raise InvalidModelOutput("The model wrote a search call that is no JSON.") from error
    if not isinstance(arguments, dict):
        raise InvalidModelOutput("The model wrote a search call without queries.")
    found = arguments.get("queries", arguments.get("query", []))
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list):
        raise InvalidModelOutput("The model wrote a search call without queries.")
    queries = [" ".join(q.split())[:MAX_QUERY_CHARS] for q in listed if isinstance(q, str)]
    queries = [q for q in queries if q]
    if call.name != SEARCH_TOOL.name or not queries:
        raise InvalidModelOutput("The model wrote a search call without queries.")
    return queries
