"""Flags, environment, `.env` and TOML file: which counts, and what each error says."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from websearch_agent.config import Settings, load_settings
from websearch_agent.errors import ConfigError
from websearch_agent.models.profile import configured_profile
from websearch_agent.settings_in_force import read_settings
from websearch_agent.settings_sources import MAX_SECRET_BYTES, FieldNames
from websearch_agent.settings_toml import MAX_CONFIG_BYTES

NAMES = FieldNames(Settings)
SECRETS = sorted(NAMES.secret)


@pytest.fixture(autouse=True)
def _own_config_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def write_usual_file(tmp_path: Path, text: str) -> Path:
    """The file that is read without being named."""
    path = tmp_path / "config" / "websearch-agent" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal_of(text: str, tmp_path: Path) -> str:
    """The error of a file with this text, without the file's own name."""
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_settings(config_file=path)
    return caught.value.message.replace(str(path), "FILE")


# ---- which counts ------------------------------------------------------------------------


def test_each_place_gives_way_to_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_usual_file(
        tmp_path, "max_answers = 1\nmax_waiting = 1\nsession_days = 1\npage_cache_mb = 1\n"
    )
    Path(".env").write_text(
        "WEBSEARCH_MAX_ANSWERS=2\nWEBSEARCH_MAX_WAITING=2\nWEBSEARCH_SESSION_DAYS=2\n"
    )
    monkeypatch.setenv("WEBSEARCH_MAX_ANSWERS", "3")
    monkeypatch.setenv("WEBSEARCH_MAX_WAITING", "3")
    found = read_settings(flags=["max_answers=4"])
    names = ("max_answers", "max_waiting", "session_days", "page_cache_mb")
    assert [getattr(found.settings, name) for name in names] == [4, 3, 2, 1]
    assert [found.origins[name] for name in names] == ["flag", "environment", ".env", str(file)]
    assert "strict" not in found.origins
    assert found.config_file == file


def test_all_doors_read_the_same_files(tmp_path: Path) -> None:
    write_usual_file(tmp_path, "max_answers = 5")
    assert load_settings().max_answers == 5


def test_without_files_only_the_environment_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_usual_file(tmp_path, "broken")
    Path(".env").write_text("WEBSEARCH_MAX_ANSWERS=2\n")
    monkeypatch.setenv("WEBSEARCH_CONFIG_FILE", "nowhere.toml")
    monkeypatch.setenv("WEBSEARCH_MAX_WAITING", "3")
    settings = load_settings(_env_file=None)
    assert (settings.max_answers, settings.max_waiting) == (16, 3)


def test_settings_object_alone_reads_no_toml_file(tmp_path: Path) -> None:
    write_usual_file(tmp_path, "max_answers = 5")
    assert Settings().max_answers == 16


