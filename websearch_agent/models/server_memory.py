"""What model servers were found to do, kept for a day in the data folder: no key, no address."""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from websearch_agent.models.capabilities import Capabilities

_log = logging.getLogger(__name__)

FILE_NAME = "model_servers.json"
KEPT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Remembered:
    """Capabilities and when they were found out (seconds since 1970)."""

    model: str
    probed_at: float
    capabilities: Capabilities


_ADAPTER = TypeAdapter(dict[str, Remembered])


def server_key(url: str, model: str, identity: str) -> str:
    """One server with one model; `identity` is what else it says of itself.

    Hashed: a base URL may hold a secret in its query.
    """
    return hashlib.sha256("\n".join((url, model, identity)).encode()).hexdigest()[:32]


def recall_capabilities(path: Path, key: str, *, now_s: float) -> Remembered | None:
    """What was remembered in the last 24 hours. A damaged file is as good as none."""
    found = _read(path).get(key)
    return found if found is not None and _is_fresh(found, now_s) else None


def remember_capabilities(path: Path, key: str, found: Remembered) -> None:
    """Write it beside what is still fresh, atomically. A full or read-only disk is only logged."""
    kept = {k: v for k, v in _read(path).items() if _is_fresh(v, found.probed_at)}
    text = json.dumps({k: asdict(v) for k, v in (kept | {key: found}).items()}, indent=1)
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError as error:
        _log.warning("What the model server can do cannot be remembered: %s", error)
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def _read(path: Path) -> dict[str, Remembered]:
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}


def _is_fresh(found: Remembered, now_s: float) -> bool:
    return 0 <= now_s - found.probed_at < KEPT_S
