"""Neither of two users can read, list, use, delete or guess the other's conversations."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from server.doors import Doors, serve_users
from server.fake_service import FakeService
from starlette.routing import Mount

from websearch_agent.accounts import Scope
from websearch_agent.config import Settings
from websearch_agent.server.app import create_app
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

SECRET = "What does ann keep to herself"

# One for each route that asks as somebody: method, path with the places of ids.
ATTEMPTS = {
    ("POST", "/api/answers"),
    ("GET", "/api/answers/{turn_id}"),
    ("POST", "/api/answers/{turn_id}/stop"),
    ("POST", "/api/search"),
    ("POST", "/api/read"),
    ("GET", "/api/conversations"),
    ("DELETE", "/api/conversations"),
    ("GET", "/api/conversations/{conversation_id}"),
    ("PATCH", "/api/conversations/{conversation_id}"),
    ("DELETE", "/api/conversations/{conversation_id}"),
    ("POST", "/api/conversations/{conversation_id}/restore"),
    ("GET", "/api/conversations/{conversation_id}/export"),
    ("PUT", "/api/conversations/{conversation_id}/share"),
    ("GET", "/api/conversations/{conversation_id}/share"),
    ("DELETE", "/api/conversations/{conversation_id}/share"),
    ("POST", "/api/conversations/{conversation_id}/turns/{turn_id}/follow-ups"),
    ("GET", "/api/shared/{token}"),
    ("GET", "/api/suggestions"),
    ("GET", "/api/engines"),
    ("GET", "/api/schemas/answer.json"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/health"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model_id:path}"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/responses"),
    ("GET", "/v1/responses/{response_id}"),
    ("GET", "/"),
    ("GET", "/c/{conversation_id}"),
    ("GET", "/s/{token}"),
    ("GET", "/settings"),
    ("GET", "/docs"),
    ("GET", "/documents/{document_id:path}"),
    ("GET", "/login"),
    ("GET", "/favicon.ico"),
}
# Each answer has new ids, so no two are the same.
NEW_ANSWERS = {
    ("POST", "/api/answers"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/responses"),
}
# These two take no id, and are about the session of whoever sends them.
SESSION_ROUTES = {("POST", "/login"), ("POST", "/logout")}
FREE_ROUTES = {
    ("GET", "/login"),
    ("GET", "/favicon.ico"),
    ("GET", "/api/health"),
    ("GET", "/api/shared/{token}"),
    ("GET", "/s/{token}"),
}
SCOPES_OF_ROUTES: dict[str, set[tuple[str, str]]] = {
    "ask": {
        ("POST", "/api/answers"),
        ("GET", "/api/answers/{turn_id}"),
        ("POST", "/api/answers/{turn_id}/stop"),
        ("POST", "/api/search"),
        ("POST", "/api/read"),
        ("PATCH", "/api/conversations/{conversation_id}"),
        ("PUT", "/api/conversations/{conversation_id}/share"),
        ("DELETE", "/api/conversations/{conversation_id}/share"),
        ("POST", "/api/conversations/{conversation_id}/turns/{turn_id}/follow-ups"),
        ("GET", "/api/suggestions"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/responses"),
    },
    "read": {
        ("GET", "/api/conversations"),
        ("GET", "/api/conversations/{conversation_id}"),
        ("GET", "/api/conversations/{conversation_id}/export"),
        ("GET", "/api/conversations/{conversation_id}/share"),
        ("GET", "/documents/{document_id:path}"),
    },
    "delete": {
        ("DELETE", "/api/conversations"),
        ("DELETE", "/api/conversations/{conversation_id}"),
        ("POST", "/api/conversations/{conversation_id}/restore"),
    },
}

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


@dataclass(frozen=True)
class Asked:
    """A question and its answer, which can still be followed."""

    conversation_id: str
    turn_id: str


UNKNOWN = Asked("c999", "t999")


async def ask_as_ann(doors: Doors) -> Asked:
    body = {"question": SECRET, "resumable": True}
    async with await doors.session_client("ann") as ann:
        answer = await ann.post("/api/answers", json=body, headers={"Accept": "text/event-stream"})
    started = next(line for line in answer.text.split("\n") if line.startswith("data: "))
    return Asked(**json.loads(started.removeprefix("data: ")))


async def attempt(
    client: httpx.AsyncClient, method: str, path: str, asked: Asked
) -> httpx.Response:
    """Ids of conversations also where another kind of id is wanted."""
    bodies = {
        ("POST", "/api/answers"): {
            "question": "Go on",
            "conversation_id": asked.conversation_id,
        },
        ("PATCH", "/api/conversations/{conversation_id}"): {"title": "Mine"},
        ("POST", "/v1/chat/completions"): {
            "model": "websearch-agent",
            "messages": [{"role": "user", "content": asked.conversation_id}],
        },
        ("POST", "/v1/responses"): {"model": "websearch-agent", "input": asked.conversation_id},
        ("POST", "/api/search"): {"query": asked.conversation_id},
        ("POST", "/api/read"): {"document_id": asked.conversation_id},
    }
    body = bodies.get((method, path))
    path = path.replace("{turn_id}", asked.turn_id)
    places = ("{conversation_id}", "{document_id:path}", "{token}", "{model_id:path}")
    for place in (*places, "{response_id}"):
        path = path.replace(place, asked.conversation_id)
    return await client.request(method, path, json=body)


def assert_not_known(response: httpx.Response, path: str) -> None:
    """A problem, or under `/v1` an error in OpenAI's form."""
    body = response.json()
    code = body["error"]["code"] if path.startswith("/v1/") else body["code"]
    wanted = "invalid_api_key" if path.startswith("/v1/") else "not_authenticated"
    assert (response.status_code, code) == (401, wanted)


