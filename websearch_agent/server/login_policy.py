"""When a login is needed, and which addresses may be listened on without one."""

import ipaddress
from urllib.parse import urlsplit

from websearch_agent.config import Settings
from websearch_agent.errors import ConfigError
from websearch_agent.protocols import AccountStore

_WHAT_TO_DO = (
    "Add a user with `websearch-agent user add NAME`, or set WEBSEARCH_AUTH=off if something in "
    "front of it checks who asks."
)


async def decide_login(settings: Settings, accounts: AccountStore) -> bool:
    """Whether requests need a login, decided once at the start.

    Raises ConfigError if one is required and nobody could log in, or if without one the settings
    say that other machines reach the server through a proxy.
    """
    if settings.auth == "off":
        return False
    if await accounts.has_users():
        return True
    if settings.auth == "required":
        raise ConfigError(
            "WEBSEARCH_AUTH=required, and there is no user yet: add one with "
            "`websearch-agent user add NAME`."
        )
    if (setting := _proxy_setting(settings)) is not None:
        raise ConfigError(
            f"{setting} says that other machines reach this server, and there is no user: "
            f"whoever reaches it could read and delete every conversation. {_WHAT_TO_DO}"
        )
    return False


def _proxy_setting(settings: Settings) -> str | None:
    """The setting by which the server is reached from other machines, though it may listen on
    this one only."""
    if settings.trusted_proxies:
        return "WEBSEARCH_TRUSTED_PROXIES"
    public_host = urlsplit(settings.public_url or "").hostname
    if public_host is not None and not is_loopback(public_host):
        return "WEBSEARCH_PUBLIC_URL"
    return None


def check_listening_address(host: str, *, login_needed: bool, settings: Settings) -> None:
    """Raises ConfigError for an address that others reach, while nobody has to log in."""
    if login_needed or settings.auth == "off" or is_loopback(host):
        return
    raise ConfigError(
        f"--host {host} can be reached from other machines, and there is no user: whoever reaches "
        f"it could ask, read and delete every conversation. {_WHAT_TO_DO}"
    )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
