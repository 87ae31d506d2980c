import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeModel

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.config import Settings, load_settings
from websearch_agent.config_checks import ENGINE_NAMES
from websearch_agent.errors import ConfigError, ConversationNotFound, EngineRateLimited, StoreError
from websearch_agent.events import AgentEvent, AnswerFailed, AnswerFinished, AnswerStarted
from websearch_agent.indexing import index_targets
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.dialects.auto import AutoDialect
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.embedded import EmbeddedModel
from websearch_agent.search.engines.ddgs import DdgsEngine
from websearch_agent.types import AnswerRequest, EngineState, SearchQuery
from websearch_agent.wiring import Engines, build_service, make_dialect, make_model

pytestmark = pytest.mark.anyio
SERVER = {"model_url": "http://localhost:8080/v1"}


def settings(**changes: object) -> Settings:
    return load_settings(_env_file=None, **changes)


async def test_model_is_embedded_unless_a_server_is_set() -> None:
    assert isinstance(make_model(settings()), EmbeddedModel)
    server = make_model(settings(**SERVER))
    assert isinstance(server, OpenAICompatibleModel)
    await server.close()


@pytest.mark.parametrize(
    ("changes", "dialect"),
    [
        ({}, SchemaDialect),
        ({"model_dialect": "schema"}, SchemaDialect),
        (SERVER, AutoDialect),
        (SERVER | {"model_dialect": "tools"}, AutoDialect),
    ],
)
async def test_dialect_fits_the_model(changes: dict[str, object], dialect: type[object]) -> None:
    chosen = settings(**changes)
    assert type(make_dialect(chosen, make_model(chosen))) is dialect


@pytest.mark.parametrize("name", ["tools", "markers"])
async def test_embedded_model_refuses_other_dialects(name: str) -> None:
    chosen = settings(model_dialect=name)
    with pytest.raises(ConfigError, match=f"WEBSEARCH_MODEL_DIALECT={name} needs a model server"):
        make_dialect(chosen, make_model(chosen))


async def test_searxng_without_its_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="WEBSEARCH_SEARXNG_URL is not set"):
        await build_service(settings(engines="searxng"))


@pytest.mark.parametrize("name", ["brave", "serper", "tavily", "exa"])
async def test_engine_without_its_key_is_refused_at_start(name: str) -> None:
    words = f"names {name}, and WEBSEARCH_{name.upper()}_API_KEY is not set; a key comes from"
    with pytest.raises(ConfigError, match=words):
        await build_service(settings(engines=f"ddgs,{name}"))


async def test_every_engine_can_be_configured_at_once() -> None:
    keys = {f"{name}_api_key": "k" for name in ("brave", "serper", "tavily", "exa")}
    chosen = settings(engines=",".join(ENGINE_NAMES), searxng_url="http://searx.test", **keys)
    engines = Engines(chosen)
    assert tuple(engine.name for engine in engines.configured()) == ENGINE_NAMES
    await engines.aclose()


async def test_default_engines_are_ddgs_and_local() -> None:
    engines = Engines(settings())
    assert [engine.name for engine in engines.configured()] == ["ddgs", "local"]
    assert isinstance(engines.configured()[0], DdgsEngine)
    await engines.aclose()


async def test_local_engine_is_asked_once_something_is_indexed(tmp_path: Path) -> None:
    chosen = settings(engines="local")
    engines = Engines(chosen)
    assert engines.active() == ()
    (tmp_path / "a.md").write_text("# Quokkas\n\nThey live on Rottnest Island.")
    await index_targets([str(tmp_path / "a.md")], settings=chosen)
    assert engines.active() == (engines.local_engine,)
    assert engines.builtin() is None
    await engines.aclose()


async def test_engines_that_rest_are_told_with_their_reason() -> None:
    service = await build_service(settings(engines="ddgs,wikipedia"))
    assert service.engine_states() == (EngineState("ddgs"), EngineState("wikipedia"))
    service.parts.rests.note("wikipedia", EngineRateLimited("asked too often", retry_after_s=30))
    free, resting = service.for_owner("alice").engine_states()
    assert free == EngineState("ddgs")
    assert (resting.code, resting.reason) == ("engine_rate_limited", "asked too often")
    assert resting.rests_for_s is not None
    assert 29 <= resting.rests_for_s <= 30
    await service.aclose()


