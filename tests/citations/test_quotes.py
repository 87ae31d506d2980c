from websearch_agent.citations.quotes import find_quote
from websearch_agent.types import Passage, Source


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