@pytest.mark.parametrize("place", ["environment", ".env", "flag"])
def test_named_file_is_read_instead_of_the_usual_one(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_usual_file(tmp_path, "max_answers = 5\nmax_waiting = 5")
    Path("own.toml").write_text("max_answers = 6")
    if place == "environment":
        monkeypatch.setenv("WEBSEARCH_CONFIG_FILE", "own.toml")
    elif place == ".env":
        Path(".env").write_text("WEBSEARCH_CONFIG_FILE=own.toml\n")
    found = read_settings(config_file=Path("own.toml") if place == "flag" else None)
    assert (found.settings.max_answers, found.settings.max_waiting) == (6, 64)


# ---- flags -------------------------------------------------------------------------------


def test_last_flag_of_a_name_counts_in_any_spelling() -> None:
    flags = ["WEBSEARCH_MAX_ANSWERS=3", "max-answers=4"]
    assert read_settings(flags=flags).settings.max_answers == 4


def test_empty_flag_takes_back_what_other_places_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_MODEL_URL", "http://localhost:1/v1")
    monkeypatch.setenv("WEBSEARCH_ENGINES", "local")
    settings = read_settings(flags=["model_url=", "engines="]).settings
    assert (settings.model_url, settings.engines) == (None, ("ddgs", "local"))


def key_with_file_in_toml(tmp_path: Path, *flags: str) -> str | None:
    file = write_usual_file(tmp_path, 'brave_api_key_file = "secret"')
    (file.parent / "secret").write_text("sk-file")
    key = read_settings(flags=flags).settings.brave_api_key
    return key.get_secret_value() if key else None


@pytest.mark.parametrize("name", ["brave_api_key", "brave_api_key_file"])
def test_empty_flag_takes_back_a_secret_however_it_was_given(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert key_with_file_in_toml(tmp_path) == "sk-file"
    assert key_with_file_in_toml(tmp_path, f"{name}=") is None
    monkeypatch.setenv("WEBSEARCH_BRAVE_API_KEY", "sk-environment")
    assert key_with_file_in_toml(tmp_path, f"{name}=") is None


def test_empty_flag_of_a_secret_gives_way_to_its_other_name(tmp_path: Path) -> None:
    Path("other").write_text("sk-other")
    flags = ("brave_api_key=sk-flag", "brave_api_key_file=")
    assert key_with_file_in_toml(tmp_path, *flags) == "sk-flag"
    flags = ("brave_api_key=", "brave_api_key_file=other")
    assert key_with_file_in_toml(tmp_path, *flags) == "sk-other"


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("engines", "--set needs NAME=VALUE"),
        ("engine=local", "--set: there is no setting 'engine'; did you mean engines?"),
        ("zzz=1", "--set: there is no setting 'zzz'; `websearch-agent config` lists them all"),
        ("engines=goggle", "--set engines: unknown engine goggle"),
        ("max_answers=0", "--set max_answers: "),
    ],
)
def test_wrong_flag_is_named(flag: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(flags=[flag])
    assert caught.value.message.startswith(words)


# ---- the TOML file -----------------------------------------------------------------------


def test_toml_values_are_read_as_what_they_are(tmp_path: Path) -> None:
    write_usual_file(
        tmp_path,
        'engines = ["searxng", "local"]\nallowed_networks = ["10.0.0.0/8"]\n'
        'ddgs_backends = ["mojeek", "yahoo"]\nnews_backends = "yahoo,bing"\n'
        "search_threshold = 0.5\nstrict = true\nsharing = false\nmodel_name = 7\nmodel_url = ''\n"
        "trusted_proxies = []\n",
    )
    settings = load_settings()
    assert settings.engines == ("searxng", "local")
    assert [str(network) for network in settings.allowed_networks] == ["10.0.0.0/8"]
    assert (settings.ddgs_backends, settings.news_backends) == ("mojeek,yahoo", "yahoo,bing")
    assert (settings.search_threshold, settings.strict, settings.sharing) == (0.5, True, False)
    assert (settings.model_name, settings.model_url, settings.trusted_proxies) == ("7", None, ())


def test_paths_in_the_file_are_relative_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_usual_file(tmp_path, 'ddgs_ca_file = "ca.pem"\nmodel_path = "~/m.gguf"\n')
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    settings = load_settings()
    assert settings.ddgs_ca_file == file.parent / "ca.pem"
    assert settings.model_path == tmp_path / "home" / "m.gguf"


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("model_profile", "own.toml", "{folder}/own.toml"),
        ("model_profile", "../own.toml", "{folder}/../own.toml"),
        ("model_profile", "/srv/own.toml", "/srv/own.toml"),
        ("model_profile", "gemma-3", "gemma-3"),
        ("database_url", "sqlite:///rel.db", "sqlite:///{folder}/rel.db"),
        ("database_url", "sqlite:////srv/abs.db", "sqlite:////srv/abs.db"),
        ("model_name", "own.toml", "own.toml"),
    ],
)
def test_profile_and_database_in_the_file_are_relative_to_its_folder(
    name: str, written: str, read: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_usual_file(tmp_path, f'{name} = "{written}"\n')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert getattr(load_settings(), name) == read.format(folder=file.parent)


def test_profile_and_database_of_the_file_are_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_usual_file(
        tmp_path, 'model_profile = "own.toml"\ndatabase_url = "sqlite:///rel.db"\n'
    )
    profile = 'name = "own"\ntitle = "Own"\nmatch = ["own*"]\ndialect = "tools"\n'
    (file.parent / "own.toml").write_text(profile)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    settings = load_settings()
    found = configured_profile(settings)
    assert found is not None
    assert found.name == "own"
    assert settings.database_path == file.parent / "rel.db"


@pytest.mark.parametrize("place", ["environment", "flag"])
def test_profile_and_database_elsewhere_are_as_written(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"model_profile": "own.toml", "database_url": "sqlite:///rel.db"}
    flags = [f"{name}={value}" for name, value in given.items()] if place == "flag" else []
    for name, value in given.items() if place == "environment" else ():
        monkeypatch.setenv(f"WEBSEARCH_{name.upper()}", value)
    settings = read_settings(flags=flags).settings
    assert {name: getattr(settings, name) for name in given} == given


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\nengine = 'x'", "FILE, line 2: there is no setting 'engine'; did you mean engines?"),
        ("\n\n[engines]\na = 1", "FILE, line 3: settings stand in no table"),
        ("model_url = ['a']", "FILE, line 1: model_url takes one value, not a list"),
        ("engines = [['a']]", "FILE, line 1: engines holds a list or an empty text"),
        ("engines = ['']", "FILE, line 1: engines holds a list or an empty text"),
        ("engines = [{}]", "FILE, line 1: engines takes a text"),
        ("engines = []", "FILE, line 1: engines: no engine is named"),
        ("data_dir = '~nobody-here/a'", "FILE, line 1: data_dir: the user whose home `~` names"),
        ("session_days = 2026-01-01", "FILE, line 1: session_days takes a text"),
        ("session_days = true", "FILE, line 1: session_days: "),
        ("engines = ['goggle']", "FILE, line 1: engines: unknown engine goggle"),
        ("a = 1\nb b", "FILE is no valid TOML: Expected '=' after a key"),
        ("strict = true\nstrict = true", "FILE is no valid TOML: Cannot overwrite a value"),
        ("a = " + "[" * 5000, "FILE is no valid TOML"),
        ("#" * (MAX_CONFIG_BYTES + 1), "FILE is larger than 1 MB"),
    ],
)
def test_wrong_file_is_refused_with_its_line(text: str, words: str, tmp_path: Path) -> None:
    message = refusal_of(text, tmp_path)
    assert message.startswith(words)
    if "no valid TOML" in words and len(text) < 100:
        assert "line 2" in message


