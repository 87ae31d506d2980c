from collections.abc import Iterator
from pathlib import Path

import pytest

from websearch_agent.config import Settings
from websearch_agent.errors import IndexUnusable, PageUnreachable, UnsupportedFilter
from websearch_agent.search.engines.local import DocumentShelf, LocalEngine
from websearch_agent.search.fan_out import search_all
from websearch_agent.search.local_index import (
    Document,
    clear_index,
    current_version,
    update_index,
    write_index,
)
from websearch_agent.types import SearchQuery
from websearch_agent.wiring import Engines

JSON = Document(
    "https://docs.python.org/3/library/json.html",
    "json — JSON encoder and decoder",
    "# json\n\n## Basic usage\n\n`json.loads(s)` deserializes a document into Python objects.",
    site="python",
    date="2099-01-31",
)
REBASE = Document(
    "file:///doc/git-rebase.html",
    "git-rebase(1)",
    "# git-rebase\n\nReapply commits on top of another base tip.\n\n`--autosquash` moves commits.",
    site="git-doc",
)
INDEX = Document(
    "file:///doc/sql-createindex.html",
    "CREATE INDEX",
    "# CREATE INDEX\n\nCREATE INDEX constructs an index on the columns of a relation.",
    site="postgresql",
)
PIVOT = Document(
    "file:///doc/pivot.html",
    "创建数据透视表",
    "# 创建数据透视表\n\n选择一个单元格区域，然后选择插入。透视表可以分组和筛选数据。",
    site="libreoffice",
)
MERGE = Document(
    "file:///doc/merge.html",
    "合并单元格",
    "# 合并单元格\n\n可以选择相邻的单元格，并将它们合并为一个单元格。",
    site="libreoffice",
)
FILLER = [
    Document(
        f"file:///doc/{n}.html",
        f"Chapter {n}",
        f"Words about installing part {n} of the program and its data, read by people.",
    )
    for n in range(20)
]
ALL = [JSON, REBASE, INDEX, PIVOT, MERGE, *FILLER]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_index(tmp_path / "index", ALL)
    return tmp_path / "index"


async def urls_for(folder: Path, question: str) -> list[str]:
    results = await LocalEngine(folder).search(SearchQuery(question))
    return [result.url for result in results]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("what does json.loads do?", JSON),
        ("JSON decoding and encoding", JSON),
        ("git --autosquash", REBASE),
        ("how do I rebase my commits", REBASE),
        ("create indexes", INDEX),
        ("怎么创建数据透视表？", PIVOT),
        ("如何合并单元格", MERGE),
        ("透视", PIVOT),
        ('title:rebase AND (base OR "tip', REBASE),
    ],
)
async def test_question_finds_its_document_first(
    folder: Path, question: str, document: Document
) -> None:
    assert (await urls_for(folder, question))[0] == document.url


@pytest.mark.anyio
async def test_other_forms_of_a_word_are_found(folder: Path) -> None:
    assert len(await urls_for(folder, "how to install")) > 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    "question",
    [
        "best pizza in Naples",
        "红烧肉怎么做",
        "weather data for tomorrow in Beijing",
        "+-&&||!(){}",
        "what is",
    ],
)
async def test_question_about_something_else_finds_nothing(folder: Path, question: str) -> None:
    assert await urls_for(folder, question) == []


@pytest.mark.anyio
async def test_result_has_the_best_part_of_the_text_and_a_document_id(folder: Path) -> None:
    engine = LocalEngine(folder, "own")

    result = (await engine.search(SearchQuery("autosquash")))[0]

    assert (result.title, result.engine, result.rank) == ("git-rebase(1)", "own", 1)
    assert "--autosquash" in result.snippet
    assert result.document_id is not None


@pytest.mark.anyio
async def test_document_is_read_as_it_was_indexed(folder: Path) -> None:
    engine = LocalEngine(folder, "own")
    result = (await engine.search(SearchQuery("json.loads")))[0]

    page = await DocumentShelf([LocalEngine(folder, "other"), engine]).read_document(
        result.document_id or ""
    )

    assert (page.url, page.title, page.text) == (JSON.url, JSON.title, JSON.text)
    assert (page.site, page.date) == ("python", "2099-01-31")


@pytest.mark.anyio
@pytest.mark.parametrize("document_id", ["own:0000", "other:0000", ""])
async def test_unknown_document_is_said(folder: Path, document_id: str) -> None:
    shelf = DocumentShelf([LocalEngine(folder, "own")])

    with pytest.raises(PageUnreachable):
        await shelf.read_document(document_id)


@pytest.mark.anyio
async def test_no_folder_is_an_empty_index(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "nothing")

    assert engine.is_empty()
    assert await engine.search(SearchQuery("json")) == []


@pytest.mark.anyio
async def test_running_engine_sees_a_rebuilt_index(folder: Path) -> None:
    engine = LocalEngine(folder)
    await engine.search(SearchQuery("json"))

    write_index(folder, [MERGE])

    assert engine.document_count() == 1
    assert await engine.search(SearchQuery("json")) == []


@pytest.mark.anyio
async def test_running_engine_sees_added_documents_and_same_address_is_replaced(
    folder: Path,
) -> None:
    engine = LocalEngine(folder)
    before = engine.document_count()

    with update_index(folder) as update:
        update.add(Document(JSON.url, "json renamed", "json and zebras"))
        update.add(Document("file:///new", "New", "quokkas"))

    assert engine.document_count() == before + 1
    assert [r.title for r in await engine.search(SearchQuery("zebras"))] == ["json renamed"]
    assert await engine.search(SearchQuery("json.loads deserializes")) == []


