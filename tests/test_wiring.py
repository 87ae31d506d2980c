import logging
from pathlib import Path

import pytest

from websearch_agent.config import Settings, load_settings
from websearch_agent.config_checks import ENGINE_NAMES
from websearch_agent.errors import ConfigError, StoreError
from websearch_agent.indexing import index_targets
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.dialects.auto import AutoDialect
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.embedded import EmbeddedModel
from websearch_agent.search.engines.ddgs import DdgsEngine
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


async def test_damaged_database_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "conversations.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"conversations\.db cannot be used"):
        await build_service(settings(engines="local"))
