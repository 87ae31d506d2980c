"""The dialect `schema`: what it sends, and how it reads decisions and probabilities."""

import datetime as dt
import json
import math
import re

import pytest
from fakes import FakeModel, Reply

from websearch_agent import prompts
from websearch_agent.errors import InvalidModelOutput
from websearch_agent.model_calls import Message, ModelFinished, TextDelta, TokenLogprob
from websearch_agent.models.dialects.decision import (
    decision_schema,
    parse_decision,
    search_probability,
)
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.json_grammar import build_json_grammar
from websearch_agent.types import Decision, Passage, Prompt, Source

TODAY = dt.date(2026, 11, 23)
SEARCH = '{"task": "recent_event", "needs": "web"}'
CHAT = '{"task": "small_talk", "needs": "nothing"}'
QUERIES = '{"queries": ["ferry price"]}'
HISTORY = (Message("user", "Who runs the ferry?"), Message("assistant", "Lunda Lines [1]."))
SOURCE = Source(
    1, "https://a.example/", "Ferry", "a.example", (Passage("https://a.example/", "text", 0, 4),)
)

pytestmark = pytest.mark.anyio


async def respond(
    prompt: Prompt, *replies: Reply, threshold: float | None = None
) -> tuple[list[object], FakeModel]:
    model = FakeModel(replies, chunk_chars=1000)
    dialect = SchemaDialect(search_threshold=threshold)
    return [item async for item in dialect.respond(model, prompt)], model


async def test_chat_costs_the_decision_and_the_answer() -> None:
    said, model = await respond(Prompt(TODAY, "hi"), CHAT, "Hello!")
    assert [type(item) for item in said] == [ModelFinished, Decision, TextDelta, ModelFinished]
    assert model.calls[0].purpose == "agent"
    assert model.calls[1].purpose == "chat"


async def test_queries_are_written_only_for_a_search() -> None:
    said, _ = await respond(Prompt(TODAY, "What is the ferry's price?"), SEARCH, QUERIES)
    assert said[-1] == Decision(True, ("What is the ferry's price?", "ferry price"), "recent event")
    assert len([item for item in said if isinstance(item, ModelFinished)]) == 2


async def test_always_skips_the_decision_even_for_hello() -> None:
    said, model = await respond(Prompt(TODAY, "hello", search="always"), '{"queries": ["hello"]}')
    assert said[-1] == Decision(True, ("hello",))
    assert len(model.calls) == 1


async def test_never_leaves_no_trace_of_searching() -> None:
    _, model = await respond(Prompt(TODAY, "hello", search="never"), "Hello!")
    sent = " ".join(message.content for message in model.calls[0].messages).lower()
    assert not [word for word in ("search", "web", "tool", "source") if word in sent]


async def test_decision_that_cannot_be_read_is_asked_again_with_what_was_wrong() -> None:
    said, model = await respond(Prompt(TODAY, "hi"), "I think you just greet me.", CHAT, "Hello!")
    assert "".join(item.text for item in said if isinstance(item, TextDelta)) == "Hello!"
    assert model.calls[1].messages[-2].content == "I think you just greet me."
    assert "JSON" in model.calls[1].messages[-1].content
    assert len([item for item in said if isinstance(item, ModelFinished)]) == 3


async def test_second_unreadable_decision_is_an_error() -> None:
    with pytest.raises(InvalidModelOutput):
        await respond(Prompt(TODAY, "hi"), "Hm.", "Hm.")


async def test_sources_are_offered_only_when_some_are_in_hand() -> None:
    alone, in_hand = Prompt(TODAY, "q"), Prompt(TODAY, "q", HISTORY, in_hand=(SOURCE,))
    for prompt, offered in ((alone, False), (in_hand, True)):
        assert ("more_from_sources" in json.dumps(decision_schema(prompt))) is offered
        rewrites = ('{"standalone": "q"}',) if prompt.history else ()
        _, model = await respond(prompt, SEARCH, *rewrites, QUERIES)
        assert ("more_from_sources" in model.calls[0].messages[0].content) is offered
    reply = '{"task": "more_from_sources", "needs": "sources"}'
    said, _ = await respond(in_hand, reply)
    assert said[-1] == Decision(False, reason="more from sources", reuse=True)


async def test_address_in_the_question_is_pointed_out() -> None:
    prompt = Prompt(TODAY, "Read https://a.example", addresses=("https://a.example",))
    _, model = await respond(prompt, SEARCH, QUERIES)
    assert "web address" in model.calls[0].messages[-1].content


@pytest.mark.parametrize(
    "text",
    [
        SEARCH,
        f"```json\n{SEARCH}\n```",
        f"Here it is: {SEARCH}",
        "{'task': 'recent_event', 'needs': 'web'}",
        '{"task": "recent_event", "needs": "web"',
    ],
)
def test_decision_of_a_server_that_holds_to_no_schema_is_still_read(text: str) -> None:
    assert parse_decision(text, Prompt(TODAY, "q")).search


