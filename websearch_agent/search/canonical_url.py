"""One key for the many spellings of a page's address."""

import contextlib
import re
from urllib.parse import SplitResult, quote, urlsplit

from websearch_agent.search.tracking import is_tracking

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Hosts that show the same pages under the same paths.
_SAME_HOSTS = {
    "mobile.twitter.com": "x.com",
    "twitter.com": "x.com",
    "mobile.x.com": "x.com",
    "m.youtube.com": "youtube.com",
    "m.facebook.com": "facebook.com",
    "m.imdb.com": "imdb.com",
    "m.bilibili.com": "bilibili.com",
    "old.reddit.com": "reddit.com",
    "np.reddit.com": "reddit.com",
    "m.reddit.com": "reddit.com",
}
_WIKI_HOST = re.compile(
    r"(?P<edition>[a-z-]+)\.(?:m\.)?"
    r"(?P<wiki>wik(?:ipedia|tionary|ibooks|inews|iquote|isource|iversity|ivoyage)\.org)"
)
# The same article in the characters of another place.
_CHINESE_VARIANT = re.compile(r"/zh(?:-(?:cn|hk|mo|my|sg|tw|hans|hant))?/")
_INDEX_PAGE = re.compile(r"/(?:index\.html?|default\.html?)$", re.IGNORECASE)
_SESSION = re.compile(r";jsessionid=[^/?;]*", re.IGNORECASE)
# An article's path before `/amp`: a file, a number, or words joined by hyphens.
_AMP_PATH = re.compile(r"(?P<article>.*/(?:[^/]+\.html?|\d{4,}|[^/-]+(?:-[^/-]+){2,}))/amp/?")
_AMP_CACHE = re.compile(r"/(?:amp|[cvw])/s/(?P<address>[^/].*)")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


def canonical_url(url: str) -> str:
    """A key that is equal for spellings of the same page; for comparing, not for fetching.

    `http` and `https`, `www.` and none, mobile and AMP forms of known shape are one; tracking
    parameters, fragment, default port, index page and last slash are off; parameters stand in
    order. An address that cannot be parsed is its own key.
    """
    try:
        parts = urlsplit(url.strip())
        if cached := _cached_page(parts):
            parts = urlsplit(cached)
        host = _host_and_port(parts)
    except ValueError:
        return url
    if parts.scheme not in _DEFAULT_PORTS:
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{host}{parts.path.rstrip('/')}{query}"
    host = _desktop_host(host)
    path = _plain_path(host, parts.path)
    query = _plain_query(host, parts.query)
    return f"https://{host}{path}" + (f"?{query}" if query else "")


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
    if not host.isascii():
        with contextlib.suppress(UnicodeError):
            host = host.encode("idna").decode()
    if parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme):
        return host
    return f"{host}:{parts.port}"


def _desktop_host(host: str) -> str:
    bare = host.removeprefix("www.")
    # `www.com` and the like are hosts of their own.
    host = bare if "." in bare else host
    if wiki := _WIKI_HOST.fullmatch(host):
        return f"{wiki['edition']}.{wiki['wiki']}"
    return _SAME_HOSTS.get(host, host)


def _cached_page(parts: SplitResult) -> str | None:
    """The address that one of Google's AMP caches shows a copy of."""
    host = parts.hostname or ""
    is_cache = host in ("google.com", "www.google.com") or host.endswith(".cdn.ampproject.org")
    match = _AMP_CACHE.fullmatch(parts.path) if is_cache else None
    if match is None:
        return None
    return f"https://{match['address']}" + (f"?{parts.query}" if parts.query else "")


def _plain_path(host: str, path: str) -> str:
    path = _escape_alike(_SESSION.sub("", path))
    if host == "zh.wikipedia.org":
        path = _CHINESE_VARIANT.sub("/wiki/", path, count=1)
    if amp := _AMP_PATH.fullmatch(path):
        path = amp["article"]
    return _INDEX_PAGE.sub("", path).rstrip("/")


def _plain_query(host: str, query: str) -> str:
    """The parameters that choose the page, in the order of their names; those of one name stay
    in theirs."""
    words = [_escape_alike(word) for word in query.split("&") if word]
    kept = [word for word in words if not _is_noise(word, host)]
    return "&".join(sorted(kept, key=lambda word: word.partition("=")[0]))


def _is_noise(word: str, host: str) -> bool:
    name, _, value = word.partition("=")
    is_amp = name.lower() == "amp" and value in ("", "1", "true")
    return is_amp or is_tracking(name, host=host)


def _escape_alike(text: str) -> str:
    """Letters and digits plain, all else that must be escaped as `%E4`, in capitals."""

    def spell(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if _UNRESERVED.fullmatch(character) else match[0].upper()

    return quote(_ESCAPE.sub(spell, text), safe="%/:;,@&=+$!*'()?~[]|", errors="surrogatepass")
