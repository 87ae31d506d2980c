"""What a ranking server is sent, what is made of its reply, and what a failure says."""

import json
import logging
from collections.abc import Callable

import httpx
import pytest
from fakes import FakeReranker

from websearch_agent.config import load_settings
from websearch_agent.errors import (
    ConfigError,
    ContextTooLong,
    InvalidModelOutput,
    ModelError,
    ModelRejectedRequest,
    ModelUnavailable,
)
from websearch_agent.models.http_errors import Asked
from websearch_agent.models.ranking_server import MAX_BATCH, MAX_QUERY_CHARS, RankingServer
from websearch_agent.models.reranking import (
    REST_S,
    EmbeddingServer,
    RerankServer,
    RestingReranker,
    prefixes_for,
)
from websearch_agent.wiring import make_reranker

pytestmark = pytest.mark.anyio

URL = "http://rank.test/v1"
KEY = "plain0123very4secret"
Script = Callable[[dict[str, object]], httpx.Response]


class Server:
    """Answers with what the script makes of a request's body; keeps requests and bodies."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.requests: list[httpx.Request] = []
        self.bodies: list[dict[str, object]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.bodies.append(json.loads(request.content))
        return self._script(self.bodies[-1])

    def opened(self, **asked: str) -> RankingServer:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return RankingServer(Asked(URL, **asked), http)


def ranks(*scores: float) -> httpx.Response:
    """A reply of `/rerank`, best first, as servers send it."""
    results = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
    results.sort(key=lambda result: -result["relevance_score"])
    return httpx.Response(200, json={"model": "m", "results": results})


def embeds(*vectors: list[float]) -> httpx.Response:
    """A reply of `/embeddings`, the last vector first."""
    data = [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return httpx.Response(200, json={"data": data[::-1]})


def refuses(status: int, said: object) -> Script:
    return lambda _: httpx.Response(status, json={"error": {"message": said}})


class TestRerank:
    async def test_request_has_the_form_of_jina_and_cohere(self) -> None:
        server = Server(lambda _: ranks(0.1, 0.9))
        await RerankServer(server.opened(model="m", key=KEY)).scores("who?", ["a", "b"])
        assert str(server.requests[0].url) == f"{URL}/rerank"
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        body = {"model": "m", "query": "who?", "documents": ["a", "b"], "top_n": 2}
        assert server.bodies == [body]

    async def test_without_a_name_and_a_key_neither_is_sent(self) -> None:
        server = Server(lambda _: ranks(0.5))
        await RerankServer(server.opened()).scores("q", ["a"])
        assert "model" not in server.bodies[0]
        assert "authorization" not in server.requests[0].headers

    async def test_scores_come_in_the_order_of_the_texts(self) -> None:
        server = Server(lambda _: ranks(0.1, 0.9, 0.4))
        assert await RerankServer(server.opened()).scores("q", ["a", "b", "c"]) == [0.1, 0.9, 0.4]

    async def test_raw_output_of_a_model_keeps_its_order_within_0_and_1(self) -> None:
        server = Server(lambda _: ranks(-5.4, 8.6, 900.0, 0.0))
        scores = await RerankServer(server.opened()).scores("q", list("abcd"))
        assert 0 < scores[0] < scores[3] < scores[1] < scores[2] <= 1
        assert scores[3] == 0.5

    async def test_many_texts_are_sent_in_batches(self) -> None:
        def score(body: dict[str, object]) -> httpx.Response:
            return ranks(*(float(text) / 100 for text in body["documents"]))  # type: ignore[attr-defined]

        server = Server(score)
        texts = [str(number) for number in range(2 * MAX_BATCH + 1)]
        scores = await RerankServer(server.opened()).scores("q", texts)
        assert scores == [number / 100 for number in range(2 * MAX_BATCH + 1)]
        assert [len(body["documents"]) for body in server.bodies] == [MAX_BATCH, MAX_BATCH, 1]  # type: ignore[arg-type]

    async def test_server_that_wants_texts_is_understood_and_remembered(self) -> None:
        def tei(body: dict[str, object]) -> httpx.Response:
            if "texts" not in body:
                return httpx.Response(422, text="Failed to deserialize: missing field `texts`")
            return httpx.Response(200, json=[{"index": 1, "score": 0.9}, {"index": 0, "score": 0}])

        server = Server(tei)
        reranker = RerankServer(server.opened())
        assert await reranker.scores("q", ["a", "b"]) == [0.0, 0.9]
        assert await reranker.scores("q", ["a", "b"]) == [0.0, 0.9]
        assert ["texts" in body for body in server.bodies] == [False, True, True]

    async def test_overlong_question_leaves_room_for_the_text(self) -> None:
        server = Server(lambda _: ranks(0.5))
        await RerankServer(server.opened()).scores("q" * 9000, ["a"])
        assert server.bodies[0]["query"] == "q" * MAX_QUERY_CHARS


class TestEmbeddings:
    async def test_scores_are_cosines_in_the_order_of_the_texts(self) -> None:
        server = Server(lambda _: embeds([2.0, 0.0], [0.0, 5.0], [3.0, 0.0], [-1.0, 0.0]))
        scores = await EmbeddingServer(server.opened(model="m")).scores("who?", ["a", "b", "c"])
        assert scores == pytest.approx([0.0, 1.0, -1.0])
        assert str(server.requests[0].url) == f"{URL}/embeddings"
        assert server.bodies == [{"model": "m", "input": ["who?", "a", "b", "c"]}]

    async def test_family_gets_the_prefixes_that_it_was_trained_with(self) -> None:
        server = Server(lambda _: embeds([1.0], [1.0]))
        asked = server.opened(model="intfloat/multilingual-E5-small")
        await EmbeddingServer(asked).scores("who?", ["a"])
        assert server.bodies[0]["input"] == ["query: who?", "passage: a"]

    @pytest.mark.parametrize(
        ("model", "before_query", "before_text"),
        [
            ("", "", ""),
            ("BAAI/bge-m3", "", ""),
            ("all-minilm-l6-v2", "", ""),
            ("intfloat/e5-base-v2", "query: ", "passage: "),
            ("nomic-ai/nomic-embed-text-v1.5", "search_query: ", "search_document: "),
        ],
    )
    async def test_prefixes(self, model: str, before_query: str, before_text: str) -> None:
        assert prefixes_for(model) == (before_query, before_text)

    @pytest.mark.parametrize(
        "model", ["Qwen/Qwen3-Embedding-0.6B", "intfloat/multilingual-e5-large-instruct"]
    )
    async def test_instructed_family_gets_its_task_before_the_question_only(
        self, model: str
    ) -> None:
        before_query, before_text = prefixes_for(model)
        assert before_query.startswith("Instruct: ")
        assert before_query.endswith("\nQuery: ")
        assert before_text == ""


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "This model's maximum context length is 256 tokens. However, your prompt contains"),
        (500, "input (600 tokens) is too large to process. increase the physical batch size"),
        (413, "`inputs` must have less than 512 tokens. Given: 1872"),
    ],
)
async def test_texts_are_cut_until_they_fit_the_window(status: int, said: str) -> None:
    def narrow(body: dict[str, object]) -> httpx.Response:
        texts: list[str] = body["documents"]  # type: ignore[assignment]
        fits = all(len(text) <= 450 for text in texts)
        return ranks(*(0.5 for _ in texts)) if fits else refuses(status, said)(body)

    server = Server(narrow)
    assert await RerankServer(server.opened()).scores("q", ["a" * 3000, "b"]) == [0.5, 0.5]
    assert server.bodies[-1]["documents"] == ["a" * 400, "b"]


async def test_window_that_nothing_fits_is_an_error() -> None:
    server = Server(refuses(400, "This model's maximum context length is 16 tokens"))
    with pytest.raises(ContextTooLong):
        await RerankServer(server.opened()).scores("q", ["a" * 3000])


@pytest.mark.parametrize(
    "reply",
    [
        ranks(0.5),
        ranks(0.5, 0.4, 0.3),
        httpx.Response(200, json={"results": [{"index": 0, "relevance_score": 1}] * 2}),
        httpx.Response(200, json={"results": [{"index": 0}, {"index": 1}]}),
        httpx.Response(200, json={"data": []}),
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(
            200, text='[{"index": 0, "score": NaN}, {"index": 1, "score": 1}]', headers={}
        ),
    ],
    ids=["too few", "too many", "twice", "no scores", "other form", "web page", "no number"],
)
async def test_reply_of_rerank_that_does_not_fit_is_refused(reply: httpx.Response) -> None:
    with pytest.raises(InvalidModelOutput, match="WEBSEARCH_RANKING_URL"):
        await RerankServer(Server(lambda _: reply).opened()).scores("q", ["a", "b"])


@pytest.mark.parametrize(
    "reply",
    [
        embeds([1.0, 0.0]),
        embeds([1.0, 0.0], [1.0]),
        embeds([1.0, 0.0], [0.0, 0.0]),
        embeds([1.0, 0.0], [1e308, 1e308]),
        embeds([], []),
        httpx.Response(200, json={"data": [{"index": 0, "embedding": "AAAA"}]}),
    ],
    ids=["too few", "lengths differ", "null vector", "infinite", "empty", "base64"],
)
async def test_embeddings_that_cannot_be_compared_are_refused(reply: httpx.Response) -> None:
    with pytest.raises(InvalidModelOutput, match="WEBSEARCH_RANKING_URL"):
        await EmbeddingServer(Server(lambda _: reply).opened()).scores("q", ["a"])


@pytest.mark.parametrize(
    ("status", "said", "error", "hint"),
    [
        (401, "no", ModelRejectedRequest, "WEBSEARCH_RANKING_API_KEY"),
        (404, "The model `m` does not exist.", ModelRejectedRequest, "WEBSEARCH_RANKING_MODEL"),
        (501, "This server does not support reranking", ModelUnavailable, "reranking"),
        (500, "boom", ModelUnavailable, "boom"),
        (429, "slow down", ModelUnavailable, "slow down"),
    ],
)
async def test_refusal_names_the_setting_of_the_ranking(
    status: int, said: str, error: type[ModelError], hint: str
) -> None:
    with pytest.raises(error, match=hint) as caught:
        await RerankServer(Server(refuses(status, said)).opened()).scores("q", ["a"])
    assert "WEBSEARCH_MODEL" not in caught.value.message


async def test_server_that_is_not_there_is_named() -> None:
    def gone(_: dict[str, object]) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ModelUnavailable, match=r"rank\.test.*WEBSEARCH_RANKING_URL"):
        await RerankServer(Server(gone).opened()).scores("q", ["a"])


async def test_key_is_neither_told_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = Server(refuses(500, f"bad header: Bearer {KEY} and {KEY}")).opened(key=KEY)
    with pytest.raises(ModelUnavailable) as caught:
        await RestingReranker(RerankServer(server), deadline_s=5.0).scores("q", ["a"])
    assert "bad header" in caught.value.message
    assert KEY not in caught.value.message + caplog.text + repr(server.asked)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (Asked("http://rank.test:99999/v1"), "WEBSEARCH_RANKING_URL"),
        (Asked("http://[::1/v1"), "WEBSEARCH_RANKING_URL"),
        (Asked(URL, key=f"{KEY}\n{KEY}"), "WEBSEARCH_RANKING_API_KEY"),
    ],
)
def test_setting_that_cannot_be_used_is_refused_at_start(asked: Asked, name: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        RankingServer(asked, httpx.AsyncClient())
    assert KEY not in caught.value.message


@pytest.mark.parametrize(
    ("ranking", "kind"), [("embeddings", EmbeddingServer), ("rerank", RerankServer)]
)
async def test_setting_chooses_the_server(ranking: str, kind: type[object]) -> None:
    reranker = make_reranker(load_settings(ranking=ranking, ranking_url=URL))
    assert isinstance(reranker, kind)
    await reranker.close()  # type: ignore[attr-defined]


def test_words_alone_are_the_default() -> None:
    assert make_reranker(load_settings(ranking_url=URL)) is None


@pytest.mark.parametrize("ranking", ["embeddings", "rerank"])
def test_server_without_its_address_is_refused_at_start(ranking: str) -> None:
    words = f"WEBSEARCH_RANKING={ranking} needs WEBSEARCH_RANKING_URL"
    with pytest.raises(ConfigError, match=words):
        make_reranker(load_settings(ranking=ranking))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestRest:
    async def test_server_that_failed_is_left_alone_for_a_minute(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        clock, inner = Clock(), FakeReranker(ModelUnavailable("down"))
        resting = RestingReranker(inner, deadline_s=5.0, clock=clock)
        for clock.now in (0.0, REST_S - 1):
            with pytest.raises(ModelUnavailable, match="down"):
                await resting.scores("q", ["a"])
        assert len(inner.queries) == 1
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "down" in caplog.text

    async def test_server_is_asked_again_after_its_rest(self) -> None:
        clock, inner = Clock(), FakeReranker(ModelUnavailable("down"))
        resting = RestingReranker(inner, deadline_s=5.0, clock=clock)
        for clock.now in (0.0, REST_S):
            with pytest.raises(ModelUnavailable):
                await resting.scores("q", ["a"])
        assert len(inner.queries) == 2

    async def test_slow_server_is_given_up_and_rests(self) -> None:
        clock, inner = Clock(), FakeReranker(None)
        resting = RestingReranker(inner, deadline_s=0.0, clock=clock)
        for _ in range(2):
            with pytest.raises(ModelUnavailable, match="longer than 0 s for 2 passages"):
                await resting.scores("q", ["a", "b"])
        assert inner.queries == ["q"]

    async def test_scores_weight_and_closing_are_those_of_the_server(self) -> None:
        inner = FakeReranker({"a": 0.7}, weight=0.3)
        resting = RestingReranker(inner, deadline_s=5.0)
        assert await resting.scores("q", ["a", "b"]) == [0.7, 0.0]
        assert resting.weight == 0.3
        await resting.close()
        assert inner.closed
