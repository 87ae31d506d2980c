"""The window that a refused prompt's error names, in the words of many servers."""

import re
from typing import TypeGuard

LEAST_WINDOW = 512
MOST_WINDOW = 20_000_000

# llama-server: {"error": {…, "type": "exceed_context_size_error", "n_ctx": 4096}}.
_N_CTX = re.compile(r"\bn_ctx\\?\"?\s*[:=]\s*(\d+)")
_NAMED = re.compile(
    # vLLM, OpenAI, SGLang, LM Studio, llama-server
    r"(?:maximum (?:context|model) length|context (?:length|size|window))[^.\d]{0,30}?(\d[\d,]+)"
    r"|(\d[\d,]+) maximum context length"  # Mistral
    r"|tokens \+ \S{0,20} must be <= (\d+)"  # TGI
    r"|tokens allowed \((\d+)"  # Gemini
    r"|> (\d{4,})",  # Anthropic
    re.IGNORECASE,
)


def window_in_refusal(body: str) -> int | None:
    """The window that a refused prompt's error names; None if it names none."""
    found = _N_CTX.search(body) or _NAMED.search(body)
    if found is None:
        return None
    digits = next(group for group in found.groups() if group)
    return as_window(int(digits.replace(",", "")[:18]))


def as_window(value: object) -> int | None:
    """A window that can be true: 0 (a model not loaded) and 10^18 are said too."""
    return value if is_count(value, LEAST_WINDOW, MOST_WINDOW) else None


def is_count(value: object, least: int, most: int) -> TypeGuard[int]:
    """A whole number in a range, and no `true`."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
