"""A worker whose parser never comes back from a page that says so."""

from websearch_agent.pages import parsing_worker
from websearch_agent.pages.extract import ExtractedPage


def extract(body: bytes, *, url: str, content_type: str) -> ExtractedPage:
    """Hang, crash, or give the body back."""
    while body == b"hang":
        pass
    if body == b"crash":
        raise SystemExit(3)
    if body == b"fill":
        bytes(8 << 30)
    print("noise on standard output")  # noqa: T201
    return ExtractedPage(title="t", text=body.decode(), content_type=content_type)


if __name__ == "__main__":
    parsing_worker.extract_page = extract
    parsing_worker.main()