@pytest.mark.anyio
async def test_indexing_everything_again_changes_no_ranking(folder: Path) -> None:
    question = SearchQuery("JSON decoding and installing programs")
    before = await LocalEngine(folder).search(question)

    with update_index(folder) as update:
        for document in ALL:
            update.add(document)

    assert await LocalEngine(folder).search(question) == before
    assert LocalEngine(folder).document_count() == len(ALL)


@pytest.mark.anyio
async def test_update_that_is_broken_off_leaves_the_old_index(folder: Path) -> None:
    def break_off() -> None:
        with update_index(folder) as update:
            update.add(Document(JSON.url, "half", "half"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()

    assert (await urls_for(folder, "json.loads"))[0] == JSON.url
    assert LocalEngine(folder).document_count() == len(ALL)


def test_rebuild_that_is_broken_off_leaves_the_old_index_and_no_rubbish(folder: Path) -> None:
    def documents_that_break_off() -> Iterator[Document]:
        yield MERGE
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_index(folder, documents_that_break_off())

    assert LocalEngine(folder).document_count() == len(ALL)
    assert len(list(folder.glob("v*"))) == 1


@pytest.mark.anyio
async def test_cleared_index_is_empty(folder: Path) -> None:
    engine = LocalEngine(folder)

    clear_index(folder)

    assert engine.is_empty()


@pytest.mark.anyio
async def test_domain_filters_take_sets_and_hosts(folder: Path) -> None:
    engine = LocalEngine(folder)
    by_host = SearchQuery("json decoder", include_domains=("python.org",))
    by_set = SearchQuery("json decoder", include_domains=("git-doc",))
    without = SearchQuery("json decoder", exclude_domains=("docs.python.org",))

    assert [r.url for r in await engine.search(by_host)] == [JSON.url]
    assert await engine.search(by_set) == []
    assert await engine.search(without) == []


@pytest.mark.anyio
async def test_time_range_takes_dated_documents_only(folder: Path) -> None:
    results = await LocalEngine(folder).search(SearchQuery("json decoder", time_range="week"))

    assert [result.url for result in results] == [JSON.url]


@pytest.mark.anyio
async def test_time_range_without_any_date_is_refused(tmp_path: Path) -> None:
    write_index(tmp_path, [REBASE, INDEX])

    with pytest.raises(UnsupportedFilter, match="no document of the local index has a date"):
        await LocalEngine(tmp_path).search(SearchQuery("rebase", time_range="week"))


@pytest.mark.anyio
async def test_language_is_refused_for_documents_do_not_tell_theirs(folder: Path) -> None:
    with pytest.raises(UnsupportedFilter, match="local takes no filter for a language"):
        await LocalEngine(folder).search(SearchQuery("rebase", language="en"))


@pytest.mark.anyio
@pytest.mark.parametrize("document", [REBASE, MERGE], ids=["English", "Chinese"])
async def test_question_of_many_pages_finds_what_it_is_about(
    folder: Path, document: Document
) -> None:
    question = "\n".join([document.text] * 100)

    assert (await urls_for(folder, question))[0] == document.url


@pytest.mark.parametrize("second", ["update", "replace", "clear"])
def test_second_writer_is_refused_and_the_first_one_loses_nothing(
    tmp_path: Path, second: str
) -> None:
    folder = tmp_path / "index"
    writers = {
        "update": lambda: add_documents(folder, [MERGE]),
        "replace": lambda: write_index(folder, [MERGE]),
        "clear": lambda: clear_index(folder),
    }
    with update_index(folder) as update:
        update.add(PIVOT)
        with pytest.raises(IndexUnusable, match="another index run is going on"):
            writers[second]()

    add_documents(folder, [MERGE])
    assert LocalEngine(folder).document_count() == 2


def add_documents(folder: Path, documents: list[Document]) -> None:
    with update_index(folder) as update:
        for document in documents:
            update.add(document)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("own", "your own index is damaged; `websearch-agent index --clear PATH` makes it anew"),
        (
            "builtin",
            "the built-in collection is damaged; `websearch-agent index --builtin` makes it anew",
        ),
    ],
)
async def test_damaged_index_says_which_and_what_to_do_and_no_path(
    tmp_path: Path, name: str, words: str
) -> None:
    folder = damaged_index(tmp_path / name)

    with pytest.raises(IndexUnusable, match=words) as caught:
        await LocalEngine(folder).search(SearchQuery("json"))

    assert str(tmp_path) not in caught.value.message
    assert "meta.json" not in caught.value.message


@pytest.mark.anyio
async def test_damaged_index_is_asked_and_its_failure_is_a_value() -> None:
    settings = Settings(engines="local")
    damaged_index(settings.index_dir)
    damaged_index(settings.builtin_index_dir)
    engines = Engines(settings)

    outcome = await search_all(engines.active(), [SearchQuery("json")], deadline_s=5)

    assert [failure.code for failure in outcome.failures] == ["index_unusable"]
    assert engines.builtin() is None
    clear_index(settings.index_dir)
    assert engines.active() == ()
    assert engines.builtin() is engines.builtin_engine
    await engines.aclose()


def damaged_index(folder: Path) -> Path:
    write_index(folder, [JSON])
    version = current_version(folder)
    assert version is not None
    (version / "meta.json").write_text("{")
    return folder
