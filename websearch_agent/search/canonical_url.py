"""One key for the many spellings of a page's address."""

import re
from urllib.parse import SplitResult, urlsplit

_TRACKING = re.compile(
    r"^(utm_\w+|gclid|gclsrc|dclid|gbraid|wbraid|gad_source|fbclid|msclkid|yclid|twclid|ttclid|"
    r"igshid|mc_cid|mc_eid|_hsenc|_hsmi|_ga|_gl|srsltid|ref_src|ref_url|spm|vero_id|mkt_tok)$",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def canonical_url(url: str) -> str:
    """A key that is equal for spellings of the same page; for comparing, not for fetching.

    `http` and `https` are one; tracking parameters, fragment, default port and the last slash
    are off. An address that cannot be parsed is its own key.
    """
    try:
        parts = urlsplit(url.strip())
        host = _host_and_port(parts)
    except ValueError:
        return url
    scheme = "https" if parts.scheme in _DEFAULT_PORTS else parts.scheme
    query = "&".join(word for word in parts.query.split("&") if word and not _is_tracking(word))
    path = parts.path.rstrip("/")
    return f"{scheme}://{host}{path}" + (f"?{query}" if query else "")


def site_of(url: str) -> str:
    """The host name in lower case without `www.`; empty for an address without a host."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host.rstrip(".").removeprefix("www.")


def is_web_url(url: str) -> bool:
    """Whether it begins with `http` or `https` and names a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in _DEFAULT_PORTS and bool(parts.hostname)
    except ValueError:
        return False


def _host_and_port(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme):
        return host
    return f"{host}:{parts.port}"


def _is_tracking(parameter: str) -> bool:
    return bool(_TRACKING.match(parameter.partition("=")[0]))
