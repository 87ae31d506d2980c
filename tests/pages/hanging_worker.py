"""A worker whose parser does what the page says: hang, crash, wait, lie."""

import os
from pathlib import Path

from websearch_agent.pages import parsing_worker
from websearch_agent.pages.extract import ExtractedPage


def extract(body: bytes, *, url: str, content_type: str, is_foreign: bool = True) -> ExtractedPage:
    """Do what the body says, or give it back. `wait PATH` ends when PATH, a pipe, is closed."""
    order, _, path = body.decode().partition(" ")
    while body == b"hang":
        pass
    if body == b"crash":
        raise SystemExit(3)
    if body == b"fill":
        bytes(8 << 30)
    if order == "wait":
        Path(path).read_text()
    if order == "touch":
        Path(path).touch()
    if order == "lie":
        return ExtractedPage(title=7, text=["no", "text"], content_type=content_type)  # type: ignore[arg-type]
    if order == "pid":
        return ExtractedPage(title="t", text=str(os.getpid()), content_type=content_type)
    print("noise on standard output")  # noqa: T201
    return ExtractedPage(title="t", text=body.decode(), content_type=content_type)


if __name__ == "__main__":
    parsing_worker.extract_page = extract
    parsing_worker.main()
