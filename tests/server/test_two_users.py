"""Neither of two users can read, list, use, delete or guess the other's conversations."""

from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from server.doors import Doors, serve_users
from server.fake_service import FakeService
from starlette.routing import Mount

from websearch_agent.config import Settings
from websearch_agent.server.app import create_app
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

SECRET = "What does ann keep to herself"
UNKNOWN_ID = "c999"

# One for each route that asks as somebody: method, path with the place of a conversation's id.
ATTEMPTS = {
    ("POST", "/api/answers"),
    ("GET", "/api/conversations"),
    ("GET", "/api/conversations/{conversation_id}"),
    ("DELETE", "/api/conversations/{conversation_id}"),
    ("GET", "/api/schemas/answer.json"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/health"),
    ("GET", "/"),
    ("GET", "/c/{conversation_id}"),
    ("GET", "/documents/{document_id:path}"),
    ("GET", "/login"),
    ("GET", "/favicon.ico"),
}
# These two take no id, and are about the session of whoever sends them.
SESSION_ROUTES = {("POST", "/login"), ("POST", "/logout")}
FREE_ROUTES = {("GET", "/login"), ("GET", "/favicon.ico"), ("GET", "/api/health")}

ClientMaker = Callable[[Doors, str], Awaitable[httpx.AsyncClient]]


def routes_of_the_app() -> set[tuple[str, str]]:
    app = create_app(FakeService, Settings())
    (mount,) = (route for route in app.routes if isinstance(route, Mount))
    assert mount.path == "/static"
    return {
        (method, context.path)
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
        if context.path != "/static"
    }


def test_every_route_of_the_app_is_tried_here() -> None:
    assert routes_of_the_app() == ATTEMPTS | SESSION_ROUTES


async def by_session(doors: Doors, name: str) -> httpx.AsyncClient:
    return await doors.session_client(name)


async def by_key(doors: Doors, name: str) -> httpx.AsyncClient:
    return await doors.key_client(name)


async def ask_as_ann(doors: Doors) -> str:
    async with await doors.session_client("ann") as ann:
        answer = await ann.post("/api/answers", json={"question": SECRET})
    conversation_id = answer.json()["conversation_id"]
    assert isinstance(conversation_id, str)
    return conversation_id


async def attempt(
    client: httpx.AsyncClient, method: str, path: str, conversation_id: str
) -> httpx.Response:
    path = path.replace("{conversation_id}", conversation_id)
    path = path.replace("{document_id:path}", conversation_id)
    body = {"question": "Go on", "conversation_id": conversation_id} if method == "POST" else None
    return await client.request(method, path, json=body)


@pytest.mark.parametrize("make_client", [by_session, by_key])
@pytest.mark.parametrize(("method", "path"), sorted(ATTEMPTS))
async def test_foreign_conversation_is_as_unknown_on_every_route(
    make_client: ClientMaker, method: str, path: str
) -> None:
    async with serve_users() as doors:
        of_ann = await ask_as_ann(doors)
        async with await make_client(doors, "ben") as ben:
            foreign = await attempt(ben, method, path, of_ann)
            unknown_before = foreign.text.replace(of_ann, UNKNOWN_ID)
            if (method, path) != ("POST", "/api/answers"):
                unknown = await attempt(ben, method, path, UNKNOWN_ID)
                assert (foreign.status_code, unknown_before) == (unknown.status_code, unknown.text)
        async with await doors.session_client("ann") as ann:
            kept = (await ann.get(f"/api/conversations/{of_ann}")).json()
    assert SECRET not in foreign.text
    assert [turn["question"] for turn in kept["turns"]] == [SECRET]


@pytest.mark.parametrize("make_client", [by_session, by_key])
async def test_asking_in_a_foreign_conversation_is_404(make_client: ClientMaker) -> None:
    async with serve_users() as doors:
        of_ann = await ask_as_ann(doors)
        async with await make_client(doors, "ben") as ben:
            response = await attempt(ben, "POST", "/api/answers", of_ann)
    assert (response.status_code, response.json()["code"]) == (404, "conversation_not_found")
    assert len(doors.service.requests) == 1


@pytest.mark.parametrize("make_client", [by_session, by_key])
async def test_lists_hold_only_ones_own(make_client: ClientMaker) -> None:
    async with serve_users() as doors:
        await ask_as_ann(doors)
        async with await make_client(doors, "ben") as ben:
            before = (await ben.get("/api/conversations")).json()
            await ben.post("/api/answers", json={"question": "Ben asks"})
            after = (await ben.get("/api/conversations")).json()
        async with await make_client(doors, "ann") as ann:
            of_ann = (await ann.get("/api/conversations")).json()
    assert before == {"conversations": []}
    assert [kept["title"] for kept in after["conversations"]] == ["Ben asks"]
    assert [kept["title"] for kept in of_ann["conversations"]] == [SECRET]


@pytest.mark.parametrize(("method", "path"), sorted(ATTEMPTS - FREE_ROUTES))
async def test_nobody_gets_anything_without_a_login(method: str, path: str) -> None:
    async with serve_users() as doors:
        of_ann = await ask_as_ann(doors)
        async with doors.client() as stranger:
            response = await attempt(stranger, method, path, of_ann)
    if path.startswith("/api/"):
        assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
        assert response.headers["www-authenticate"] == "Bearer"
    else:
        assert response.status_code == 303
        assert response.headers["location"].startswith("/login?next=%2F")
    assert SECRET not in response.text


@pytest.mark.parametrize(("method", "path"), sorted(ATTEMPTS - {("GET", "/favicon.ico")}))
async def test_invalid_key_is_401_even_where_none_is_needed(method: str, path: str) -> None:
    async with serve_users() as doors, doors.client(Authorization="Bearer wsa_wrong") as stranger:
        response = await attempt(stranger, method, path, "c1")
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


async def test_conversations_held_without_a_login_belong_to_no_user() -> None:
    service = FakeService()
    async for _ in service.answer_question(AnswerRequest("Before there were users")):
        pass
    async with serve_users(service) as doors, await doors.session_client("ann") as ann:
        listed = (await ann.get("/api/conversations")).json()
        read = await ann.get("/api/conversations/c1")
    assert listed == {"conversations": []}
    assert read.status_code == 404


async def test_health_tells_strangers_only_status_and_version() -> None:
    async with serve_users() as doors:
        async with doors.client() as stranger:
            told = (await stranger.get("/api/health")).json()
        async with await doors.key_client("ann", "ask") as ann:
            told_to_ann = (await ann.get("/api/health")).json()
    assert set(told) == {"status", "version"}
    assert set(told_to_ann) == {"status", "version", "model", "engines"}


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("ask", {("POST", "/api/answers")}),
        (
            "read",
            {
                ("GET", "/api/conversations"),
                ("GET", "/api/conversations/{conversation_id}"),
                ("GET", "/documents/{document_id:path}"),
            },
        ),
        ("delete", {("DELETE", "/api/conversations/{conversation_id}")}),
    ],
)
async def test_key_may_do_what_its_scope_says_and_no_more(
    scope: str, allowed: set[tuple[str, str]]
) -> None:
    scoped = {
        ("POST", "/api/answers"),
        ("GET", "/api/conversations"),
        ("GET", "/api/conversations/{conversation_id}"),
        ("DELETE", "/api/conversations/{conversation_id}"),
        ("GET", "/documents/{document_id:path}"),
    }
    async with serve_users() as doors:
        of_ann = await ask_as_ann(doors)
        async with await doors.key_client("ann", scope) as client:  # type: ignore[arg-type]
            statuses = {
                route: (await attempt(client, *route, of_ann)).status_code
                for route in sorted(scoped, key=lambda route: route[0] == "DELETE")
            }
    assert {route for route, status in statuses.items() if status != 403} == allowed


async def test_revoked_key_and_ended_session_are_nobody_from_the_next_request_on() -> None:
    async with serve_users() as doors:
        key_client = await doors.key_client("ann")
        session_client = await doors.session_client("ann")
        cookies = dict(session_client.cookies)
        async with key_client, session_client, doors.client() as thief:
            assert (await key_client.get("/api/conversations")).status_code == 200
            await doors.service.accounts.revoke_key("k1")
            assert (await key_client.get("/api/conversations")).status_code == 401
            assert (await session_client.get("/api/conversations")).status_code == 200
            await session_client.post("/logout")
            thief.cookies.update(cookies)
            assert (await thief.get("/api/conversations")).status_code == 401


async def test_stream_of_one_user_is_answered_under_the_own_name() -> None:
    async with serve_users() as doors, await doors.key_client("ben") as ben:
        headers = {"Accept": "text/event-stream"}
        response = await ben.post("/api/answers", json={"question": "Ben asks"}, headers=headers)
        assert "answer_finished" in response.text
    assert list(doors.service.for_owner("user-ben").store.conversations) == ["c1"]
    assert doors.service.store.conversations == {}
