"""What a model server's refusal means, and what the person can do about it."""

import datetime as dt
import email.utils
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from websearch_agent.errors import (
    ContextTooLong,
    InvalidModelOutput,
    ModelError,
    ModelRejectedRequest,
    ModelUnavailable,
)
from websearch_agent.models.window_words import window_in_refusal

MAX_LISTED_NAMES = 10

# vLLM, llama-server, Ollama, OpenAI, TGI, SGLang, LM Studio, Mistral, Gemini, Anthropic.
_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|exceed_context|maximum model length"
    r"|maximum.{0,20}(context|length)|too many tokens|prompt is too long"
    r"|max_(new_)?tokens.{0,30} must be (<=|at least 1, got -)"
    r"|inputs?[`'\"]? (must have less than|tokens \+)|token count .{0,40}exceeds"
    r"|is too large to process",
    re.IGNORECASE | re.DOTALL,
)
_TOOLS = re.compile(r"\btools?\b|tool[-_ ]choice|--jinja", re.IGNORECASE)
_BROKEN_CALL = re.compile(r"pars|arguments|json", re.IGNORECASE)
_NO_MODEL = re.compile(
    r"model\b.{0,120}(not found|not exist|does not exist|unknown|not (a )?valid|not available)"
    r"|(unknown|invalid|no such) model|model_not_found",
    re.IGNORECASE | re.DOTALL,
)
_NO_MONEY = re.compile(r"insufficient_quota|exceeded your current quota|insufficient balance", re.I)
_TRY_AGAIN_IN = re.compile(
    r"(?:try again|retry|wait)[^.\d]{0,20}?((?:\d[\d.]*\s*(?:ms|h|m|s)\s*)+)"
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|h|m|s)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SECRET = re.compile(r"\b(?:sk|gsk|hf|key|xai|nvapi)[-_][\w*-]{6,}|Bearer\s+\S+", re.IGNORECASE)
_HTML = re.compile(r"\s*(<!doctype html|<html)", re.IGNORECASE)


class ToolsNotSupported(ModelRejectedRequest):
    """The server, or the model on it, takes no `tools`."""

    code = "tools_not_supported"


class ModelNotServed(ModelRejectedRequest):
    """The server does not know the model's name."""

    code = "model_not_served"


class PromptTooLong(ContextTooLong):
    """The server refused the prompt. `context_window` in tokens where it names its own."""

    def __init__(self, message: str, *, context_window: int | None = None) -> None:
        super().__init__(message)
        self.context_window = context_window


class ModelBusy(ModelUnavailable):
    """Asked too often, or still loading. `retry_after_s` where the server names a time."""

    code = "model_busy"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Asked:
    """Which server was asked for which model: what error messages are made of.

    `names` are the models that it lists; `key` is never shown.
    """

    url: str
    model: str = ""
    names: tuple[str, ...] = ()
    key: str | None = field(default=None, repr=False)

    @property
    def root(self) -> str:
        """The base URL without `/v1`: `/tokenize`, `/props` and Ollama's own API stand there."""
        return self.url.removesuffix("/v1")


def refusal(
    status: int, body: str, asked: Asked, headers: Mapping[str, str] | None = None
) -> ModelError:
    """The error for a reply that is not 200."""
    said = mask_secrets(_message(body), asked.key)
    url = asked.url
    if _HTML.match(body) and status >= 500:
        return ModelUnavailable(
            f"{url} answers {status} with a web page: what stands in front of the model server "
            "cannot reach it. Is it running?"
        )
    if _HTML.match(body):
        return not_a_model_server(asked, f"it answers {status} with a web page")
    if status in (400, 413, 422, 500) and _TOO_LONG.search(body):
        return PromptTooLong(
            f"The model refused the prompt as too long: {said}",
            context_window=window_in_refusal(body),
        )
    if refuses_tools(status, body):
        return ToolsNotSupported(f"The model server at {url} takes no tools: {said}")
    if status in (401, 403, 407):
        return _key_refused(status, said, asked)
    if status == 402 or (status == 429 and _NO_MONEY.search(body)):
        return ModelRejectedRequest(
            f"The account at {url} has no credit left or has used up its quota ({said})."
        )
    if "plain http request" in body.lower() or "http request to an https" in body.lower():
        return ModelUnavailable(f"{url} wants https: write https:// into WEBSEARCH_MODEL_URL.")
    if status == 404 or (status in (400, 422) and _NO_MODEL.search(body)):
        return _model_unknown(said, asked)
    if status in (429, 503):
        return _busy(status, said, body, asked, headers or {})
    if status >= 500:
        return ModelUnavailable(f"The model server at {url} failed ({status}: {said}). Try again.")
    if status in (301, 302, 307, 308):
        return not_a_model_server(asked, f"it sends on to another address ({status})")
    return ModelRejectedRequest(f"The model server at {url} refused ({status}: {said}).")


