"""What is known of a model family: `profiles/*.toml`, chosen by the served model's name."""

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from websearch_agent.config import Settings
from websearch_agent.errors import ConfigError

DialectName = Literal["tools", "markers", "schema"]
GENERIC = "generic"
_PROFILES = "websearch_agent.models.profiles"
# A misspelt key would silently leave the default in force.
_NO_OTHER_KEYS = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. None: the server's own default."""

    __pydantic_config__: ClassVar[ConfigDict] = _NO_OTHER_KEYS

    temperature: float = 0.0
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How the family thinks aloud.

    `form`: `none`; `tags` (`<think>…</think>` in the text, unless the server splits them off);
    `open_tags` (the chat template writes the opening tag, so a reply begins with thoughts);
    `channel` (the server has a reasoning field of its own). `agent` and `chat` are what is put into
    the request body for a call of that purpose, for example to switch thinking off.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _NO_OTHER_KEYS

    form: Literal["none", "tags", "open_tags", "channel"] = "none"
    agent: dict[str, object] | None = None
    chat: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    """What the chat template takes.

    `system` = `user`: it has no system role, and the system prompt is put in front of the first
    user message. `observation`: the role that brings a search's results in dialect `markers`.
    `alternate`: user and assistant must take turns, so neighbours of one role are joined.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _NO_OTHER_KEYS

    system: Literal["system", "user", "developer"] = "system"
    observation: Literal["tool", "observation", "user"] = "tool"
    alternate: bool = False


@dataclass(frozen=True, slots=True)
class Serving:
    """How `model serve` starts it under vLLM, and `model pull` gets it.

    The repositories are those of one size of the family. `flags` are vLLM's own, in order.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _NO_OTHER_KEYS

    huggingface: str = ""
    modelscope: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """One model family. `match` are lower-case globs over the served name's last part.

    `context_window` in tokens, used up to 8,192 when the server does not tell; `answer_tokens` the
    most of one answer, None for a quarter of the window. `citation` is the form in which this
    family was taught to cite, with `n` for the number.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _NO_OTHER_KEYS

    name: str
    title: str
    match: tuple[str, ...]
    dialect: DialectName
    context_window: int = 4096
    answer_tokens: int | None = None
    chat: Sampling = Sampling(temperature=0.7)
    agent: Sampling = Sampling()
    stop: tuple[str, ...] = ()
    reasoning: Reasoning = Reasoning()
    roles: Roles = Roles()
    citation: Literal["[n]", "[citation:n]"] = "[n]"
    serving: Serving = Serving()
    notes: str = ""


_ADAPTER = TypeAdapter(Profile)


@cache
def shipped_profiles() -> tuple[Profile, ...]:
    """All profiles of the package by name, `generic` last."""
    found = [
        _parse(file.read_text(encoding="utf-8"), file.name)
        for file in files(_PROFILES).iterdir()
        if file.name.endswith(".toml")
    ]
    return tuple(sorted(found, key=lambda profile: (profile.name == GENERIC, profile.name)))


def find_profile(name_or_file: str) -> Profile:
    """A shipped profile by its name, or one of a TOML file. Raises ConfigError."""
    for profile in shipped_profiles():
        if profile.name == name_or_file.lower():
            return profile
    path = Path(name_or_file).expanduser()
    if path.suffix != ".toml":
        known = ", ".join(profile.name for profile in shipped_profiles())
        raise ConfigError(
            f"There is no model profile {name_or_file!r}; known are: {known}; or name a .toml file."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"There is no file {path} to read a model profile from.") from error
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"The model profile {path} cannot be read: {error}.") from error
    return _parse(text, str(path))


def configured_profile(settings: Settings) -> Profile | None:
    """The profile that the setting names, if it is set. Raises ConfigError naming the variable."""
    if not settings.model_profile:
        return None
    try:
        return find_profile(settings.model_profile)
    except ConfigError as error:
        raise ConfigError(f"WEBSEARCH_MODEL_PROFILE: {error.message}") from error


def profile_for(model_name: str) -> Profile:
    """The profile whose glob fits the served model's name best (see `_precision`)."""
    last = model_name.lower().replace("\\", "/").rstrip("/").rpartition("/")[2]
    fitting = [
        (_precision(glob), profile)
        for profile in shipped_profiles()
        for glob in profile.match
        if fnmatchcase(last, glob)
    ]
    if not fitting:
        return find_profile(GENERIC)
    return max(fitting, key=lambda pair: pair[0])[1]


def _precision(glob: str) -> tuple[bool, int]:
    """A whole name before a pattern, then the pattern with more characters.

    A class such as `[1-3]` is one character: it stands for one.
    """
    return ("*" not in glob, len(re.sub(r"\[[^]]+\]", "?", glob)))


def _parse(text: str, file_name: str) -> Profile:
    try:
        return _ADAPTER.validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The model profile {file_name} is no TOML: {error}.") from error
    except ValidationError as error:
        raise ConfigError(f"The model profile {file_name}: {_explain(error)}.") from error


def _explain(error: ValidationError) -> str:
    """Every wrong key of a profile, in one line."""
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in item["loc"])
        unknown = item["type"] in ("unexpected_keyword_argument", "extra_forbidden")
        lines.append(f"{place}: {'there is no such key' if unknown else item['msg']}")
    return "; ".join(lines)
