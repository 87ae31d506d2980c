"""`/api/conversations` on the real store: search, rename, delete, restore, export."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from server.fake_service import FakeService, make_answer, make_server, serve
from server.stored_service import StoredService, open_stored_service

from websearch_agent.events import AgentEvent, AnswerDelta
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

UNKNOWN = "/api/conversations/unknown"


@asynccontextmanager
async def serve_stored(path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, StoredService]]:
    """A server with a database, without a login."""
    service = await open_stored_service(path)
    server = make_server(service)
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))  # type: ignore[attr-defined]
    try:
        async with httpx.AsyncClient(base_url=server.address) as client:
            yield client, service
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, StoredService]]:
    async with serve_stored(tmp_path / "conversations.db") as served:
        yield served


@pytest.fixture
def client(stored: tuple[httpx.AsyncClient, StoredService]) -> httpx.AsyncClient:
    return stored[0]


async def ask(client: httpx.AsyncClient, question: str, **fields: str) -> str:
    """Returns the conversation's id."""
    response = await client.post("/api/answers", json={"question": question, **fields})
    assert response.status_code == 200
    conversation_id = response.json()["conversation_id"]
    assert isinstance(conversation_id, str)
    return conversation_id


async def titles(client: httpx.AsyncClient, **query: str | int) -> list[str]:
    listed = (await client.get("/api/conversations", params=query)).json()
    return [kept["title"] for kept in listed["conversations"]]


def problem_of(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


# ---- searching and renaming ----------------------------------------------------------------


async def test_search_takes_words_of_questions_and_answers(client: httpx.AsyncClient) -> None:
    await ask(client, "When was it built?", search="always")
    await ask(client, "红桥在哪里？", search="never")
    assert await titles(client, search="RED 1932") == ["红桥在哪里？", "When was it built?"]
    assert await titles(client, search="built 1932") == ["When was it built?"]
    assert await titles(client, search="红桥") == ["红桥在哪里？"]
    assert await titles(client, search="nowhere") == []
    assert await titles(client, search="opened", limit=1) == ["红桥在哪里？"]


async def test_overlong_search_is_422(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/conversations", params={"search": "a" * 501})
    assert problem_of(response) == (422, "invalid_request")


async def test_new_title_is_answered_and_listed(client: httpx.AsyncClient) -> None:
    conversation_id = await ask(client, "question", search="never")
    path = f"/api/conversations/{conversation_id}"
    response = await client.patch(path, json={"title": " Better\n title "})
    assert response.status_code == 200
    assert response.json()["title"] == "Better title"
    assert set(response.json()) == {"id", "title", "created_at", "updated_at"}
    assert await titles(client) == ["Better title"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"title": "  "}, 400),
        ({"title": "x" * 201}, 400),
        ({"title": None}, 422),
        ({"name": "x"}, 422),
        ({}, 422),
    ],
)
async def test_title_that_cannot_be_one_is_refused(
    client: httpx.AsyncClient, body: dict[str, object], status: int
) -> None:
    conversation_id = await ask(client, "kept", search="never")
    response = await client.patch(f"/api/conversations/{conversation_id}", json=body)
    assert problem_of(response) == (status, "invalid_request")
    assert await titles(client) == ["kept"]


async def test_title_must_come_as_json(client: httpx.AsyncClient) -> None:
    response = await client.patch(UNKNOWN, content='{"title": "x"}')
    assert response.status_code == 415


# ---- deleting ------------------------------------------------------------------------------


async def test_deletion_can_be_undone(client: httpx.AsyncClient) -> None:
    conversation_id = await ask(client, "question", search="never")
    path = f"/api/conversations/{conversation_id}"
    before = (await client.get(path)).json()
    assert (await client.delete(path)).status_code == 204
    assert problem_of(await client.get(path)) == (404, "conversation_not_found")
    assert await titles(client) == []
    restored = await client.post(f"{path}/restore")
    assert (restored.status_code, restored.json()["title"]) == (200, "question")
    assert (await client.get(path)).json() == before
    assert problem_of(await client.post(f"{path}/restore")) == (404, "conversation_not_found")


async def test_everything_can_be_erased_at_once_and_for_good(client: httpx.AsyncClient) -> None:
    first = await ask(client, "first", search="never")
    await ask(client, "second", search="never")
    await client.delete(f"/api/conversations/{first}")
    response = await client.delete("/api/conversations")
    assert (response.status_code, response.json()) == (200, {"deleted": 2})
    assert await titles(client) == []
    restored = await client.post(f"/api/conversations/{first}/restore")
    assert problem_of(restored) == (404, "conversation_not_found")


async def slow_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    """Begins to write and never ends."""
    yield service.start(request)
    yield AnswerDelta("The beginning")
    await asyncio.Event().wait()
    yield service.finish(make_answer(""))


async def begin_resumable(client: httpx.AsyncClient) -> str:
    """Ask, leave when the answer has begun; returns the conversation's id."""
    body = {"question": "slow", "resumable": True}
    headers = {"Accept": "text/event-stream"}
    async with client.stream("POST", "/api/answers", json=body, headers=headers) as response:
        async for line in response.aiter_lines():
            if "The beginning" in line:
                break
    (kept,) = (await client.get("/api/conversations")).json()["conversations"]
    conversation_id = kept["id"]
    assert isinstance(conversation_id, str)
    return conversation_id


