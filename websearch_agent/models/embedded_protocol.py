"""What the program and the embedded model's process say to each other, one JSON line each."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Generate:
    """Write a reply. `messages` are `(role, content)` pairs; `grammar` is EBNF.

    `logprobs`: tell each token and its natural logarithm of probability.
    """

    id: int
    messages: tuple[tuple[str, str], ...]
    max_tokens: int
    temperature: float = 0.0
    grammar: str | None = None
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a reply at once. Nothing is answered; an unknown id is no error."""

    id: int


@dataclass(frozen=True, slots=True)
class CountTokens:
    """Count the tokens of each text."""

    id: int
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded."""


@dataclass(frozen=True, slots=True)
class Delta:
    """Some more of a reply: whole characters only. `tokens` are `(text, logprob)` pairs."""

    id: int
    text: str
    tokens: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """A reply's end. `finish_reason` is `stop` or `length`."""

    id: int
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A reply that cannot be made. `code` is an error's stable name."""

    id: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Counted:
    """The answer to CountTokens, in its order."""

    id: int
    counts: tuple[int, ...]


Command = Generate | Cancel | CountTokens
Reply = Ready | Delta | Finished | Failed | Counted

_KINDS: dict[str, type[Command] | type[Reply]] = {
    kind.__name__: kind
    for kind in (Generate, Cancel, CountTokens, Ready, Delta, Finished, Failed, Counted)
}


def encode_line(value: Command | Reply) -> bytes:
    """One line of ASCII: line breaks inside of texts are escaped."""
    return json.dumps({"kind": type(value).__name__, **asdict(value)}).encode() + b"\n"


def decode_line(line: bytes) -> Command | Reply:
    """Raises ValueError on a line that `encode_line` has not made."""
    fields = json.loads(line)
    if not isinstance(fields, dict) or fields.get("kind") not in _KINDS:
        raise ValueError(f"not a line of this protocol: {line[:100]!r}")
    kind = _KINDS[fields.pop("kind")]
    for name in ("texts", "counts"):
        if name in fields:
            fields[name] = tuple(fields[name])
    if "messages" in fields:
        fields["messages"] = tuple((role, content) for role, content in fields["messages"])
    if "tokens" in fields:
        fields["tokens"] = tuple((text, logprob) for text, logprob in fields["tokens"])
    return kind(**fields)
