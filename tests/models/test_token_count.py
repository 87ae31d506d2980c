"""The estimate of tokens is an upper one, and near where the server counts."""

import math
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from websearch_agent.models.capabilities import TokenFactors
from websearch_agent.models.token_count import (
    SAMPLES,
    _encoding,
    estimate_tokens,
    measure_factors,
)

Tokenizer = Callable[[str], int]
SENTENCES = [
    "The harbour was rebuilt after the flood, and its old cranes were kept as a monument.",
    "Researchers measured how quickly glaciers retreat when summers become warmer.",
    "Nobody answered; the telephone rang on, and the rain kept falling over the village.",
    "Install the package with pip, then restart the service and look at its log file.",
    "Marguerite Yourcenar, Dvořák and Ljubljana were named in the Straßenbahn's brochure.",
    "    for name, value in sorted(settings.items()):\n        print(f'{name}: {value!r}')\n",
    "See https://www.example.com/blog/archive/how-to-configure-nginx?lang=en for details.",
    "| station | opened | rides |\n|---------|--------|-------|\n",
    "In 2026 it had 1,204,883 inhabitants on 1234.56 km2, 3.7 % more than in 1998.",
    "科学家测量了冰川在夏季变暖时退缩的速度，结果发表在《自然》杂志上。",
    "港口在洪水之后重建，旧起重机作为纪念碑保留了下来；没有人接电话。",
    "Порт был восстановлен после наводнения, а старые краны сохранили как памятник.",
]


def coarser(text: str) -> int:
    """A large vocabulary: Chinese words are tokens, digits come in threes."""
    chinese = len(re.findall(r"[\u3000-\u9fff\uff00-\uffef]", text))
    rest = re.sub(r"[\u3000-\u9fff\uff00-\uffef]+", " ", text)
    return math.ceil(chinese * 0.6) + len(_encoding().encode_ordinary(rest))


def digit_wise(text: str) -> int:
    """Qwen's way with digits."""
    return len(_encoding().encode_ordinary(re.sub(r"\d", "", text))) + len(re.findall(r"\d", text))


def finer(text: str) -> int:
    """A small vocabulary: each token of the table that is longer than 5 bytes falls apart."""
    tokens = _encoding().decode_tokens_bytes(_encoding().encode_ordinary(text))
    return sum(math.ceil(len(token) / 5) for token in tokens)


TOKENIZERS: list[Tokenizer] = [coarser, digit_wise, finer]


def factors_of(tokenizer: Tokenizer) -> TokenFactors:
    factors = measure_factors({name: tokenizer(text) for name, text in SAMPLES.items()})
    assert factors is not None
    return factors


def test_each_digit_counts_as_a_token() -> None:
    table = "\n".join(f"| {n * 7919:07d} | {n * 104_729:07d} |" for n in range(100))
    digits = sum(character.isdigit() for character in table)
    assert estimate_tokens([table])[0] >= digits


def test_plain_words_are_counted_a_tenth_too_many() -> None:
    assert estimate_tokens(["the red bridge is long and old and very wide", ""]) == [11, 0]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(TOKENIZERS),
    st.lists(st.sampled_from(SENTENCES), min_size=3, max_size=12),
)
def test_never_fewer_than_the_served_model_counts(
    tokenizer: Tokenizer, sentences: list[str]
) -> None:
    text = " ".join(sentences)
    assert estimate_tokens([text], factors_of(tokenizer))[0] >= tokenizer(text)


@pytest.mark.parametrize(("tokenizer", "most"), [(coarser, 1.2), (digit_wise, 1.2), (finer, 1.5)])
def test_and_not_many_more(tokenizer: Tokenizer, most: float) -> None:
    text = "\n".join(SENTENCES)
    assert estimate_tokens([text], factors_of(tokenizer))[0] <= most * tokenizer(text)


def test_chinese_becomes_nearer() -> None:
    text = SENTENCES[9] * 10
    measured = estimate_tokens([text], factors_of(coarser))[0]
    assert coarser(text) <= measured < estimate_tokens([text])[0] * 0.8


def test_way_of_counting_digits_is_seen() -> None:
    assert factors_of(digit_wise).digits_alone
    assert not factors_of(coarser).digits_alone


@pytest.mark.parametrize("count", [0, 1, 100_000])
def test_absurd_counts_are_not_believed(count: int) -> None:
    assert measure_factors(dict.fromkeys(SAMPLES, count)) is None


@given(st.text())
def test_any_text_can_be_counted(text: str) -> None:
    assert estimate_tokens([text], TokenFactors(1.0, 0.6, 0.9, digits_alone=True))[0] >= 0
