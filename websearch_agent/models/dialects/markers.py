"""Dialect `markers`: Megrez's protocol, in which a function is called by special tokens.

The system prompt lists the functions; the model writes one call between two tokens, and the
result comes back under a role of its own.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from websearch_agent import prompts
from websearch_agent.model_calls import Message, ModelCall, ModelDelta, Tool
from websearch_agent.models.dialects.search_call import SEARCH_TOOL
from websearch_agent.models.dialects.search_or_answer import (
    SearchGate,
    answer_only,
    answer_tokens,
    search_or_answer,
)
from websearch_agent.models.profile import Profile
from websearch_agent.protocols import ModelClient
from websearch_agent.types import Decision, Prompt

CALL_START = "<|function_start|>"
CALL_END = "<|function_end|>"

# One query, as Megrez was taught; in few words, for a window of 4,096 tokens.
SEARCH_FUNCTION: dict[str, object] = {
    "name": SEARCH_TOOL.name,
    "description": "Search the web and read the best pages. Needed for facts that may have changed "
    "or that you may not know exactly: news, weather, prices, versions, people, places, products. "
    "Not for translating, rewriting, calculating, writing or small talk.",
    "parameters": {
        "type": "object",
        "properties": {
            "query": {
                "type": "string",
                "description": "A short query in one line, understandable on its own.",
            }
        },
        "required": ["query"],
    },
}


class MarkersDialect:
    """For Megrez and its like. Deciding costs nothing: the decision is the reply's start.

    With `search_threshold` the probability of a call decides instead of the call, where the
    server tells it.
    """

    min_reply_tokens = 128
    takes_tools = False

    def __init__(self, profile: Profile, *, search_threshold: float | None = None) -> None:
        self._profile = profile
        self._threshold = search_threshold

    def build_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        head = (Message("system", _system(prompt)), *prompt.history)
        if prompt.evidence is None:
            return (*head, Message("user", self._question(prompt)))
        calls = "".join(_written_call(query) for query in prompt.evidence.queries)
        return (
            *head,
            Message("user", prompt.question),
            *((Message("assistant", calls),) if calls else ()),
            self._observation(prompt),
        )

    def _question(self, prompt: Prompt) -> str:
        if not prompt.in_hand:
            return prompt.question
        return prompts.in_hand_question(
            prompt.question,
            sources=prompt.in_hand,
            boundary=prompt.boundary,
            may_search=prompt.search != "never",
            citation=self._profile.citation,
            citation_blocks=True,
        )

    def _observation(self, prompt: Prompt) -> Message:
        text = prompts.observation(
            prompt.question,
            sources=prompt.evidence.sources if prompt.evidence else (),
            boundary=prompt.boundary,
            may_search=prompt.search != "never",
            citation=self._profile.citation,
        )
        role = self._profile.roles.observation
        return Message(role, text, tool_call_id="search_1" if role == "tool" else None)

    def offered_tools(self, prompt: Prompt) -> tuple[Tool, ...]:
        return ()  # They stand in the system prompt.

    async def respond(
        self, model: ModelClient, prompt: Prompt
    ) -> AsyncGenerator[Decision | ModelDelta, None]:
        if prompt.search == "never":
            reply = answer_only(model, self._call(prompt))
        else:
            gate = self._gate(prompt)
            call = replace(self._call(prompt), stop=(CALL_END,), logprobs=gate is not None)
            form = _written_call("a short query")
            reply = search_or_answer(model, prompt, call, form=form, gate=gate)
        async with aclosing(reply) as deltas:
            async for delta in deltas:
                yield delta

    def _call(self, prompt: Prompt) -> ModelCall:
        talks = prompt.search == "never" and not (prompt.evidence or prompt.in_hand)
        return ModelCall(
            messages=self.build_messages(prompt),
            max_tokens=answer_tokens(prompt) if prompt.search == "never" else prompt.max_tokens,
            purpose="chat" if talks else "agent",
        )

    def _gate(self, prompt: Prompt) -> SearchGate | None:
        """Only where the model is free to choose, and has seen nothing yet."""
        if self._threshold is None or prompt.search != "auto" or prompt.evidence is not None:
            return None
        return SearchGate(self._threshold, CALL_START, self._call(replace(prompt, search="never")))


def _system(prompt: Prompt) -> str:
    """The prompt of a plain chat, and the functions where they may be called: the switch."""
    may_search = prompt.search != "never"
    chat = prompts.chat_system(
        prompt.today,
        search_tool=False,
        language=prompts.language_name(prompt.question),
        in_hand=prompt.evidence is None and bool(prompt.in_hand),
        addresses=may_search and prompt.evidence is None and bool(prompt.addresses),
        instructions=prompt.instructions,
    )
    if not may_search:
        return chat
    return f"{chat}\n{prompts.functions([json.dumps(SEARCH_FUNCTION, indent=4)])}"


def _written_call(query: str) -> str:
    call = {"name": SEARCH_TOOL.name, "arguments": {"query": query}}
    return f"{CALL_START}{json.dumps(call, ensure_ascii=False)}{CALL_END}"
