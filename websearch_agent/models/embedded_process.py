"""The parent's side of the embedded model's process: start it, speak to it, end it."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence

from websearch_agent.errors import ContextTooLong, ModelRejectedRequest, ModelUnavailable
from websearch_agent.model_calls import ModelCall
from websearch_agent.models.embedded_protocol import (
    Cancel,
    Command,
    Counted,
    CountTokens,
    Delta,
    Failed,
    Finished,
    Generate,
    Ready,
    Reply,
    decode_line,
    encode_line,
)
from websearch_agent.models.json_grammar import build_json_grammar

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 1 << 20
MAX_LOG_CHARACTERS = 500
CLOSING_TIMEOUT_S = 3.0
STOPPED_MESSAGE = (
    "The embedded model stopped unexpectedly (often because the machine has too little free "
    "memory: it needs about 3 GB). It is being restarted; ask again."
)


class WorkerProcess:
    """A running worker. Once it has ended, every waiting caller gets ModelUnavailable."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._inboxes: dict[int, asyncio.Queue[Reply | None]] = {}
        self._ready = asyncio.Event()
        self._routing = asyncio.create_task(self._route_replies())
        self._logging = asyncio.create_task(self._log_stderr())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return not self._routing.done()

    async def wait_until_ready(self) -> None:
        """Raises ModelUnavailable if the process ends before the model is loaded."""
        await self._ready.wait()
        if not self.running:
            raise ModelUnavailable(
                "The embedded model could not be loaded; the log says why. It needs about 3 GB "
                "of free memory. Free some, or set WEBSEARCH_MODEL_URL to another model's server."
            )

    async def wait_until_ended(self) -> None:
        await asyncio.wait([self._routing])

    async def generate(self, call: ModelCall) -> AsyncGenerator[Delta | Finished, None]:
        """The reply as it comes, `Finished` last. Closing this cancels at once."""
        command = Generate(
            id=next(self._ids),
            messages=tuple((message.role, message.content) for message in call.messages),
            max_tokens=call.max_tokens,
            logprobs=call.logprobs,
            grammar=None if call.json_schema is None else build_json_grammar(call.json_schema),
        )
        with self._open_inbox(command.id) as inbox:
            self._send(command)
            ended = False
            try:
                while not ended:
                    reply = await inbox.get()
                    ended = not isinstance(reply, Delta)
                    checked = _check(reply)
                    if isinstance(checked, Delta | Finished):
                        yield checked
            finally:
                if not ended:
                    self._send(Cancel(command.id))

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        command = CountTokens(next(self._ids), tuple(texts))
        with self._open_inbox(command.id) as inbox:
            self._send(command)
            reply = _check(await inbox.get())
            assert isinstance(reply, Counted)  # noqa: S101
            return list(reply.counts)

    async def close(self) -> None:
        """End the process: it goes by itself when its stdin is closed, else it is killed."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), CLOSING_TIMEOUT_S)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await asyncio.wait([self._routing, self._logging])

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    @contextlib.contextmanager
    def _open_inbox(self, command_id: int) -> Iterator[asyncio.Queue[Reply | None]]:
        if not self.running:
            raise ModelUnavailable(STOPPED_MESSAGE)
        inbox: asyncio.Queue[Reply | None] = asyncio.Queue()
        self._inboxes[command_id] = inbox
        try:
            yield inbox
        finally:
            del self._inboxes[command_id]

    def _send(self, command: Command) -> None:
        # A closed pipe is no error here: the routing task sees the end and tells every inbox.
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(encode_line(command))

    async def _route_replies(self) -> None:
        assert self._process.stdout is not None  # noqa: S101
        try:
            async for line in self._process.stdout:
                reply = decode_line(line)
                if isinstance(reply, Ready):
                    self._ready.set()
                elif (
                    isinstance(reply, Delta | Finished | Failed | Counted)
                    # Not there: the caller has left, and its cancellation is on the way.
                    and reply.id in self._inboxes
                ):
                    self._inboxes[reply.id].put_nowait(reply)
        except ValueError:
            log.exception("the embedded model's process wrote a line that is not of the protocol")
            self.kill()
        finally:
            for inbox in self._inboxes.values():
                inbox.put_nowait(None)
            # After this task is done: `running` is then False for the waiting ones.
            asyncio.get_running_loop().call_soon(self._ready.set)

    async def _log_stderr(self) -> None:
        assert self._process.stderr is not None  # noqa: S101
        while chunk := await self._process.stderr.read(4096):
            for line in chunk.decode(errors="replace").splitlines():
                log.info("embedded model: %s", line[:MAX_LOG_CHARACTERS])


async def start_worker(command: Sequence[str]) -> WorkerProcess:
    """Start `command` in a session of its own: Ctrl-C in the terminal is for us alone."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=MAX_LINE_BYTES,
        start_new_session=True,
    )
    return WorkerProcess(process)


def _check(reply: Reply | None) -> Reply:
    """The reply itself; raises what a failure or the process's end means."""
    if reply is None:
        raise ModelUnavailable(STOPPED_MESSAGE)
    if isinstance(reply, Failed):
        if reply.code == ContextTooLong.code:
            raise ContextTooLong(reply.message)
        raise ModelRejectedRequest(reply.message)
    return reply
