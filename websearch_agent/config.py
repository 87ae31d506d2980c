"""Settings: read once here, and passed in from then on."""

import ipaddress
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from websearch_agent.config_checks import (
    check_database_url,
    check_fetch_proxy,
    check_key,
    check_proxy,
    check_url,
    split_commas,
    split_engines,
    split_host_patterns,
    split_hosts,
)
from websearch_agent.errors import ConfigError
from websearch_agent.settings_sources import PREFIX, Found, Given, find_settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Key = Annotated[SecretStr | None, AfterValidator(check_key)]


def default_data_dir() -> Path:
    """`$XDG_DATA_HOME/websearch-agent`, by default under `~/.local/share`."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "websearch-agent"


class Settings(BaseSettings):
    """Every setting; the environment variable is the field's name behind `WEBSEARCH_`."""

    model_config = SettingsConfigDict(
        env_prefix="WEBSEARCH_", env_file=".env", extra="ignore", env_ignore_empty=True
    )

    model_url: Annotated[str | None, AfterValidator(check_url)] = Field(
        default=None,
        description="Base URL of an OpenAI-compatible server, for example "
        "`http://localhost:8080/v1`. Unset: the embedded model.",
    )
    model_name: str | None = Field(
        default=None,
        description="Model to ask for on that server. Unset: the first one it lists.",
    )
    model_api_key: Key = Field(default=None, description="Key for that server.")
    model_profile: str | None = Field(
        default=None,
        description="Profile of the model (`websearch-agent model list`), or a TOML file of your "
        "own. Unset: chosen by the served model's name.",
    )
    model_dialect: Literal["auto", "tools", "markers", "schema"] = Field(
        default="auto",
        description="How the model says that it wants to search: `tools` (OpenAI tool calls), "
        "`markers` (Megrez), `schema` (constrained JSON). `auto`: what the profile says; `schema` "
        "if the server refuses tools, and for the embedded model.",
    )
    search_threshold: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Search when the model's own probability of searching is at least this, for "
        "models that tell it. With the dialect `tools` it has no effect, since servers do not tell "
        "the probability of a tool call. Unset: what the model writes.",
    )
    model_path: Path | None = Field(
        default=None,
        description="GGUF file (or saved OpenVINO folder) for the embedded model. "
        "Unset: downloaded once into `models/` of the data folder.",
    )
    context_window: int | None = Field(
        default=None,
        ge=2048,
        description="Tokens that prompt and answer may take together. Unset: 4096 for the embedded "
        "model, else what the server says, else what the profile says, at most 8192.",
    )
    answer_tokens: int | None = Field(
        default=None,
        ge=128,
        description="Most tokens of one answer. Unset: 700 for the embedded model, else what the "
        "profile says, else 1024 or, if less, a quarter of the window.",
    )
    source_tokens: int | None = Field(
        default=None,
        ge=256,
        description="Most tokens of sources shown to the model. Unset: 1400 embedded, else half of "
        "the window, at least 6000 and at most 16000, as far as the window leaves room.",
    )
    engines: Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_engines)] = Field(
        default=("ddgs", "local"),
        description="Search engines, separated by commas: `ddgs`, `news`, `searxng`, `brave`, "
        "`serper`, `tavily`, `exa`, `wikipedia`, `arxiv`, `openalex`, `local`.",
    )
    searxng_url: Annotated[str | None, AfterValidator(check_url)] = Field(
        default=None, description="Base URL of a SearXNG with its JSON format switched on."
    )
    ddgs_backends: str = Field(
        default="duckduckgo,brave,mojeek,yahoo",
        description="Backends that `ddgs` asks, separated by commas, in this order.",
    )
    news_backends: str = Field(
        default="duckduckgo,bing,yahoo",
        description="Backends that `news` asks, by way of `ddgs`, in this order.",
    )
    ddgs_proxy: Annotated[SecretStr | None, AfterValidator(check_proxy)] = Field(
        default=None,
        description="Proxy for `ddgs` and `news`, for example `socks5://127.0.0.1:9150`.",
    )
    ddgs_ca_file: Path | None = Field(
        default=None,
        description="Certificate authority (PEM) that `ddgs` and `news` trust instead.",
    )
    brave_api_key: Key = Field(
        default=None, description="Key for `brave`, from https://brave.com/search/api/."
    )
    serper_api_key: Key = Field(
        default=None, description="Key for `serper`, from https://serper.dev."
    )
    tavily_api_key: Key = Field(
        default=None, description="Key for `tavily`, from https://app.tavily.com."
    )
    exa_api_key: Key = Field(
        default=None, description="Key for `exa`, from https://dashboard.exa.ai/api-keys."
    )
    openalex_api_key: Key = Field(
        default=None,
        description="Key for `openalex`, free at https://openalex.org/settings/api. Unset: a few "
        "searches a day.",
    )
    respect_robots: bool = Field(
        default=True, description="Leave pages alone whose site asks so in its robots.txt."
    )
    page_cache_mb: int = Field(
        default=256,
        ge=0,
        description="Room for cleaned pages in the data folder, so that none is fetched twice in "
        "its time to live. 0: no cache.",
    )
    evidence: Literal["passages", "summaries"] = Field(
        default="passages",
        description="What the model is shown of the pages: their best passages, or a summary of "
        "each that it has written for the question (slower, for small windows).",
    )
    verification: Literal["off", "fast", "model"] = Field(
        default="fast",
        description="Who checks each statement against the sources: `fast` (its words, numbers, "
        "names; milliseconds), `model` (the served model as well, one short call a statement), "
        "`off`.",
    )
    strict: bool = Field(
        default=False,
        description="Let the model write an answer with unsupported statements anew, once.",
    )
    ranking: Literal["bm25", "embeddings", "rerank"] = Field(
        default="bm25",
        description="How passages are ranked: `bm25` (words alone), or with a served model: "
        "`embeddings` (half words, half meaning; nDCG@10 of the pages found for English news "
        "questions 0.827 instead of 0.806), `rerank` (the order of a cross-encoder; not measured).",
    )
    ranking_url: Annotated[str | None, AfterValidator(check_url)] = Field(
        default=None,
        description="Base URL of the server for `embeddings` (`…/embeddings`) or `rerank` "
        "(`…/rerank`), for example `http://localhost:8082/v1`.",
    )
    ranking_model: str | None = Field(
        default=None,
        description="Model to ask for on that server; E5, Nomic and Qwen3 embeddings need their "
        "full name here. Unset: none is named, which servers of one model take.",
    )
    ranking_api_key: Key = Field(default=None, description="Key for the ranking server.")
    allowed_networks: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(split_commas)] = (
        Field(
            default=(),
            description="Private networks whose pages may be read, separated by commas, for "
            "example `10.0.0.0/8,127.0.0.1/32`. Empty: public addresses only.",
        )
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_hosts)] = Field(
        default=(),
        description="Host names, separated by commas, under which the page may be asked for, for "
        "example `answers.example.org`. Empty: the loopback names and the host of "
        "`WEBSEARCH_PUBLIC_URL`; without that, on an address that others reach, also IP addresses "
        "and the machine's own name.",
    )
    intranet_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_host_patterns)] = (
        Field(
            default=(),
            description="Host names, separated by commas, whose pages may be read wherever they "
            "are, for example `wiki.example.lan,*.corp.example`. Empty: public addresses only.",
        )
    )
    fetch_proxy: Annotated[SecretStr | None, AfterValidator(check_fetch_proxy)] = Field(
        default=None,
        description="Proxy that fetches the pages, for example `http://proxy.example.lan:3128` or "
        "`socks5://127.0.0.1:1080`. It resolves their names, so it must refuse private addresses "
        "itself.",
    )
    auth: Literal["auto", "required", "off"] = Field(
        default="auto",
        description="Who may ask: `auto` (with a login or API key as soon as there is a user, "
        "until then anybody on this machine), `required` (never without), `off` (anybody who "
        "reaches the address: something in front of it must check).",
    )
    public_url: Annotated[str | None, AfterValidator(check_url)] = Field(
        default=None,
        description="Address under which browsers reach the server, for example "
        "`https://answers.example.org`: its host is answered, and with https cookies are sent "
        "over https only. Unset: as the request says.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(split_commas)] = (
        Field(
            default=(),
            description="Networks of reverse proxies whose `X-Forwarded-For` and "
            "`X-Forwarded-Proto` are believed, separated by commas. Empty: none.",
        )
    )
    session_days: int = Field(
        default=30, ge=1, le=365, description="Days until somebody has to log in again."
    )
    sharing: bool = Field(
        default=True,
        description="Whether links may be made by which anybody who has one reads a conversation. "
        "`off`: none can be made, and those that were made lead nowhere.",
    )
    questions_per_minute: int | None = Field(
        default=None,
        ge=0,
        description="Questions that one user, key or (without login) address may ask in a minute. "
        "0: any number. Unset: 30 where a login is needed, else any number.",
    )
    max_answers: int = Field(
        default=16, ge=1, description="Answers that are written at the same time."
    )
    max_waiting: int = Field(
        default=64,
        ge=0,
        description="Questions that wait for one of these places. One more is refused (503).",
    )
    waiting_deadline_s: float = Field(
        default=30.0, gt=0, description="Seconds that a question waits for its place."
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder for conversations, index and model. Unset: "
        "`~/.local/share/websearch-agent`.",
    )
    database_url: Annotated[str | None, AfterValidator(check_database_url)] = Field(
        default=None,
        description="Where conversations are kept. Unset: "
        "`sqlite:///…/conversations.db` in the data folder. Only SQLite so far.",
    )
    reading_deadline_s: float = Field(
        default=6.0, gt=0, description="Seconds for fetching and cleaning all pages together."
    )
    search_deadline_s: float = Field(
        default=8.0, gt=0, description="Seconds for all engines together."
    )
    ranking_deadline_s: float = Field(
        default=2.0,
        gt=0,
        description="Seconds for the ranking server. After that, and while it fails, `bm25` ranks.",
    )
    answer_deadline_s: float = Field(
        default=300.0, gt=0, description="Seconds for a whole answer, the model's loading aside."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much is logged to standard error."
    )

    @field_validator("strict")
    @classmethod
    def _check_strict(cls, strict: bool, info: ValidationInfo) -> bool:
        if strict and info.data.get("verification") == "off":
            raise ValueError("needs the statements to be checked: WEBSEARCH_VERIFICATION is off")
        return strict

    @cached_property
    def models_dir(self) -> Path:
        return self.data_dir / "models"

    @cached_property
    def index_dir(self) -> Path:
        """The index that `websearch-agent index` writes."""
        return self.data_dir / "index" / "own"

    @cached_property
    def builtin_index_dir(self) -> Path:
        """The collection made from the documentation of the installed packages."""
        return self.data_dir / "index" / "builtin"

    @cached_property
    def database_path(self) -> Path:
        if self.database_url:
            return Path(self.database_url.removeprefix("sqlite:///"))
        return self.data_dir / "conversations.db"


def load_settings(**overrides: object) -> Settings:
    """The settings, and `overrides` instead of what was read. Raises ConfigError.

    With `_env_file=None` no file is read, only the environment.
    """
    reads_files = overrides.pop("_env_file", True) is not None
    return checked_settings(find_settings(Settings, reads_files=reads_files), overrides)


def checked_settings(found: Found, overrides: Mapping[str, object]) -> Settings:
    """Raises ConfigError that names each wrong setting as it was written.

    Of values it shows only unknown engines and what is no host name, never a secret.
    """
    values = {name: _value_of(name, given) for name, given in found.values.items()}
    try:
        return Settings(_env_file=None, **{**values, **overrides})  # type: ignore[arg-type, call-arg]
    except ValidationError as error:
        lines = []
        for item in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in item["loc"][:1])
            given = None if name in overrides else found.values.get(name)
            written_as = given.written_as if given else f"{PREFIX}{name.upper()}"
            lines.append(f"{written_as}: {item['msg'].removeprefix('Value error, ')}")
        raise ConfigError("; ".join(lines)) from None


def _value_of(name: str, given: Given) -> object:
    """An empty flag takes back what other places say."""
    if given.value == "":
        return Settings.model_fields[name].get_default(call_default_factory=True)
    return given.value