def without_ids(text: str, asked: Asked) -> str:
    """Of whole words: an example in the text may hold a short id by chance."""
    return re.sub(rf"\b(?:{asked.conversation_id}|{asked.turn_id})\b", "ID", text)


@pytest.mark.parametrize("make_client", [by_session, by_key])
@pytest.mark.parametrize(("method", "path"), sorted(ATTEMPTS))
async def test_foreign_conversation_is_as_unknown_on_every_route(
    make_client: ClientMaker, method: str, path: str
) -> None:
    async with serve_users() as doors:
        of_ann = await ask_as_ann(doors)
        async with await make_client(doors, "ben") as ben:
            foreign = await attempt(ben, method, path, of_ann)
            if (method, path) not in NEW_ANSWERS:
                unknown = await attempt(ben, method, path, UNKNOWN)
                assert foreign.status_code == unknown.status_code
                assert without_ids(foreign.text, of_ann) == without_ids(unknown.text, UNKNOWN)
        async with await doors.session_client("ann") as ann:
            kept = (await ann.get(f"/api/conversations/{of_ann.conversation_id}")).json()
    assert SECRET not in foreign.text
    assert kept["title"] == SECRET
    assert [turn["question"] for turn in kept["turns"]] == [SECRET]


async def test_what_is_unknown_to_others_is_there_for_its_owner() -> None:
    """Else the attempts above would be refused for another reason."""
    statuses = {}
    async with serve_users() as doors:
        of_ann = await ask_as_ann(doors)
        async with await doors.session_client("ann") as ann:
            for method, path in ATTEMPTS:
                if "{turn_id}" in path or (method, path.count("{")) == ("GET", 1):
                    response = await attempt(ann, method, path, of_ann)
                    statuses[f"{method} {path}"] = response.status_code
    refused = {name for name, status in statuses.items() if status >= 400}
    assert refused == {
        "GET /api/conversations/{conversation_id}/share",
        "GET /api/shared/{token}",
        "GET /documents/{document_id:path}",
        "GET /s/{token}",
        "GET /v1/models/{model_id:path}",
        "GET /v1/responses/{response_id}",
    }


@pytest.mark.parametrize("make_client", [by_session, by_key])
async def test_link_of_another_is_read_but_nothing_is_changed_by_it(
    make_client: ClientMaker,
) -> None:
    async with serve_users() as doors:
        of_ann = await ask_as_ann(doors)
        share = f"/api/conversations/{of_ann.conversation_id}/share"
        async with await doors.session_client("ann") as ann:
            token = (await ann.put(share)).json()["path"].removeprefix("/s/")
        async with await make_client(doors, "ben") as ben:
            read = await ben.get(f"/api/shared/{token}")
            revoked = await ben.delete(share)
            shown = await ben.get(share)
            by_token = await ben.get(f"/api/conversations/{token}")
        async with await doors.session_client("ann") as ann:
            kept = await ann.get(share)
    assert [turn["question"] for turn in read.json()["turns"]] == [SECRET]
    assert (revoked.status_code, shown.status_code, by_token.status_code) == (404, 404, 404)
    assert kept.json()["path"] == f"/s/{token}"


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
    if path.startswith(("/api/", "/v1/")):
        assert_not_known(response, path)
        assert response.headers["www-authenticate"] == "Bearer"
    else:
        assert response.status_code == 303
        assert response.headers["location"].startswith("/login?next=%2F")
    assert SECRET not in response.text


@pytest.mark.parametrize(("method", "path"), sorted(ATTEMPTS - {("GET", "/favicon.ico")}))
async def test_invalid_key_is_401_even_where_none_is_needed(method: str, path: str) -> None:
    async with serve_users() as doors, doors.client(Authorization="Bearer wsa_wrong") as stranger:
        response = await attempt(stranger, method, path, UNKNOWN)
    assert_not_known(response, path)


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


@pytest.mark.parametrize("scope", SCOPES_OF_ROUTES)
async def test_key_may_do_what_its_scope_says_and_no_more(scope: Scope) -> None:
    scoped = set().union(*SCOPES_OF_ROUTES.values())
    async with serve_users() as doors:
        of_ann = await ask_as_ann(doors)
        async with await doors.key_client("ann", scope) as client:
            statuses = {
                route: (await attempt(client, *route, of_ann)).status_code
                for route in sorted(scoped, key=lambda route: route[0] == "DELETE")
            }
    allowed = {route for route, status in statuses.items() if status != 403}
    assert allowed == SCOPES_OF_ROUTES[scope]


def test_every_route_has_its_scope_or_is_for_anybody_known() -> None:
    scoped = set().union(*SCOPES_OF_ROUTES.values())
    assert ATTEMPTS - scoped - FREE_ROUTES == {
        ("GET", "/"),
        ("GET", "/c/{conversation_id}"),
        ("GET", "/settings"),
        ("GET", "/docs"),
        ("GET", "/api/engines"),
        ("GET", "/api/schemas/answer.json"),
        ("GET", "/api/openapi.json"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/{model_id:path}"),
        ("GET", "/v1/responses/{response_id}"),
    }


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