async def test_first_questions_are_about_ones_own_documents(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Quokkas of Rottnest\n\nThey live on the island.")
    chosen = settings(engines="local")
    service = await build_service(chosen)
    usual = service.suggest_questions("en")
    await index_targets([str(tmp_path / "a.md")], settings=chosen)
    assert service.suggest_questions("en")[0] == "What does “Quokkas of Rottnest” say?"
    assert service.suggest_questions("en")[-1] == usual[-1]
    await service.aclose()
    elsewhere = await build_service(settings(engines="ddgs"))
    assert elsewhere.suggest_questions("en") == usual
    await elsewhere.aclose()


async def test_question_about_a_title_finds_its_document(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Quokkas of Rottnest\n\nThey live on the island.")
    (tmp_path / "b.md").write_text("# Ferries\n\nThey leave at eight in the morning.")
    chosen = settings(engines="local")
    await index_targets([str(tmp_path / "a.md"), str(tmp_path / "b.md")], settings=chosen)
    service = await build_service(chosen)
    for language in ("en", "zh"):
        for question in service.suggest_questions(language)[:-1]:  # type: ignore[arg-type]
            found = await service.engines.local_engine.search(SearchQuery(question))
            assert found[0].title in question
    await service.aclose()


async def test_builtin_collection_answers_the_first_questions() -> None:
    service = await build_service(settings(engines="local"))
    await service.refresh_builtin_collection()
    found = {}
    for language in ("en", "zh"):
        for question in service.suggest_questions(language)[:-1]:  # type: ignore[arg-type]
            results = await service.engines.builtin_engine.search(SearchQuery(question))
            found[question] = {result.title.split()[0].lower() for result in results}
    assert all(found.values()), found
    await service.aclose()


async def test_owner_alone_can_stop_an_answer() -> None:
    service = await build_service(settings(engines="local"))
    parts = replace(service.parts, model=FakeModel(["never"], hang_after=0))
    service = replace(service, parts=parts)
    events = service.answer_question(AnswerRequest("Hello?"))
    started = await anext(events)
    assert isinstance(started, AnswerStarted)
    assert not service.for_owner("alice").stop_answer(started.turn_id)
    assert service.stop_answer(started.turn_id)
    assert isinstance([event async for event in events][-1], AnswerFinished)
    await service.aclose()


async def test_builtin_collection_is_made_by_the_service() -> None:
    service = await build_service(settings(engines="local"))
    assert service.engines.builtin() is None
    await service.refresh_builtin_collection()
    assert service.engines.builtin() is service.engines.builtin_engine
    assert not service.engines.builtin_engine.is_empty()
    await service.aclose()


async def test_builtin_collection_that_cannot_be_made_is_only_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "index").touch()
    service = await build_service(settings(engines="local"))
    with caplog.at_level(logging.WARNING):
        await service.refresh_builtin_collection()
    assert "built-in collection could not be made" in caplog.text
    assert service.engines.builtin() is None
    await service.aclose()


async def test_owners_share_all_but_their_conversations() -> None:
    service = await build_service(settings(engines="local"))
    alice, bob = service.for_owner("alice"), service.for_owner("bob")
    local_id = await service.store.create_conversation("without a login")
    for owner in (alice, bob, alice.for_owner("bob")):
        assert await owner.store.list_conversations() == []
        with pytest.raises(ConversationNotFound):
            await owner.store.load_conversation(local_id)
        assert owner.parts.running is service.parts.running
        assert owner.parts.locks is service.parts.locks
        assert owner.parts.rests is service.parts.rests
        assert owner.model is service.model
        assert owner.reader is service.reader
        assert owner.accounts is service.accounts
    back = bob.for_owner(LOCAL_OWNER)
    assert [kept.id for kept in await back.store.list_conversations()] == [local_id]
    await service.aclose()


async def test_user_of_the_accounts_owns_conversations() -> None:
    service = await build_service(settings(engines="local"))
    user = await service.accounts.add_user("alice", "correct horse battery")
    store = service.for_owner(user.id).store
    conversation_id = await store.create_conversation("mine")
    assert [kept.id for kept in await store.list_conversations()] == [conversation_id]
    assert await service.store.list_conversations() == []
    await service.aclose()


async def test_question_of_a_user_ends_with_the_service() -> None:
    service = await build_service(settings(engines="local", **SERVER))
    user = await service.accounts.add_user("alice", "correct horse battery")
    owned = service.for_owner(user.id)
    model = FakeModel(["never"], hang_after=0)
    owned = replace(owned, parts=replace(owned.parts, model=model))
    events: list[AgentEvent] = []

    async def ask() -> None:
        events.extend([event async for event in owned.answer_question(AnswerRequest("Hello?"))])

    asking = asyncio.create_task(ask())
    await model.hanging.wait()
    await service.parts.end_running()
    await asking
    assert isinstance(events[-1], AnswerFailed)
    assert events[-1].code == "stopped"
    (kept,) = await owned.store.list_conversations()
    assert [t.status for t in (await owned.store.load_conversation(kept.id)).turns] == ["stopped"]
    await service.aclose()


async def test_abandoned_turns_of_all_owners_are_marked() -> None:
    service = await build_service(settings(engines="local"))
    user = await service.accounts.add_user("alice", "correct horse battery")
    stores = [service.store, service.for_owner(user.id).store]
    ids = [await store.create_conversation("title") for store in stores]
    for store, conversation_id in zip(stores, ids, strict=True):
        await store.begin_turn(conversation_id, "question")
    await service.mark_abandoned_turns()
    for store, conversation_id in zip(stores, ids, strict=True):
        assert (await store.load_conversation(conversation_id)).turns[0].status == "stopped"
    await service.aclose()


async def test_damaged_database_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "conversations.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"conversations\.db cannot be used"):
        await build_service(settings(engines="local"))
