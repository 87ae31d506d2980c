import json
import shlex
from pathlib import Path

import pytest

from websearch_agent.errors import ConfigError
from websearch_agent.models.profile import Profile, find_profile, shipped_profiles
from websearch_agent.models.vllm_command import (
    ServeOptions,
    VllmCommand,
    agent_settings,
    build_command,
    shell_text,
)

# Written by tests/contract/vllm_help.py; the contract tests compare it with the installed vLLM.
VLLM = json.loads((Path(__file__).parent / "data" / "vllm.json").read_text(encoding="utf-8"))
SERVABLE = [profile for profile in shipped_profiles() if profile.serving.huggingface]


def value_of(command: VllmCommand, flag: str) -> str:
    assert command.arguments.count(flag) == 1
    return command.arguments[command.arguments.index(flag) + 1]


def test_default_model_is_served_with_its_flags() -> None:
    command = build_command(find_profile("megrez-3b-instruct"), ServeOptions())
    assert command.arguments == (
        "serve",
        "Infinigence/Megrez-3B-Instruct",
        *("--host", "127.0.0.1", "--port", "8001"),
        *("--served-model-name", "Infinigence/Megrez-3B-Instruct"),
        *("--trust-remote-code", "--max-model-len", "4096", "--enable-prefix-caching"),
        "--enable-prompt-tokens-details",
    )
    assert command.environment == {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


@pytest.mark.parametrize("profile", SERVABLE, ids=lambda profile: profile.name)
@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_every_flag_and_parser_exists_in_vllm(profile: Profile, device: str) -> None:
    options = ServeOptions(
        device="cpu" if device == "cpu" else "cuda",
        window=4096,
        quantization="awq",
        tensor_parallel=2,
        gpu_memory=0.8,
        chat_template="chat.jinja",
    )
    command = build_command(profile, options)
    flags = [argument for argument in command.arguments if argument.startswith("--")]
    assert len(flags) == len(set(flags))
    assert set(flags) <= set(VLLM["flags"])
    if "--tool-call-parser" in flags:
        assert value_of(command, "--tool-call-parser") in VLLM["tool_call_parsers"]
        assert "--enable-auto-tool-choice" in flags
    if "--reasoning-parser" in flags:
        assert value_of(command, "--reasoning-parser") in VLLM["reasoning_parsers"]


def test_options_replace_what_the_profile_says() -> None:
    options = ServeOptions(window=2048, quantization="awq", tensor_parallel=2, gpu_memory=0.5)
    command = build_command(find_profile("megrez-3b-instruct"), options)
    assert value_of(command, "--max-model-len") == "2048"
    assert value_of(command, "--quantization") == "awq"
    assert value_of(command, "--tensor-parallel-size") == "2"
    assert value_of(command, "--gpu-memory-utilization") == "0.5"
    assert "--trust-remote-code" in command.arguments


def test_processor_gets_half_precision_and_a_bounded_cache() -> None:
    command = build_command(find_profile("qwen2.5"), ServeOptions(device="cpu", cpu_kv_cache_gib=2))
    assert value_of(command, "--dtype") == "bfloat16"
    assert "--enforce-eager" in command.arguments
    assert command.environment["VLLM_CPU_KVCACHE_SPACE"] == "2"


def test_modelscope_is_named_to_vllm() -> None:
    command = build_command(find_profile("megrez-3b-instruct"), ServeOptions(hub="modelscope"))
    assert command.arguments[1] == "InfiniAI/Megrez-3b-Instruct"
    assert command.environment["VLLM_USE_MODELSCOPE"] == "true"


def test_extra_arguments_come_last_and_unchanged() -> None:
    extra = ("--max-model-len", "1024", "--kv-cache-dtype", "fp8")
    command = build_command(find_profile("qwen3"), ServeOptions(extra=extra))
    assert command.arguments[-4:] == extra


def test_local_folder_is_served_under_its_name_not_its_path() -> None:
    options = ServeOptions(model="/srv/weights/Megrez-3B-Instruct")
    command = build_command(find_profile("megrez-3b-instruct"), options)
    assert command.arguments[1] == "/srv/weights/Megrez-3B-Instruct"
    assert value_of(command, "--served-model-name") == "Megrez-3B-Instruct"


def test_profile_without_repository_asks_for_a_model() -> None:
    with pytest.raises(ConfigError, match="--model"):
        build_command(find_profile("generic"), ServeOptions())
    named = build_command(find_profile("generic"), ServeOptions(model="acme/some-model"))
    assert named.arguments[1] == "acme/some-model"


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (ServeOptions(), {"WEBSEARCH_MODEL_URL": "http://127.0.0.1:8001/v1"}),
        (ServeOptions(host="0.0.0.0"), {"WEBSEARCH_MODEL_URL": "http://127.0.0.1:8001/v1"}),
        (ServeOptions(host="::1", port=9), {"WEBSEARCH_MODEL_URL": "http://[::1]:9/v1"}),
        (
            ServeOptions(served_name="mine"),
            {
                "WEBSEARCH_MODEL_URL": "http://127.0.0.1:8001/v1",
                "WEBSEARCH_MODEL_PROFILE": "qwen3",
            },
        ),
    ],
)
def test_agent_is_told_what_it_cannot_see(options: ServeOptions, settings: dict[str, str]) -> None:
    assert agent_settings(find_profile("qwen3"), options) == settings


def test_printed_command_is_quoted_for_a_shell() -> None:
    options = ServeOptions(
        model="/srv/my model", hub="modelscope", extra=("--hf-overrides", '{"a": 1}')
    )
    command = build_command(find_profile("qwen2.5"), options)
    text = shell_text(command, "/opt/v llm/bin/vllm")
    words = shlex.split(text.replace("\\\n", ""))
    environment = [f"{name}={value}" for name, value in command.environment.items()]
    assert words == [*environment, "/opt/v llm/bin/vllm", *command.arguments]
