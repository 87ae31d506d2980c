import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli_fakes import run_cli

from websearch_agent.models.profile import find_profile, shipped_profiles

FAKE_PROGRAM = """#!{python}
import json, os, sys
kept = {{k: v for k, v in os.environ.items() if k.startswith(("VLLM", "DO_NOT"))}}
print(json.dumps({{"arguments": sys.argv[1:], "environment": kept}}))
sys.exit({code})
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH: no vllm, no GPU's tool and no hub's program of this machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    return folder


def put_program(folder: Path, name: str, code: int = 0) -> Path:
    path = folder / name
    path.write_text(FAKE_PROGRAM.format(python=sys.executable, code=code))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def run_program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own: it may become another one."""
    command = [sys.executable, "-c", "from websearch_agent.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)


def test_list_marks_the_profile_of_the_embedded_model() -> None:
    shown = run_cli("model", "list").stdout.splitlines()
    marked = [line for line in shown if line.startswith("*  ")]
    assert len(marked) == 1
    assert marked[0].split()[:3] == ["*", "qwen2.5-small", "schema"]
    assert all(any(f" {p.name} " in line for line in shown) for p in shipped_profiles())


def test_list_marks_the_profile_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_MODEL_PROFILE", "gemma-3")
    assert "by WEBSEARCH_MODEL_PROFILE: gemma-3" in run_cli("model", "list").stdout


def test_list_marks_the_profile_of_the_named_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_MODEL_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("WEBSEARCH_MODEL_NAME", "Infinigence/Megrez-3B-Instruct")
    shown = run_cli("model", "list").stdout
    assert "\n*  megrez-3b-instruct" in shown


def test_list_says_why_no_profile_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_MODEL_URL", "http://127.0.0.1:9/v1")
    done = run_cli("model", "list")
    assert done.exit_code == 0
    assert "not known" in done.stdout
    assert "127.0.0.1:9" in done.stdout


def test_list_lines_fit_a_terminal() -> None:
    shown = run_cli("model", "list").stdout
    assert max(len(line) for line in shown.splitlines()) <= 100
    assert "gemma-3* gemma3* gemma-2-* …" in shown


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("nosuch", "WEBSEARCH_MODEL_PROFILE: There is no model profile 'nosuch'"),
        ("no/such.toml", "WEBSEARCH_MODEL_PROFILE: There is no file no/such.toml"),
    ],
)
def test_wrong_profile_setting_is_told_and_the_list_shown(
    monkeypatch: pytest.MonkeyPatch, setting: str, message: str
) -> None:
    monkeypatch.setenv("WEBSEARCH_MODEL_PROFILE", setting)
    listed = run_cli("model", "list")
    assert listed.exit_code == 0
    assert message in listed.stderr
    assert "\n   qwen3 " in listed.stdout
    assert "\n* " not in listed.stdout
    assert run_cli("model", "show", "qwen3").exit_code == 0
    checked = run_program("model", "check")
    assert checked.returncode == 2
    assert message in checked.stderr
    assert "Errno" not in checked.stderr


@pytest.mark.parametrize("command", ["show", "serve", "pull"])
def test_missing_profile_file_is_told_in_words(command: str) -> None:
    done = run_program("model", command, "nowhere.toml")
    assert done.returncode == 2
    assert "There is no file nowhere.toml" in done.stderr
    assert "Errno" not in done.stderr


def test_profile_of_the_readme_is_read_and_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    file = tmp_path / "granite.toml"
    file.write_text(example, encoding="utf-8")
    profile = find_profile(str(file))
    assert (profile.name, profile.dialect, profile.context_window) == ("granite", "tools", 16384)
    assert profile.stop == ("<|end_of_text|>",)
    assert (profile.chat.temperature, profile.agent.temperature) == (0.7, 0.0)
    assert profile.reasoning.form == "none"
    monkeypatch.setenv("WEBSEARCH_MODEL_PROFILE", str(file))
    shown = run_cli("model", "list").stdout
    (marked,) = [line for line in shown.splitlines() if line.startswith("*  ")]
    assert marked.split() == ["*", "granite", "tools", "16384", "none", "granite-3*"]
    assert f"by WEBSEARCH_MODEL_PROFILE: {file}" in shown


@pytest.mark.parametrize("profile", [profile.name for profile in shipped_profiles()])
def test_show_tells_all_of_a_profile(profile: str) -> None:
    shown = run_cli("model", "show", profile).stdout
    for word in ("dialect", "match", "chat", "agent", "reasoning", "roles", "citation"):
        assert f"\n{word} " in f"\n{shown}"


