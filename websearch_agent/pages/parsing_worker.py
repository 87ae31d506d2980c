"""The worker process: reads pages from standard input, answers on standard output.

Started as `python -m websearch_agent.pages.parsing_worker`, never imported by the program.
A request is a JSON line and then the body; a reply is four bytes of length and then JSON:
no pickles, because a parser that was taken over must not be able to run code in the parent.
"""

import json
import os
import signal
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from websearch_agent.errors import PageEmpty, PageError, PageTooLarge
from websearch_agent.pages.extract import extract_page

# The kernel ends the worker if it outlives its time by this, even when the parent is gone.
SPARE_TIME_S = 2.0


def main() -> None:
    """Serve until standard input ends."""
    memory_limit_bytes = int(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), sys.stdout.fileno())
    _import_parsers()
    _limit_memory(memory_limit_bytes)
    _send(replies, {"ready": True})
    requests = sys.stdin.buffer
    while line := requests.readline():
        request = json.loads(line)
        body = requests.read(request["body_bytes"])
        _set_alarm(request["time_limit_s"] + SPARE_TIME_S)
        reply = _answer(body, request)
        _set_alarm(0)
        _send(replies, reply)


def _answer(body: bytes, request: dict[str, Any]) -> dict[str, object]:
    try:
        page = extract_page(
            body,
            url=request["url"],
            content_type=request["content_type"],
            is_foreign=request["is_foreign"],
        )
        return {"page": asdict(page)}
    except PageError as error:
        return {"error": error.code, "message": error.message}
    except MemoryError:
        return {"error": PageTooLarge.code, "message": "the page needs too much memory to parse"}
    except Exception as error:  # noqa: BLE001 - a door: whatever a parser raises ends here
        message = f"the page could not be parsed ({type(error).__name__})"
        return {"error": PageEmpty.code, "message": message}


def _send(replies: BinaryIO, reply: dict[str, object]) -> None:
    payload = json.dumps(reply).encode()
    replies.write(len(payload).to_bytes(4, "big") + payload)
    replies.flush()


def _import_parsers() -> None:
    """The slow imports, once, before the first page."""
    from websearch_agent.pages import charset, html_text, pdf_text, walls, xml_text  # noqa: F401


def _limit_memory(limit_bytes: int) -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _set_alarm(seconds: float) -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
