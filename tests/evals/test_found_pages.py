"""The web of a measurement: its documents, and nothing else."""

import pytest

from websearch_agent.errors import PageUnreachable
from websearch_agent.evals.found_pages import FoundPages, GivenPage
from websearch_agent.types import SearchQuery

pytestmark = pytest.mark.anyio

PROSE = "The red bridge was opened in 1932 by the mayor of the town, and many people came. " * 3


async def test_every_page_is_found_and_read_whole() -> None:
    long = "word " * 50_000
    pages = FoundPages(
        [GivenPage("a", long, "Title", "https://www.site.example/x"), GivenPage("b", "t")]
    )
    found = await pages.search(SearchQuery("anything"))
    assert [result.rank for result in found] == [1, 2]
    read = await pages.read(found[0].url)
    assert (read.text, read.title, read.site) == (long, "Title", "site.example")
    assert [pages.id_of(result.url) for result in found] == ["a", "b"]
    assert pages.queries == ["anything"]


async def test_html_is_cleaned_as_that_of_every_page() -> None:
    html = f"<html><nav>Menu</nav><article><h1>Bridges</h1><p>{PROSE}</p></article></html>"
    pages = FoundPages([GivenPage("a", html=html.encode())])
    (found,) = await pages.search(SearchQuery("q"))
    read = await pages.read(found.url)
    assert "opened in 1932" in read.text
    assert "Menu" not in read.text


async def test_other_addresses_are_refused_and_told() -> None:
    pages = FoundPages([GivenPage("a", "t")])
    with pytest.raises(PageUnreachable):
        await pages.read("https://evil.example/")
    assert pages.unknown_addresses == ["https://evil.example/"]
    assert pages.id_of("https://evil.example/") is None