def test_unknown_profile_is_bad_input() -> None:
    done = run_program("model", "show", "megrez-9")
    assert done.returncode == 2
    assert "known are:" in done.stderr
    assert "Traceback" not in done.stderr


def test_print_writes_the_command_alone_to_stdout(programs: Path) -> None:
    done = run_program("model", "serve", "qwen2.5", "--print", "--window", "8192", "--", "-x", "1")
    words = shlex.split(done.stdout.replace("\\\n", ""))
    assert words[words.index("vllm") : words.index("vllm") + 3] == [
        "vllm",
        "serve",
        "Qwen/Qwen2.5-3B-Instruct",
    ]
    assert words[-2:] == ["-x", "1"]
    assert "8192" in words
    assert "WEBSEARCH_MODEL_URL=http://127.0.0.1:8001/v1" in done.stderr


def test_serve_becomes_the_vllm_on_path(programs: Path) -> None:
    put_program(programs, "vllm", code=3)
    done = run_program("model", "serve", "megrez-3b-instruct", "--hub", "modelscope")
    told = json.loads(done.stdout)
    assert done.returncode == 3
    assert told["arguments"][:2] == ["serve", "InfiniAI/Megrez-3b-Instruct"]
    assert told["environment"] == {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_USE_MODELSCOPE": "true",
        "VLLM_CPU_KVCACHE_SPACE": "4",
    }


def test_serve_becomes_the_vllm_that_is_named(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = put_program(tmp_path, "my-vllm")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "9")
    done = run_program("model", "serve", "qwen3", "--vllm", str(program), "--device", "cpu")
    told = json.loads(done.stdout)
    assert "--enforce-eager" in told["arguments"]
    assert told["environment"]["VLLM_CPU_KVCACHE_SPACE"] == "9"


def test_gpu_is_used_where_its_tool_is_on_path(programs: Path) -> None:
    put_program(programs, "nvidia-smi")
    assert "--enforce-eager" not in run_program("model", "serve", "qwen3", "--print").stdout
    chosen = run_program("model", "serve", "qwen3", "--device", "cpu", "--print").stdout
    assert "--enforce-eager" in chosen


def test_missing_vllm_is_explained_with_the_command(programs: Path) -> None:
    done = run_program("model", "serve", "megrez-3b-instruct")
    assert done.returncode == 2
    assert "an environment of its own" in done.stderr
    assert "vllm serve Infinigence/Megrez-3B-Instruct" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (("serve", "qwen3", "--vllm", "nowhere/vllm"), {}, "--vllm nowhere/vllm is no program"),
        (("serve", "generic"), {}, "--model"),
        (("serve", "qwen3"), {"VLLM_CPU_KVCACHE_SPACE": "much"}, "VLLM_CPU_KVCACHE_SPACE"),
        (("pull", "generic"), {}, "names no repository on huggingface"),
        (("check", "--key-from-env", "NO_SUCH_KEY"), {}, "NO_SUCH_KEY is not set"),
        (("check", "--url", "localhost:1"), {}, "must begin with http"),
    ],
)
def test_bad_input_is_told_in_a_line(
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    message: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = run_program("model", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("hub", "program", "arguments"),
    [
        ("huggingface", "hf", ["download", "Infinigence/Megrez-3B-Instruct"]),
        ("modelscope", "modelscope", ["download", "--model", "InfiniAI/Megrez-3b-Instruct"]),
    ],
)
def test_pull_runs_the_hubs_own_program(
    programs: Path, hub: str, program: str, arguments: list[str]
) -> None:
    put_program(programs, program)
    done = run_program("model", "pull", "megrez-3b-instruct", "--hub", hub)
    assert json.loads(done.stdout)["arguments"] == arguments
    assert done.returncode == 0


def test_pull_without_that_program_says_what_to_run(programs: Path) -> None:
    done = run_program("model", "pull", "megrez-3b-instruct")
    assert done.returncode == 2
    assert "hf download Infinigence/Megrez-3B-Instruct" in done.stderr
    assert "huggingface_hub" in done.stderr


def test_failed_pull_keeps_its_exit_code(programs: Path) -> None:
    put_program(programs, "hf", code=7)
    assert run_program("model", "pull", "qwen3").returncode == 7


def test_check_of_an_absent_server_fails_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_cli("model", "check", "--url", "http://127.0.0.1:9/v1")
    assert done.exit_code == 1
    assert done.stdout.startswith("NO       reachable")
    assert "cannot use this model: reachable" in done.stdout


def test_check_as_json_is_one_object() -> None:
    done = run_cli("model", "check", "--url", "http://127.0.0.1:9/v1", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (told["usable"], told["failed"], told["dialect"]) == (False, ["reachable"], None)
    assert told["checks"][0]["status"] == "no"