def test_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    write_usual_file(tmp_path, "\ufeffmax_answers = 5")
    assert load_settings().max_answers == 5


def test_named_file_must_be_there_and_be_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no file nowhere\.toml"):
        read_settings(config_file=Path("nowhere.toml"))
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_settings(config_file=tmp_path)
    Path("latin.toml").write_bytes(b"model_name = 'caf\xe9'")
    with pytest.raises(ConfigError, match=r"latin\.toml cannot be read: it is not UTF-8"):
        read_settings(config_file=Path("latin.toml"))


def test_env_file_that_is_no_text_is_refused() -> None:
    Path(".env").write_bytes(b"WEBSEARCH_MODEL_NAME=caf\xe9")
    with pytest.raises(ConfigError, match=r"\.env cannot be read: it is not UTF-8"):
        load_settings()


# ---- secrets by file -----------------------------------------------------------------------


def test_secrets_are_the_hidden_settings() -> None:
    assert {name for name in SECRETS if not name.endswith(("_key", "_proxy"))} == set()
    assert len(SECRETS) == 9


def value_for(name: str) -> str:
    return "socks5://user:pass-word@h:1" if name.endswith("_proxy") else "sk-secret"


@pytest.mark.parametrize("name", SECRETS)
def test_secret_is_read_from_its_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text(f"\ufeff{value_for(name)}\r\n", encoding="utf-8")
    monkeypatch.setenv(f"WEBSEARCH_{name.upper()}_FILE", str(tmp_path / "secret"))
    found = read_settings()
    value = getattr(found.settings, name)
    assert isinstance(value, SecretStr)
    assert value.get_secret_value() == value_for(name)
    assert found.origins[name] == "environment, by file"