@pytest.mark.parametrize("text", ["", "[]", "search!", '{"task": "x"}', '{"needs": "perhaps"}'])
def test_what_is_no_decision_is_refused(text: str) -> None:
    with pytest.raises(InvalidModelOutput):
        parse_decision(text, Prompt(TODAY, "q"))


async def test_follow_up_is_rewritten_first_and_then_searched() -> None:
    prompt = Prompt(TODAY, "How much is it?", HISTORY)
    rewrite = '{"standalone": "How much is the ferry?"}'
    said, model = await respond(prompt, SEARCH, rewrite, '{"queries": ["ferry price"]}')
    assert said[-1].queries == ("How much is the ferry?", "ferry price")
    shown = model.calls[1].messages[-1].content
    assert "Who runs the ferry?" in shown
    assert "[1]" not in shown
    assert [m.content for m in model.calls[2].messages if "Lunda" in m.content] == []


async def test_rewrite_that_cannot_be_read_leaves_the_follow_up_behind_the_last_question() -> None:
    prompt = Prompt(TODAY, "How much is it?", HISTORY)
    said, _ = await respond(prompt, SEARCH, "Hm.", "Hm.", '{"queries": ["ferry price"]}')
    assert said[-1].queries[0] == "Who runs the ferry? How much is it?"


def tokens(*pairs: tuple[str, float]) -> tuple[TokenLogprob, ...]:
    return tuple(TokenLogprob(text, math.log(p)) for text, p in pairs)


HEAD = (('{"', 1.0), ("task", 1.0), ('":"', 1.0), ("logic", 0.5), ('","', 1.0), ("needs", 1.0))


@pytest.mark.parametrize(
    ("end", "probability"),
    [
        ((('": "', 1.0), ("web", 0.9)), 0.9),
        ((('": "', 1.0), ("nothing", 0.7)), 0.3),
        ((('":', 1.0), (' "', 1.0), ("no", 0.8), ("thing", 1.0)), 0.2),
        ((('":', 1.0), (' "w', 0.6), ("eb", 1.0)), 0.6),
        ((('":', 1.0),), None),
    ],
)
def test_probability_of_searching_is_read_off_the_first_token_of_needs(
    end: tuple[tuple[str, float], ...], probability: float | None
) -> None:
    found = search_probability(tokens(*HEAD, *end))
    assert found == (None if probability is None else pytest.approx(probability))


def test_probability_uses_the_alternatives_where_they_are_told() -> None:
    likely = (("nothing", math.log(0.5)), ("web", math.log(0.3)), ("src", math.log(0.2)))
    last = TokenLogprob("nothing", math.log(0.5), likely)
    found = search_probability((*tokens(*HEAD, ('": "', 1.0)), last))
    assert found == pytest.approx(0.3 / 0.8)


def test_threshold_overrules_what_the_model_wrote() -> None:
    doubt = tokens(*HEAD, ('": "', 1.0), ("nothing", 0.6))
    prompt = Prompt(TODAY, "q")
    assert not parse_decision(CHAT, prompt, tokens=doubt).search
    assert parse_decision(CHAT, prompt, tokens=doubt, threshold=0.3).search
    sure = tokens(*HEAD, ('": "', 1.0), ("web", 0.6))
    assert not parse_decision(SEARCH, prompt, tokens=sure, threshold=0.9).search
    assert parse_decision(SEARCH, prompt, tokens=(), threshold=0.9).search


def test_every_kind_of_task_is_explained_and_has_a_chinese_reason() -> None:
    prompt = Prompt(TODAY, "你好", HISTORY, in_hand=(SOURCE,))
    properties = decision_schema(prompt)["properties"]
    assert isinstance(properties, dict)
    system = prompts.decide_system(TODAY, follow_up=True, sources_in_hand=True)
    for task in properties["task"]["enum"]:
        assert re.search(rf"\b{task}\b", system)
        decision = parse_decision(json.dumps({"task": task, "needs": "nothing"}), prompt)
        assert decision.reason
        assert not decision.reason.isascii()


def test_schemas_are_understood_by_the_embedded_models_grammar() -> None:
    grammar = build_json_grammar(decision_schema(Prompt(TODAY, "q", HISTORY, in_hand=(SOURCE,))))
    assert '\\"sources\\"' in grammar


def test_doubt_is_enough_for_what_may_be_about_a_program() -> None:
    def searches(task: str, threshold: float | None = None) -> bool:
        said = json.dumps({"task": task, "needs": "nothing"})
        doubt = tokens(*HEAD, ('": "', 1.0), ("nothing", 0.55))
        return parse_decision(said, Prompt(TODAY, "q"), tokens=doubt, threshold=threshold).search

    assert searches("programming")
    assert not searches("programming", threshold=0.5)
    assert not searches("advice")


async def test_search_that_was_asked_for_is_made_though_no_query_can_be_read() -> None:
    said, _ = await respond(Prompt(TODAY, "hello", search="always"), "Hi!", "Hello!")
    assert said[-1] == Decision(True, ("hello",))
