"""The words of the pages, the places that use them, and how much a page loads."""

import gzip
import re
import tomllib
from itertools import chain
from pathlib import Path

import httpx
import pytest
from server.fake_service import FakeService, serve

from websearch_agent.resources import resource_dir
from websearch_agent.server.page_templates import script_names, script_words
from websearch_agent.server.page_words import page_words, preferred_language

WEB = resource_dir("web")
SCRIPTS = sorted((WEB / "static").glob("*.js"))
TEMPLATES = sorted((WEB / "templates").glob("*.html"))
ENTRIES = ("app.js", "settings.js", "shared.js")
MAX_PAGE_BYTES = 60 * 1024

STRING = re.compile(r'"(\w+)"')
TRANSLATE = re.compile(r"\btranslate\(([^,(){}]*)")
TRANSLATE_COUNT = re.compile(r"\btranslateCount\(([^(){}]*)")
# The keys for one and for many: `"oneResult", "resultCount"`.
COUNTED = re.compile(r'"(\w+)", "(\w+)"[\])]')
# Keys that are put together: `error_${code}`.
COMPOSED_KEY = re.compile(r"`(\w+_)\$\{\w+\}`")


def read_all(files: list[Path]) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def word_tables() -> dict[str, dict[str, str]]:
    files = sorted((WEB / "words").glob("*.toml"))
    tables = [tomllib.loads(file.read_text(encoding="utf-8")) for file in files]
    return dict(chain.from_iterable(table.items() for table in tables))


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w*)\}", text))


def composed_prefixes() -> tuple[str, ...]:
    """Beginnings of keys that scripts put together."""
    return tuple(sorted(set(COMPOSED_KEY.findall(read_all(SCRIPTS)))))


def test_every_text_stands_in_both_languages() -> None:
    # Of a failure the server tells in English what happened: only the Chinese words are needed.
    # Chinese needs no words for one thing: those for many stand for it.
    server_tells = composed_prefixes()
    for_one = {one for one, _ in COUNTED.findall(read_all(SCRIPTS))}
    incomplete = {
        key: texts
        for key, texts in word_tables().items()
        if set(texts) != {"en", "zh"}
        or (not texts["zh"].strip() and key not in for_one)
        or (not texts["en"].strip() and not key.startswith(server_tells))
    }
    assert incomplete == {}


def test_both_languages_are_filled_in_with_the_same_values() -> None:
    tables = word_tables()
    differing = [k for k, t in tables.items() if placeholders(t["en"]) != placeholders(t["zh"])]
    assert differing == []


def test_chinese_texts_are_chinese() -> None:
    names_of_keys = re.compile(r"key[A-Z]\w+")
    untranslated = [
        key
        for key, texts in word_tables().items()
        if re.search(r"[A-Za-z]{2}", re.sub(r"\{\w+\}", "", texts["zh"]))
        and not re.search(r"[\u4e00-\u9fff]", texts["zh"])
        and not names_of_keys.fullmatch(key)
    ]
    assert untranslated == []


def test_every_key_that_a_page_asks_for_has_words() -> None:
    scripts = read_all(SCRIPTS)
    arguments = TRANSLATE.findall(scripts) + TRANSLATE_COUNT.findall(scripts)
    # `isOne ? "a" : "b"`: what stands before the question mark is no key.
    chosen = [argument.partition("?")[2] or argument for argument in arguments]
    asked = set(chain.from_iterable(STRING.findall(argument) for argument in chosen))
    asked.update(re.findall(r"\bwords\.(\w+)", read_all(TEMPLATES)))
    assert len(asked) > 100
    assert sorted(asked - set(word_tables())) == []


def test_every_key_is_used_somewhere() -> None:
    scripts, server = (
        read_all(SCRIPTS),
        read_all(sorted((WEB.parent).glob("websearch_agent/server/*.py"))),
    )
    used = set(STRING.findall(scripts)) | set(STRING.findall(server))
    used.update(re.findall(r"\bwords\.(\w+)", read_all(TEMPLATES)))
    unused = [
        key for key in word_tables() if key not in used and not key.startswith(composed_prefixes())
    ]
    assert unused == []


def test_every_key_stands_in_one_file() -> None:
    files = sorted((WEB / "words").glob("*.toml"))
    keys = [key for file in files for key in tomllib.loads(file.read_text(encoding="utf-8"))]
    assert len(keys) == len(set(keys))
    assert set(page_words("en")) | set(page_words("zh")) == set(keys)


@pytest.mark.parametrize(
    ("header", "language"),
    [("zh-TW,en;q=0.5", "zh"), ("en-GB,zh;q=0.9", "en"), ("", "en"), ("de", "en")],
)
def test_first_language_of_the_browser_decides(header: str, language: str) -> None:
    assert preferred_language(header) == language


@pytest.mark.parametrize("entry", ENTRIES)
def test_page_names_all_modules_that_it_imports_and_no_others(entry: str) -> None:
    names = script_names(entry)
    text = read_all([WEB / "static" / name for name in names])
    imported = set(re.findall(r'from "\./([\w.-]+)"', text))
    # Loaded when they are wanted.
    assert not {"share_view.js", "menu.js"} & set(names)
    assert names[0] == entry
    assert len(set(names)) == len(names)
    assert imported | {entry} == set(names)


@pytest.mark.parametrize("entry", ENTRIES)
def test_page_holds_the_words_of_its_modules_and_no_others(entry: str) -> None:
    words = script_words(entry, "zh")
    asked = chain.from_iterable(
        STRING.findall(argument) for argument in TRANSLATE.findall(read_all(SCRIPTS))
    )
    text = read_all([WEB / "static" / name for name in script_names(entry)])
    needed = {key for key in asked if f'translate("{key}"' in text}
    assert needed <= set(words)
    assert ("createLink" in words, "deleteAll" in words) == (entry == "app.js", False)
    assert len(words) < len(page_words("zh"))


@pytest.mark.anyio
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_first_page_is_small(language: str) -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as browser:
        html = (await browser.get("/", headers={"Accept-Language": language})).text
    loaded = set(re.findall(r'(?:href|src)="/static/([\w.-]+)"', html))
    files = [(WEB / "static" / name).read_bytes() for name in loaded]
    sizes = [len(gzip.compress(content)) for content in (html.encode(), *files)]
    assert set(script_names("app.js")) <= loaded
    assert page_words("en")["ask"] in html or language == "zh"
    assert sum(sizes) < MAX_PAGE_BYTES
