"""The JSON body of a chat request, from a call, the model's profile and what the server takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from websearch_agent.model_calls import Message, ModelCall
from websearch_agent.models.capabilities import Capabilities
from websearch_agent.models.profile import Profile, Roles, Sampling

TOP_LOGPROBS = 8
# Fields that OpenAI does not know: vLLM, llama-server and SGLang do, hosted servers may answer 400.
_SAMPLING_EXTENSIONS = ("top_k", "min_p", "repetition_penalty")
# The marks of a call are special tokens, which vLLM leaves out of a reply unless it is told not to.
_MARKS_BODY = {"skip_special_tokens": False}
# OpenAI's own fields that some servers or models refuse, and a reply does not depend on.
_OPTIONAL = (
    "temperature",
    "top_p",
    "presence_penalty",
    "stop",
    "stream_options",
    "logprobs",
    "top_logprobs",
)
_REFUSED_SCHEMA = re.compile(r"response[_ ]format|json[_ ]schema|structured output", re.IGNORECASE)
_REFUSED_CHOICE = re.compile(r"tool[_ ]choice", re.IGNORECASE)
# vLLM without its flags takes no tools at all, whatever the choice.
_REFUSED_AUTO = re.compile(
    r"[\"'`]auto[\"'`] tool[_ ]choice|enable-auto-tool-choice", re.IGNORECASE
)
# llama-server: "logprobs is not supported with tools + stream". It has them without tools.
_LOGPROBS_WITH_TOOLS = "logprobs with tools"


@dataclass(frozen=True, slots=True)
class BodyForm:
    """What the server was seen to refuse: fields to leave out, and the name of `max_tokens`."""

    without: frozenset[str] = frozenset()
    max_completion_tokens: bool = False

    def apply(self, body: Mapping[str, object]) -> dict[str, object]:
        """The body as the server takes it."""
        left_out = set(self.without)
        if _LOGPROBS_WITH_TOOLS in left_out and "tools" in body:
            left_out |= {"logprobs", "top_logprobs"}
        kept = {name: value for name, value in body.items() if name not in left_out}
        if self.max_completion_tokens and "max_tokens" in kept:
            kept["max_completion_tokens"] = kept.pop("max_tokens")
        return kept

    def learn(
        self, refused: Mapping[str, object], reply: str, extensions: frozenset[str]
    ) -> "BodyForm | None":
        """The form after a 400 that names a field of the refused body; None if it names none.

        One refused extension takes the others with it: the server knows none of them.
        """
        if "max_tokens" in refused and "max_completion_tokens" in reply:
            return replace(self, max_completion_tokens=True)
        if "tool_choice" in refused and _refuses_choice(reply):
            return replace(self, without=self.without | {"tool_choice"})
        named = {name for name in refused if _names(reply, name)}
        if named & extensions:
            return replace(self, without=self.without | extensions)
        named &= set(_OPTIONAL)
        if "tools" in refused and named & {"logprobs", "top_logprobs"}:
            return replace(self, without=self.without | {_LOGPROBS_WITH_TOOLS})
        if not named and "response_format" in refused and _REFUSED_SCHEMA.search(reply):
            named = {"response_format"}
        return replace(self, without=self.without | named) if named else None


def _refuses_choice(reply: str) -> bool:
    return _REFUSED_CHOICE.search(reply) is not None and not _REFUSED_AUTO.search(reply)


def extension_fields(profile: Profile) -> frozenset[str]:
    """Fields of this profile's bodies that a server need not know."""
    reasoning = {*(profile.reasoning.agent or {}), *(profile.reasoning.chat or {})}
    return frozenset({*_SAMPLING_EXTENSIONS, *_MARKS_BODY, *reasoning})


def _names(reply: str, field: str) -> bool:
    """Whether an error text means this field: quoted, or a word that is no English one."""
    if field == "chat_template_kwargs" and "chat_template" in reply:
        return True
    if "_" in field or field == "logprobs":
        return re.search(rf"(?<!\w){field}(?!\w)", reply) is not None
    return re.search(rf"[\"'`]{field}[\"'`]", reply) is not None


