"""Citation streams for tests: texts, hostile ones and cut in pieces, sent through them."""

from collections.abc import Callable

from hypothesis import strategies as st

from websearch_agent.citations.markers import CitationStream


def stream(
    text: str,
    *,
    known: tuple[int, ...] = (1, 2, 3),
    chunk: int = 1,
    find_source: Callable[[str], int | None] = lambda _: None,
    resolve: Callable[[str, int], int | None] = lambda _, number: number,
) -> CitationStream:
    citations = CitationStream(known, find_source=find_source, resolve=resolve)
    for start in range(0, len(text), chunk):
        citations.feed(text[start : start + chunk])
    citations.finish()
    return citations


PIECES = [*"[]【】［］()（）`~\\ \n123,-^:：。x.|>", "source ", "来源", "citation:", "†", "and "]
PIECES += [
    "interval ",
    "in ",
    "= ",
    "a_b",
    "f(x",
    "区间",
    "99",
    "```",
    "    ",
    "](",
    "The word. ",
    "- ",
    "Sources:",
    "**",
    "¹",
    "①",
    "\u0301",
    "[1]",
]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=30)
cuts = st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=20)


def pieces_of(text: str, sizes: list[int]) -> list[str]:
    found, start = [], 0
    while start < len(text):
        size = sizes[len(found) % len(sizes)]
        found.append(text[start : start + size])
        start += size
    return found


def result(citations: CitationStream) -> tuple[object, ...]:
    return citations.text, citations.markers, citations.dropped_markers