@pytest.mark.parametrize("place", [".env", "TOML", "flag"])
def test_secret_file_is_named_in_every_place(place: str, tmp_path: Path) -> None:
    Path("config").mkdir()
    for folder in (Path(), tmp_path / "config" / "websearch-agent"):
        folder.mkdir(exist_ok=True)
        (folder / "secret").write_text("sk-secret\n")
    if place == ".env":
        Path(".env").write_text("WEBSEARCH_EXA_API_KEY_FILE=secret\n")
    elif place == "TOML":
        Path("secret").unlink()
        write_usual_file(tmp_path, 'exa_api_key_file = "secret"')
    flags = ["exa_api_key_file=secret"] if place == "flag" else []
    key = read_settings(flags=flags).settings.exa_api_key
    assert key is not None
    assert key.get_secret_value() == "sk-secret"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "the file that it names cannot be read (No such file or directory)"),
        (b" \n", "the file that it names is empty"),
        (b"sk-secret" * MAX_SECRET_BYTES, "the file that it names is larger than 64 KB"),
        (b"sk-secret\xff", "the file that it names is no text"),
        (b"sk-secret\nsk-secret", "holds characters that no key has"),
    ],
)
def test_wrong_secret_file_is_refused_unseen(
    content: bytes | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sk-secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("WEBSEARCH_EXA_API_KEY_FILE", str(path))
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.message.startswith(f"WEBSEARCH_EXA_API_KEY_FILE: {words}")
    assert "sk-secret" not in caught.value.message
    assert caught.value.__cause__ is None


def test_secret_that_was_put_where_its_file_belongs_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBSEARCH_EXA_API_KEY_FILE", "sk-secret")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert "sk-secret" not in caught.value.message


def test_secret_and_its_file_in_one_place_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSEARCH_EXA_API_KEY", "sk-one")
    monkeypatch.setenv("WEBSEARCH_EXA_API_KEY_FILE", "secret")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.message == (
        "WEBSEARCH_EXA_API_KEY and WEBSEARCH_EXA_API_KEY_FILE are both set: leave one of them out"
    )


def test_secret_of_a_higher_place_counts_before_the_file_of_a_lower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("secret").write_text("sk-file")
    Path(".env").write_text("WEBSEARCH_EXA_API_KEY_FILE=secret\n")
    monkeypatch.setenv("WEBSEARCH_EXA_API_KEY", "sk-environment")
    key = load_settings().exa_api_key
    assert key is not None
    assert key.get_secret_value() == "sk-environment"


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
def test_secret_may_come_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"sk-secret\n")
    os.close(writing)
    monkeypatch.setenv("WEBSEARCH_EXA_API_KEY_FILE", f"/dev/fd/{reading}")
    key = load_settings().exa_api_key
    os.close(reading)
    assert key is not None
    assert key.get_secret_value() == "sk-secret"


# ---- misspelt variables ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("WEBSEARCH_MODL_URL", "is no setting and has no effect. Did you mean WEBSEARCH_MODEL_U"),
        ("WEBSEARCH_BRAVE_KEY", "is no setting and has no effect. Did you mean WEBSEARCH_BRAVE_A"),
        ("WEBSEARCH_ZZZ", "is no setting and has no effect."),
        ("WEBSEARCH_MODEL_URL_FILE", "has no effect: only secrets come from files. Set WEBSEARCH"),
    ],
)  # fmt: skip
def test_misspelt_variable_is_told(
    variable: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "x")
    (warning,) = read_settings().warnings
    assert warning.startswith(f"{variable} {sentence}")


def test_misspelt_variable_in_the_env_file_is_told() -> None:
    Path(".env").write_text("WEBSEARCH_ENGINE=local\nAGENT_PORT=1\n")
    assert [warning.split()[0] for warning in read_settings().warnings] == ["WEBSEARCH_ENGINE"]


@pytest.mark.parametrize(
    "variable", ["WEBSEARCH_TEST_CHROMIUM", "WEBSEARCH_VLLM_ENV", "WEBSEARCHES", "OTHER_ENGINE"]
)
def test_variables_of_others_are_no_settings(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "x")
    assert read_settings().warnings == ()
