"""The same results as text, for clients that hand their model nothing else."""

from collections.abc import Iterator

from websearch_agent.mcp_server.results import AnswerResult, FoundPage, PageSlice, SearchPages


def answer_text(result: AnswerResult) -> str:
    """The answer, the sources that it cites (all, if it cites none) and what to know of it."""
    parts = [result.answer.strip()]
    any_cited = any(source.cited for source in result.sources)
    listed = [source for source in result.sources if source.cited or not any_cited]
    if listed:
        lines = [
            f"[{source.number}] {_one_line(source.title) or source.site} - {source.url}"
            + (f" ({_one_line(source.date)})" if source.date else "")
            for source in listed
        ]
        parts.append("\n".join(["Sources:", *lines]))
    remarks = list(_remarks(result))
    if remarks:
        parts.append("\n".join(["Notes:", *(f"- {_one_line(remark)}" for remark in remarks)]))
    return "\n\n".join(parts)


def _remarks(result: AnswerResult) -> Iterator[str]:
    yield from result.notices
    if result.unanswered:
        yield "The sources do not say it."
    if result.finish_reason == "length":
        yield "The answer was cut at its greatest length."
    for statement in result.statements.unsupported_statements:
        yield f"No source says: {statement}"


def search_text(found: SearchPages) -> str:
    """A numbered list; then which engines failed."""
    blocks = [
        "\n".join(_found_lines(number, result)) for number, result in enumerate(found.results, 1)
    ]
    if not blocks:
        blocks = ["Nothing was found."]
    failures = [f"- {one.engine}: {_one_line(one.reason)}" for one in found.failures]
    if failures:
        blocks.append("\n".join(["Engines that failed:", *failures]))
    return "\n\n".join(blocks)


def _found_lines(number: int, result: FoundPage) -> Iterator[str]:
    date = f" ({_one_line(result.date)})" if result.date else ""
    yield f"{number}. {_one_line(result.title)}{date}"
    yield f"   {result.address}"
    if result.snippet:
        yield f"   {_one_line(result.snippet)}"


def page_text(page: PageSlice) -> str:
    """The Markdown below a head that says what it is, and what to ask for the rest."""
    head = [f"Title: {_one_line(page.title)}", f"Address: {page.url}"]
    if page.date:
        head.append(f"Date: {_one_line(page.date)}")
    end = page.start_index + len(page.text)
    head.append(f"Characters {page.start_index} to {end} of {page.total_chars}")
    if page.next_start_index is not None:
        head.append(f"The rest: start_index={page.next_start_index}")
    return "\n".join(head) + "\n\n" + page.text


def _one_line(text: str) -> str:
    """A title must not look like lines of ours."""
    return " ".join(text.split())
