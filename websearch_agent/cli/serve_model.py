"""`model serve` and `model pull PROFILE`: other programs, started with the right words."""

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal, NoReturn

from websearch_agent.errors import ConfigError
from websearch_agent.models.profile import find_profile
from websearch_agent.models.vllm_command import (
    COMPOSE_HOST,
    CPU_KV_CACHE_GIB,
    DEFAULT_PORT,
    INSTALL_HINT,
    Device,
    Hub,
    ServeOptions,
    VllmCommand,
    agent_settings,
    build_command,
    repository,
    shell_text,
)

EXIT_NOT_INSTALLED = 2
_GPU_TOOLS = ("nvidia-smi", "rocm-smi")
_KV_CACHE_VARIABLE = "VLLM_CPU_KVCACHE_SPACE"
_DOWNLOADERS: dict[Hub, tuple[str, tuple[str, ...], str]] = {
    "huggingface": ("hf", ("download",), "huggingface_hub"),
    "modelscope": ("modelscope", ("download", "--model"), "modelscope"),
}


def choose_device(wanted: Literal["auto", "cuda", "cpu"]) -> Device:
    """`auto`: `cuda` (as vLLM calls AMD's too) if a GPU's tool is on PATH, else `cpu`."""
    if wanted != "auto":
        return wanted
    return "cuda" if any(shutil.which(tool) for tool in _GPU_TOOLS) else "cpu"


def kv_cache_gib() -> int:
    """What the person's own environment says, as vLLM reads it. Raises ConfigError."""
    value = os.environ.get(_KV_CACHE_VARIABLE, "")
    if not value:
        return CPU_KV_CACHE_GIB
    if not value.isdecimal() or int(value) == 0:
        raise ConfigError(f"{_KV_CACHE_VARIABLE} must be a whole number of GiB; example: 4")
    return int(value)


def serve_profile(name: str, options: ServeOptions, vllm: Path | None, *, print_only: bool) -> None:
    """Become vLLM, or print its command. Raises ConfigError; exits with 2 if it is not there."""
    profile = find_profile(name)
    command = build_command(profile, options)
    if print_only:
        print(shell_text(command, str(vllm) if vllm else "vllm"))
        _print_settings(agent_settings(profile, options))
        return
    executable = _find_vllm(vllm)
    if executable is None:
        print(INSTALL_HINT, file=sys.stderr)
        print("\nThe command that would be run:\n" + shell_text(command), file=sys.stderr)
        raise SystemExit(EXIT_NOT_INSTALLED)
    _print_settings(agent_settings(profile, options))
    _become(executable, command)


def print_for_compose(name: str, options: ServeOptions) -> None:
    """The lines of `.env` with which docker-compose.yml serves this profile. Raises ConfigError.

    Inside Compose the server listens for the agent's container, on the port of the health check.
    """
    profile = find_profile(name)
    inside = replace(options, host=COMPOSE_HOST, port=DEFAULT_PORT)
    command = build_command(profile, inside)
    print(f"VLLM_COMMAND={shlex.join(command.arguments)}")
    if "VLLM_USE_MODELSCOPE" in command.environment:
        print("VLLM_USE_MODELSCOPE=true")
    if "WEBSEARCH_MODEL_PROFILE" in agent_settings(profile, inside):
        print(f"WEBSEARCH_MODEL_PROFILE={profile.name}")


def pull_repository(name: str, hub: Hub) -> None:
    """Download a profile's repository with the hub's own program. Raises ConfigError.

    Exits with 2 if that program is not there, else with its own code if it fails.
    """
    source = repository(find_profile(name), hub)
    program, words, package = _DOWNLOADERS[hub]
    executable = shutil.which(program)
    if executable is None:
        command = " ".join((program, *words, source))
        print(
            f"{program} was not found. Install it, for example with `pipx install {package}` or "
            f"`uv tool install {package}`, and run:\n  {command}",
            file=sys.stderr,
        )
        raise SystemExit(EXIT_NOT_INSTALLED)
    done = subprocess.run([executable, *words, source], check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        raise SystemExit(done.returncode)


def _find_vllm(given: Path | None) -> str | None:
    if given is None:
        return shutil.which("vllm")
    path = given.expanduser()
    if not os.access(path, os.X_OK) or path.is_dir():
        raise ConfigError(f"--vllm {given} is no program; example: vllm-env/bin/vllm")
    return str(path)


def _become(executable: str, command: VllmCommand) -> NoReturn:
    """Replace this process: Ctrl-C and signals then reach vLLM itself."""
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {**os.environ, **command.environment}
    os.execve(executable, [executable, *command.arguments], environment)  # noqa: S606 - no shell


def _print_settings(settings: dict[str, str]) -> None:
    """On stderr: what stands on stdout is the command alone."""
    print("\nThe agent uses it with:", file=sys.stderr)
    for name, value in settings.items():
        print(f"  {name}={value}", file=sys.stderr)
