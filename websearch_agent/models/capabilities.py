"""What a model server can do, found out by asking it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server was seen to do with the served model.

    `tools`: takes OpenAI tools. `json_schema`: holds a reply to a schema. `logprobs`: tells the
    tokens' probabilities. `tokenize`: whose form of `/tokenize` it answers. `context_window` in
    tokens, None where it does not tell.
    """

    tools: bool = True
    json_schema: bool = True
    logprobs: bool = False
    tokenize: Literal["vllm", "llama-server"] | None = None
    context_window: int | None = None
