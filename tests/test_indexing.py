import gzip
from pathlib import Path

import pytest

from websearch_agent.config import Settings, load_settings
from websearch_agent.indexing import (
    IndexProgress,
    build_builtin_collection,
    index_targets,
    is_builtin_current,
)
from websearch_agent.indexing import files as indexing_files
from websearch_agent.indexing.builtin import clean_description
from websearch_agent.indexing.files import find_files
from websearch_agent.search.engines.local import LocalEngine
from websearch_agent.types import SearchQuery, SearchResult

PROSE = "The quokka is a small macropod about the size of a cat and lives on Rottnest Island. " * 3
HTML = (
    f"<html><head><title>Quokkas</title></head><body><h1>Quokkas</h1><p>{PROSE}</p></body></html>"
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(_env_file=None, data_dir=tmp_path / "data")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder named `handbook` with one document of each kind, and things to leave out."""
    folder = tmp_path / "handbook"
    for name in ("sub", ".hidden"):
        (folder / name).mkdir(parents=True)
        (folder / name / "page.html").write_text(HTML)
    (folder / "notes.md").write_text("# Wombats\n\nWombats dig burrows and are active at night.")
    (folder / "plain.txt").write_text(
        "Echidnas\n\nEchidnas eat ants and termites with long tongues."
    )
    (folder / "packed.txt.gz").write_bytes(
        gzip.compress(b"Bilbies dig too, and have long ears; " * 5)
    )
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def found_names(folder: Path) -> list[str]:
    return [str(found.path.relative_to(folder)) for found in find_files(folder)]


async def search_own(settings: Settings, question: str) -> list[SearchResult]:
    return await LocalEngine(settings.index_dir).search(SearchQuery(question))


@pytest.mark.anyio
async def test_every_kind_of_document_of_a_folder_is_found_by_its_words(
    settings: Settings, docs: Path
) -> None:
    report = await index_targets([str(docs)], settings=settings)

    assert (report.added, report.failed) == (4, ())
    for word, title, path in [
        ("quokka macropod", "Quokkas", "sub/page.html"),
        ("wombat burrows", "Wombats", "notes.md"),
        ("echidnas termites", "Echidnas", "plain.txt"),
        ("bilbies ears", "packed", "packed.txt.gz"),
    ]:
        (result,) = await search_own(settings, word)
        assert (result.title, result.url) == (title, (docs / path).as_uri())


@pytest.mark.anyio
async def test_bad_files_are_listed_and_the_rest_goes_in(settings: Settings, docs: Path) -> None:
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 nothing of a PDF")
    (docs / "broken.txt.gz").write_bytes(b"not gzip")
    (docs / "empty.txt").write_text(" \n")
    (docs / "lost.md").symlink_to(docs / "gone.md")

    report = await index_targets([str(docs), str(docs / "missing")], settings=settings)

    assert report.added == 4
    assert [Path(name).name for name, _ in report.failed] == [
        "missing", "broken.pdf", "broken.txt.gz", "empty.txt", "lost.md",
    ]  # fmt: skip
    assert all(reason for _, reason in report.failed)


@pytest.mark.anyio
async def test_indexing_again_replaces_documents(settings: Settings, docs: Path) -> None:
    await index_targets([str(docs)], settings=settings)
    (docs / "notes.md").write_text("# Wombats\n\nWombats have cubic droppings, as is well known.")

    await index_targets([str(docs / "notes.md")], settings=settings)

    assert LocalEngine(settings.index_dir).document_count() == 4
    assert len(await search_own(settings, "cubic droppings")) == 1
    nearest = await search_own(settings, "wombat burrows")
    assert not any("burrow" in result.snippet for result in nearest)


@pytest.mark.anyio
async def test_run_that_is_broken_off_leaves_the_old_index(settings: Settings, docs: Path) -> None:
    await index_targets([str(docs / "notes.md")], settings=settings)

    def break_off(progress: IndexProgress) -> None:
        if progress.done == 2:
            raise RuntimeError("stop")

    with pytest.raises(ExceptionGroup):
        await index_targets([str(docs)], settings=settings, on_progress=break_off)

    assert LocalEngine(settings.index_dir).document_count() == 1
    assert len(await search_own(settings, "wombat burrows")) == 1


@pytest.mark.anyio
async def test_progress_counts_every_document(settings: Settings, docs: Path) -> None:
    steps: list[IndexProgress] = []

    await index_targets([str(docs)], settings=settings, on_progress=steps.append)

    assert [(step.done, step.total) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.anyio
async def test_private_address_is_not_read(settings: Settings) -> None:
    report = await index_targets(["http://127.0.0.1:9/page"], settings=settings)

    assert report.added == 0
    assert [name for name, _ in report.failed] == ["http://127.0.0.1:9/page"]


def test_links_do_not_lead_in_circles_or_bring_a_file_twice(docs: Path) -> None:
    (docs / "sub" / "up").symlink_to(docs)
    (docs / "again.md").symlink_to(docs / "notes.md")

    assert found_names(docs) == ["again.md", "packed.txt.gz", "plain.txt", "sub/page.html"]


def test_source_beside_its_page_is_left_out(docs: Path) -> None:
    (docs / "plain.html").write_text(f"<p>{(docs / 'plain.txt').read_text()}</p>")
    (docs / "_sources").mkdir()
    (docs / "_sources" / "plain.rst.txt").write_text("Echidnas")

    assert found_names(docs) == ["notes.md", "packed.txt.gz", "plain.html", "sub/page.html"]


def test_packed_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.txt.gz"
    path.write_bytes(gzip.compress(b"a" * (indexing_files.MAX_FILE_BYTES + 1)))

    with pytest.raises(indexing_files.FileUnreadable, match="larger than 20 MB"):
        indexing_files.read_document_bytes(path)


@pytest.mark.anyio
async def test_builtin_collection_answers_about_installed_packages(settings: Settings) -> None:
    count = await build_builtin_collection(settings)

    engine = LocalEngine(settings.builtin_index_dir, "builtin", shows_distant=False)
    results = await engine.search(SearchQuery("httpx HTTP client for Python"))
    assert count == engine.document_count()
    assert results[0].title.startswith("httpx ")
    page = await engine.read_document(results[0].document_id or "")
    assert page.site == "httpx"
    assert "- Version: " in page.text


@pytest.mark.anyio
async def test_builtin_collection_is_built_once_until_packages_change(settings: Settings) -> None:
    assert not is_builtin_current(settings)
    await build_builtin_collection(settings)

    assert is_builtin_current(settings)
    assert await build_builtin_collection(settings) == 0

    (settings.builtin_index_dir / "FINGERPRINT").write_text("of other packages")
    assert not is_builtin_current(settings)
    assert await build_builtin_collection(settings) > 0


@pytest.mark.anyio
async def test_damaged_builtin_collection_is_made_anew(settings: Settings) -> None:
    count = await build_builtin_collection(settings)
    (meta,) = settings.builtin_index_dir.glob("v*/meta.json")
    meta.write_text("{")

    assert not is_builtin_current(settings)
    assert await build_builtin_collection(settings) == count
    assert (
        LocalEngine(settings.builtin_index_dir, "builtin", shows_distant=False).document_count()
        == count
    )


@pytest.mark.anyio
@pytest.mark.parametrize(
    "question", ["best pizza in Naples", "北京明天天气怎么样", "capital of France"]
)
async def test_builtin_collection_is_silent_about_other_things(
    settings: Settings, question: str
) -> None:
    await build_builtin_collection(settings)

    engine = LocalEngine(settings.builtin_index_dir, "builtin", shows_distant=False)
    assert await engine.search(SearchQuery(question)) == []


def test_description_loses_badges_and_tags_and_keeps_words() -> None:
    text = (
        '<p align="center"><img src="logo.png"></p>\n\n[![ci](a.svg)](https://ci)\n\n'
        ".. image:: https://badge\n   :alt: x\n\nUsage\n=====\n\nCall `f(a < b)`.\n"
    )

    assert clean_description(text) == "## Usage\n\nCall `f(a < b)`."


@pytest.mark.anyio
async def test_package_that_is_named_comes_before_those_that_mention_it(settings: Settings) -> None:
    await build_builtin_collection(settings)

    engine = LocalEngine(settings.builtin_index_dir, "builtin", shows_distant=False)
    results = await engine.search(SearchQuery("What license does httpx have?"))
    assert results[0].title.startswith("httpx ")


@pytest.mark.anyio
async def test_text_beside_a_page_of_its_name_is_left_out_only_if_it_is_the_same(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    words = "Badgers dig setts with many entrances and line them with dry grass in autumn."
    (folder / "same.html").write_text(f"<html><body><p>{words}</p></body></html>")
    (folder / "same.txt").write_text(words)
    (folder / "other.html").write_text("<html><body><p>Otters swim in the river.</p></body></html>")
    (folder / "other.txt").write_text("Hedgehogs sleep through the winter below the leaves.")
    await index_targets([str(folder)], settings=settings)
    assert LocalEngine(settings.index_dir).document_count() == 3
    assert len(await search_own(settings, "hedgehogs winter leaves")) == 1


@pytest.mark.anyio
async def test_short_note_of_ones_own_is_indexed_and_found_in_other_words(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "wifi.txt").write_text("wifi password: tulip7")
    (folder / "library.txt").write_text(
        "星河图书馆周一至周五早上九点开门，晚上八点关门。每人最多可借十二本书。"
    )
    report = await index_targets([str(folder)], settings=settings)
    assert report.failed == ()
    for question, name in (
        ("What is the password of our wifi?", "wifi"),
        ("星河图书馆几点关门", "library"),
        ("星河图书馆每人最多可以借几本书", "library"),
    ):
        found = await search_own(settings, question)
        assert found
        assert name in found[0].url
