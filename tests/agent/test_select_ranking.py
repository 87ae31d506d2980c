"""Which passages are shown when a served model ranks beside BM25, and what is told if it fails."""

from dataclasses import replace

import pytest
from agent_parts import A, B, C, answer_of, ask, make_parts
from fakes import FakeEngine, FakeReranker, make_results, search_call

from websearch_agent.agent.ranking import RERANKED_PASSAGES, rerank
from websearch_agent.agent.run import AgentParts
from websearch_agent.errors import ModelUnavailable, PageUnreachable
from websearch_agent.events import Notice, SourcesSelected
from websearch_agent.protocols import ConversationStore
from websearch_agent.types import Passage

pytestmark = pytest.mark.anyio

QUESTION = "When was the red bridge opened?"
ANSWER = "It was opened in 1932 [1]."


def passage(text: str, score: float = 0.0) -> Passage:
    return Passage(url=A, text=text, start_index=0, end_index=len(text), score=score)


def shown_urls(events: list[object]) -> list[str]:
    (selected,) = [event for event in events if isinstance(event, SourcesSelected)]
    return [source.url for source in selected.sources]


def told(events: list[object]) -> list[str]:
    return [event.message for event in events if isinstance(event, Notice)]


async def test_weight_1_is_the_order_of_the_model_alone() -> None:
    passages = [passage("a", 1.0), passage("b", 0.5), passage("c", 0.2)]
    model = FakeReranker({"a": 0.1, "b": 0.3, "c": 0.9})
    ranked = await rerank(passages, "q", model, titles={})
    assert [found.text for found in ranked] == ["c", "b", "a"]
    assert [found.score for found in ranked] == pytest.approx([1.0, 0.25, 0.0])


async def test_weight_shares_the_score_between_words_and_model() -> None:
    passages = [passage("a", 0.8), passage("b", 0.6), passage("c", 0.2)]
    # As close together as the cosines of some models are.
    model = FakeReranker({"a": 0.80, "b": 0.84, "c": 0.80}, weight=0.5)
    ranked = await rerank(passages, "q", model, titles={})
    assert [found.text for found in ranked] == ["b", "a", "c"]
    assert [found.score for found in ranked] == pytest.approx([0.875, 0.5, 0.125])


async def test_equal_scores_of_the_model_keep_the_order_of_the_words() -> None:
    passages = [passage("a", 1.0), passage("b", 0.5)]
    ranked = await rerank(passages, "q", FakeReranker({}), titles={})
    assert [found.text for found in ranked] == ["a", "b"]


async def test_nothing_to_rank_asks_nobody() -> None:
    model = FakeReranker({})
    assert await rerank([], "q", model, titles={}) == []
    assert model.queries == []


async def test_model_sees_title_and_heading_above_the_text() -> None:
    model = FakeReranker({})
    found = replace(passage("It opened in 1932."), heading="History › Opening")
    await rerank([found], "q", model, titles={A: "The bridge"})
    assert model.texts == ["The bridge\nHistory › Opening\nIt opened in 1932."]


async def answer(parts: AgentParts, **request: object) -> list[object]:
    return await ask(parts, QUESTION, **request)


async def test_page_that_the_model_puts_first_is_shown_first(store: ConversationStore) -> None:
    parts = make_parts(store, [search_call("red bridge"), ANSWER])
    model = FakeReranker({"painted": 0.9, "500 metres": 0.5, "mayor": 0.1})
    events = await answer(replace(parts, reranker=model))
    # The page of the mayor is the best by its words: it stays, though last.
    assert shown_urls(events) == [C, B, A]
    assert told(events) == []


async def test_model_is_shown_the_head_of_the_ranking_only(store: ConversationStore) -> None:
    months = "\n\n".join(
        f"## Month {number}\n\nThe red bridge was opened by mayor number {number} of town "
        f"{number}{number}. {' '.join(f'guest{number}x{place}' for place in range(50))}."
        for number in range(2 * RERANKED_PASSAGES)
    )
    parts = make_parts(store, [search_call("red bridge"), ANSWER], pages={A: months})
    model = FakeReranker({})
    await answer(replace(parts, reranker=model))
    assert len(model.texts) == RERANKED_PASSAGES


