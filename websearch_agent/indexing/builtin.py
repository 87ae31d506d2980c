"""The built-in collection: what this program and its Python packages say about themselves.

It is there from the first start, without a network, so that a question about them can be
answered from documents.
"""

import asyncio
import re
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import Distribution, distributions
from pathlib import Path

from websearch_agent.config import Settings
from websearch_agent.errors import IndexUnusable
from websearch_agent.search.canonical_url import canonical_url
from websearch_agent.search.local_index import Document, current_version, open_index, write_index

PROJECT_NAME = "websearch-agent"
_PROJECT_FILES = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")
_CHECKOUT = Path(__file__).resolve().parents[2]
# Part of the fingerprint: raise it when the documents are made differently.
_FORMAT = 1
_FINGERPRINT = "FINGERPRINT"

_HTML_TAG = re.compile(
    r"</?(?:a|b|br|center|code|dd|details|div|dl|dt|em|h[1-6]|hr|i|img|kbd|li|ol|p|picture|pre|"
    r"source|span|strong|sub|summary|sup|table|tbody|td|th|thead|tr|u|ul)\b[^<>]*/?>|<!--.*?-->",
    re.IGNORECASE | re.DOTALL,
)
_IMAGE = re.compile(
    r"\[?!\[[^\]]*\]\([^)]*\)(?:\]\([^)]*\))?|\[?!\[[^\]]*\]\[[^\]]*\](?:\]\[[^\]]*\])?"
)
_RST_NOISE = re.compile(
    r"^\.\. (?:\|[^|]*\| )?(?:image|figure|raw|contents|toctree|highlight)::.*(?:\n(?:[ \t]+.*)?)*",
    re.MULTILINE,
)
_BLANK_LINES = re.compile(r"\n\s*\n(?:\s*\n)+")
_RST_HEADING = re.compile(
    r"^(?:([=\-~^#*+\"'])\1{2,}\n)?(\S.*)\n([=\-~^#*+\"'])\3{2,}$", re.MULTILINE
)


async def build_builtin_collection(settings: Settings) -> int:
    """Write the collection unless it is current; returns the number of documents written.

    Raises IndexUnusable.
    """
    return await asyncio.to_thread(_build, settings)


def is_builtin_current(settings: Settings) -> bool:
    """Whether the collection is there, whole, and made of the packages installed now."""
    folder = settings.builtin_index_dir
    try:
        written = (folder / _FINGERPRINT).read_text(encoding="utf-8")
        version = current_version(folder)
        if version is None:
            return False
        open_index(version)
    except (OSError, IndexUnusable):
        return False
    return written == _fingerprint(_installed())


def _build(settings: Settings) -> int:
    if is_builtin_current(settings):
        return 0
    packages = _installed()
    folder = settings.builtin_index_dir
    count = write_index(folder, _documents(packages))
    pointer = folder / f"{_FINGERPRINT}.new"
    pointer.write_text(_fingerprint(packages), encoding="utf-8")
    pointer.replace(folder / _FINGERPRINT)
    return count


def _installed() -> dict[str, Distribution]:
    """The installed packages by name; of two of one name the first on the path, which runs."""
    packages: dict[str, Distribution] = {}
    for package in distributions():
        name = package.metadata["Name"]
        if name:
            packages.setdefault(name.lower().replace("_", "-"), package)
    return dict(sorted(packages.items()))


def _fingerprint(packages: dict[str, Distribution]) -> str:
    parts = [f"format {_FORMAT}"]
    parts += [f"{name}=={package.version}" for name, package in packages.items()]
    parts += [f"{path.name} {sha256(path.read_bytes()).hexdigest()}" for path in _project_files()]
    return sha256("\n".join(parts).encode()).hexdigest()


def _project_files() -> list[Path]:
    """The project's own documents, if this runs from a checkout."""
    if not (_CHECKOUT / "pyproject.toml").is_file():
        return []
    return [_CHECKOUT / name for name in _PROJECT_FILES if (_CHECKOUT / name).is_file()]


def _documents(packages: dict[str, Distribution]) -> Iterator[Document]:
    project_files = _project_files()
    for path in project_files:
        yield Document(
            url=path.as_uri(),
            title=f"{PROJECT_NAME}: {path.stem.capitalize()}",
            text=path.read_text(encoding="utf-8"),
            site=PROJECT_NAME,
            content_type="text/markdown",
        )
    used: set[str] = set()
    for name, package in packages.items():
        if name == PROJECT_NAME and project_files:
            continue
        urls = _project_urls(package)
        # Packages of one family share a home page; a document needs an address of its own.
        url = _best_url(urls, name)
        url = _index_page(name) if canonical_url(url) in used else url
        used.add(canonical_url(url))
        yield _package_document(package, urls, url)


def _package_document(package: Distribution, urls: dict[str, str], url: str) -> Document:
    metadata = package.metadata.json
    name, summary = str(metadata["name"]), str(metadata.get("summary", ""))
    license_name = metadata.get("license_expression") or metadata.get("license") or ""
    facts = {
        "Package": name,
        "Version": package.version,
        "Summary": summary,
        "License": str(license_name).strip().split("\n")[0][:100],
        "Requires Python": str(metadata.get("requires_python", "")),
        **{label: url for label, url in urls.items() if url.startswith("http")},
    }
    lines = "\n".join(f"- {label}: {value}" for label, value in facts.items() if value)
    description = clean_description(str(metadata.get("description", "")))
    return Document(
        url=url,
        title=f"{name} {package.version}" + (f": {summary}" if summary else ""),
        text=f"# {name} {package.version}\n\n{lines}\n\n{description}".strip(),
        site=name,
        content_type="text/markdown",
    )


def clean_description(text: str) -> str:
    """A long description as readable text: no badges, no HTML tags, headings as in Markdown."""
    text = _RST_NOISE.sub("", text.replace("\r\n", "\n"))
    text = _IMAGE.sub("", text)
    text = _RST_HEADING.sub(r"## \2", text)
    text = _HTML_TAG.sub("", text)
    return _BLANK_LINES.sub("\n\n", text).strip()


def _project_urls(package: Distribution) -> dict[str, str]:
    urls = {}
    for line in package.metadata.get_all("Project-URL") or []:
        label, _, url = line.partition(",")
        urls[label.strip()] = url.strip()
    homepage = package.metadata["Home-page"]
    if homepage and homepage != "UNKNOWN":
        urls.setdefault("Homepage", homepage)
    return urls


def _best_url(urls: dict[str, str], name: str) -> str:
    """Its documentation, else its home page, else its page on the index."""
    by_label = {label.lower(): url for label, url in urls.items() if url.startswith("http")}
    for wanted in ("documentation", "docs", "homepage", "home"):
        if wanted in by_label:
            return by_label[wanted]
    return _index_page(name)


def _index_page(name: str) -> str:
    return f"https://pypi.org/project/{name}/"
