"""`config`: what is in force, from where, and that no secret is shown."""

import json
from pathlib import Path

import pytest
from cli_fakes import run_cli

from websearch_agent.cli.config_command import MASK, masked_value
from websearch_agent.config import Settings
from websearch_agent.errors import ConfigError
from websearch_agent.settings_sources import FieldNames

SECRETS = sorted(FieldNames(Settings).secret)


def rows(*flags: str) -> dict[str, list[str]]:
    """Value and origin of each setting, as the table shows them."""
    result = run_cli(*flags, "config")
    assert result.exit_code == 0
    table = result.stdout.partition("\n\n")[0]
    return {line.split()[0]: line.split()[1:] for line in table.splitlines()}


def test_every_setting_is_shown_with_its_value_and_origin(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "config" / "websearch-agent" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("strict = true")
    Path(".env").write_text("WEBSEARCH_MAX_WAITING=2\n")
    monkeypatch.setenv("WEBSEARCH_ENGINES", "local,searxng")
    shown = rows("--set", "max_answers=3")
    assert list(shown) == list(Settings.model_fields)
    assert shown["max_answers"] == ["3", "flag"]
    assert shown["engines"] == ["local,searxng", "environment"]
    assert shown["max_waiting"] == ["2", ".env"]
    assert shown["strict"] == ["true", str(file)]
    assert shown["model_url"] == ["(unset)", "default"]
    assert shown["trusted_proxies"] == ["(none)", "default"]
    assert f"Settings file: {file}\n" in run_cli("config").stdout


def test_file_that_could_be_made_is_named(tmp_path: Path) -> None:
    usual = tmp_path / "config" / "websearch-agent" / "config.toml"
    assert f"No settings file. {usual} is read if there is one" in run_cli("config").stdout


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("by_file", [False, True])
@pytest.mark.parametrize("as_json", [False, True])
def test_no_secret_is_shown(
    name: str, by_file: bool, as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "socks5://user:pass-word@h:1/?pass-word" if "_proxy" in name else "pass-word"
    Path("secret").write_text(secret)
    variable = f"WEBSEARCH_{name.upper()}"
    monkeypatch.setenv(variable + "_FILE" * by_file, "secret" if by_file else secret)
    result = run_cli("config", *["--json"] * as_json)
    assert result.exit_code == 0
    assert MASK in result.stdout
    assert "pass-word" not in result.output
    assert "user" not in result.stdout


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("fetch_proxy", "http://user:pass-word@proxy.example:3128", f"http://{MASK}@proxy.example:3128"),
        ("fetch_proxy", "http://proxy.example:3128", "http://proxy.example:3128"),
        ("exa_api_key", "abc://pass-word", MASK),
    ],
)  # fmt: skip
def test_of_a_proxy_only_who_asks_is_masked(name: str, value: str, shown: str) -> None:
    settings = Settings(**{name: value})  # type: ignore[arg-type]
    assert masked_value(name, getattr(settings, name)) == shown


def test_query_of_an_address_is_masked() -> None:
    assert masked_value("model_url", "http://h/v1?key=pass-word") == f"http://h/v1?{MASK}"
    assert masked_value("model_name", "what?") == "what?"


def test_json_has_values_as_they_are() -> None:
    reply = json.loads(run_cli("--set", "strict=on", "config", "--json").stdout)
    by_name = {setting["name"]: setting for setting in reply["settings"]}
    assert by_name["strict"] == {
        "name": "strict",
        "variable": "WEBSEARCH_STRICT",
        "value": True,
        "origin": "flag",
    }
    assert by_name["engines"]["value"] == ["ddgs", "local"]
    assert by_name["model_url"]["value"] is None
    assert (reply["config_file"], reply["warnings"]) == (None, [])


def test_misspelt_variable_is_told_beside_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_MODL_URL", "x")
    result = run_cli("config")
    assert result.exit_code == 0
    assert result.stderr == (
        "websearch-agent: WEBSEARCH_MODL_URL is no setting and has no effect. Did you mean "
        "WEBSEARCH_MODEL_URL?\n"
    )
    assert "MODL" in json.loads(run_cli("config", "--json").stdout)["warnings"][0]


def test_wrong_setting_is_the_same_error_as_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_LOG_LEVEL", "loud")
    error = run_cli("config").exception
    assert isinstance(error, ConfigError)
    assert error.message.startswith("WEBSEARCH_LOG_LEVEL: ")


def test_flags_of_one_run_are_gone_in_the_next() -> None:
    assert rows("--set", "max_answers=3")["max_answers"] == ["3", "flag"]
    assert rows()["max_answers"] == ["16", "default"]


def test_named_file_reaches_the_command(tmp_path: Path) -> None:
    Path("own.toml").write_text("max_answers = 5")
    assert rows("--config", "own.toml")["max_answers"] == ["5", "own.toml"]
