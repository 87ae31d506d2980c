"""Parsers in processes that can be killed: some pages keep any parser busy for minutes."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

from websearch_agent.errors import (
    PageEmpty,
    PageError,
    PageTooLarge,
    PageUnreachable,
    UnsupportedContent,
)
from websearch_agent.pages.extract import ExtractedPage

WORKER_MODULE = "websearch_agent.pages.parsing_worker"
START_TIMEOUT_S = 30.0
MAX_REPLY_BYTES = 16_000_000
# Parsers leak and cache: a worker is replaced after this many pages.
PAGES_PER_WORKER = 500

_ERRORS = {error.code: error for error in (PageEmpty, PageTooLarge, UnsupportedContent)}
# A worker reads hostile pages: it gets no keys from the environment.
_KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "SYSTEMROOT", "TMPDIR", "TZ")


class WorkerDied(Exception):
    """The worker's process ended in the middle of a page."""


class ParsingProcesses:
    """Runs `extract_page` in at most `worker_count` processes; belongs to one event loop."""

    def __init__(
        self,
        *,
        worker_count: int = 2,
        time_limit_s: float = 5.0,
        memory_limit_bytes: int = 1 << 30,
        worker_module: str = WORKER_MODULE,
    ) -> None:
        self._worker_count = worker_count
        self._time_limit_s = time_limit_s
        self._command = (sys.executable, "-P", "-m", worker_module, str(memory_limit_bytes))
        self._free_slots = asyncio.Semaphore(worker_count)
        self._idle: list[_Worker] = []
        self._closed = False

    async def extract(self, body: bytes, *, url: str, content_type: str) -> ExtractedPage:
        """`extract_page`, but ended after `time_limit_s`; waiting for a free worker aside.

        Raises PageEmpty (also for pages that take too long or crash a parser), PageTooLarge,
        UnsupportedContent.
        """
        async with self._free_slots:
            worker = await self._take_worker()
            finished = False
            try:
                async with asyncio.timeout(self._time_limit_s):
                    reply = await worker.parse(
                        body, url=url, content_type=content_type, time_limit_s=self._time_limit_s
                    )
            except TimeoutError as error:
                raise PageEmpty(f"parsing took longer than {self._time_limit_s:g} s") from error
            except WorkerDied as error:
                raise PageEmpty("the page crashed the parser") from error
            else:
                finished = True
            finally:
                if finished:
                    self._give_back(worker)
                else:
                    await worker.kill()
        return _page_of(reply)

    async def warm(self) -> None:
        """Start all workers, so that the first page does not wait for imports."""

        async def start_one() -> None:
            async with self._free_slots:
                started.append(await self._take_worker())

        started: list[_Worker] = []
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._worker_count):
                tasks.create_task(start_one())
        for worker in started:
            self._give_back(worker)

    async def aclose(self) -> None:
        """End the idle workers; those that still parse end with their page."""
        self._closed = True
        idle, self._idle = self._idle, []
        for worker in idle:
            await worker.kill()

    async def _take_worker(self) -> "_Worker":
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
        return await _Worker.start(self._command)

    def _give_back(self, worker: "_Worker") -> None:
        if self._closed or worker.pages_parsed >= PAGES_PER_WORKER:
            worker.end()
        else:
            self._idle.append(worker)


class _Worker:
    """One process, one page at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pages_parsed = 0

    @classmethod
    async def start(cls, command: tuple[str, ...]) -> "_Worker":
        """Start a process and wait until its parsers are loaded. Raises PageUnreachable."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=_worker_environment(),
            start_new_session=True,  # Ctrl-C in the terminal is for the parent
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await worker._read_reply()
        except (TimeoutError, WorkerDied) as error:
            await worker.kill()
            raise PageUnreachable("the parser process cannot be started") from error
        except BaseException:
            await worker.kill()
            raise
        return worker

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def parse(
        self, body: bytes, *, url: str, content_type: str, time_limit_s: float
    ) -> dict[str, object]:
        request = {
            "url": url,
            "content_type": content_type,
            "body_bytes": len(body),
            "time_limit_s": time_limit_s,
        }
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe
        self.pages_parsed += 1
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n" + body)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WorkerDied from error
        return await self._read_reply()

    async def _read_reply(self) -> dict[str, object]:
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe
        try:
            length = int.from_bytes(await self._process.stdout.readexactly(4), "big")
            if length > MAX_REPLY_BYTES:
                raise WorkerDied
            reply = json.loads(await self._process.stdout.readexactly(length))
        except (asyncio.IncompleteReadError, ValueError) as error:
            raise WorkerDied from error
        if not isinstance(reply, dict):
            raise WorkerDied
        return reply

    def end(self) -> None:
        """Let it go when its input ends."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def kill(self) -> None:
        """End it now, whatever it does."""
        if self.is_alive:
            self._process.kill()
        await asyncio.shield(self._process.wait())


def _worker_environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    folders = [entry or str(Path.cwd()) for entry in sys.path]
    return kept | {"PYTHONPATH": os.pathsep.join(folders)}


def _page_of(reply: dict[str, object]) -> ExtractedPage:
    page = reply.get("page")
    if isinstance(page, dict):
        return ExtractedPage(**page)
    error_type: type[PageError] = _ERRORS.get(str(reply.get("error")), PageEmpty)
    raise error_type(str(reply.get("message", "the page could not be parsed")))
