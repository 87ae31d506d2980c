"""Evidence as summaries: each page read for the question, and still traceable to the page."""

import pytest
from agent_parts import TEXTS, A, B, C, answer_of, ask, finished, make_parts
from fakes import FakeModel, Reply, search_call

from websearch_agent.errors import ModelUnavailable
from websearch_agent.model_calls import ModelCall
from websearch_agent.protocols import ConversationStore

pytestmark = pytest.mark.anyio

SUMMARIES = {A: "Opened in 1932 by the mayor.", B: "It is 500 metres long.", C: "Repainted twice."}


def page_of(call: ModelCall) -> str:
    """Which page a call that summarises shows."""
    text = call.messages[-1].content
    (page,) = [url for url, said in TEXTS.items() if said in text]
    return page


def model_that_summarises(said: dict[str, Reply], answer: str, **limits: int) -> FakeModel:
    def summarise(call: ModelCall) -> Reply:
        return said[page_of(call)]

    return FakeModel([search_call("red bridge"), *[summarise] * len(TEXTS), answer], **limits)


async def test_model_answers_from_summaries_and_cites_pages(store: ConversationStore) -> None:
    model = model_that_summarises(SUMMARIES, "It was opened in 1932. [1]")
    answer = answer_of(await ask(make_parts(store, model), evidence="summaries"))
    shown = model.calls[-1].messages[-1].content
    assert all(summary in shown for summary in SUMMARIES.values())
    assert not any(text in shown for text in TEXTS.values())
    assert {source.url: source.summary for source in answer.sources} == SUMMARIES
    assert [p.text for s in answer.sources for p in s.passages if s.url == A] == [TEXTS[A]]
    assert answer.citations[0].quote in TEXTS[answer.citations[0].url]
    assert answer.usage.model_calls == 5


@pytest.mark.parametrize("nothing", ["nothing relevant", "Nothing relevant.", "无相关内容"])
async def test_page_with_nothing_relevant_is_dropped(
    store: ConversationStore, nothing: str
) -> None:
    model = model_that_summarises({**SUMMARIES, B: nothing}, "It was opened in 1932. [1]")
    answer = answer_of(await ask(make_parts(store, model), evidence="summaries"))
    assert {source.url for source in answer.sources} == {A, C}


async def test_page_whose_summary_fails_is_left_out(store: ConversationStore) -> None:
    model = model_that_summarises({**SUMMARIES, C: ModelUnavailable("busy")}, "In 1932. [1]")
    answer = answer_of(await ask(make_parts(store, model), evidence="summaries"))
    assert {source.url for source in answer.sources} == {A, B}


async def test_passages_are_shown_when_no_summary_is_left(store: ConversationStore) -> None:
    model = model_that_summarises(dict.fromkeys(TEXTS, "nothing relevant"), "In 1932. [1]")
    answer = answer_of(await ask(make_parts(store, model), evidence="summaries"))
    shown = model.calls[-1].messages[-1].content
    assert TEXTS[A] in shown
    assert any("passages instead" in notice for notice in answer.notices)
    assert all(source.summary == "" for source in answer.sources)


async def test_follow_up_is_shown_the_passages_not_the_summary_for_another_question(
    store: ConversationStore,
) -> None:
    replies = [search_call("red bridge"), *SUMMARIES.values(), "In 1932. [1]", "By the mayor. [1]"]
    model = FakeModel(replies)
    parts = make_parts(store, model)
    first = finished(await ask(parts, evidence="summaries"))
    await ask(parts, "Who opened it?", conversation_id=first.conversation_id)
    assert TEXTS[A] in model.calls[-1].messages[-1].content


async def test_summaries_are_passages_unless_asked_for(store: ConversationStore) -> None:
    model = FakeModel([search_call("red bridge"), "It was opened in 1932. [1]"])
    answer = answer_of(await ask(make_parts(store, model)))
    assert len(model.calls) == 2
    assert all(source.summary == "" for source in answer.sources)


async def test_calls_and_answer_fit_a_window_of_2048(store: ConversationStore) -> None:
    model = model_that_summarises(SUMMARIES, "In 1932. [1]", context_window=2048)
    await ask(make_parts(store, model), evidence="summaries")
    for call in model.calls:
        counts = await model.count_tokens([message.content for message in call.messages])
        assert sum(counts) + call.max_tokens <= 2048
