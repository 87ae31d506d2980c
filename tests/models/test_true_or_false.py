"""A question of true or false: one token, and how likely it was."""

import math

import pytest
from dialect_fakes import END, DeltaModel, token
from fakes import FakeModel

from websearch_agent.errors import InvalidModelOutput, ModelUnavailable
from websearch_agent.model_calls import Message, TextDelta, TokenLogprob, Usage
from websearch_agent.models.true_or_false import probability_of_true

pytestmark = pytest.mark.anyio

ASKED = (Message("user", "Is it so?"),)


def written(text: str, logprob: float) -> TextDelta:
    """A token of a runtime that tells no alternatives."""
    return TextDelta(text, (TokenLogprob(text, logprob),))


async def test_likeliest_tokens_are_weighed_against_each_other() -> None:
    model = DeltaModel([[token("true", 0.6, true=0.6, false=0.2, maybe=0.2), END]])
    assert await probability_of_true(model, ASKED) == pytest.approx(0.75)


async def test_pieces_of_the_words_and_quotes_count() -> None:
    model = DeltaModel([[token('"', 1.0), token("f", 0.5, f=0.5, T=0.25, x=0.25), END]])
    assert await probability_of_true(model, ASKED) == pytest.approx(1 / 3)


async def test_without_alternatives_the_other_word_is_asked_for() -> None:
    model = DeltaModel([[written("false", -0.5), END], [written("true", -1.5), END]])
    assert await probability_of_true(model, ASKED) == pytest.approx(1 / (1 + math.e))
    assert [call.json_schema for call in model.calls] == [{"type": "boolean"}, {"const": True}]
    assert model.calls[0].messages == model.calls[1].messages


async def test_forced_word_without_a_figure_of_its_own_is_no_opinion() -> None:
    model = DeltaModel([[written("true", math.log(0.9)), END], [written("false", 0.0), END]])
    assert await probability_of_true(model, ASKED) == pytest.approx(0.9)


@pytest.mark.parametrize(("reply", "expected"), [("true", 0.85), (" False", 0.15), ("t", 0.85)])
async def test_plain_word_is_no_certainty(reply: str, expected: float) -> None:
    assert await probability_of_true(FakeModel([reply]), ASKED) == pytest.approx(expected)


@pytest.mark.parametrize("reply", ["", "It is.", "<think>", "Yes"])
async def test_reply_that_is_neither_word_is_no_judgement(reply: str) -> None:
    with pytest.raises(InvalidModelOutput):
        await probability_of_true(FakeModel([reply]), ASKED)


async def test_all_calls_are_counted() -> None:
    model = DeltaModel([[written("true", -0.5), END], [written("false", -1.0), END]])
    counted: list[Usage] = []
    await probability_of_true(model, ASKED, on_usage=counted.append)
    assert sum(usage.model_calls for usage in counted) == 2


async def test_failure_of_the_model_is_raised() -> None:
    with pytest.raises(ModelUnavailable):
        await probability_of_true(FakeModel([ModelUnavailable("gone")]), ASKED)