def refuses_tools(status: int, body: str) -> bool:
    """Whether a refusal is about `tools`, not about a call that the model wrote badly."""
    if status in (400, 403, 404, 422, 501):
        return _TOOLS.search(body) is not None
    return status == 500 and bool(_TOOLS.search(body)) and not _BROKEN_CALL.search(body)


def not_a_model_server(asked: Asked, why: str) -> ModelError:
    """The address leads to something that speaks no OpenAI API."""
    return InvalidModelOutput(
        f"{asked.url} is not an OpenAI-compatible model server: {why}. Check host, port and path "
        "in WEBSEARCH_MODEL_URL; example: http://localhost:8080/v1"
    )


def mask_secrets(text: str, key: str | None) -> str:
    """The text without the key, and without what looks like one: servers like to echo it."""
    if key:
        text = text.replace(key, "***")
    return _SECRET.sub("***", text)


def retry_after_s(headers: Mapping[str, str], body: str, now: dt.datetime) -> float | None:
    """The waiting time that a server names: Retry-After in seconds or as a date, or in words."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    if value:
        try:
            when = email.utils.parsedate_to_datetime(value)
        except ValueError:
            when = None
        if when is not None:
            when = when if when.tzinfo else when.replace(tzinfo=dt.UTC)
            return max(0.0, (when - now).total_seconds())
    said = _TRY_AGAIN_IN.search(body.lower())
    if said is None:
        return None
    return sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION.findall(said[1]))


def _key_refused(status: int, said: str, asked: Asked) -> ModelError:
    if asked.key is None:
        return ModelRejectedRequest(
            f"The model server at {asked.url} wants a key ({status}). "
            "Set WEBSEARCH_MODEL_API_KEY; none is set."
        )
    return ModelRejectedRequest(
        f"The model server at {asked.url} refused the key ({status}: {said}). "
        "WEBSEARCH_MODEL_API_KEY is set: check that it is whole, still valid, and meant for this "
        "server and model."
    )


def _model_unknown(said: str, asked: Asked) -> ModelError:
    if asked.names and asked.model not in asked.names:
        listed = ", ".join(asked.names[:MAX_LISTED_NAMES])
        more = len(asked.names) - MAX_LISTED_NAMES
        listed += f" and {more} more" if more > 0 else ""
        return ModelNotServed(
            f"The model server at {asked.url} does not know the model {asked.model!r}. It has: "
            f"{listed}. Set WEBSEARCH_MODEL_NAME to one of them, or unset it for the first."
        )
    return ModelNotServed(
        f"The model server at {asked.url} does not know the model {asked.model!r} or this address "
        f"({said}). Check WEBSEARCH_MODEL_NAME and WEBSEARCH_MODEL_URL (usually …/v1)."
    )


def _busy(
    status: int, said: str, body: str, asked: Asked, headers: Mapping[str, str]
) -> ModelError:
    wait = retry_after_s(headers, body, dt.datetime.now(dt.UTC))
    when = "Try again." if wait is None else f"Try again in {_duration(wait)}."
    return ModelBusy(
        f"The model server at {asked.url} is busy ({status}: {said}). {when}", retry_after_s=wait
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{round(seconds / 3600)} h"


def _message(body: str) -> str:
    """The server's own words, as short as they are useful; never more than 300 characters."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = body
    for key in ("error", "message", "detail"):
        if isinstance(parsed, dict) and key in parsed:
            parsed = parsed[key]
    text = parsed if isinstance(parsed, str) else json.dumps(parsed, ensure_ascii=False)
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:300] or "no message"
