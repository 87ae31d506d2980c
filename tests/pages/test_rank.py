"""Ranking by words, in Latin and in Chinese script."""

import pytest

from websearch_agent.pages.rank import diversify, rank_passages
from websearch_agent.pages.words import words_of
from websearch_agent.types import Passage


def passage(text: str, *, heading: str = "", url: str = "https://a.example/") -> Passage:
    return Passage(url=url, text=text, start_index=0, end_index=len(text), heading=heading)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Cats' berries", ["the", "cat", "berry"]),
        ("json.loads", ["json.loads", "json", "load"]),
        ("sort_keys readFile HTTPServer", ["sort_keys", "sort", "key", "readfile", "read", "file",
                                           "httpserver", "http", "server"]),
        ("v3.11 costs 6.4%", ["v3.11", "v3", "11", "cost", "6.4"]),
        ("天气预报", ["天气", "气预", "预报"]),
        ("第7届 GDP增长", ["第", "7", "届", "gdp", "增长"]),
        ("café ＡＢＣ", ["cafe", "abc"]),
    ],
)  # fmt: skip
def test_words_of_text(text: str, words: list[str]) -> None:
    assert list(words_of(text)) == words


def test_passage_with_the_rare_words_of_the_query_comes_first() -> None:
    ranked = rank_passages(
        [
            passage("The town has a harbour and the town has a church."),
            passage("The lighthouse of the town was lit in 1904."),
            passage("The town is old, the town is large, the town is loud."),
        ],
        ["When was the lighthouse of the town lit?"],
    )
    assert ranked[0].text.startswith("The lighthouse")
    assert ranked[0].score > ranked[1].score >= ranked[2].score


def test_chinese_passage_is_found() -> None:
    texts = [
        "今天的天气很好，适合散步。",
        "二〇二一年香港经济增长百分之六点四。",
        "公园里有很多花。",
    ]
    ranked = rank_passages([passage(text) for text in texts], ["香港的经济增长了多少？"])
    assert ranked[0].text == texts[1]


def test_heading_and_title_help_to_tell_equal_passages_apart() -> None:
    plain = passage("Returns the number of items.", url="https://plain.example/")
    headed = passage("Returns the number of items.", heading="deque › maxlen")
    assert rank_passages([plain, headed], ["deque maxlen"])[0] is not plain
    titled = rank_passages(
        [headed, plain], ["lighthouse"], titles={"https://plain.example/": "Lighthouse"}
    )
    assert titled[0].url == "https://plain.example/"


def test_each_query_counts() -> None:
    texts = ["red boats sail", "blue cars drive", "nothing of the kind"]
    ranked = rank_passages([passage(text) for text in texts], ["boats", "cars"])
    assert {ranked[0].text, ranked[1].text} == set(texts[:2])


def test_without_words_in_common_the_order_stays_and_the_score_is_zero() -> None:
    passages = [passage("one"), passage("two")]
    assert rank_passages(passages, ["three"]) == passages
    assert rank_passages(passages, []) == passages
    assert rank_passages([], ["three"]) == []


def test_near_copies_are_left_out() -> None:
    text = "The harbour was built in 1904 and has been used by fishing boats ever since then."
    other = "The lighthouse was lit in 1911 and can be seen from forty kilometres away at night."
    kept = diversify([passage(text), passage("Read more: " + text), passage(other)])
    assert [item.text for item in kept] == [text, other]


def test_short_passages_are_copies_only_if_equal() -> None:
    assert len(diversify([passage("yes"), passage("no"), passage("yes")])) == 2
