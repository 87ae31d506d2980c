"""What a server can do is remembered for a day, and the window read anew."""

import time
from pathlib import Path

import httpx
import pytest
from model_servers import Server, able, ask, completion, models, says

from websearch_agent.models import server_memory
from websearch_agent.models.capabilities import Capabilities, TokenFactors

pytestmark = pytest.mark.anyio


async def test_probed_once_in_a_process_and_once_a_day(tmp_path: Path) -> None:
    server = Server(says(), says(), says())
    client = server.client(data_dir=tmp_path)
    await ask(client)
    await ask(client)
    probes = len(server.probes())
    second = server.client(data_dir=tmp_path)
    await ask(second)
    assert len(server.probes()) == probes == 3
    assert second.capabilities == client.capabilities
    assert client.remembered_since_s is None
    assert second.remembered_since_s is not None


async def test_probing_again_is_possible(tmp_path: Path) -> None:
    server = Server()
    client = server.client(data_dir=tmp_path)
    await client.prepare()
    server.on_probe = lambda _: completion("Hello")
    await client.probe_again()
    assert not client.capabilities.json_schema


@pytest.mark.parametrize(
    "listing", [models("other"), models("first", max_model_len=512), models("first", root="x")]
)
async def test_other_model_or_window_is_probed_anew(
    listing: httpx.Response, tmp_path: Path
) -> None:
    server = Server()
    await server.client(data_dir=tmp_path).prepare()
    server.listing = listing
    await server.client(data_dir=tmp_path).prepare()
    assert len(server.probes()) == 6


async def test_time_of_the_request_makes_no_other_model(tmp_path: Path) -> None:
    server = Server(listing=models("m", created=1))
    await server.client(data_dir=tmp_path).prepare()
    server.listing = models("m", created=2, permission=[{"id": "modelperm-2"}])
    await server.client(data_dir=tmp_path).prepare()
    assert len(server.probes()) == 3


async def test_what_was_not_found_out_is_asked_again(tmp_path: Path) -> None:
    server = Server(on_probe=lambda _: httpx.Response(503, json={"error": "busy"}))
    await server.client(data_dir=tmp_path).prepare()
    assert not (tmp_path / server_memory.FILE_NAME).exists()
    server.on_probe = able
    client = server.client(data_dir=tmp_path)
    await client.prepare()
    assert client.capabilities.logprobs


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": {"model": 1}}', "\x00\xff"])
async def test_damaged_file_is_ignored_and_mended(damage: str, tmp_path: Path) -> None:
    path = tmp_path / server_memory.FILE_NAME
    path.write_text(damage)
    server = Server()
    await server.client(data_dir=tmp_path).prepare()
    await server.client(data_dir=tmp_path).prepare()
    assert len(server.probes()) == 3


async def test_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    client = Server().client(data_dir=tmp_path / "file" / "data")
    await client.prepare()
    assert client.status().state == "ready"


async def test_no_secret_and_no_address_is_written(tmp_path: Path) -> None:
    client = Server().client(data_dir=tmp_path, model_api_key="sk-very-secret-1")
    await client.prepare()
    text = (tmp_path / server_memory.FILE_NAME).read_text()
    assert "first" in text
    assert "secret" not in text
    assert "model.test" not in text


async def test_a_day_is_kept_and_no_more(tmp_path: Path) -> None:
    path, now_s = tmp_path / "m.json", time.time()
    factors = TokenFactors(1.0, 0.5, 0.9, digits_alone=True)
    known = Capabilities(False, False, True, "vllm", 4096, factors, True, True)
    server_memory.remember_capabilities(path, "a", server_memory.Remembered("m", now_s, known))
    found = server_memory.recall_capabilities(path, "a", now_s=now_s + 86_000)
    assert found is not None
    assert found.capabilities == known
    assert server_memory.recall_capabilities(path, "a", now_s=now_s + 87_000) is None
    assert server_memory.recall_capabilities(path, "b", now_s=now_s) is None
    later = server_memory.Remembered("n", now_s + 87_000, known)
    server_memory.remember_capabilities(path, "b", later)
    assert '"a"' not in path.read_text()
