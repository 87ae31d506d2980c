"""Questions to begin with, questions to go on with, and the states of the engines, over HTTP."""

import asyncio

import httpx
import pytest
from server.fake_service import FakeService, serve

from websearch_agent.errors import ModelUnavailable
from websearch_agent.types import EngineState

pytestmark = pytest.mark.anyio


async def test_engines_are_told_with_their_rests() -> None:
    service = FakeService()
    resting = EngineState("ddgs", 12.5, "engine_rate_limited", "asked too often")
    service.states = (resting, EngineState("local"))
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        told = (await client.get("/api/engines")).json()
    assert told == {
        "engines": [
            {
                "name": "ddgs",
                "rests_for_s": 12.5,
                "code": "engine_rate_limited",
                "reason": "asked too often",
            },
            {"name": "local", "rests_for_s": None, "code": "", "reason": ""},
        ]
    }


async def test_first_questions_are_in_the_language_that_is_named_or_of_the_page() -> None:
    service = FakeService()
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        named = await client.get("/api/suggestions?language=zh")
        of_browser = await client.get("/api/suggestions", headers={"Accept-Language": "zh-CN"})
        plain = await client.get("/api/suggestions", headers={"Accept-Language": "en"})
        unknown = await client.get("/api/suggestions?language=fr")
    assert named.json() == of_browser.json()
    assert named.json()["questions"] == list(service.first_questions["zh"])
    assert plain.json()["questions"] == list(service.first_questions["en"])
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_request")


async def test_follow_ups_of_a_turn_come_with_the_conversation_afterwards() -> None:
    service = FakeService()
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        await client.post("/api/answers", json={"question": "q"})
        (turn,) = (await client.get("/api/conversations/c1")).json()["turns"]
        asked = await client.post(f"/api/conversations/c1/turns/{turn['id']}/follow-ups")
        (after,) = (await client.get("/api/conversations/c1")).json()["turns"]
    assert asked.json() == {"questions": list(service.follow_ups)}
    assert turn["follow_ups"] == []
    assert after["follow_ups"] == list(service.follow_ups)


async def test_follow_ups_of_what_is_not_there_are_404() -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        await client.post("/api/answers", json={"question": "q"})
        no_turn = await client.post("/api/conversations/c1/turns/none/follow-ups")
        no_conversation = await client.post("/api/conversations/c9/turns/none/follow-ups")
    assert (no_turn.status_code, no_turn.json()["code"]) == (404, "turn_not_found")
    assert no_conversation.json()["code"] == "conversation_not_found"


class FailingService(FakeService):
    async def suggest_follow_ups(self, conversation_id: str, turn_id: str) -> tuple[str, ...]:
        raise ModelUnavailable("The model server does not answer.")


async def test_model_that_fails_is_a_problem() -> None:
    async with serve(FailingService()) as address, httpx.AsyncClient(base_url=address) as client:
        failed = await client.post("/api/conversations/c1/turns/t1/follow-ups")
    assert (failed.status_code, failed.json()["code"]) == (503, "model_unavailable")


class SlowService(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.suggesting, self.left = asyncio.Event(), asyncio.Event()

    async def suggest_follow_ups(self, conversation_id: str, turn_id: str) -> tuple[str, ...]:
        self.suggesting.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return ()


async def test_client_that_leaves_ends_the_call() -> None:
    service = SlowService()
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        path = "/api/conversations/c1/turns/t1/follow-ups"
        asking = asyncio.create_task(client.post(path))
        await asyncio.wait_for(service.suggesting.wait(), timeout=5)
        asking.cancel()
        await asyncio.wait_for(service.left.wait(), timeout=5)
