"""What a model server can do, found out by asking it."""

from dataclasses import dataclass
from typing import Literal

TokenizeForm = Literal["vllm", "llama-server"]


@dataclass(frozen=True, slots=True)
class TokenFactors:
    """How the served model's tokenizer counts, against the table at hand (cl100k).

    `latin`, `chinese`, `other` (Cyrillic, Arabic, kana, emoji …): its tokens for each of the
    table's. `digits_alone`: each digit is a token of its own.
    """

    latin: float
    chinese: float
    other: float
    digits_alone: bool


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server was seen to do with the served model.

    `tools`: takes OpenAI tools. `json_schema`: holds a reply to a schema; `schema_refused`: will
    not even be asked to. `logprobs`: tells the tokens' probabilities. `opens_thoughts`: the chat
    template writes `<think>`, so a reply begins with thoughts. `tokenize`: whose form of
    `/tokenize` it answers. `context_window` in tokens, None where it does not tell.
    `token_factors` were measured with its `/tokenize`.
    """

    tools: bool = True
    json_schema: bool = True
    logprobs: bool = False
    tokenize: TokenizeForm | None = None
    context_window: int | None = None
    token_factors: TokenFactors | None = None
    schema_refused: bool = False
    opens_thoughts: bool = False
