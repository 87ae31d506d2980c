"""The words of a source that a statement rests on, and the source of one without marker."""

from websearch_agent.citations.support import SupportChecker
from websearch_agent.types import Passage, Source


def find_quote(statement: str, page: Source) -> str:
    return SupportChecker([page]).check(statement, cited=(page.number,)).quote


def find_source(statement: str, sources: list[Source]) -> int | None:
    return SupportChecker(sources).find_source(statement)


def source(*texts: str) -> Source:
    passages = tuple(Passage("https://example.org", text, 0, len(text)) for text in texts)
    return Source(1, "https://example.org", "Title", "example.org", passages)


def test_quote_is_the_sentence_that_says_it() -> None:
    page = source(
        "The bridge crosses the river. It was opened in 1932 by the mayor.", "The bridge is red."
    )
    quote = find_quote("The bridge was opened in 1932 [1].", page)
    assert quote == "It was opened in 1932 by the mayor."


def test_chinese_quote_is_found() -> None:
    page = source("这座桥横跨长江。它于一九五七年建成通车。")
    assert find_quote("大桥在一九五七年建成[1]。", page) == "它于一九五七年建成通车。"


def test_no_quote_when_nothing_is_near() -> None:
    assert find_quote("Cats sleep a lot [1].", source("The bridge was opened in 1932.")) == ""


def test_neighbour_that_says_the_other_half_belongs_to_the_quote() -> None:
    page = source("Rosa Lindt painted the ceiling. Anton Sommer carved the altar. It rained.")
    quote = find_quote("Rosa Lindt painted the ceiling and Anton Sommer carved the altar.", page)
    assert quote == "Rosa Lindt painted the ceiling. Anton Sommer carved the altar."


def test_quote_stays_within_one_line() -> None:
    page = source("Rosa Lindt painted the ceiling\nAnton Sommer carved the altar\n")
    quote = find_quote("Rosa Lindt painted the ceiling and Anton Sommer carved the altar.", page)
    assert quote in ("Rosa Lindt painted the ceiling", "Anton Sommer carved the altar")


def test_quote_of_an_endless_sentence_is_the_stretch_that_says_it() -> None:
    filler = "word and " * 60
    page = source(f"{filler} the copper bell was cast in Lund {filler}")
    quote = find_quote("The copper bell was cast in Lund.", page)
    assert "copper bell was cast in Lund" in quote
    assert len(quote) <= 300
    assert quote in page.passages[0].text


BRIDGE = source("The red bridge crosses the river. It was opened in 1932 by the mayor.")


def test_source_that_says_a_statement_is_found() -> None:
    assert find_source("The red bridge was opened in 1932 by the mayor.", [BRIDGE]) == 1


def test_source_with_another_number_does_not_say_it() -> None:
    assert find_source("The red bridge was opened in 1933 by the mayor.", [BRIDGE]) is None


def test_refusal_and_other_subjects_have_no_source() -> None:
    assert find_source("The sources do not say who painted the bridge.", [BRIDGE]) is None
    assert find_source("Cats sleep for sixteen hours a day.", [BRIDGE]) is None
    assert find_source("Yes.", [BRIDGE]) is None
