import re
from dataclasses import fields
from pathlib import Path

import pytest

from websearch_agent.errors import ConfigError
from websearch_agent.models.profile import (
    GENERIC,
    Profile,
    find_profile,
    profile_for,
    shipped_profiles,
)

SERVED_NAMES = {
    "Infinigence/Megrez-3B-Instruct": "megrez-3b-instruct",
    "InfiniAI/Megrez-3b-Instruct": "megrez-3b-instruct",
    "megrez": "megrez-3b-instruct",
    "Megrez-3B-Instruct-Q4_K_M.gguf": "megrez-3b-instruct",
    "/models/Megrez-3B-Instruct/": "megrez-3b-instruct",
    "Infinigence/Megrez-3B-Omni": "megrez-3b-omni",
    "megrez-tiny": GENERIC,
    "Qwen/Qwen2.5-3B-Instruct": "qwen2.5",
    "qwen2.5:3b-instruct": "qwen2.5",
    "qwen2.5:14b": "qwen2.5",
    "Qwen/Qwen2.5-Coder-7B-Instruct-AWQ": "qwen2.5",
    "qwen2.5-coder:32b": "qwen2.5",
    "qwen2-5-72b-instruct": "qwen2.5",
    "Qwen/Qwen2.5-1.5B-Instruct": "qwen2.5-small",
    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf": "qwen2.5-small",
    "qwen2.5:0.5b": "qwen2.5-small",
    "C:\\models\\qwen2.5-0.5b-instruct-fp16.gguf": "qwen2.5-small",
    "Qwen/Qwen3-8B": "qwen3",
    "qwen3:4b": "qwen3",
    "Qwen3-30B-A3B-Instruct-2507-Q4_K_M.gguf": "qwen3",
    "Qwen/Qwen3-4B-Thinking-2507": "qwen3-thinking",
    "Qwen/QwQ-32B": "qwen3-thinking",
    "qwen2:7b": GENERIC,
    "Qwen/Qwen1.5-7B-Chat": GENERIC,
    "meta-llama/Llama-3.1-8B-Instruct": "llama-3",
    "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf": "llama-3",
    "meta-llama/Llama-3.3-70B-Instruct": "llama-3",
    "llama3.1:8b": "llama-3",
    "llama3.2-vision:11b": "llama-3",
    "nvidia/Llama-3.1-Nemotron-70B-Instruct-HF": "llama-3",
    "accounts/fireworks/models/llama-v3p1-8b-instruct": "llama-3",
    "llama-3-1-70b-instruct": "llama-3",
    "llama3.2": "llama-3-small",
    "llama3.2:1b": "llama-3-small",
    "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M": "llama-3-small",
    "meta-llama/Meta-Llama-3-8B-Instruct": "llama-3-small",
    "llama3:8b": "llama-3-small",
    "meta-llama/Llama-2-7b-chat-hf": GENERIC,
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": GENERIC,
    "NousResearch/Hermes-3-Llama-3.1-8B": GENERIC,
    "google/gemma-3-4b-it": "gemma-3",
    "gemma3:12b": "gemma-3",
    "google/gemma-3n-E4B-it": "gemma-3",
    "gemma-2-9b-it-Q5_K_M.gguf": "gemma-3",
    "google/gemma-4-12b-it": GENERIC,
    "gemma-2b": GENERIC,
    "mistral": "mistral",
    "mistral-nemo": "mistral",
    "mistralai/Mistral-7B-Instruct-v0.3": "mistral",
    "mistralai/Mistral-Small-3.2-24B-Instruct-2506": "mistral",
    "mistral-large-latest": "mistral",
    "ministral-8b-latest": "mistral",
    "mistralai/Mistral-7B-Instruct-v0.2": "mistral-early",
    "mixtral:8x7b-instruct": "mistral-early",
    "codestral-latest": GENERIC,
    "deepseek-chat": "deepseek",
    "deepseek-ai/DeepSeek-V3.1": "deepseek",
    "deepseek-v3:671b": "deepseek",
    "deepseek-reasoner": "deepseek-r1",
    "deepseek-r1:7b": "deepseek-r1",
    "deepseek-ai/DeepSeek-R1": "deepseek-r1",
    "deepseek-r1-distill-qwen-7b": "deepseek-r1",
    "DeepSeek-R1-Distill-Llama-8B-Q4_K_M.gguf": "deepseek-r1",
    "deepseek-coder:6.7b": GENERIC,
    "openai/gpt-oss-20b": "gpt-oss",
    "gpt-oss:120b": "gpt-oss",
    "gpt-4o": GENERIC,
    "gpt-4o-mini": GENERIC,
    "claude-sonnet": GENERIC,
    "microsoft/Phi-4-mini-instruct": GENERIC,
    "": GENERIC,
}


