"""Every statement is checked against the words of the sources, and by the model where wanted."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from agent_parts import TEXTS, A, answer_of, ask, make_parts
from fakes import FakeEngine, FakeModel, make_results, search_call

from websearch_agent.agent.answer_writer import StatementSources
from websearch_agent.agent.verification import combine_scores
from websearch_agent.agent.verify import RESERVED_S
from websearch_agent.citations.support_weights import level_of
from websearch_agent.errors import ModelUnavailable
from websearch_agent.events import AgentEvent, AnswerFinished, StatementVerified
from websearch_agent.model_calls import ModelCall, ModelDelta
from websearch_agent.protocols import ConversationStore
from websearch_agent.types import Answer, Passage, Source

pytestmark = pytest.mark.anyio

TRUE = "The red bridge was opened in 1932 by the mayor of the town [1]."
WRONG_YEAR = "The red bridge was opened in 1975 by the mayor of the town [1]."
INVENTED = "It cost forty million crowns to build [2]."


def replies(*texts: str) -> list[object]:
    return [search_call("red bridge"), *texts]


def levels(answer: Answer) -> list[str | None]:
    return [s.support.level if s.support else None for s in answer.statements]


def verified(events: list[AgentEvent]) -> list[StatementVerified]:
    return [event for event in events if isinstance(event, StatementVerified)]


async def test_statement_that_a_source_says_is_supported_by_its_words(
    store: ConversationStore,
) -> None:
    answer = answer_of(await ask(make_parts(store, replies(TRUE))))
    (support,) = [s.support for s in answer.statements]
    assert support is not None
    assert (support.level, support.source_number, support.method) == ("supported", 1, "fast")
    assert support.quote in answer.sources[0].passages[0].text
    assert answer.citations[0].support == "supported"
    assert answer.citations[0].url == A
    assert answer.verification == "fast"


async def test_wrong_number_is_unsupported_however_alike_the_words(
    store: ConversationStore,
) -> None:
    answer = answer_of(await ask(make_parts(store, replies(WRONG_YEAR))))
    (support,) = [s.support for s in answer.statements]
    assert support is not None
    assert support.level == "unsupported"
    assert support.contradicted == ("1975",)
    assert answer.citations[0].support == "unsupported"


async def test_invented_statement_is_unsupported(store: ConversationStore) -> None:
    answer = answer_of(await ask(make_parts(store, replies(f"{TRUE} {INVENTED}"))))
    assert levels(answer) == ["supported", "unsupported"]


async def test_checks_come_before_the_end_one_for_each_statement(store: ConversationStore) -> None:
    events = await ask(make_parts(store, replies(f"{TRUE} {INVENTED}")))
    assert len(verified(events)) == 2
    assert isinstance(events[-1], AnswerFinished)
    assert [check.statement for check in verified(events)] == list(answer_of(events).statements)


async def test_switched_off_nothing_is_checked(store: ConversationStore) -> None:
    events = await ask(make_parts(store, replies(TRUE)), verification="off")
    assert not verified(events)
    assert answer_of(events).verification is None
    assert levels(answer_of(events)) == [None]


async def test_chat_turn_is_not_checked(store: ConversationStore) -> None:
    events = await ask(make_parts(store, ["Hello. I am well, thank you."]))
    assert not verified(events)
    assert answer_of(events).verification is None


async def test_chat_turn_between_sources_is_the_models_own(store: ConversationStore) -> None:
    parts = make_parts(store, [*replies(TRUE), f"You are welcome. Bridges rust. {TRUE}"])
    first = (await ask(parts))[-1]
    assert isinstance(first, AnswerFinished)
    answer = answer_of(
        await ask(parts, "Thanks!", conversation_id=first.conversation_id, search="never")
    )
    assert levels(answer) == ["not_checkable", "not_checkable", "supported"]


async def test_refusal_is_told_apart(store: ConversationStore) -> None:
    said = "The sources do not say who designed the bridge."
    answer = answer_of(await ask(make_parts(store, replies(said))))
    assert answer.unanswered
    assert levels(answer) == ["not_checkable"]


async def test_answer_with_a_gap_is_still_an_answer(store: ConversationStore) -> None:
    said = f"{TRUE} The sources do not say who designed it."
    assert not answer_of(await ask(make_parts(store, replies(said)))).unanswered


async def test_model_judges_each_statement(store: ConversationStore) -> None:
    def judge(call: ModelCall) -> str:
        return "true" if "1932" in call.messages[-1].content.split("Statement:")[-1] else "false"

    model = FakeModel([*replies(f"{TRUE} {INVENTED}"), judge, judge])
    events = await ask(make_parts(store, model), verification="model")
    answer = answer_of(events)
    assert levels(answer) == ["supported", "unsupported"]
    assert {s.support.method for s in answer.statements if s.support} == {"model"}
    assert answer.verification == "model"
    assert len(verified(events)) == 4
    assert answer.usage.model_calls == 4


async def test_model_cannot_overrule_a_contradicted_number(store: ConversationStore) -> None:
    model = FakeModel([*replies(WRONG_YEAR), "true"])
    answer = answer_of(await ask(make_parts(store, model), verification="model"))
    assert levels(answer) == ["unsupported"]


async def test_failing_judge_leaves_what_the_words_say_and_tells(store: ConversationStore) -> None:
    model = FakeModel([*replies(TRUE), ModelUnavailable("gone")])
    answer = answer_of(await ask(make_parts(store, model), verification="model"))
    assert levels(answer) == ["supported"]
    assert answer.verification == "fast"
    assert any("could not judge" in notice for notice in answer.notices)


async def test_judgements_that_came_in_time_stand(store: ConversationStore) -> None:
    class SlowJudge(FakeModel):
        """Judges one statement, and the other one never."""

        async def stream(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
            if "Statement: It cost" in call.messages[-1].content:
                await asyncio.Event().wait()
            async for delta in super().stream(call):
                yield delta

    model = SlowJudge([*replies(f"{TRUE} {INVENTED}"), "true"])
    parts = replace(make_parts(store, model), answer_deadline_s=RESERVED_S + 2.0)
    answer = answer_of(await ask(parts, verification="model"))
    assert [s.support.method for s in answer.statements if s.support] == ["model", "fast"]
    assert answer.verification == "model"
    assert any("could not judge" in notice for notice in answer.notices)


async def test_answer_without_time_left_to_judge_tells_so(store: ConversationStore) -> None:
    parts = replace(make_parts(store, replies(TRUE)), answer_deadline_s=RESERVED_S)
    answer = answer_of(await ask(parts, verification="model"))
    assert answer.verification == "fast"
    assert any("could not judge" in notice for notice in answer.notices)


async def test_model_judges_what_words_in_another_script_cannot(store: ConversationStore) -> None:
    said = "市长为红桥剪彩 [1]。希望对您有帮助！"
    words_alone = answer_of(await ask(make_parts(store, replies(said))))
    assert levels(words_alone) == ["not_checkable", "not_checkable"]
    model = FakeModel([*replies(said), "true"])
    answer = answer_of(await ask(make_parts(store, model), verification="model"))
    assert levels(answer) == ["supported", "not_checkable"]


async def test_what_is_stored_is_what_was_told(store: ConversationStore) -> None:
    events = await ask(make_parts(store, replies(f"{TRUE} {INVENTED}")))
    last = events[-1]
    assert isinstance(last, AnswerFinished)
    conversation = await store.load_conversation(last.conversation_id)
    assert conversation.turns[-1].answer == last.answer


async def test_setting_is_used_where_the_request_says_nothing(store: ConversationStore) -> None:
    parts = replace(make_parts(store, replies(TRUE)), verification="off")
    assert answer_of(await ask(parts)).verification is None


@pytest.mark.parametrize("rest", ["", ", although his rival had wished to open it in the spring"])
async def test_wrong_number_gives_way_to_the_source_that_says_it(
    store: ConversationStore, rest: str
) -> None:
    said = "The red bridge was opened in 1932 by the mayor of the town [2]" + rest + "."
    answer = answer_of(await ask(make_parts(store, replies(said))))
    assert answer.text == said.replace("[2]", "[1]")
    (citation,) = answer.citations
    assert (citation.source_number, citation.added) == (1, True)
    assert answer.dropped_markers == 1
    assert answer.notices == ()


def test_only_the_first_six_numbers_of_a_statement_are_checked() -> None:
    passage = Passage(A, TEXTS[A], 0, len(TEXTS[A]))
    first = Source(1, A, "T", "a.example", (passage,))
    others = [Source(n, A, "T", "a.example", (Passage(A, "Of fish.", 0, 8),)) for n in range(2, 10)]
    sources = StatementSources(
        [first, *others], "When was the red bridge opened?", shown=range(1, 10)
    )
    statement = TRUE.removesuffix(" [1].")
    resolved = [sources.resolve(statement, number) for number in range(2, 10)]
    assert resolved == [1, 1, 1, 1, 1, 1, 8, 9]
    assert sources.resolve(statement, 2) == 1
    assert sources.resolve("So " + statement, 9) == 1


async def test_number_stays_where_no_source_is_better(store: ConversationStore) -> None:
    answer = answer_of(await ask(make_parts(store, replies(INVENTED))))
    assert answer.text == INVENTED
    assert [c.support for c in answer.citations] == ["unsupported"]
    assert answer.dropped_markers == 0


@pytest.mark.parametrize("fast", [0.0, 0.3, 0.55, 1.0])
def test_both_opinions_raise_the_score_and_stay_within_bounds(fast: float) -> None:
    scores = [combine_scores(fast, probability) for probability in (0.0, 0.4, 0.7, 0.9, 1.0)]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)
    assert 0.0 < scores[0] < scores[-1] < 1.0


def test_hesitant_yes_does_not_lift_what_the_words_doubt() -> None:
    assert level_of(combine_scores(0.35, 0.66)) != "supported"
    assert level_of(combine_scores(0.5, 0.95)) == "supported"
    assert level_of(combine_scores(0.8, 0.2)) == "unsupported"


async def test_source_of_an_earlier_turn_is_cited_beside_new_ones(store: ConversationStore) -> None:
    fourth = "https://d.example/"
    later = FakeEngine(make_results(fourth), name="later")
    parts = make_parts(
        store,
        [*replies(TRUE), search_call("blue ferry"), f"The blue ferry sails at noon [4]. {TRUE}"],
        pages={fourth: "The blue ferry sails at noon from the old harbour."},
    )
    first = (await ask(parts))[-1]
    assert isinstance(first, AnswerFinished)
    second = replace(parts, engines=lambda: (later,))
    answer = answer_of(
        await ask(second, "When does the ferry sail?", conversation_id=first.conversation_id)
    )
    assert [(c.source_number, c.support) for c in answer.citations] == [
        (4, "supported"),
        (1, "supported"),
    ]
    assert [source.number for source in answer.sources] == [4, 1]


async def test_guessed_number_of_an_earlier_turn_is_dropped(store: ConversationStore) -> None:
    fourth = "https://d.example/"
    parts = make_parts(
        store,
        [*replies(TRUE), search_call("blue ferry"), "Its captain is called Olga Brandt [1]."],
        pages={fourth: "The blue ferry sails at noon from the old harbour."},
    )
    first = (await ask(parts))[-1]
    assert isinstance(first, AnswerFinished)
    second = replace(parts, engines=lambda: (FakeEngine(make_results(fourth)),))
    answer = answer_of(
        await ask(second, "Who is its captain?", conversation_id=first.conversation_id)
    )
    assert answer.citations == ()
    assert answer.dropped_markers == 1
