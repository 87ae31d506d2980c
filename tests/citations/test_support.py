from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.citations.support import SupportChecker
from websearch_agent.citations.support_weights import PARTIAL_FROM, SUPPORTED_FROM
from websearch_agent.types import Passage, Source, Support


def source(*texts: str, number: int = 1, title: str = "") -> Source:
    passages = tuple(Passage("https://example.org", text, 0, len(text)) for text in texts)
    return Source(number, "https://example.org", title, "example.org", passages)


BRIDGE = source(
    "The Harbour Bridge carries trains and cars across the bay. It was opened by the mayor on "
    "19 March 1932 and cost 4.2 million pounds. About 160,000 vehicles cross it every day.",
    "Painting the steel takes a crew of ten painters three years.",
)
TOWER = source(
    "玉泉塔位于老城东门外，始建于1376年，高约43米。塔身共有九层，由青砖砌成。"
    "2008年，该塔被列为省级文物保护单位，每年接待游客12万人次。"
)


def check(statement: str, *sources: Source, question: str = "") -> Support:
    return SupportChecker(sources or (BRIDGE,)).check(statement, question=question)


@pytest.mark.parametrize(
    "statement",
    [
        "The Harbour Bridge carries trains and cars across the bay [1].",
        "The mayor opened the bridge on 19 March 1932.",
        "The bridge was opened by the mayor on March 19, 1932.",
        "Around 160 thousand vehicles cross the bridge every day.",
        "Painting the steel takes ten painters three years.",
    ],
)
def test_what_a_passage_says_is_supported(statement: str) -> None:
    support = check(statement)
    assert support.level == "supported"
    assert support.source_number == 1
    assert support.contradicted == ()


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("The Harbour Bridge was opened by the mayor in 1933.", "1933"),
        ("It was opened by the mayor on 21 March 1932.", "21 March 1932"),
        ("The bridge was opened by the mayor and cost 5.1 million pounds.", "5.1 million pounds"),
        ("About 190,000 vehicles cross it every day.", "190,000"),
        ("Painting the steel takes a crew of twelve painters three years.", "twelve"),
    ],
)
def test_other_number_is_unsupported_however_similar_the_words(statement: str, wrong: str) -> None:
    support = check(statement)
    assert support.level == "unsupported"
    assert support.contradicted == (wrong,)


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("玉泉塔始建于1386年。", "1386年"),
        ("玉泉塔位于老城东门外，高约53米。", "53米"),
        ("该塔每年接待游客15万人次。", "15万"),
        ("塔身共有七层，由青砖砌成。", "七"),
    ],
)
def test_other_number_in_chinese_is_unsupported(statement: str, wrong: str) -> None:
    support = check(statement, TOWER)
    assert support.level == "unsupported"
    assert support.contradicted == (wrong,)


@pytest.mark.parametrize(
    "statement",
    [
        "玉泉塔始建于1376年，高约43米。",
        "塔身共有9层，由青砖砌成。",
        "该塔每年接待游客120,000人次。",
    ],
)
def test_chinese_statement_is_supported(statement: str) -> None:
    assert check(statement, TOWER).level == "supported"


def test_sum_that_nobody_wrote_is_partial_at_best() -> None:
    page = source("The fleet has 12 ferries and 30 tugs in the northern harbour.")
    support = check("The fleet has 42 ferries and tugs in the northern harbour.", page)
    assert support.level == "partial"


def test_another_name_is_listed_and_not_supported() -> None:
    page = source("The opera was written by Clara Winter in her house by the sea.")
    support = check("The opera was written by Anton Sommer.", page)
    assert support.level != "supported"
    assert support.contradicted == ("Anton Sommer",)


@pytest.mark.parametrize(
    ("statement", "text", "wrong"),
    [
        ("The museum is not open on Mondays.", "The museum is open on Mondays.", "not"),
        ("The museum is open on Mondays.", "The museum is not open on Mondays.", "open"),
        ("该博物馆没有停车场。", "该博物馆有停车场。", "没有"),
    ],
)
def test_denial_contradicts(statement: str, text: str, wrong: str) -> None:
    support = check(statement, source(text))
    assert support.level == "unsupported"
    assert support.contradicted == (wrong,)


def test_denial_of_a_part_of_a_sentence_contradicts() -> None:
    support = check("The Harbour Bridge does not carry trains.")
    assert support.level == "unsupported"
    assert support.contradicted == ("not",)


def test_number_that_belongs_to_something_else_is_partial_at_best() -> None:
    page = source("玉泉大学创办于1898年，初名玉泉学堂，设有三个学院。1912年改名为玉泉大学。")
    question = "玉泉大学是哪一年创办的？"
    assert check("玉泉大学创办于1898年。", page, question=question).level == "supported"
    assert check("玉泉大学创办于1912年。", page, question=question).level != "supported"


def test_number_that_the_question_brought_up_need_not_be_repeated() -> None:
    page = source("In the final on Sunday, Ana Ruiz beat the 2019 winner and took the title.")
    support = check(
        "Ana Ruiz took the title in 2021.", page, question="Who took the title in 2021?"
    )
    assert support.contradicted == ()


def test_statement_about_something_else_is_unsupported() -> None:
    support = check("Cats sleep for most of the day in warm places.")
    assert support.level == "unsupported"
    assert support.quote == ""
    assert support.source_number is None


@pytest.mark.parametrize(
    "statement",
    [
        "I hope this helps!",
        "Let me know if you want more.",
        "The sources do not say who designed the bridge.",
        "There is no information about the designer in the sources.",
        "Who designed the bridge?",
        "来源没有提到设计者。",
        "希望这些信息对您有帮助！",
        "```\nprint('The bridge was opened in 1932')\n```",
        "[1]",
    ],
)
def test_nothing_to_check(statement: str) -> None:
    assert check(statement).level == "not_checkable"


