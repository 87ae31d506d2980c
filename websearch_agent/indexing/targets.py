"""Folders, files and addresses become documents of the local index."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from websearch_agent.config import Settings
from websearch_agent.errors import PageError
from websearch_agent.indexing.crawl import CrawlFailure, Extractor, SiteCrawl
from websearch_agent.indexing.files import (
    FileUnreadable,
    FoundFile,
    document_stem,
    find_files,
    read_document_bytes,
)
from websearch_agent.pages.addresses import OpenedPlaces
from websearch_agent.pages.parsing_processes import ParsingProcesses
from websearch_agent.pages.reader import WebPageReader
from websearch_agent.pages.web_access import WebAccess
from websearch_agent.protocols import PageReader
from websearch_agent.search.local_index import Document, IndexUpdate, update_index

# A parser may take long for one page of a question; for an index the page is worth more.
PARSING_TIME_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """`done` of `total` documents were looked at, the last one being `name`."""

    done: int
    total: int
    name: str


@dataclass(frozen=True, slots=True)
class IndexReport:
    """`failed` has each path or address that is not in the index, and why."""

    added: int
    failed: tuple[tuple[str, str], ...] = ()


Job = FoundFile | str
OnProgress = Callable[[IndexProgress], None]


async def index_targets(
    targets: Sequence[str],
    *,
    settings: Settings,
    crawl_pages: int = 0,
    on_progress: OnProgress = lambda _: None,
) -> IndexReport:
    """Add folders, files and `http(s)` addresses to `settings.index_dir`.

    `@FILE` stands for the addresses and paths in a file, one a line. With `crawl_pages` so many
    pages of each address's site are added, found by its links. A document that is there already
    is replaced. One that cannot be read is listed. The index changes when all are done: a run
    that is broken off leaves the old one.

    Raises IndexUnusable, and PageUnreachable if the parsers cannot be started.
    """
    worker_count = max(1, min(4, os.cpu_count() or 1))
    parsing = ParsingProcesses(worker_count=worker_count, time_limit_s=PARSING_TIME_LIMIT_S)
    opened = OpenedPlaces(settings.allowed_networks, settings.intranet_hosts)
    proxy = settings.fetch_proxy
    web_access = WebAccess(
        allowed_networks=opened.networks,
        intranet_hosts=opened.hosts,
        proxy=proxy.get_secret_value() if proxy else None,
        respect_robots=settings.respect_robots,
    )
    reader = WebPageReader(web_access, parsing, opened=opened)
    crawl = SiteCrawl(web_access, parsing, max_pages=crawl_pages) if crawl_pages else None
    try:
        await parsing.warm()  # Parsers that cannot start end the run here, not 4,000 times.
        jobs, missing = await asyncio.to_thread(_collect_jobs, targets)
        with update_index(settings.index_dir) as update:
            run = _IndexRun(update, parsing, reader, jobs, on_progress, crawl)
            failed = await run.run(concurrency=2 * worker_count)
        return IndexReport(update.document_count, (*missing, *failed))
    finally:
        await reader.aclose()  # with its parsers and connections


class _IndexRun:
    """Some tasks that take the jobs one after another."""

    def __init__(
        self,
        update: IndexUpdate,
        extractor: Extractor,
        reader: PageReader,
        jobs: Sequence[Job],
        on_progress: OnProgress,
        crawl: SiteCrawl | None,
    ) -> None:
        self._update = update
        self._extractor = extractor
        self._reader = reader
        self._jobs = jobs
        self._on_progress = on_progress
        self._crawl = crawl
        self._done = 0
        self._failed: dict[int, list[tuple[str, str]]] = {}
        self._adding = asyncio.Lock()

    async def run(self, *, concurrency: int) -> list[tuple[str, str]]:
        """Do all jobs; returns those that failed, in the order of the jobs."""
        waiting = iter(enumerate(self._jobs))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(concurrency):
                tasks.create_task(self._work_off(waiting))
        return [failure for index in sorted(self._failed) for failure in self._failed[index]]

    async def _work_off(self, waiting: Iterator[tuple[int, Job]]) -> None:
        for index, job in waiting:
            name = job if isinstance(job, str) else str(job.path)
            failures = self._failed.setdefault(index, [])
            if isinstance(job, str) and self._crawl is not None:
                await self._add_site(self._crawl, job, failures)
            else:
                try:
                    await self._add(await self._read(job))
                except (FileUnreadable, PageError) as error:
                    failures.append((name, str(error)))
            self._done += 1
            self._on_progress(IndexProgress(self._done, len(self._jobs), name))

    async def _add_site(
        self, crawl: SiteCrawl, start: str, failures: list[tuple[str, str]]
    ) -> None:
        async with aclosing(crawl.run(start)) as pages:
            async for page in pages:
                if isinstance(page, CrawlFailure):
                    failures.append((page.url, page.reason))
                    continue
                await self._add(page)
                self._on_progress(IndexProgress(self._done, len(self._jobs), page.url))

    async def _add(self, document: Document) -> None:
        async with self._adding:
            await asyncio.to_thread(self._update.add, document)

    async def _read(self, job: Job) -> Document:
        if isinstance(job, str):
            page = await self._reader.read(job, intranet=True)
            return Document(
                page.final_url, page.title, page.text, page.site, page.date, page.content_type
            )
        body = await asyncio.to_thread(read_document_bytes, job.path)
        url = job.path.resolve().as_uri()
        page_text = await self._extractor.extract(
            body, url=url, content_type=job.content_type, is_foreign=False
        )
        return Document(
            url=url,
            title=page_text.title or document_stem(job.path.name),
            text=page_text.text,
            site=job.site,
            date=page_text.date,
            content_type=page_text.content_type,
        )


def _collect_jobs(targets: Sequence[str]) -> tuple[list[Job], list[tuple[str, str]]]:
    """All documents of the targets, each once, and the targets that do not exist."""
    jobs: dict[str, Job] = {}
    named, missing = _read_lists(targets)
    for target in named:
        if target.startswith(("http://", "https://")):
            jobs.setdefault(target, target)
            continue
        path = Path(target).expanduser()
        if not path.exists():
            missing.append((target, "no such file or folder"))
            continue
        for found in find_files(path):
            jobs.setdefault(str(found.path.resolve()), found)
    return list(jobs.values()), missing


def _read_lists(targets: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The targets, with those that a list (`@FILE`) names in its place, and unreadable lists.

    A list has one address or path a line; empty lines and those that begin with # are skipped.
    """
    named: list[str] = []
    unreadable: list[tuple[str, str]] = []
    for target in targets:
        if not target.startswith("@"):
            named.append(target)
            continue
        try:
            text = Path(target[1:]).expanduser().read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
            unreadable.append((target, f"the list cannot be read: {reason}"))
            continue
        lines = [line.strip() for line in text.splitlines()]
        named += [line for line in lines if line and not line.startswith("#")]
    return named, unreadable
