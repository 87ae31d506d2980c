"""Tokens as the server counts them: each text once, and never at the price of an answer."""

import json

import httpx
import pytest

from websearch_agent.models.exact_count import MOST_TEXTS, REST_S, ExactCounter
from websearch_agent.models.http_errors import Asked

pytestmark = pytest.mark.anyio

ASKED = Asked("http://model.test/v1", "m")


class Tokenizer:
    """Counts a token a character, or answers a status."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.texts: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        text = json.loads(request.content)["prompt"]
        self.texts.append(text)
        return httpx.Response(self.status, json={"count": len(text)})

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self))


async def test_texts_are_counted_by_the_server_and_each_only_once() -> None:
    tokenizer, counter = Tokenizer(), ExactCounter()
    async with tokenizer.client() as http:
        assert await counter.count(http, ASKED, "vllm", ["abc", "", "de", "abc"]) == [3, 0, 2, 3]
        assert await counter.count(http, ASKED, "vllm", ["de", "f"]) == [2, 1]
    assert sorted(tokenizer.texts) == ["abc", "de", "f"]


async def test_many_texts_are_not_asked_for() -> None:
    tokenizer, counter = Tokenizer(), ExactCounter()
    async with tokenizer.client() as http:
        assert await counter.count(http, ASKED, "vllm", ["x"] * (MOST_TEXTS + 1)) is None
    assert tokenizer.texts == []


async def test_server_that_fails_is_left_alone_for_a_while() -> None:
    now = [0.0]
    tokenizer, counter = Tokenizer(503), ExactCounter(clock=lambda: now[0])
    async with tokenizer.client() as http:
        assert await counter.count(http, ASKED, "vllm", ["a"]) is None
        tokenizer.status = 200
        assert await counter.count(http, ASKED, "vllm", ["b"]) is None
        now[0] = REST_S + 1
        assert await counter.count(http, ASKED, "vllm", ["b"]) == [1]
    assert tokenizer.texts == ["a", "b"]


async def test_another_model_is_counted_anew() -> None:
    tokenizer, counter = Tokenizer(), ExactCounter()
    async with tokenizer.client() as http:
        await counter.count(http, ASKED, "vllm", ["abc"])
        await counter.count(http, Asked("http://model.test/v1", "other"), "vllm", ["abc"])
    assert tokenizer.texts == ["abc", "abc"]
