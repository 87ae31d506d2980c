"""Where settings come from: flags, environment, `.env`, a TOML file; secrets also from files."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import UnionType
from typing import get_args, get_origin

from pydantic import SecretStr
from pydantic_settings import BaseSettings, DotEnvSettingsSource

from websearch_agent.errors import ConfigError
from websearch_agent.settings_toml import TomlSettings, read_toml

PREFIX = "WEBSEARCH_"
ENV_FILE = ".env"
SQLITE_SCHEME = "sqlite:///"
CONFIG_FILE_NAME = "config_file"
FILE_ENDING = "_file"
# More than any key or address of a proxy; a log that was named by mistake is not read whole.
MAX_SECRET_BYTES = 64 * 1024
# Begin with the prefix and are for the tests and scripts of this project.
_NO_SETTINGS = ("test_", "vllm_env")


@dataclass(frozen=True, slots=True)
class Given:
    """A setting as somebody wrote it. `written_as` is how a message names it."""

    value: object
    origin: str
    written_as: str


@dataclass(frozen=True, slots=True)
class Found:
    """All that was given, the strongest of each; what nobody gave has its default."""

    values: Mapping[str, Given]
    warnings: tuple[str, ...]
    config_file: Path | None


class FieldNames:
    """The names of the settings by what they take."""

    def __init__(self, model: type[BaseSettings]) -> None:
        self._annotations = {name: f.annotation for name, f in model.model_fields.items()}

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(self._annotations)

    @cached_property
    def secret(self) -> frozenset[str]:
        return self._taking(SecretStr)

    @cached_property
    def path(self) -> frozenset[str]:
        return self._taking(Path)

    @cached_property
    def listed(self) -> frozenset[str]:
        return frozenset(n for n, a in self._annotations.items() if get_origin(a) is tuple)

    @cached_property
    def files(self) -> frozenset[str]:
        """Names under which a file with the secret is given."""
        return frozenset(name + FILE_ENDING for name in self.secret)

    def _taking(self, kind: type) -> frozenset[str]:
        def takes(annotation: object) -> bool:
            parts = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
            return kind in parts

        return frozenset(name for name, a in self._annotations.items() if takes(a))

    def nearest(self, name: str) -> str | None:
        """The name that was probably meant."""
        return next(iter(get_close_matches(name, sorted(self.known | self.files), 1)), None)


def find_settings(
    model: type[BaseSettings],
    *,
    flags: Sequence[str] = (),
    config_file: Path | None = None,
    reads_files: bool = True,
) -> Found:
    """Flags before the environment before `.env` before the TOML file.

    Without `reads_files` neither `.env` nor a TOML file is read. Raises ConfigError.
    """
    names = FieldNames(model)
    environment = {name.lower(): value for name, value in os.environ.items() if value}
    from_env_file = _read_env_file(model) if reads_files else {}
    named = config_file or _named_config_file(environment, from_env_file)
    toml = None
    if reads_files:
        toml = read_toml(named or default_config_file(), must_exist=named is not None)
    layers = [
        _toml_layer(toml, names) if toml else {},
        _variables_layer(from_env_file, ENV_FILE, names),
        _variables_layer(environment, "environment", names),
        _flags_layer(flags, names),
    ]
    values = {name: given for layer in layers for name, given in layer.items()}
    warnings = unknown_variables({**from_env_file, **environment}, names)
    return Found(values, tuple(warnings), toml.path if toml else None)


# ---- the environment, and `.env` -----------------------------------------------------------


def _read_env_file(model: type[BaseSettings]) -> dict[str, str]:
    try:
        read = DotEnvSettingsSource(model, env_file=ENV_FILE).env_vars
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{ENV_FILE} cannot be read: {reason}") from None
    return {name.lower(): value for name, value in read.items() if value}


def _variables_layer(
    variables: Mapping[str, str], origin: str, names: FieldNames
) -> dict[str, Given]:
    given = {}
    for name in sorted(names.known | names.files):
        variable = PREFIX.lower() + name
        if variable in variables:
            given[name] = Given(variables[variable], origin, variable.upper())
    return _with_secrets(given, names)


def unknown_variables(variables: Iterable[str], names: FieldNames) -> list[str]:
    """A sentence for each variable that looks like a setting and is none."""
    known = names.known | names.files | {CONFIG_FILE_NAME}
    sentences = []
    for variable in sorted(variables):
        name = variable.lower().removeprefix(PREFIX.lower())
        if name == variable.lower() or name in known or name.startswith(_NO_SETTINGS):
            continue
        shown = variable.upper()
        if name.removesuffix(FILE_ENDING) in names.known:
            setting = shown.removesuffix(FILE_ENDING.upper())
            sentences.append(f"{shown} has no effect: only secrets come from files. Set {setting}.")
            continue
        nearest = names.nearest(name)
        meant = f" Did you mean {PREFIX}{nearest.upper()}?" if nearest else ""
        sentences.append(f"{shown} is no setting and has no effect.{meant}")
    return sentences


# ---- flags -------------------------------------------------------------------------------


def _flags_layer(flags: Sequence[str], names: FieldNames) -> dict[str, Given]:
    """`NAME=VALUE` each; the last of a name counts. An empty value stands for the default."""
    given = {}
    for flag in flags:
        written, equals, value = flag.partition("=")
        name = written.strip().lower().replace("-", "_").removeprefix(PREFIX.lower())
        if not equals:
            raise ConfigError("--set needs NAME=VALUE; example: --set engines=searxng,local")
        if name not in names.known | names.files:
            raise ConfigError(f"--set: {unknown_name(name, names)}")
        given[name] = Given(value, "flag", f"--set {name}")
    return _with_secrets(given, names)


def unknown_name(name: str, names: FieldNames) -> str:
    nearest = names.nearest(name)
    meant = f"did you mean {nearest}?" if nearest else "`websearch-agent config` lists them all"
    return f"there is no setting {name!r}; {meant}"


# ---- the TOML file -----------------------------------------------------------------------


def default_config_file() -> Path | None:
    """`$XDG_CONFIG_HOME/websearch-agent/config.toml`, by default under `~/.config`."""
    base = os.environ.get("XDG_CONFIG_HOME")
    try:
        folder = Path(base) if base else Path.home() / ".config"
    except RuntimeError:  # a container's user without a home
        return None
    return folder / "websearch-agent" / "config.toml"


def _named_config_file(*places: Mapping[str, str]) -> Path | None:
    variable = PREFIX.lower() + CONFIG_FILE_NAME
    return next((Path(place[variable]) for place in places if variable in place), None)


def _toml_layer(toml: TomlSettings, names: FieldNames) -> dict[str, Given]:
    """Paths in the file are relative to its folder, wherever the program is started."""
    given = {}
    for entry in toml.entries:
        if entry.name not in names.known | names.files:
            raise ConfigError(f"{entry.place}: {unknown_name(entry.name, names)}")
        value = entry.value
        if isinstance(value, tuple) and entry.name not in names.listed:
            if not entry.name.endswith("_backends"):
                raise ConfigError(f"{entry.place}: {entry.name} takes one value, not a list")
            value = ",".join(value)
        written_as = f"{entry.place}: {entry.name}"
        if isinstance(value, str):
            value = _beside_the_file(entry.name, value, toml.path.parent, names, written_as)
        if value != "":
            given[entry.name] = Given(value, str(toml.path), written_as)
    return _with_secrets(given, names)


def _beside_the_file(
    name: str, value: str, folder: Path, names: FieldNames, written_as: str
) -> str:
    """The value with its path, if it holds one, under `folder`; an absolute one stays."""
    scheme = SQLITE_SCHEME if name == "database_url" and value.startswith(SQLITE_SCHEME) else ""
    path = value.removeprefix(scheme)
    # A profile without the ending is one of the package, by its name.
    is_profile_file = name == "model_profile" and Path(path).suffix == ".toml"
    if not path or not (scheme or is_profile_file or name in names.path | names.files):
        return value
    try:
        return f"{scheme}{folder / Path(path).expanduser()}"
    except RuntimeError:  # `~` of nobody
        raise ConfigError(f"{written_as}: the user whose home `~` names is not known") from None


# ---- secrets by file -----------------------------------------------------------------------


def _with_secrets(given: Mapping[str, Given], names: FieldNames) -> dict[str, Given]:
    """The layer with the secrets themselves in the place of the files that hold them.

    A secret and its file are one setting: an empty file (only a flag can be empty) takes the secret
    back however it was given, and of the two an empty one gives way to the other.
    """
    with_secrets = {name: item for name, item in given.items() if name not in names.files}
    for name in sorted(given.keys() & names.files):
        item, secret_name = given[name], name.removesuffix(FILE_ENDING)
        if not item.value:
            with_secrets.setdefault(secret_name, item)
            continue
        if secret_name in with_secrets and with_secrets[secret_name].value:
            raise ConfigError(
                f"{with_secrets[secret_name].written_as} and {item.written_as} are both set: "
                "leave one of them out"
            )
        secret = _read_secret(Path(str(item.value)), item.written_as)
        with_secrets[secret_name] = Given(secret, f"{item.origin}, by file", item.written_as)
    return with_secrets


def _read_secret(path: Path, written_as: str) -> str:
    """Raises ConfigError, which shows neither content nor path: people put the secret there."""
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{written_as}: the file that it names cannot be read ({error.strerror})"
        ) from None
    except (ValueError, RuntimeError):  # a zero byte; `~` of nobody
        raise ConfigError(f"{written_as}: it names no file") from None
    if len(content) > MAX_SECRET_BYTES:
        raise ConfigError(
            f"{written_as}: the file that it names is larger than {MAX_SECRET_BYTES // 1024} KB, "
            "too large for a secret"
        )
    try:
        secret = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ConfigError(f"{written_as}: the file that it names is no text") from None
    if not secret:
        raise ConfigError(f"{written_as}: the file that it names is empty")
    return secret