def request_body(
    call: ModelCall, model: str, profile: Profile, *, capabilities: Capabilities
) -> dict[str, object]:
    """The body of `/chat/completions`, with what the server is able to do of the call."""
    body: dict[str, object] = {
        "model": model,
        "messages": [
            _message_body(message, profile.roles)
            for message in fit_roles(call.messages, profile.roles)
        ],
        "max_tokens": call.max_tokens,
        **_sampling_body(profile.chat if call.purpose == "chat" else profile.agent),
        "stream": True,
        "stream_options": {"include_usage": True},
        **reasoning_body(call, profile),
        **(_MARKS_BODY if profile.dialect == "markers" else {}),
    }
    stop = tuple(dict.fromkeys((*call.stop, *profile.stop)))
    if stop:
        body["stop"] = list(stop)
    if call.logprobs and capabilities.logprobs:
        body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    if call.json_schema is not None and not capabilities.schema_refused:
        body["response_format"] = response_format(call.json_schema)
    return body | _tools_body(call)


def reasoning_body(call: ModelCall, profile: Profile) -> dict[str, object]:
    """What this profile sends to switch thinking on or off for a call of this purpose."""
    reasoning = profile.reasoning
    return dict((reasoning.chat if call.purpose == "chat" else reasoning.agent) or {})


def begins_in_thoughts(
    call: ModelCall, profile: Profile, form: BodyForm, capabilities: Capabilities
) -> bool:
    """Whether the reply's first words are thoughts whose opening tag the template has written.

    Not where thinking is switched off in the request: then the template closes it at once.
    """
    if profile.reasoning.form != "open_tags" and not capabilities.opens_thoughts:
        return False
    sent = form.apply(reasoning_body(call, profile))
    arguments = sent.get("chat_template_kwargs")
    switches = arguments.values() if isinstance(arguments, dict) else ()
    return not any(value is False for value in switches)


def response_format(schema: dict[str, object]) -> dict[str, object]:
    """OpenAI's form of a schema for the whole reply."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": schema},
    }


def _sampling_body(sampling: Sampling) -> dict[str, object]:
    values: dict[str, object] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "presence_penalty": sampling.presence_penalty,
    }
    return {name: value for name, value in values.items() if value is not None}


def _tools_body(call: ModelCall) -> dict[str, object]:
    if not call.tools:
        return {}
    tools = [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            },
        }
        for tool in call.tools
    ]
    return {"tools": tools, "tool_choice": "required"} if call.force_tool else {"tools": tools}


def fit_roles(messages: Sequence[Message], roles: Roles) -> tuple[Message, ...]:
    """The messages as the model's chat template takes them."""
    fitted = list(messages)
    if roles.system == "user":
        fitted = _fold_system(fitted)
    return tuple(_join_neighbours(fitted) if roles.alternate else fitted)


def _fold_system(messages: list[Message]) -> list[Message]:
    """System prompts in front of the first user message."""
    system = [message.content for message in messages if message.role == "system"]
    rest = [message for message in messages if message.role != "system"]
    if not system:
        return rest
    place = next((n for n, message in enumerate(rest) if message.role == "user"), None)
    if place is None:
        return [Message("user", "\n\n".join(system)), *rest]
    content = "\n\n".join((*system, rest[place].content))
    return [*rest[:place], replace(rest[place], content=content), *rest[place + 1 :]]


def _join_neighbours(messages: list[Message]) -> list[Message]:
    joined: list[Message] = []
    for message in messages:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.role == message.role
            and message.role in ("user", "assistant")
            and not (last.tool_calls or message.tool_calls)
        ):
            joined[-1] = replace(last, content=f"{last.content}\n\n{message.content}")
        else:
            joined.append(message)
    return joined


def _message_body(message: Message, roles: Roles) -> dict[str, object]:
    role = roles.system if message.role == "system" else message.role
    body: dict[str, object] = {"role": role, "content": message.content}
    if message.tool_calls:
        body["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body
