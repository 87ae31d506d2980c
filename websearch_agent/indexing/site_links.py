"""The addresses that a page or a sitemap names, as far as they belong to one part of a site."""

import html
import re
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urldefrag, urljoin, urlsplit

from websearch_agent.search.canonical_url import is_web_url, site_of

# Found in the text instead of a parsed page: foreign pages are parsed in processes of their own
# only, and a link too many costs one fetch. Every part has a bound, so a page cannot hold it up.
_LINK = re.compile(
    r"""<(?:a|area)\s[^<>]{0,1000}?href\s{0,9}=\s{0,9}"""
    r"""(?:"([^"<>]{1,2000})"|'([^'<>]{1,2000})'|([^\s"'<>]{1,2000}))"""
    r"""|<loc>\s{0,99}([^<>\s]{1,2000})\s{0,99}</loc>""",
    re.IGNORECASE,
)
_NO_PAGE = re.compile(
    r"\.(?:png|jpe?g|gif|svg|ico|webp|avif|css|m?js|json|woff2?|ttf|zip|gz|bz2|xz|7z|tar|tgz|exe|"
    r"dmg|deb|rpm|whl|jar|mp[34]|webm|ogg|wav|avi|mov|iso|bin)$",
    re.IGNORECASE,
)
_SITEMAP = re.compile(
    r"(?:<\?xml[^<>]{0,200}>|<!--[^<>]{0,1000}-->|\s|\ufeff)*<(?:urlset|sitemapindex)\b"
)
# 5 MB of nothing but links took 2.6 s.
_MAX_LINKS = 20_000


@dataclass(frozen=True, slots=True)
class SitePart:
    """What a crawl keeps to: one host, and there one folder and what lies below it."""

    site: str
    folder: str

    @classmethod
    def around(cls, url: str) -> "SitePart":
        """`/guide/` for `https://docs.example.org/guide/start.html`, `…/guide/` and `…/guide`: a
        last part without a dot is taken for a folder."""
        parent, _, last = urlsplit(url).path.rpartition("/")
        folder = f"{parent}/{last}" if last and "." not in last else parent
        return cls(_site_and_port(url), folder + "/")

    @classmethod
    def named_by(cls, sitemap_url: str) -> "SitePart":
        """The folder that a sitemap lies in, whatever the sitemap itself is called."""
        return cls(_site_and_port(sitemap_url), urlsplit(sitemap_url).path.rpartition("/")[0] + "/")

    def __str__(self) -> str:
        return f"{self.site}{self.folder}"

    def has(self, url: str) -> bool:
        path = urlsplit(url).path or "/"
        is_below = path.startswith(self.folder) or path + "/" == self.folder
        return is_web_url(url) and _site_and_port(url) == self.site and is_below


def find_links(body: bytes, *, base_url: str) -> list[str]:
    """The addresses of links and of a sitemap's entries, absolute, each once, in their order."""
    links: dict[str, None] = {}
    for match in islice(_LINK.finditer(body.decode("utf-8", errors="replace")), _MAX_LINKS):
        link = html.unescape(next(group for group in match.groups() if group))
        try:
            url = urldefrag(urljoin(base_url, link.strip())).url
            is_page = is_web_url(url) and not _NO_PAGE.search(urlsplit(url).path)
        except ValueError:
            continue
        if is_page and "\ufffd" not in url:
            links[url] = None
    return list(links)


def is_sitemap(body: bytes) -> bool:
    """Whether it is a list of addresses for machines, which is no document."""
    return _SITEMAP.match(body[:4096].decode("utf-8", errors="replace")) is not None


def _site_and_port(url: str) -> str:
    try:
        port = urlsplit(url).port
    except ValueError:
        port = None
    return site_of(url) + (f":{port}" if port not in (None, 80, 443) else "")
