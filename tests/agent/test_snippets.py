"""What an engine showed of a page that could not be read: marked as that, and never in front."""

from dataclasses import replace

import pytest
from agent_parts import A, B, C, answer_of, ask, failed, make_parts
from fakes import FakeEngine, FakeModel, make_results, search_call

from websearch_agent.errors import PageMissing, PageWalled
from websearch_agent.protocols import ConversationStore

pytestmark = pytest.mark.anyio

SNIPPET = "The red bridge was opened in 1932, and its painter was paid with bread and cheese."


def engine_with_snippet(url: str, *others: str, snippet: str = SNIPPET) -> FakeEngine:
    results = make_results(url, *others)
    return FakeEngine([replace(results[0], snippet=snippet), *results[1:]])


async def test_snippet_of_a_walled_page_is_a_source_and_is_marked(store: ConversationStore) -> None:
    model = FakeModel([search_call("red bridge"), "It was opened in 1932. [1]"])
    pages = {A: PageWalled("a.example asks for a login")}
    engines = [engine_with_snippet(A)]
    answer = answer_of(await ask(make_parts(store, model, engines=engines, pages=pages)))
    (source,) = answer.sources
    assert (source.kind, source.url, source.passages[0].text) == ("snippet", A, SNIPPET)
    assert any("search engines show" in notice for notice in answer.notices)
    assert "search snippet, page not read" in model.calls[-1].messages[-1].content


async def test_pages_come_before_snippets(store: ConversationStore) -> None:
    model = FakeModel([search_call("red bridge opened"), "In 1932. [1]"])
    pages = {A: PageWalled("a.example asks for a login")}
    engines = [engine_with_snippet(A, B, C)]
    answer = answer_of(await ask(make_parts(store, model, engines=engines, pages=pages)))
    kinds = [source.kind for source in answer.sources]
    assert kinds == sorted(kinds, key=["page", "snippet"].index)
    assert "page" in kinds
    assert answer.notices == ()


@pytest.mark.parametrize("snippet", ["", "Sign in"])
async def test_without_a_page_or_a_telling_snippet_the_answer_fails(
    store: ConversationStore, snippet: str
) -> None:
    pages = {A: PageWalled("a.example asks for a login")}
    engines = [engine_with_snippet(A, snippet=snippet)]
    events = await ask(make_parts(store, [search_call("x")], engines=engines, pages=pages))
    assert failed(events).code == "no_page_readable"


async def test_page_that_is_gone_leaves_no_snippet(store: ConversationStore) -> None:
    pages = {A: PageMissing("a.example does not have the page")}
    engines = [engine_with_snippet(A)]
    events = await ask(make_parts(store, [search_call("x")], engines=engines, pages=pages))
    assert failed(events).code == "no_page_readable"
