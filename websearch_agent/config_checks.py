"""What settings must look like: each check takes what was written and says what is wrong."""

import re
from urllib.parse import urlsplit

from pydantic import SecretStr

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

FETCH_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")

_HOST_PATTERN = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


def split_commas(value: object) -> object:
    """What is separated by commas, or a list of it, as a tuple; anything else as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


def split_engines(value: object) -> object:
    """Names of engines, each once: asked twice, one would count twice."""
    names = split_commas(value)
    if isinstance(names, tuple):
        unknown = [name for name in names if name not in ENGINE_NAMES]
        if unknown or not names:
            known = ", ".join(ENGINE_NAMES)
            named = f"unknown engine {', '.join(unknown)}" if unknown else "no engine is named"
            raise ValueError(f"{named}; known are: {known}")
        return tuple(dict.fromkeys(names))
    return names


def split_hosts(value: object) -> object:
    hosts = split_commas(value)
    if isinstance(hosts, tuple):
        wrong = [host for host in hosts if re.search(r"[/\s@*]", str(host))]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no host name; example: answers.example.org")
        return tuple(str(host).lower() for host in hosts)
    return hosts


def split_host_patterns(value: object) -> object:
    """Host names in lower case; `*.` in front of one stands for all names below it."""
    hosts = split_commas(value)
    if isinstance(hosts, tuple):
        lowered = tuple(str(host).lower().removesuffix(".") for host in hosts)
        wrong = [host for host in lowered if not _HOST_PATTERN.fullmatch(host)]
        if wrong:
            raise ValueError(
                f"{wrong[0]!r} is no host name; example: wiki.example.lan,*.corp.example"
            )
        return lowered
    return hosts


def check_url(value: str | None) -> str | None:
    """An http(s) address without a user name, without the slash at its end."""
    if value is not None and not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    authority = re.split(r"[/\\?#]", (value or "").partition("://")[2], maxsplit=1)[0]
    if "@" in authority:  # It would be shown in error messages and by /api/health.
        raise ValueError(
            "must not hold a user name or password (what stands before @); a key "
            "belongs into WEBSEARCH_MODEL_API_KEY or WEBSEARCH_RANKING_API_KEY"
        )
    return value.rstrip("/") if value else value


def check_key(value: SecretStr | None) -> SecretStr | None:
    """The key without the line end that files like to bring along."""
    key = value.get_secret_value().strip() if value is not None else ""
    if re.search(r"[^\x21-\x7e]", key):
        # A header cannot hold it, and the error of the HTTP library would show it.
        raise ValueError("holds characters that no key has: paste it anew")
    return SecretStr(key) if key else None


def check_proxy(value: SecretStr | None) -> SecretStr | None:
    """Unchecked, a wrong one would end the first request with an error of the library.

    A secret, for it may hold a password.
    """
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


def check_fetch_proxy(value: SecretStr | None) -> SecretStr | None:
    """As `check_proxy`, with the kinds of proxy that httpx takes."""
    checked = check_proxy(value)
    if checked is not None:
        scheme = urlsplit(checked.get_secret_value()).scheme
        if scheme not in FETCH_PROXY_SCHEMES:
            known = ", ".join(FETCH_PROXY_SCHEMES)
            raise ValueError(f"pages cannot be fetched by a {scheme} proxy; known are: {known}")
    return checked


def check_database_url(value: str | None) -> str | None:
    if value is not None and not value.startswith("sqlite:///"):
        raise ValueError("only sqlite:///PATH is supported so far")
    return value
