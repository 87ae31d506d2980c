"""Dialect `tools`: the model searches by an OpenAI tool call, or by one that it writes as text."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from websearch_agent import prompts
from websearch_agent.model_calls import Message, ModelCall, ModelDelta, Tool, ToolCall
from websearch_agent.models.dialects.search_call import SEARCH_TOOL
from websearch_agent.models.dialects.search_or_answer import (
    answer_only,
    answer_tokens,
    search_or_answer,
)
from websearch_agent.models.profile import Profile, find_profile
from websearch_agent.protocols import ModelClient
from websearch_agent.types import Decision, Prompt

_CALL_FORM = 'search_web with the arguments {"queries": ["a short query"]}'


class ToolsDialect:
    """For servers that take `tools`. Deciding costs nothing: the decision is the reply's start."""

    min_reply_tokens = 128
    takes_tools = True

    def __init__(self, profile: Profile | None = None) -> None:
        self._profile = profile or find_profile("generic")

    def build_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        if prompt.evidence is None:
            return self._messages_before_searching(prompt)
        system = prompts.answer_system(
            prompt.today,
            search_tool=prompt.search != "never",
            language=prompts.language_name(prompt.question),
            citation=self._profile.citation,
            instructions=prompt.instructions,
        )
        arguments = json.dumps({"queries": prompt.evidence.queries}, ensure_ascii=False)
        brought = prompts.tool_sources(
            prompt.question, sources=prompt.evidence.sources, boundary=prompt.boundary
        )
        call = ToolCall(id="search_1", name=SEARCH_TOOL.name, arguments=arguments)
        return (
            Message("system", system),
            *prompt.history,
            Message("user", prompt.question),
            Message("assistant", "", tool_calls=(call,)),
            Message("tool", brought, tool_call_id=call.id),
        )

    def _messages_before_searching(self, prompt: Prompt) -> tuple[Message, ...]:
        may_search = prompt.search != "never"
        system = prompts.chat_system(
            prompt.today,
            search_tool=may_search,
            language=prompts.language_name(prompt.question),
            in_hand=bool(prompt.in_hand),
            addresses=may_search and bool(prompt.addresses),
            instructions=prompt.instructions,
        )
        question = prompt.question
        if prompt.in_hand:
            question = prompts.in_hand_question(
                question,
                sources=prompt.in_hand,
                boundary=prompt.boundary,
                may_search=may_search,
                citation=self._profile.citation,
            )
        return (Message("system", system), *prompt.history, Message("user", question))

    def offered_tools(self, prompt: Prompt) -> tuple[Tool, ...]:
        return () if prompt.search == "never" else (SEARCH_TOOL,)

    async def respond(
        self, model: ModelClient, prompt: Prompt
    ) -> AsyncGenerator[Decision | ModelDelta, None]:
        may_search = prompt.search != "never"
        call = ModelCall(
            messages=self.build_messages(prompt),
            max_tokens=prompt.max_tokens if may_search else answer_tokens(prompt),
            purpose="agent" if may_search or prompt.evidence or prompt.in_hand else "chat",
            tools=self.offered_tools(prompt),
            force_tool=prompt.search == "always",
        )
        reply = (
            search_or_answer(model, prompt, call, form=_CALL_FORM)
            if may_search
            else answer_only(model, call)
        )
        async with aclosing(reply) as deltas:
            async for delta in deltas:
                yield delta
