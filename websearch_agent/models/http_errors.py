"""What a model server's refusal means, and what the person can do about it."""

import json
import re

import httpx

from websearch_agent.errors import (
    ContextTooLong,
    ModelError,
    ModelRejectedRequest,
    ModelUnavailable,
)

_TOO_LONG = re.compile(
    r"context (length|size|window)|maximum.{0,20}(context|length)|too many tokens|exceed_context",
    re.IGNORECASE,
)


class ToolsNotSupported(ModelRejectedRequest):
    """The server, or the model on it, takes no `tools`."""

    code = "tools_not_supported"


def connection_failed(error: httpx.HTTPError, url: str) -> ModelError:
    """An error of the connection as ModelUnavailable with the setting to look at."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return ModelUnavailable(
            f"The model server at {url} cannot be reached. Is it running? "
            "Its address is set by WEBSEARCH_MODEL_URL; unset it to use the embedded model."
        )
    if isinstance(error, httpx.TimeoutException):
        return ModelUnavailable(f"The model server at {url} stopped answering. Try again.")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return ModelUnavailable(f"WEBSEARCH_MODEL_URL is not a usable address: {url}")
    return ModelUnavailable(
        f"The connection to the model server at {url} broke off "
        f"({type(error).__name__}). Try again."
    )


def refusal(status: int, body: str, url: str, model: str) -> ModelError:
    """The error for a reply that is not 200."""
    said = _message(body)
    if status in (401, 403):
        return ModelRejectedRequest(
            f"The model server at {url} refused the key ({status}). Set WEBSEARCH_MODEL_API_KEY."
        )
    if status in (400, 413, 422, 500) and _TOO_LONG.search(said):
        return ContextTooLong(f"The model refused the prompt as too long: {said}")
    if status in (400, 404, 422, 500) and re.search(r"\btools?\b|tool[-_ ]choice", said, re.I):
        return ToolsNotSupported(f"The model server at {url} takes no tools: {said}")
    if status == 404:
        return ModelRejectedRequest(
            f"The model server at {url} does not know the model {model!r} or this address "
            f"({said}). Check WEBSEARCH_MODEL_NAME and WEBSEARCH_MODEL_URL (usually …/v1)."
        )
    if status in (429, 503):
        return ModelUnavailable(f"The model server at {url} is busy ({status}: {said}). Try again.")
    if status >= 500:
        return ModelUnavailable(f"The model server at {url} failed ({status}: {said}). Try again.")
    return ModelRejectedRequest(f"The model server at {url} refused ({status}: {said}).")


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