@pytest.mark.parametrize(("served", "profile"), SERVED_NAMES.items())
def test_served_name_gets_its_family(served: str, profile: str) -> None:
    assert profile_for(served).name == profile


@pytest.mark.parametrize("profile", shipped_profiles(), ids=lambda profile: profile.name)
def test_shipped_profile_agrees_with_itself(profile: Profile) -> None:
    assert profile.match == tuple(glob.lower() for glob in profile.match)
    if profile.serving.huggingface:
        assert profile_for(profile.serving.huggingface) is profile
        assert profile_for(profile.serving.modelscope) is profile
    # What the program asks of the model, the server must have been told to give.
    assert ("--tool-call-parser" in profile.serving.flags) == (
        profile.dialect == "tools" and profile.name != GENERIC
    )
    assert profile.context_window >= 4096
    assert "://" not in profile.notes


def test_every_profile_is_named_like_its_file() -> None:
    folder = Path(__file__).resolve().parents[2] / "websearch_agent" / "models" / "profiles"
    assert {path.stem for path in folder.glob("*.toml")} == {p.name for p in shipped_profiles()}
    assert shipped_profiles()[-1].name == GENERIC


def test_no_glob_belongs_to_two_families() -> None:
    globs = [glob for profile in shipped_profiles() for glob in profile.match]
    assert len(globs) == len(set(globs))


def profile_file(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    path.write_text('name = "own"\ntitle = "Own"\nmatch = ["own*"]\ndialect = "schema"\n' + text)
    return str(path)


def test_profile_of_ones_own_is_read(tmp_path: Path) -> None:
    own = find_profile(profile_file(tmp_path, "[agent]\ntemperature = 0.3\n"))
    assert (own.name, own.dialect, own.agent.temperature) == ("own", "schema", 0.3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contextwindow = 8192\n", "contextwindow: there is no such key"),
        ("[agent]\ntemprature = 0.3\n", "agent.temprature: there is no such key"),
        ("[reasoning]\nfrom = 'tags'\n", "reasoning.from: there is no such key"),
        ("[roles]\nuser = 'human'\n", "roles.user: there is no such key"),
        ("[serving]\nflag = []\n", "serving.flag: there is no such key"),
        ("[roles]\nsystem = 'boss'\n", "roles.system: Input should be 'system', 'user'"),
        ("a = 1\nb = 2\n", "a: there is no such key; b: there is no such key"),
        ("[agent\n", "is no TOML"),
    ],
)
def test_wrong_profile_is_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    path = profile_file(tmp_path, text)
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        find_profile(path)
    assert path in caught.value.message


def test_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"known are: deepseek, .*generic"):
        find_profile("qwen9")


def test_missing_profile_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no file .*nowhere\.toml"):
        find_profile(str(tmp_path / "nowhere.toml"))


def test_sampling_of_a_profile_is_within_what_servers_take() -> None:
    for profile in shipped_profiles():
        for sampling in (profile.chat, profile.agent):
            assert 0 <= sampling.temperature <= 1
            values = [getattr(sampling, field.name) for field in fields(sampling)]
            assert all(value is None or value >= 0 for value in values)
