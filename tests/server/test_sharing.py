"""Links to conversations: what they show to somebody without a login, and what they do not."""

from html import escape

import httpx
import pytest
from server.doors import Doors, serve_users
from server.fake_service import FakeService, search_script

from websearch_agent.config import Settings
from websearch_agent.server.page_words import LANGUAGES, Language, page_words

pytestmark = pytest.mark.anyio

SECRET = "What does ann keep to herself"


def make_settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


async def ask(client: httpx.AsyncClient, question: str, **fields: object) -> str:
    answer = await client.post("/api/answers", json={"question": question, **fields})
    conversation_id = answer.json()["conversation_id"]
    assert isinstance(conversation_id, str)
    return conversation_id


async def share(client: httpx.AsyncClient, conversation_id: str) -> str:
    """Returns the link's token."""
    response = await client.put(f"/api/conversations/{conversation_id}/share")
    assert response.status_code == 200
    start, _, token = response.json()["path"].rpartition("/")
    assert start == "/s"
    return str(token)


async def shared_by_ann(doors: Doors) -> tuple[str, str]:
    """Conversation id and token."""
    async with await doors.session_client("ann") as ann:
        conversation_id = await ask(ann, SECRET)
        return conversation_id, await share(ann, conversation_id)


async def test_link_is_read_without_a_login_and_says_nothing_of_its_owner() -> None:
    async with serve_users(FakeService(search_script)) as doors:
        conversation_id, token = await shared_by_ann(doors)
        async with doors.client() as stranger:
            response = await stranger.get(f"/api/shared/{token}?render=true")
    body = response.json()
    assert response.status_code == 200
    assert set(body) == {"title", "created_at", "turns"}
    assert (body["title"], body["turns"][0]["question"]) == (SECRET, SECRET)
    assert body["turns"][0]["answer"]["html"].startswith("<p>")
    assert len(body["turns"][0]["answer"]["sources"]) == 2
    assert response.headers["x-robots-tag"] == "noindex"
    assert response.headers["referrer-policy"] == "no-referrer"
    for private in ("ann", "user-ann", f'"{conversation_id}"', "conversation_id", "owner"):
        assert private not in response.text.replace(SECRET, "")


async def test_html_comes_only_when_it_is_asked_for() -> None:
    async with serve_users() as doors:
        _, token = await shared_by_ann(doors)
        async with doors.client() as stranger:
            (turn,) = (await stranger.get(f"/api/shared/{token}")).json()["turns"]
    assert "html" not in turn["answer"]


async def test_follow_ups_are_not_shown() -> None:
    async with serve_users() as doors:
        conversation_id, token = await shared_by_ann(doors)
        async with await doors.session_client("ann") as ann:
            path = f"/api/conversations/{conversation_id}"
            turn_id = (await ann.get(path)).json()["turns"][0]["id"]
            await ann.post(f"{path}/turns/{turn_id}/follow-ups")
            kept = (await ann.get(path)).json()["turns"][0]["follow_ups"]
        async with doors.client() as stranger:
            (turn,) = (await stranger.get(f"/api/shared/{token}")).json()["turns"]
    assert len(kept) == 3
    assert turn["follow_ups"] == []


async def test_how_the_owner_searched_is_not_shown() -> None:
    async with serve_users(FakeService(search_script)) as doors:
        _, token = await shared_by_ann(doors)
        async with doors.client() as stranger:
            (turn,) = (await stranger.get(f"/api/shared/{token}")).json()["turns"]
    answer = turn["answer"]
    assert answer["text"].startswith("HTTPX supports")
    hidden = ("search_queries", "engine_failures", "page_failures", "refused_queries")
    assert [answer[name] for name in hidden] == [[], [], [], []]


async def test_owner_sees_the_link_until_it_is_revoked() -> None:
    async with serve_users() as doors, await doors.session_client("ann") as ann:
        path = f"/api/conversations/{await ask(ann, SECRET)}/share"
        before = await ann.get(path)
        made = await ann.put(path)
        shown = await ann.get(path)
        again = await ann.put(path)
        ended = await ann.delete(path)
        after = await ann.get(path)
        ended_again = await ann.delete(path)
        gone = await ann.get(f"/api/shared/{made.json()['path'].rpartition('/')[2]}")
    assert (before.status_code, before.json()["code"]) == (404, "share_not_found")
    assert set(made.json()) == {"path", "created_at", "turn_count"}
    assert made.json()["turn_count"] == 1
    assert shown.json() == made.json()
    assert again.json()["path"] == made.json()["path"]
    assert (ended.status_code, ended_again.status_code) == (204, 204)
    assert (after.status_code, after.json()["code"]) == (404, "share_not_found")
    assert (gone.status_code, gone.json()["code"]) == (404, "share_not_found")


