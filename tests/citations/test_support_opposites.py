"""What a source denies, excepts or says the other way round is not supported, pronouns and all."""

import pytest

from websearch_agent.citations.support import SupportChecker
from websearch_agent.types import Passage, Source

BRIDGE = (
    "The bridge was designed by Tomas Berglund. It does *not* carry trains. Cyclists are not "
    "allowed at night. It cost 40 percent more than planned."
)
STORE = (
    "Lumen is a store. TLS is **off** by default; turn it on with tls=true. Lumen does not persist "
    "its entries to disk. It runs on Linux and FreeBSD, but not on Windows."
)
HOURS = (
    "The tea room serves waffles every day except Monday & Tuesday. The tea room is closed on "
    "Sundays."
)
LIBRARY = "儿童不得单独入馆。图书馆周一闭馆，周二开放。"

CONTRADICTED = [
    (BRIDGE, "The bridge carries trains."),
    (BRIDGE, "Cyclists are allowed at night."),
    (BRIDGE, "It cost 40 percent less than planned."),
    (STORE, "TLS is on by default."),
    (STORE, "Lumen persists its entries to disk."),
    (STORE, "Lumen runs on Windows."),
    (HOURS, "The tea room serves waffles on Monday."),
    (HOURS, "The tea room is open on Sundays."),
    (LIBRARY, "儿童可以单独入馆。"),
    ("图书馆周一照常开放。", "图书馆周一闭馆。"),
]
SAID = [
    (BRIDGE, "The bridge does not carry trains."),
    (BRIDGE, "It cost 40 percent more than planned."),
    (STORE, "TLS is disabled by default."),
    (STORE, "Lumen runs on Linux and FreeBSD."),
    (STORE, "Lumen does not run on Windows."),
    (HOURS, "The tea room does not serve waffles on Monday."),
    (LIBRARY, "图书馆周一闭馆。"),
    (LIBRARY, "图书馆周二开放。"),
]


def checker(text: str) -> SupportChecker:
    url = "https://a.example/"
    return SupportChecker([Source(1, url, "T", "a.example", (Passage(url, text, 0, len(text)),))])


@pytest.mark.parametrize(("text", "statement"), CONTRADICTED)
def test_contradicted_statement_is_unsupported_and_gets_no_citation(
    text: str, statement: str
) -> None:
    support = checker(text).check(statement, cited=(1,))
    assert support.level == "unsupported"
    assert support.contradicted
    assert support.contradicted[0] in statement
    assert checker(text).find_source(statement) is None


@pytest.mark.parametrize(("text", "statement"), SAID)
def test_statement_in_the_same_sense_is_supported(text: str, statement: str) -> None:
    support = checker(text).check(statement, cited=(1,))
    assert (support.level, support.contradicted) == ("supported", ())


def test_words_of_the_question_need_not_stand_in_the_source() -> None:
    ferry = checker("The ferry from Orlo to Brisa takes 45 minutes and runs every day.")
    said = "The ferry trip from Orlo to Brisa takes 45 minutes and runs every day."
    assert ferry.find_source(said, question="How long is the ferry trip?") == 1
    assert ferry.find_source(said) is None


@pytest.mark.parametrize("written", ["wal_size", "`wal_size`", "**wal_size**", "_wal_size_"])
def test_name_with_an_underscore_is_one_word(written: str) -> None:
    text = "The value of wal_size is read at each start. The value of page_size is fixed."
    said = f"The value of {written} is read at each start."
    support = checker(text).check(said, cited=(1,))
    assert (support.level, support.quote) == ("supported", text[:44])
    assert checker(text).find_source(said) == 1
    other = f"The value of {written.replace('wal', 'log')} is read at each start."
    assert checker(text).find_source(other) is None


def test_name_may_stand_in_the_address_instead_of_the_sentence() -> None:
    text = "wal_level determines how much information is written to the log of the server."
    said = "The Orlo setting wal_level controls how much information is written to the log."
    asked = "What does the Orlo setting wal_level control?"

    def found_at(url: str) -> int | None:
        page = Source(1, url, "The log", "docs.example", (Passage(url, text, 0, len(text)),))
        return SupportChecker([page]).find_source(said, question=asked)

    assert found_at("https://docs.example/orlo-db-15/log.html") == 1
    assert found_at("https://docs.example/other-db/log.html") is None
