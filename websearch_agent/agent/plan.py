"""How much work each mode may do."""

from dataclasses import dataclass

from websearch_agent.types import Mode


@dataclass(frozen=True, slots=True)
class Plan:
    """Bounds of one answer.

    `pages_to_read` are fetched at once, further results only in the place of pages that fail;
    `enough_pages`: reading ends as soon as so many are in.
    """

    max_searches: int
    results_per_query: int
    pages_to_read: int
    enough_pages: int
    max_sources: int


PLANS: dict[Mode, Plan] = {
    "quick": Plan(
        max_searches=1, results_per_query=10, pages_to_read=6, enough_pages=3, max_sources=3
    ),
    "balanced": Plan(
        max_searches=2, results_per_query=20, pages_to_read=10, enough_pages=5, max_sources=5
    ),
    "deep": Plan(
        max_searches=3, results_per_query=20, pages_to_read=14, enough_pages=9, max_sources=8
    ),
}
