"""Checks statements against the words of the sources: deterministic, in milliseconds."""

from collections.abc import Collection, Sequence

from websearch_agent.citations.quotes import find_quote, find_source
from websearch_agent.types import Source, Support


class SupportChecker:
    """Counts the sources once; then each statement costs milliseconds."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = {source.number: source for source in sources}

    def check(self, statement: str, *, cited: Collection[int] = (), question: str = "") -> Support:
        """How well the `cited` sources say the statement; if none is cited, all of them.

        Markers in the statement do not count. `question`: what the statement answers, for what it
        does not repeat ("It was in 1912.").
        """
        wanted = [s for n, s in self._sources.items() if not cited or n in cited]
        if not wanted:
            return Support("not_checkable", 0.0)
        number = find_source(statement, wanted)
        source = self._sources[number] if number is not None else wanted[0]
        quote = find_quote(statement, source)
        if number is not None:
            return Support("supported", 0.8, number, quote)
        return Support("partial" if quote else "unsupported", 0.3 if quote else 0.1, None, quote)

    def find_source(self, statement: str, *, question: str = "") -> int | None:
        """The source that says a statement which names none, None if none surely does."""
        return find_source(statement, list(self._sources.values()))
