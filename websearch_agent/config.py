"""Settings: read once here, from the environment and `.env`, and passed in from then on."""

import ipaddress
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from websearch_agent.errors import ConfigError

ENGINE_NAMES = (
    "ddgs",
    "news",
    "searxng",
    "brave",
    "serper",
    "tavily",
    "exa",
    "wikipedia",
    "arxiv",
    "openalex",
    "local",
)

# Those that the HTTP library of ddgs takes; any other scheme is an error at its first search.
PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def default_data_dir() -> Path:
    """`$XDG_DATA_HOME/websearch-agent`, by default under `~/.local/share`."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "websearch-agent"


class Settings(BaseSettings):
    """Every setting; the environment variable is the field's name behind `WEBSEARCH_`."""

    model_config = SettingsConfigDict(
        env_prefix="WEBSEARCH_", env_file=".env", extra="ignore", env_ignore_empty=True
    )

    model_url: str | None = Field(
        default=None,
        description="Base URL of an OpenAI-compatible server, for example "
        "`http://localhost:8080/v1`. Unset: the embedded model.",
    )
    model_name: str | None = Field(
        default=None,
        description="Model to ask for on that server. Unset: the first one it lists.",
    )
    model_api_key: SecretStr | None = Field(default=None, description="Key for that server.")
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
    engines: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("ddgs", "local"),
        description="Search engines, separated by commas: `ddgs`, `news`, `searxng`, `brave`, "
        "`serper`, `tavily`, `exa`, `wikipedia`, `arxiv`, `openalex`, `local`.",
    )
    searxng_url: str | None = Field(
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
    ddgs_proxy: SecretStr | None = Field(  # It may hold a password.
        default=None,
        description="Proxy for `ddgs` and `news`, for example `socks5://127.0.0.1:9150`.",
    )
    ddgs_ca_file: Path | None = Field(
        default=None,
        description="Certificate authority (PEM) that `ddgs` and `news` trust instead.",
    )
    brave_api_key: SecretStr | None = Field(
        default=None, description="Key for `brave`, from https://brave.com/search/api/."
    )
    serper_api_key: SecretStr | None = Field(
        default=None, description="Key for `serper`, from https://serper.dev."
    )
    tavily_api_key: SecretStr | None = Field(
        default=None, description="Key for `tavily`, from https://app.tavily.com."
    )
    exa_api_key: SecretStr | None = Field(
        default=None, description="Key for `exa`, from https://dashboard.exa.ai/api-keys."
    )
    openalex_api_key: SecretStr | None = Field(
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
    ranking_url: str | None = Field(
        default=None,
        description="Base URL of the server for `embeddings` (`…/embeddings`) or `rerank` "
        "(`…/rerank`), for example `http://localhost:8082/v1`.",
    )
    ranking_model: str | None = Field(
        default=None,
        description="Model to ask for on that server; E5, Nomic and Qwen3 embeddings need their "
        "full name here. Unset: none is named, which servers of one model take.",
    )
    ranking_api_key: SecretStr | None = Field(
        default=None, description="Key for the ranking server."
    )
    allowed_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="Private networks whose pages may be read, separated by commas, for example "
        "`10.0.0.0/8,127.0.0.1/32`. Empty: public addresses only.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Host names, separated by commas, under which the page may be asked for, for "
        "example `answers.example.org`. Empty: the loopback names when it listens there, else any.",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder for conversations, index and model. Unset: "
        "`~/.local/share/websearch-agent`.",
    )
    database_url: str | None = Field(
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

    @field_validator("engines", mode="before")
    @classmethod
    def _split_engines(cls, value: object) -> object:
        names = _split_commas(value)
        if isinstance(names, tuple):
            unknown = [name for name in names if name not in ENGINE_NAMES]
            if unknown or not names:
                known = ", ".join(ENGINE_NAMES)
                named = f"unknown engine {', '.join(unknown)}" if unknown else "no engine is named"
                raise ValueError(f"{named}; known are: {known}")
            return tuple(dict.fromkeys(names))  # asked twice, one would count twice
        return names

    @field_validator("strict")
    @classmethod
    def _check_strict(cls, strict: bool, info: ValidationInfo) -> bool:
        if strict and info.data.get("verification") == "off":
            raise ValueError("needs the statements to be checked: WEBSEARCH_VERIFICATION is off")
        return strict

    @field_validator("allowed_networks", mode="before")
    @classmethod
    def _split_networks(cls, value: object) -> object:
        return _split_commas(value)

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        hosts = _split_commas(value)
        if isinstance(hosts, tuple):
            wrong = [host for host in hosts if re.search(r"[/\s@*]", str(host))]
            if wrong:
                raise ValueError(f"{wrong[0]!r} is no host name; example: answers.example.org")
            return tuple(str(host).lower() for host in hosts)
        return hosts

    @field_validator("model_url", "searxng_url", "ranking_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        authority = re.split(r"[/\\?#]", (value or "").partition("://")[2], maxsplit=1)[0]
        if "@" in authority:  # It would be shown in error messages and by /api/health.
            raise ValueError(
                "must not hold a user name or password (what stands before @); a key "
                "belongs into WEBSEARCH_MODEL_API_KEY or WEBSEARCH_RANKING_API_KEY"
            )
        return value.rstrip("/") if value else value

    @field_validator(
        "model_api_key",
        "ranking_api_key",
        "brave_api_key",
        "serper_api_key",
        "tavily_api_key",
        "exa_api_key",
        "openalex_api_key",
    )
    @classmethod
    def _check_key(cls, value: SecretStr | None) -> SecretStr | None:
        """The key without the line end that files like to bring along."""
        key = value.get_secret_value().strip() if value is not None else ""
        if re.search(r"[^\x21-\x7e]", key):
            # A header cannot hold it, and the error of the HTTP library would show it.
            raise ValueError("holds characters that no key has: paste it anew")
        return SecretStr(key) if key else None

    @field_validator("ddgs_proxy")
    @classmethod
    def _check_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        """Unchecked, a wrong one would end the first search with an error of the library."""
        address = value.get_secret_value().strip() if value is not None else ""
        if not address:
            return None
        try:
            parts = urlsplit(address)
            is_whole = bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:  # a broken port or bracket; the message would show the address
            is_whole = False
        if not is_whole or parts.scheme not in PROXY_SCHEMES or re.search(r"\s", address):
            schemes = ", ".join(PROXY_SCHEMES)
            raise ValueError(
                f"is no address of a proxy; example: socks5://127.0.0.1:9150; begins with one of: "
                f"{schemes}"
            )
        return SecretStr(address)

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("sqlite:///"):
            raise ValueError("only sqlite:///PATH is supported so far")
        return value

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


def _split_commas(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def load_settings(**overrides: object) -> Settings:
    """Read the settings. Raises ConfigError that names the variable and what is wrong."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = []
        for item in error.errors(include_url=False, include_input=False):
            name = "WEBSEARCH_" + "_".join(str(part) for part in item["loc"][:1]).upper()
            lines.append(f"{name}: {item['msg'].removeprefix('Value error, ')}")
        raise ConfigError("; ".join(lines)) from None
