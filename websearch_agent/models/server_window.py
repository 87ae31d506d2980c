"""How many tokens a model server gives one conversation, as it tells.

Cheap: one or two GETs at most, so it is read anew at each start of the process.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from websearch_agent.models.http_errors import Asked
from websearch_agent.models.window_words import as_window

OLLAMA_WINDOW = 4096
READ_TIMEOUT_S = 20.0


async def read_window(
    http: httpx.AsyncClient, asked: Asked, entry: Mapping[str, Any]
) -> int | None:
    """What the server tells of a model that it has loaded; `entry` is its part of `/models`.

    May be far below what the model was made for. None where it does not tell.
    """
    told = as_window(entry.get("max_model_len"))  # vLLM, SGLang
    if told is not None:
        return told
    props = await _get_json(http, f"{asked.root}/props")  # llama-server
    settings, meta = props.get("default_generation_settings"), entry.get("meta")
    candidates = (
        settings.get("n_ctx") if isinstance(settings, dict) else None,
        meta.get("n_ctx") if isinstance(meta, dict) else None,
        entry.get("loaded_context_length"),  # LM Studio
        entry.get("context_length"),  # OpenRouter, Together
        entry.get("context_window"),  # Groq
        entry.get("max_context_length"),  # Mistral
    )
    windows = [window for window in map(as_window, candidates) if window is not None]
    return windows[0] if windows else await _read_ollama_window(http, asked)


async def is_ollama(http: httpx.AsyncClient, asked: Asked) -> bool:
    """Ollama cuts a longer prompt without a word, so its own small default counts."""
    return isinstance((await _get_json(http, f"{asked.root}/api/ps")).get("models"), list)


async def _read_ollama_window(http: httpx.AsyncClient, asked: Asked) -> int | None:
    running = (await _get_json(http, f"{asked.root}/api/ps")).get("models")
    name = asked.model.removesuffix(":latest")
    for entry in running if isinstance(running, list) else ():
        if isinstance(entry, dict) and str(entry.get("name")).removesuffix(":latest") == name:
            return as_window(entry.get("context_length")) or OLLAMA_WINDOW
    return None


async def _get_json(http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """The object at this address, empty for anything else."""
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            reply = await http.get(url)
        body = reply.json() if reply.status_code == 200 else {}
    except (httpx.HTTPError, TimeoutError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
