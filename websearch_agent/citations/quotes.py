"""The words of a source that a statement rests on, and the source of a statement without marker."""

from collections.abc import Sequence

from websearch_agent.citations.claims import parse_claim
from websearch_agent.citations.nearest import find_nearest
from websearch_agent.citations.quote_choice import choose_quote
from websearch_agent.citations.support import SupportChecker
from websearch_agent.citations.windows import index_source
from websearch_agent.types import Source


def find_quote(statement: str, source: Source) -> str:
    """The words of the source that are nearest to the statement, empty if none is near."""
    indexed = index_source(source)
    claim = parse_claim(statement, "")
    nearest = find_nearest(claim, [indexed])
    return choose_quote(claim, nearest, {source.number: indexed}) if nearest else ""


def find_source(statement: str, sources: Sequence[Source]) -> int | None:
    """Number of the source that says the statement, None if none surely does."""
    return SupportChecker(sources).find_source(statement)