async def test_what_is_asked_later_is_shown_only_after_sharing_again() -> None:
    async with serve_users() as doors, await doors.session_client("ann") as ann:
        conversation_id = await ask(ann, "first")
        token = await share(ann, conversation_id)
        await ask(ann, "second", conversation_id=conversation_id)
        before = (await ann.get(f"/api/shared/{token}")).json()
        assert await share(ann, conversation_id) == token
        after = (await ann.get(f"/api/shared/{token}")).json()
    assert [turn["question"] for turn in before["turns"]] == ["first"]
    assert [turn["question"] for turn in after["turns"]] == ["first", "second"]


async def test_deleted_conversation_is_no_longer_shown() -> None:
    async with serve_users() as doors:
        conversation_id, token = await shared_by_ann(doors)
        async with await doors.session_client("ann") as ann:
            await ann.delete(f"/api/conversations/{conversation_id}")
        async with doors.client() as stranger:
            response = await stranger.get(f"/api/shared/{token}")
    assert (response.status_code, response.json()["code"]) == (404, "share_not_found")


async def test_page_of_a_link_is_not_to_be_indexed_and_names_nobody() -> None:
    async with serve_users() as doors:
        conversation_id, token = await shared_by_ann(doors)
        async with doors.client() as stranger:
            page = await stranger.get(f"/s/{token}")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-robots-tag"] == "noindex"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "/static/shared.js" in page.text
    assert f'"{conversation_id}"' not in page.text
    assert "user-ann" not in page.text


@pytest.mark.parametrize("form", ["/s/{}", "/api/shared/{}"])
async def test_revoked_link_is_like_one_that_never_was(form: str) -> None:
    async with serve_users() as doors:
        conversation_id, token = await shared_by_ann(doors)
        async with await doors.session_client("ann") as ann:
            await ann.delete(f"/api/conversations/{conversation_id}/share")
        async with doors.client() as stranger:
            revoked = await stranger.get(form.format(token))
            unknown = await stranger.get(form.format("x" * len(token)))
    assert revoked.status_code == unknown.status_code == 404
    assert revoked.text == unknown.text
    without_date = [{**answer.headers, "date": ""} for answer in (revoked, unknown)]
    assert without_date[0] == without_date[1]
    assert SECRET not in revoked.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_missing_page_is_in_the_readers_language(language: Language) -> None:
    async with serve_users() as doors, doors.client() as stranger:
        stranger.cookies.set("ui_language", language)
        page = await stranger.get("/s/unknown")
    assert page.status_code == 404
    assert escape(page_words(language)["sharedMissing"]) in page.text


async def test_conversation_without_an_answer_is_not_shared() -> None:
    async with serve_users() as doors, await doors.session_client("ann") as ann:
        store = doors.service.for_owner("user-ann").store
        conversation_id = await store.create_conversation("empty")
        response = await ann.put(f"/api/conversations/{conversation_id}/share")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


async def test_sharing_that_is_switched_off_makes_and_shows_nothing() -> None:
    async with serve_users(settings=make_settings(sharing="off")) as doors:
        async with await doors.session_client("ann") as ann:
            conversation_id = await ask(ann, SECRET)
            made_before = await doors.service.for_owner("user-ann").store.share_conversation(
                conversation_id
            )
            path = f"/api/conversations/{conversation_id}/share"
            refused = [await ann.put(path), await ann.get(path)]
            revoked = await ann.delete(path)
        async with doors.client() as stranger:
            told = await stranger.get(f"/api/shared/{made_before.token}")
            page = await stranger.get(f"/s/{made_before.token}")
    for response in refused:
        assert (response.status_code, response.json()["code"]) == (403, "not_allowed")
        assert "WEBSEARCH_SHARING" in response.json()["detail"]
    assert revoked.status_code == 204
    assert (told.status_code, told.json()["code"]) == (404, "share_not_found")
    assert page.status_code == 404


@pytest.mark.parametrize("path", ["/s/x", "/api/shared/x"])
async def test_wrong_key_is_told_even_where_none_is_needed(path: str) -> None:
    async with serve_users() as doors, doors.client(Authorization="Bearer wsa_wrong") as stranger:
        response = await stranger.get(path)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