def test_without_sources_nothing_is_checkable() -> None:
    assert SupportChecker([]).check("The bridge was opened in 1932.").level == "not_checkable"
    assert SupportChecker([BRIDGE]).check("It is red.", cited=[7]).level == "not_checkable"


def test_only_the_cited_source_counts() -> None:
    checker = SupportChecker([BRIDGE, source("The bay is full of boats.", number=2)])
    statement = "The mayor opened the bridge on 19 March 1932."
    assert checker.check(statement, cited=[1]).level == "supported"
    assert checker.check(statement, cited=[2]).level == "unsupported"
    assert checker.check(statement).source_number == 1


def test_two_cited_sources_may_say_a_statement_together() -> None:
    checker = SupportChecker(
        [
            source("Rosa Lindt painted the ceiling of the chapel.", number=1),
            source("Rosa Lindt also carved the wooden altar.", number=2),
        ]
    )
    statement = "Rosa Lindt painted the ceiling and carved the wooden altar."
    both = checker.check(statement, cited=[1, 2]).score
    assert both > checker.check(statement, cited=[1]).score
    assert both > checker.check(statement, cited=[2]).score


def test_question_gives_a_short_statement_its_place() -> None:
    page = source(
        "Ada Brook directed the film. The script was written by Leo Marsh. "
        "It was shot in Norway during the winter."
    )
    question = "Who wrote the script?"
    right = check("Leo Marsh.", page, question=question)
    wrong = check("Ada Brook.", page, question="Where was the film shot in the winter?")
    assert right.score > wrong.score


def test_yes_is_never_more_than_partial() -> None:
    support = check("Yes.", question="Was the bridge opened by the mayor in 1932?")
    assert support.level == "partial"


def test_chinese_statement_over_english_source_compares_numbers_and_names() -> None:
    assert check("大桥的颜色非常漂亮。").level == "not_checkable"
    assert check("大桥于1932年3月19日建成。").level == "partial"
    assert check("大桥于1957年3月19日建成。").level == "unsupported"


def test_english_statement_over_chinese_source() -> None:
    assert check("The old tower is a lovely sight.", TOWER).level == "not_checkable"
    assert check("The tower was built in 1376.", TOWER).level == "partial"


def test_title_names_what_the_sentences_call_it() -> None:
    text = "It was opened in 1871 and holds 5,000 people."
    statement = "The Albert Hall was opened in 1871."
    named = check(statement, source(text, title="The Albert Hall"))
    nameless = check(statement, source(text))
    assert named.score > nameless.score


@given(
    st.lists(st.text(alphabet="ab c.1塔，。\n?", min_size=1, max_size=400), min_size=1, max_size=3),
    st.text(alphabet="ab c.1塔，。\n?", max_size=80),
)
def test_quotes_are_verbatim_and_short_and_levels_follow_scores(
    texts: list[str], statement: str
) -> None:
    support = SupportChecker([source(*texts)]).check(statement)
    assert 0.0 <= support.score <= 1.0
    assert len(support.quote) <= 300
    assert not support.quote or any(support.quote in text for text in texts)
    assert (support.source_number is None) == (support.quote == "")
    if support.level != "not_checkable":
        assert (support.level == "supported") == (support.score >= SUPPORTED_FROM)
        assert (support.level == "unsupported") == (support.score < PARTIAL_FROM)


def test_markers_do_not_change_the_judgement() -> None:
    assert check("About 160,000 vehicles cross it every day [1][2].") == check(
        "About 160,000 vehicles cross it every day."
    )


def test_same_input_same_support() -> None:
    statement = "The mayor opened the bridge in 1932, and 160,000 vehicles cross it."
    assert check(statement) == check(statement)


def test_source_is_found_for_a_statement_without_marker() -> None:
    checker = SupportChecker([source("The bay is full of boats.", number=1), _numbered(BRIDGE, 2)])
    assert checker.find_source("The Harbour Bridge carries trains and cars across the bay.") == 2
    assert checker.find_source("It was opened by the mayor on 19 March 1932.") == 2


@pytest.mark.parametrize(
    "statement",
    [
        "The Harbour Bridge was closed for repairs across the winter.",
        "It was opened by the mayor on 19 March 1933.",
        "It was opened by Anton Sommer on 19 March 1932.",
        "The Tower Bridge carries trains and cars across the bay.",
        "The Harbour Bridge does not carry trains and cars across the bay.",
        "The sources do not say that the Harbour Bridge carries trains and cars across the bay.",
        "The bridge.",
        "Yes.",
        "",
    ],
)
def test_no_source_is_found_for_what_none_surely_says(statement: str) -> None:
    assert SupportChecker([BRIDGE]).find_source(statement) is None


def _hostile() -> Iterator[str]:
    for piece in ("the ", "a. ", "塔", "1,", "\n", "A", "not ", "source ", "没有", "《", " "):
        yield piece * (100_000 // len(piece))


@pytest.mark.parametrize("text", list(_hostile()), ids=range(11))
def test_hostile_text_comes_to_an_end(text: str) -> None:
    checker = SupportChecker([source(text)])
    for statement in (text, "The bridge was opened in 1932."):
        support = checker.check(statement, question=text)
        assert len(support.quote) <= 300
        assert checker.find_source(statement) in (None, 1)


def _numbered(page: Source, number: int) -> Source:
    return source(*(passage.text for passage in page.passages), number=number)
