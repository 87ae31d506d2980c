"""Asks a model server which models it has, and finds out where its API begins."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import httpx

from websearch_agent.errors import ModelRejectedRequest, ModelUnavailable
from websearch_agent.models.http_errors import Asked, not_a_model_server, refusal

LISTING_TIMEOUT_S = 10.0
# vLLM and llama-server put the time of the request here: it says nothing about the server.
_VOLATILE = ("created", "permission")


@dataclass(frozen=True, slots=True)
class Listing:
    """What `/models` said. `url` is the base that answered; `entry` the chosen model's own."""

    url: str
    name: str
    names: tuple[str, ...] = ()
    entry: dict[str, Any] | None = None

    @property
    def identity(self) -> str:
        """Changes when the server says something else about the model."""
        told = {k: v for k, v in (self.entry or {}).items() if k not in _VOLATILE}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


async def list_models(http: httpx.AsyncClient, asked: Asked) -> Listing:
    """The served model: `asked.model` if set, else the first. Raises ModelError, httpx.HTTPError.

    The commonest slip, a base URL without its `/v1`, is mended.
    """
    url = asked.url
    response = await http.get(f"{url}/models", timeout=LISTING_TIMEOUT_S)
    if not _is_listing(response) and not url.endswith("/v1"):
        second = await http.get(f"{url}/v1/models", timeout=LISTING_TIMEOUT_S)
        if _is_listing(second) or (_is_elsewhere(response) and not _is_elsewhere(second)):
            url, response = f"{url}/v1", second
    if response.status_code in (404, 405) and asked.model and not _is_page(response):
        # Some hosted servers list no models: then the name must have been set.
        return Listing(url, asked.model)
    if response.status_code != 200:
        raise _listing_refused(response, asked)
    if not _is_listing(response):
        kind = response.headers.get("content-type", "").partition(";")[0] or "nothing"
        what = "a web page" if _is_page(response) else f"{kind} that lists no models"
        raise not_a_model_server(asked, f"{url}/models answers with {what}")
    return _choose(url, response.json()["data"] or [], asked)


def _choose(url: str, data: list[Any], asked: Asked) -> Listing:
    entries = {item["id"]: item for item in data if _has_id(item)}
    names = tuple(entries)
    name = asked.model or next(iter(names), "")
    if not name:
        raise ModelUnavailable(f"{asked.url} serves no model. Set WEBSEARCH_MODEL_NAME.")
    return Listing(url, name, names, entries.get(name))


def _listing_refused(response: httpx.Response, asked: Asked) -> Exception:
    if response.status_code == 404 and not asked.model and not _is_page(response):
        return ModelRejectedRequest(
            f"{asked.url} has no list of models. Check WEBSEARCH_MODEL_URL (usually …/v1), or set "
            "WEBSEARCH_MODEL_NAME."
        )
    return refusal(response.status_code, response.text, asked, response.headers)


def _has_id(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str)


def _is_listing(response: httpx.Response) -> bool:
    if response.status_code != 200:
        return False
    try:
        body = response.json()
    except ValueError:
        return False
    # Ollama without a model answers null.
    return isinstance(body, dict) and isinstance(body.get("data", ""), list | None)


def _is_elsewhere(response: httpx.Response) -> bool:
    """Nothing of an API stands at this address."""
    return response.status_code == 404 or _is_page(response)


def _is_page(response: httpx.Response) -> bool:
    kind: str = response.headers.get("content-type", "")
    start = response.text.lstrip()[:9].lower()
    return "text/html" in kind or start.startswith(("<!doctype", "<html"))
