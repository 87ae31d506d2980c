"""What is asked of a model, and what it replies. Frozen, and free of behaviour."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool", "observation"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function call that a model wrote. `arguments` is JSON text, not yet checked."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat. `tool_call_id` is set on `tool` messages only.

    `observation` is how Megrez calls the role that brings a function's result.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function offered to a model. `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, object]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One request to a model. `json_schema` constrains the whole reply to that schema.

    `purpose` picks the sampling of the model's profile: `chat` for free talk, `agent` for
    deciding and for answering from sources. `logprobs` asks for `TextDelta.tokens`, which stay
    empty where the server has none.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    purpose: Literal["agent", "chat"] = "agent"
    tools: tuple[Tool, ...] = ()
    force_tool: bool = False
    json_schema: dict[str, object] | None = None
    stop: tuple[str, ...] = ()
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and calls that one answer cost, as the model server counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token that the model wrote, and the likeliest ones at its place (natural logarithms)."""

    text: str
    logprob: float
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some more of the model's reply; `tokens` only where the call asked for logprobs."""

    text: str
    tokens: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """Some more of the model's thoughts: never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ModelFinished:
    """The reply's end.

    `finish_reason` is `stop`, `length` (cut short), `repetition` (cut because the model went
    round in circles) or `tool_calls`.
    """

    finish_reason: str
    usage: Usage
    tool_calls: tuple[ToolCall, ...] = ()


ModelDelta = TextDelta | ReasoningDelta | ModelFinished


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """How far a model is from answering. `done_bytes` of `total_bytes` while downloading."""

    state: Literal["idle", "downloading", "loading", "ready", "failed"]
    detail: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