async def test_model_is_asked_the_question_not_the_key_words(store: ConversationStore) -> None:
    parts = make_parts(store, [search_call("red bridge"), ANSWER])
    model = FakeReranker({})
    await answer(replace(parts, reranker=model))
    assert model.queries == [QUESTION]


async def test_follow_up_is_ranked_by_its_whole_query(store: ConversationStore) -> None:
    replies = ["Hello.", search_call("red bridge colour"), ANSWER]
    parts = make_parts(store, replies)
    model = FakeReranker({})
    first = await ask(parts, "Hi")
    conversation_id = first[-1].conversation_id  # type: ignore[union-attr]
    with_model = replace(parts, reranker=model)
    await ask(with_model, "And its colour?", conversation_id=conversation_id)
    assert model.queries == ["red bridge colour"]


async def test_failing_model_leaves_the_order_of_the_words_and_is_told(
    store: ConversationStore,
) -> None:
    plain = await answer(make_parts(store, [search_call("red bridge"), ANSWER]))
    parts = make_parts(store, [search_call("red bridge"), ANSWER])
    events = await answer(replace(parts, reranker=FakeReranker(ModelUnavailable("it is down"))))
    assert shown_urls(events) == shown_urls(plain)
    (notice,) = told(events)
    assert "by their words alone" in notice
    assert "it is down" in notice
    assert answer_of(events).notices == (notice,)  # type: ignore[arg-type]


async def test_failing_model_is_told_once_in_an_answer(store: ConversationStore) -> None:
    replies = [search_call("red bridge"), search_call("bridge opened"), ANSWER]
    model = FakeReranker(ModelUnavailable("it is down"))
    events = await answer(replace(make_parts(store, replies), reranker=model))
    assert len(model.queries) == 2
    assert len(told(events)) == 1


async def test_notice_is_in_the_language_of_the_question(store: ConversationStore) -> None:
    replies = [search_call("red bridge"), ANSWER]
    model = FakeReranker(ModelUnavailable("down"))
    events = await ask(
        replace(make_parts(store, replies), reranker=model), "the bridge 红桥什么时候开放？"
    )
    assert any("按字词排序" in notice for notice in told(events))


async def test_snippet_stays_behind_the_pages_however_the_model_likes_it(
    store: ConversationStore,
) -> None:
    snippet = "The red bridge was opened by the mayor of the town in 1932, in the month of May."
    results = [replace(result, snippet=snippet) for result in make_results(A, B, C)]
    parts = make_parts(
        store,
        [search_call("red bridge"), ANSWER],
        engines=[FakeEngine(results)],
        pages={A: PageUnreachable("404")},
    )
    model = FakeReranker({"month of May": 1.0, "painted": 0.5})
    assert shown_urls(await answer(replace(parts, reranker=model))) == [C, B, A]


@pytest.mark.parametrize(
    ("date", "last"),
    [("2019-05-01", C), ("2019", C), ("2026-11-17T08:00:00Z", B), ("2026", B), ("2 days ago", B)],
)
async def test_page_older_than_the_time_that_was_asked_for_comes_last(
    store: ConversationStore, date: str, last: str
) -> None:
    best, *others = make_results(C, A, B)
    parts = make_parts(
        store,
        [search_call("red bridge"), ANSWER],
        engines=[FakeEngine([replace(best, date=date), *others])],
    )
    model = FakeReranker({"painted": 0.9, "mayor": 0.8, "500 metres": 0.7})
    events = await answer(replace(parts, reranker=model), time_range="week")
    assert shown_urls(events)[-1] == last
    assert set(shown_urls(events)) == {A, B, C}


async def test_age_counts_only_where_a_time_was_asked_for(store: ConversationStore) -> None:
    best, *others = make_results(C, A, B)
    parts = make_parts(
        store,
        [search_call("red bridge"), ANSWER],
        engines=[FakeEngine([replace(best, date="1999-01-01"), *others])],
    )
    model = FakeReranker({"painted": 0.9, "mayor": 0.8, "500 metres": 0.7})
    assert shown_urls(await answer(replace(parts, reranker=model)))[0] == C
