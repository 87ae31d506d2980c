"""Dockerfile and docker-compose.yml: what can be checked of them without Docker."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_fakes import run_cli

from websearch_agent.config import Settings
from websearch_agent.models.profile import find_profile
from websearch_agent.models.vllm_command import ServeOptions, build_command

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTING_NAMES = {f"WEBSEARCH_{name.upper()}" for name in Settings.model_fields}


def services_of(profile: str) -> set[str]:
    return {name for name, service in SERVICES.items() if profile in service["profiles"]}


def default_of(text: str) -> str:
    """What `${NAME:-default}` is where the variable is not set."""
    found = re.fullmatch(r"\$\{[A-Z_]+:-(.*)\}", text)
    assert found, text
    return found[1]


def test_compose_profiles_hold_what_they_say() -> None:
    assert services_of("cpu") == {"agent-cpu", "searxng"}
    assert services_of("gpu") == {"agent", "vllm", "searxng"}


def test_vllm_is_started_as_model_serve_would() -> None:
    service = SERVICES["vllm"]
    options = ServeOptions(host="0.0.0.0")
    command = build_command(find_profile("megrez-3b-instruct"), options)
    assert service["entrypoint"] == ["vllm"]
    assert tuple(shlex.split(default_of(service["command"]))) == command.arguments
    for name, value in command.environment.items():
        assert service["environment"][name] == value
    assert f"127.0.0.1:{options.port}/health" in service["healthcheck"]["test"][-1]
    assert SERVICES["agent"]["environment"]["WEBSEARCH_MODEL_URL"] == "http://vllm:8001/v1"


def test_line_for_another_model_is_what_compose_reads() -> None:
    arguments = ("model", "serve", "qwen3", "--device", "cuda", "--for-compose")
    shown = run_cli(*arguments, "--hub", "modelscope", "--served-name", "mine").stdout.splitlines()
    told = dict(line.split("=", 1) for line in shown)
    options = ServeOptions(host="0.0.0.0", hub="modelscope", served_name="mine")
    command = build_command(find_profile("qwen3"), options)
    assert tuple(shlex.split(told["VLLM_COMMAND"])) == command.arguments
    assert told["VLLM_USE_MODELSCOPE"] == "true"
    assert told["WEBSEARCH_MODEL_PROFILE"] == "qwen3"
    # "$" would be taken for a variable by Compose.
    assert "$" not in told["VLLM_COMMAND"]
    assert set(told) <= set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT))


@pytest.mark.parametrize("name", ["vllm", "searxng"])
def test_foreign_image_has_a_tag_that_stays(name: str) -> None:
    tag = SERVICES[name]["image"].rpartition(":")[2]
    assert re.match(r"v?\d+\.\d+", tag)


def test_base_image_has_a_tag_of_a_python_that_is_supported() -> None:
    images = re.findall(r"PYTHON_IMAGE=python:(3\.\d+)-slim-bookworm$", DOCKERFILE, re.MULTILINE)
    assert images
    assert all(tuple(map(int, version.split("."))) >= (3, 11) for version in images)


def test_published_ports_are_on_loopback_unless_said_otherwise() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("${AGENT_ADDRESS:-127.0.0.1}:") for port in published)
    assert not {name for name in ("vllm", "searxng") if "ports" in SERVICES[name]}


@pytest.mark.parametrize("name", ["agent", "agent-cpu"])
@pytest.mark.parametrize(
    ("address", "auth", "told"),
    [
        ("", "", "off"),
        ("127.0.0.1", "", "off"),
        ("127.0.0.2", "", "off"),
        ("localhost", "", "off"),
        ("[::1]", "", "off"),
        ("0.0.0.0", "", "required"),
        ("[::]", "", "required"),
        ("192.0.2.7", "", "required"),
        ("0.0.0.0", "off", "off"),
        ("0.0.0.0", "auto", "auto"),
        ("", "required", "required"),
    ],
)
def test_login_is_required_where_others_reach_the_page(
    tmp_path: Path, name: str, address: str, auth: str, told: str
) -> None:
    service = SERVICES[name]
    environment = service["environment"]
    assert default_of(environment["WEBSEARCH_AUTH"]) == ""
    assert default_of(environment["AGENT_ADDRESS"]) == ""
    program = tmp_path / "websearch-agent"
    program.write_text('#!/bin/sh\necho "$WEBSEARCH_AUTH" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    # Compose writes "$" for "$$".
    command = [part.replace("$$", "$") for part in (*service["entrypoint"], *service["command"])]
    variables = {"WEBSEARCH_AUTH": auth, "AGENT_ADDRESS": address}
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        command, env={**variables, "PATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [told, *service["command"]]


def test_compose_starts_what_the_image_starts() -> None:
    (started,) = re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)
    assert 'ENTRYPOINT ["websearch-agent"]' in DOCKERFILE
    for name in ("agent", "agent-cpu"):
        assert SERVICES[name]["command"] == json.loads(started)
        assert SERVICES[name]["entrypoint"][:2] == ["sh", "-c"]


def test_agent_waits_for_healthy_services() -> None:
    assert SERVICES["agent"]["depends_on"] == {
        "searxng": {"condition": "service_healthy"},
        "vllm": {"condition": "service_healthy"},
    }
    assert SERVICES["agent-cpu"]["depends_on"] == {"searxng": {"condition": "service_healthy"}}
    for name in ("vllm", "searxng"):
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert "HEALTHCHECK" in DOCKERFILE
    assert "127.0.0.1:8000/api/health" in DOCKERFILE


def test_agent_runs_as_nobody_special() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    for name in ("agent", "agent-cpu"):
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in SERVICES[name]


def test_dockerfile_installs_only_hashed_packages() -> None:
    installs = re.findall(r"pip install (.*)$", DOCKERFILE, re.MULTILINE)
    assert installs == [
        "--require-hashes -r requirements/run.txt",
        "--no-deps --no-build-isolation .",
    ]
    assert "://" not in DOCKERFILE.replace("http://127.0.0.1:8000", "")


def test_no_secret_is_written_down() -> None:
    assert '"${SEARXNG_SECRET:?' in COMPOSE_TEXT
    for name in ("WEBSEARCH_MODEL_API_KEY", "HF_TOKEN"):
        assert f"{name}: ${{{name}:-}}" in COMPOSE_TEXT
    assert "secret_key" not in (ROOT / "docker/searxng/settings.yml").read_text(encoding="utf-8")


def test_searxng_answers_in_json_without_a_limiter() -> None:
    settings = yaml.safe_load((ROOT / "docker/searxng/settings.yml").read_text(encoding="utf-8"))
    assert settings["use_default_settings"] is True
    assert settings["search"]["formats"] == ["html", "json"]
    assert settings["server"]["limiter"] is False


def test_agent_asks_the_services_beside_it() -> None:
    for name in ("agent", "agent-cpu"):
        environment = SERVICES[name]["environment"]
        assert environment["WEBSEARCH_SEARXNG_URL"] == "http://searxng:8080"
        assert default_of(environment["WEBSEARCH_ENGINES"]) == "searxng,local"
        assert environment["WEBSEARCH_DATA_DIR"] == "/data"
        assert SERVICES[name]["volumes"] == ["agent-data:/data"]
        assert {key for key in environment if key.startswith("WEBSEARCH_")} <= SETTING_NAMES


def test_every_variable_of_compose_is_a_setting_or_explained() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    explained = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))
    assert used - SETTING_NAMES <= explained
    assert "COMPOSE_PROFILES" in explained


def test_files_that_are_named_are_there() -> None:
    mounted = [
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
    ]
    paths = [name for name in mounted if name.startswith("./")]
    named = {name for name in mounted if not name.startswith("./")}
    assert named == set(COMPOSE["volumes"])
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    paths += " ".join(copied).split()
    assert "requirements/run.txt" in paths
    for path in paths:
        assert (ROOT / path).exists(), path


def test_build_context_holds_what_is_copied_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    assert "*" in lines
    assert kept == set(" ".join(copied).split())