async def test_deleting_stops_the_answer_and_keeps_what_was_written_for_the_undo() -> None:
    service = FakeService(slow_script)
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        conversation_id = await begin_resumable(client)
        path = f"/api/conversations/{conversation_id}"
        assert (await client.delete(path)).status_code == 204
        was_stopped = service.stopped.is_set()
        await client.post(f"{path}/restore")
        (turn,) = (await client.get(path)).json()["turns"]
    assert was_stopped
    assert (turn["status"], turn["answer"]["text"]) == ("stopped", "The beginning")


async def test_erasing_everything_stops_the_answers() -> None:
    service = FakeService(slow_script)
    async with serve(service) as address, httpx.AsyncClient(base_url=address) as client:
        await begin_resumable(client)
        erased = (await client.delete("/api/conversations")).json()
        was_stopped = service.stopped.is_set()
    assert was_stopped
    assert erased == {"deleted": 1}


# ---- exporting -----------------------------------------------------------------------------


async def test_conversation_is_downloaded_as_markdown(client: httpx.AsyncClient) -> None:
    conversation_id = await ask(client, "When was the red bridge opened?", search="always")
    await ask(client, "Thanks!", search="never", conversation_id=conversation_id)
    response = await client.get(f"/api/conversations/{conversation_id}/export")
    assert response.headers["content-type"] == "text/markdown; charset=utf-8"
    assert response.headers["content-disposition"] == (
        'attachment; filename="When-was-the-red-bridge-opened.md"; '
        "filename*=UTF-8''When-was-the-red-bridge-opened.md"
    )
    lines = response.text.split("\n")
    assert lines[0] == "# When was the red bridge opened?"
    assert "## Thanks!" in lines
    assert "The red bridge was opened in 1932 [1]." in response.text
    assert "### Sources" in lines


@pytest.mark.parametrize(
    "headers", [{"Cookie": "ui_language=zh"}, {"Accept-Language": "zh-CN,zh;q=0.9"}]
)
async def test_export_is_in_the_language_of_the_page(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    conversation_id = await ask(client, "When was the red bridge opened?", search="always")
    path = f"/api/conversations/{conversation_id}/export"
    response = await client.get(path, params={"format": "markdown"}, headers=headers)
    assert "### 来源" in response.text


async def test_json_export_is_the_conversation_as_the_api_gives_it(
    client: httpx.AsyncClient,
) -> None:
    conversation_id = await ask(client, "红桥？", search="always")
    path = f"/api/conversations/{conversation_id}"
    response = await client.get(f"{path}/export", params={"format": "json"})
    assert response.json() == (await client.get(path)).json()
    assert response.headers["content-disposition"] == (
        'attachment; filename="conversation.json"; '
        "filename*=UTF-8''%E7%BA%A2%E6%A1%A5%EF%BC%9F.json"
    )


@pytest.mark.parametrize("form", ["markdown", "json"])
async def test_export_of_one_turn_holds_no_other(client: httpx.AsyncClient, form: str) -> None:
    conversation_id = await ask(client, "First question", search="never")
    await ask(client, "Second question", search="never", conversation_id=conversation_id)
    path = f"/api/conversations/{conversation_id}"
    turn_id = (await client.get(path)).json()["turns"][1]["id"]
    query = {"format": form, "turn": turn_id}
    response = await client.get(f"{path}/export", params=query)
    assert response.headers["content-disposition"].count("Second-question.") == 2
    if form == "json":
        assert [turn["id"] for turn in response.json()["turns"]] == [turn_id]
    else:
        assert "## Second question" in response.text
        assert "## First question" not in response.text


async def test_unknown_turn_cannot_be_exported(client: httpx.AsyncClient) -> None:
    conversation_id = await ask(client, "question", search="never")
    path = f"/api/conversations/{conversation_id}/export"
    assert problem_of(await client.get(path, params={"turn": "x"})) == (404, "turn_not_found")
    assert problem_of(await client.get(path, params={"format": "pdf"})) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", UNKNOWN),
        ("DELETE", UNKNOWN),
        ("POST", f"{UNKNOWN}/restore"),
        ("GET", f"{UNKNOWN}/export"),
    ],
)
async def test_unknown_conversation_is_404(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    assert problem_of(await client.request(method, path)) == (404, "conversation_not_found")


async def test_replaced_question_is_gone_once_the_new_one_has_its_answer(
    stored: tuple[httpx.AsyncClient, StoredService], tmp_path: Path
) -> None:
    client, _ = stored
    conversation_id = await ask(client, "First try", search="never")
    path = f"/api/conversations/{conversation_id}"
    turn_id = (await client.get(path)).json()["turns"][0]["id"]
    await ask(
        client,
        "Second try",
        search="never",
        conversation_id=conversation_id,
        replace_turn=turn_id,
    )
    turns = (await client.get(path)).json()["turns"]
    assert [(turn["question"], turn["status"]) for turn in turns] == [("Second try", "finished")]
    reopened = SqliteStore(tmp_path / "conversations.db")
    await reopened.open()
    assert await reopened.count_conversations() == 1
    await reopened.close()
