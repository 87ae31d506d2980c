import ipaddress
import re
from pathlib import Path

import pytest

from websearch_agent.config import Settings, load_settings
from websearch_agent.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
SETTING_NAMES = {f"WEBSEARCH_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(autouse=True)
def _own_config_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "WEBSEARCH_ENGINES",
            "ddgs,goggle",
            "unknown engine goggle; known are: ddgs, news, searxng",
        ),
        ("WEBSEARCH_ENGINES", " , ", "no engine is named"),
        ("WEBSEARCH_MODEL_URL", "localhost:8080", "must begin with http"),
        ("WEBSEARCH_SEARXNG_URL", "ftp://localhost", "must begin with http"),
        ("WEBSEARCH_CONTEXT_WINDOW", "many", "valid integer"),
        ("WEBSEARCH_CONTEXT_WINDOW", "100", "2048"),
        ("WEBSEARCH_ALLOWED_NETWORKS", "10.0.0.0/99", "network"),
        ("WEBSEARCH_DATABASE_URL", "postgresql://localhost/db", "sqlite:///"),
        ("WEBSEARCH_LOG_LEVEL", "loud", "debug"),
        ("WEBSEARCH_ALLOWED_HOSTS", "https://a.example", "no host name"),
        ("WEBSEARCH_SEARCH_THRESHOLD", "1.5", "less than 1"),
        ("WEBSEARCH_DDGS_PROXY", "htp://127.0.0.1:9150", "no address of a proxy; example: socks5:"),
        ("WEBSEARCH_DDGS_PROXY", "127.0.0.1:9150", "no address of a proxy"),
        ("WEBSEARCH_DDGS_PROXY", "http://", "no address of a proxy"),
        ("WEBSEARCH_DDGS_PROXY", "http://host:99999", "no address of a proxy"),
        ("WEBSEARCH_DDGS_PROXY", "http://[::1:9", "no address of a proxy"),
    ],
)
def test_wrong_setting_is_named(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.message.startswith(f"{name}: ")
    assert message in caught.value.message
    assert "Value error" not in caught.value.message


def test_engine_named_twice_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_ENGINES", "local,ddgs,local")
    assert load_settings().engines == ("local", "ddgs")


def test_two_wrong_settings_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_MODEL_URL", "nowhere")
    monkeypatch.setenv("WEBSEARCH_LOG_LEVEL", "loud")
    with pytest.raises(ConfigError, match=r"WEBSEARCH_MODEL_URL: .*; WEBSEARCH_LOG_LEVEL: "):
        load_settings()


def test_key_is_never_in_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_MODEL_API_KEY", "sk-secret")
    monkeypatch.setenv("WEBSEARCH_MODEL_URL", "sk-secret")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert "sk-secret" not in caught.value.message
    monkeypatch.delenv("WEBSEARCH_MODEL_URL")
    assert "sk-secret" not in repr(load_settings())


@pytest.mark.parametrize("name", [name for name in sorted(SETTING_NAMES) if "_KEY" in name])
def test_no_key_is_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "sk-secret")
    assert "sk-secret" not in repr(load_settings())


@pytest.mark.parametrize("name", [name for name in sorted(SETTING_NAMES) if "_KEY" in name])
def test_key_loses_the_line_end_of_its_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, " sk-secret \n")
    key = getattr(load_settings(), name.removeprefix("WEBSEARCH_").lower())
    assert key.get_secret_value() == "sk-secret"


@pytest.mark.parametrize("name", [name for name in sorted(SETTING_NAMES) if "_KEY" in name])
@pytest.mark.parametrize("key", ["sk secret", "sk-sécret", "sk-secret…", "sk\nsecret", "sk\x7f"])
def test_key_that_no_header_can_hold_is_refused_unseen(
    name: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, key)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.message == f"{name}: holds characters that no key has: paste it anew"


def test_key_of_blanks_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_BRAVE_API_KEY", " \n")
    assert load_settings().brave_api_key is None


@pytest.mark.parametrize(
    "proxy",
    [
        "http://h:1", "https://h:1", "socks4://h:1", "socks4a://h:1", "socks5://h:1",
        "socks5h://user:pass-word@[::1]:9150", "HTTP://proxy.example",
    ],
)  # fmt: skip
def test_proxy_of_a_known_kind_is_taken_and_hidden(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBSEARCH_DDGS_PROXY", proxy)
    settings = load_settings()
    assert settings.ddgs_proxy is not None
    assert settings.ddgs_proxy.get_secret_value() == proxy
    assert proxy not in repr(settings)


def test_password_of_a_wrong_proxy_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_DDGS_PROXY", "htp://user:pass-word@h:1")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert "pass-word" not in caught.value.message


def test_comma_lists_are_split_and_stripped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_ENGINES", " local, searxng,,")
    monkeypatch.setenv("WEBSEARCH_ALLOWED_NETWORKS", "10.0.0.0/8, ::1/128")
    settings = load_settings()
    assert settings.engines == ("local", "searxng")
    assert settings.allowed_networks == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
    )


@pytest.mark.parametrize("name", sorted(SETTING_NAMES - {"WEBSEARCH_DATA_DIR"}))
def test_empty_setting_counts_as_unset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = load_settings()
    monkeypatch.setenv(name, "")
    assert load_settings() == unset


def test_settings_are_read_from_env_file() -> None:
    Path(".env").write_text("WEBSEARCH_ENGINES=local\nOTHER=1\n")
    assert load_settings().engines == ("local",)


def test_url_loses_its_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_MODEL_URL", "http://localhost:8080/v1/")
    assert load_settings().model_url == "http://localhost:8080/v1"


def test_database_lies_in_the_data_folder_unless_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().database_path == tmp_path / "data" / "conversations.db"
    monkeypatch.setenv("WEBSEARCH_DATABASE_URL", f"sqlite:///{tmp_path}/own.db")
    assert load_settings().database_path == tmp_path / "own.db"


def test_readme_lists_every_setting_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(WEBSEARCH_[A-Z0-9_]+)`", readme, re.MULTILINE)
    assert sorted(listed) == sorted(SETTING_NAMES)


def test_example_env_file_names_only_settings() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#? ?(WEBSEARCH_[A-Z0-9_]+)=", example, re.MULTILINE))
    assert named
    assert named <= SETTING_NAMES


def test_every_setting_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_strict_without_a_check_is_refused() -> None:
    with pytest.raises(ConfigError, match="WEBSEARCH_VERIFICATION is off"):
        load_settings(strict=True, verification="off")
