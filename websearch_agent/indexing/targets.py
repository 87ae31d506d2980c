"""Folders, files and addresses become documents of the local index."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from websearch_agent.config import Settings
from websearch_agent.errors import PageError
from websearch_agent.indexing.files import (
    FileUnreadable,
    FoundFile,
    document_stem,
    find_files,
    read_document_bytes,
)
from websearch_agent.pages.extract import ExtractedPage
from websearch_agent.pages.parsing_processes import ParsingProcesses
from websearch_agent.pages.reader import WebPageReader
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


class Extractor(Protocol):
    """`ParsingProcesses`, or a stand-in."""

    async def extract(self, body: bytes, *, url: str, content_type: str) -> ExtractedPage: ...


Job = FoundFile | str
OnProgress = Callable[[IndexProgress], None]


async def index_targets(
    targets: Sequence[str],
    *,
    settings: Settings,
    on_progress: OnProgress = lambda _: None,
) -> IndexReport:
    """Add folders, files and `http(s)` addresses to `settings.index_dir`.

    A document that is there already is replaced. One that cannot be read is listed. The index
    changes when all are done: a run that is broken off leaves the old one.

    Raises IndexUnusable, and PageUnreachable if the parsers cannot be started.
    """
    worker_count = max(1, min(4, os.cpu_count() or 1))
    parsing = ParsingProcesses(worker_count=worker_count, time_limit_s=PARSING_TIME_LIMIT_S)
    reader = WebPageReader.create(allowed_networks=settings.allowed_networks, worker_count=1)
    try:
        await parsing.warm()  # Parsers that cannot start end the run here, not 4,000 times.
        jobs, missing = await asyncio.to_thread(_collect_jobs, targets)
        with update_index(settings.index_dir) as update:
            run = _IndexRun(update, parsing, reader, jobs, on_progress)
            failed = await run.run(concurrency=2 * worker_count)
        return IndexReport(update.document_count, (*missing, *failed))
    finally:
        await parsing.aclose()
        await reader.aclose()


class _IndexRun:
    """Some tasks that take the jobs one after another."""

    def __init__(
        self,
        update: IndexUpdate,
        extractor: Extractor,
        reader: PageReader,
        jobs: Sequence[Job],
        on_progress: OnProgress,
    ) -> None:
        self._update = update
        self._extractor = extractor
        self._reader = reader
        self._jobs = jobs
        self._on_progress = on_progress
        self._done = 0
        self._failed: dict[int, tuple[str, str]] = {}
        self._adding = asyncio.Lock()

    async def run(self, *, concurrency: int) -> list[tuple[str, str]]:
        """Do all jobs; returns those that failed, in the order of the jobs."""
        waiting = iter(enumerate(self._jobs))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(concurrency):
                tasks.create_task(self._work_off(waiting))
        return [self._failed[index] for index in sorted(self._failed)]

    async def _work_off(self, waiting: Iterator[tuple[int, Job]]) -> None:
        for index, job in waiting:
            name = job if isinstance(job, str) else str(job.path)
            try:
                document = await self._read(job)
            except (FileUnreadable, PageError) as error:
                self._failed[index] = (name, str(error))
            else:
                async with self._adding:
                    await asyncio.to_thread(self._update.add, document)
            self._done += 1
            self._on_progress(IndexProgress(self._done, len(self._jobs), name))

    async def _read(self, job: Job) -> Document:
        if isinstance(job, str):
            page = await self._reader.read(job)
            return Document(
                page.final_url, page.title, page.text, page.site, page.date, page.content_type
            )
        body = await asyncio.to_thread(read_document_bytes, job.path)
        url = job.path.resolve().as_uri()
        page_text = await self._extractor.extract(body, url=url, content_type=job.content_type)
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
    missing = []
    for target in targets:
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
