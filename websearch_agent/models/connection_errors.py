"""Why a model server could not be talked to, and which setting to look at."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx

from websearch_agent.errors import ModelError, ModelUnavailable

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - compared, not bound
_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")
_CONTAINER_GROUPS = ("docker", "kubepods", "containerd", "libpod")
_UNKNOWN_NAME = ("name or service not known", "getaddrinfo", "nodename nor servname", "no address")
_NAME_SERVER = "temporary failure in name resolution"


def runs_in_container() -> bool:
    """Whether this process sees a container's network: its localhost is not the host's."""
    if any(Path(name).exists() for name in _CONTAINER_FILES):
        return True
    try:
        groups = Path("/proc/1/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(name in groups for name in _CONTAINER_GROUPS)


def connection_failed(
    error: httpx.HTTPError | httpx.InvalidURL,
    url: str,
    *,
    in_container: bool = False,
    first_contact: bool = False,
) -> ModelError:
    """An error of the connection as ModelUnavailable that says what to set.

    `first_contact`: the server has not answered anything yet.
    """
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return ModelUnavailable(f"WEBSEARCH_MODEL_URL is not a usable address: {url}")
    tls = _tls_reason(error, url)
    if tls is not None:
        return ModelUnavailable(tls)
    if isinstance(error, httpx.ConnectTimeout):
        return ModelUnavailable(
            f"The model server at {url} cannot be reached: its machine does not answer. Check the "
            f"host and port in WEBSEARCH_MODEL_URL, and firewalls.{_container(url, in_container)}"
        )
    if isinstance(error, httpx.ConnectError):
        return ModelUnavailable(_cannot_connect(error, url, in_container=in_container))
    if isinstance(error, httpx.TimeoutException):
        return ModelUnavailable(f"The model server at {url} stopped answering. Try again.")
    if first_contact and url.startswith("http://"):
        # Python's and Go's TLS servers close plain connections without a word.
        return ModelUnavailable(
            f"{url} takes connections and closes them without an answer. If it speaks https, "
            "write https:// into WEBSEARCH_MODEL_URL; else check its port and its log."
        )
    return ModelUnavailable(
        f"The connection to the model server at {url} broke off "
        f"({type(error).__name__}). Try again."
    )


def _cannot_connect(error: httpx.ConnectError, url: str, *, in_container: bool) -> str:
    host = _host(url)
    words = " ".join(str(cause).lower() for cause in _causes(error))
    unknown = any(isinstance(cause, socket.gaierror) for cause in _causes(error))
    if unknown or _NAME_SERVER in words or any(part in words for part in _UNKNOWN_NAME):
        return (
            f"The model server at {url} cannot be reached: the name {host!r} is not known. Check "
            "the spelling in WEBSEARCH_MODEL_URL, or write the address as numbers; a name of "
            "Docker Compose is known inside its network only."
        )
    return (
        f"The model server at {url} cannot be reached: nothing listens there. Is it running? "
        "Its address is set by WEBSEARCH_MODEL_URL; unset it to use the embedded model."
        f"{_container(url, in_container)}"
    )


def _container(url: str, in_container: bool) -> str:
    if not in_container or _host(url) not in _LOOPBACK:
        return ""
    return (
        " This program runs in a container, where localhost is the container itself: write "
        "host.docker.internal for the host's server (under Linux with `--add-host "
        "host.docker.internal:host-gateway`), or the name of the Compose service."
    )


def _tls_reason(error: httpx.HTTPError | httpx.InvalidURL, url: str) -> str | None:
    words = " ".join(str(cause).lower() for cause in _causes(error))
    trusted = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))
    if trusted or "certificate verify failed" in words:
        return (
            f"The certificate of {url} is not trusted or made for another name. If it is your "
            "own, set SSL_CERT_FILE to its authority (PEM); check the host in WEBSEARCH_MODEL_URL."
        )
    spoken = any(isinstance(cause, ssl.SSLError) for cause in _causes(error)) or "ssl:" in words
    if url.startswith("https://") and spoken:
        return (
            f"{url} does not speak https. If the server is a plain one, write http:// into "
            "WEBSEARCH_MODEL_URL."
        )
    # httpx meets the first bytes of a TLS alert where the status line should be.
    if url.startswith("http://") and "illegal status line" in words:
        return f"{url} does not speak plain http. Write https:// into WEBSEARCH_MODEL_URL."
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL:
        return url
