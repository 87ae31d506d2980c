"""Parsers in processes that can be killed: some pages keep any parser busy for minutes."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from websearch_agent.errors import (
    PageEmpty,
    PageError,
    PageMissing,
    PageTooLarge,
    PageUnreachable,
    PageWalled,
    UnsupportedContent,
)
from websearch_agent.pages.extract import ExtractedPage

WORKER_MODULE = "websearch_agent.pages.parsing_worker"
START_TIMEOUT_S = 30.0
MAX_REPLY_BYTES = 16_000_000
MAX_MESSAGE_CHARS = 300
# Parsers leak and cache: a worker is replaced after this many pages.
PAGES_PER_WORKER = 500
# A page that nobody waits for any more may take about as long as a new worker would: starting
# one costs 0.3 to 0.7 s of processor time, while most pages take some milliseconds.
UNWANTED_LIMIT_S = 1.0

_PAGE_FORM = TypeAdapter(ExtractedPage)
_ERRORS = {
    error.code: error
    for error in (
        PageEmpty,
        PageMissing,
        PageTooLarge,
        PageUnreachable,
        PageWalled,
        UnsupportedContent,
    )
}
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
        unwanted_limit_s: float = UNWANTED_LIMIT_S,
        memory_limit_bytes: int = 1 << 30,
        worker_module: str = WORKER_MODULE,
    ) -> None:
        self._worker_count = worker_count
        self._time_limit_s = time_limit_s
        self._unwanted_limit_s = unwanted_limit_s
        self._command = (sys.executable, "-P", "-m", worker_module, str(memory_limit_bytes))
        self._free_slots = asyncio.Semaphore(worker_count)
        self._idle: list[_Worker] = []
        self._running: set[asyncio.Task[dict[str, object]]] = set()
        self._closed = False

    async def extract(
        self, body: bytes, *, url: str, content_type: str, is_foreign: bool = True
    ) -> ExtractedPage:
        """`extract_page`, but ended after `time_limit_s`; waiting for a free worker aside.

        Pages are parsed in the order in which they come. When the caller is cancelled, a page
        that still waits is never parsed, and one in a parser may take `unwanted_limit_s` more.

        Raises what `extract_page` does, PageEmpty also for pages that take too long or crash a
        parser, PageTooLarge, and PageUnreachable when no parser can be started.
        """
        await self._free_slots.acquire()
        job = _Job(body, url, content_type, is_foreign)
        task = asyncio.create_task(self._parse(job))
        self._running.add(task)
        task.add_done_callback(self._end_job)
        try:
            # Awaiting the task itself would cancel it together with the caller.
            await asyncio.wait({task})
        except asyncio.CancelledError:
            job.is_wanted = False
            if job.is_sent:
                asyncio.get_running_loop().call_later(self._unwanted_limit_s, task.cancel)
            raise
        if task.cancelled():
            raise PageUnreachable("the program is ending")
        return _page_of(task.result())

    async def warm(self) -> None:
        """Start all workers, so that the first page does not wait for imports.

        Raises PageUnreachable.
        """
        outcomes = await asyncio.gather(
            *(self._warm_one() for _ in range(self._worker_count)), return_exceptions=True
        )
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def aclose(self) -> None:
        """End all workers. Pages that are still waited for become PageUnreachable."""
        self._closed = True
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        idle, self._idle = self._idle, []
        for worker in idle:
            await worker.kill()

    async def _parse(self, job: "_Job") -> dict[str, object]:
        worker = await self._take_worker()
        if not job.is_wanted:
            self._give_back(worker)
            raise PageUnreachable("nobody waits for this page any more")
        job.is_sent = True
        try:
            async with asyncio.timeout(self._time_limit_s):
                reply = await worker.parse(job, time_limit_s=self._time_limit_s)
        except TimeoutError as error:
            raise PageEmpty(f"parsing took longer than {self._time_limit_s:g} s") from error
        except WorkerDied as error:
            raise PageEmpty("the page crashed the parser") from error
        self._give_back(worker)
        return reply

    def _end_job(self, task: "asyncio.Task[dict[str, object]]") -> None:
        self._running.discard(task)
        self._free_slots.release()
        if not task.cancelled():
            task.exception()  # seen here, because the caller may have left

    async def _warm_one(self) -> None:
        async with self._free_slots:
            self._give_back(await self._take_worker())

    async def _take_worker(self) -> "_Worker":
        if self._closed:
            raise PageUnreachable("the program is ending")
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


@dataclass(slots=True)
class _Job:
    """One page on its way through a worker; whoever wanted it may leave meanwhile."""

    body: bytes
    url: str
    content_type: str
    is_foreign: bool
    is_wanted: bool = True
    is_sent: bool = False


class _Worker:
    """One process, one page at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pages_parsed = 0

    @classmethod
    async def start(cls, command: tuple[str, ...]) -> "_Worker":
        """Start a process and wait until its parsers are loaded. Raises PageUnreachable."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env=_worker_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for the parent
            )
        except OSError as error:  # no memory, no more processes, no more files
            raise PageUnreachable(f"no parser process can be started: {error.strerror}") from error
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

    async def parse(self, job: _Job, *, time_limit_s: float) -> dict[str, object]:
        """The reply to one page. Whatever ends this early also ends the process.

        Raises WorkerDied.
        """
        request = {
            "url": job.url,
            "content_type": job.content_type,
            "is_foreign": job.is_foreign,
            "body_bytes": len(job.body),
            "time_limit_s": time_limit_s,
        }
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe
        self.pages_parsed += 1
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n" + job.body)
            await self._process.stdin.drain()
            return await self._read_reply()
        except (BrokenPipeError, ConnectionResetError) as error:
            await self.kill()
            raise WorkerDied from error
        except BaseException:
            await self.kill()
            raise

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
    """What the reply says; it is checked, because a page may have taken the parser over."""
    if "page" in reply:
        try:
            return _PAGE_FORM.validate_python(reply["page"])
        except ValidationError as error:
            raise PageEmpty("the page made the parser answer nonsense") from error
    error_type: type[PageError] = _ERRORS.get(str(reply.get("error")), PageEmpty)
    message = str(reply.get("message", "the page could not be parsed"))
    raise error_type(message[:MAX_MESSAGE_CHARS])
