"""What a source has otherwise is not supported, and no citation is added to it."""

import pytest

from websearch_agent.citations.support import SupportChecker
from websearch_agent.types import Passage, Source, Support


def source(text: str) -> Source:
    passage = Passage("https://example.org", text, 0, len(text))
    return Source(1, "https://example.org", "", "example.org", (passage,))


def check(statement: str, text: str, question: str = "") -> Support:
    return SupportChecker([source(text)]).check(statement, cited=(1,), question=question)


def find_source(statement: str, text: str, question: str = "") -> int | None:
    return SupportChecker([source(text)]).find_source(statement, question=question)


TOLD_OTHERWISE = [
    ("The QX-4 model was sold in March 2023.", "The QX-3 model was sold in March 2023.", "QX-3"),
    ("The B320 has 180 seats and two doors.", "The B380 has 180 seats and two doors.", "B380"),
    ("Kestrel v3.11 came out in autumn.", "Kestrel v3.12 came out in autumn.", "v3.12"),
    ("Kestrel 3.11.4 came out in autumn.", "Kestrel 3.11.5 came out in autumn.", "3.11.5"),
    ("It fell to -15 degrees in Orlo in May.", "It fell to 15 degrees in Orlo in May.", "15"),
    ("One third of voters backed it.", "Two thirds of voters backed it.", "Two thirds"),
    ("The ferry takes 45 minutes to Orlo.", "The ferry takes 45 hours to Orlo.", "45 hours"),
    ("The mast is 330 metres tall.", "The mast is 330 feet tall.", "330 feet"),
    ("The half-life is 5.27 years.", "The half-life is 5.27 days.", "5.27 days"),
    ("Responses arrive within 30 seconds.", "Responses arrive within 30 ms.", "30 ms"),
    ("Ferry sales rose 12% in 2023.", "Ferry sales fell 12% in 2023.", "fell"),
    ("At least 300 ships sank.", "At most 300 ships sank.", "At most"),
    ("Logging is off by default.", "Logging is on by default.", "on by default"),
    ("The first mayor was Ann Lee.", "The second mayor was Ann Lee.", "second"),
    ("The minister denied that taxes rise.", "The minister said that taxes rise.", "taxes"),
    (
        "The balm isn't approved for horses under two in Norway because trials failed.",
        "The balm is approved for horses under two.",
        "approved",
    ),
    (
        "Magnets do not cure rust in ships, according to a 2019 study.",
        "Magnets cure rust in ships.",
        "cure",
    ),
    ("The pact was signed by Orlo, not Lund.", "The pact was signed by Lund.", "Lund"),
    (
        "Brook was born on 5 March 1970 in Lund and died on 7 May 2001 in Orlo.",
        "Brook was born in May 1970 in Lund.",
        "May 1970",
    ),
    ("The pier is hardly ever visible from Orlo.", "The pier is visible from Orlo.", "visible"),
    ("涂料包含石棉。", "涂料不包含石棉。", "不"),
    ("三分之一的船员支持。", "三分之二的船员支持。", "三分之二"),
    ("玉泉塔高43米。", "玉泉塔高43公里。", "43公里"),
    ("渡轮销量同比增长12%。", "渡轮销量同比下降12%。", "下降"),
    ("首都是玉泉，而不是白沙。", "首都是白沙。", "是白"),
    ("渡轮会议于周二举行。", "渡轮会议于周四举行。", "周四"),
    ("玉泉塔建于公元前7世纪。", "玉泉塔建于公元7世纪。", "7世纪"),
]


@pytest.mark.parametrize(("text", "statement", "wrong"), TOLD_OTHERWISE)
def test_what_is_told_otherwise_is_unsupported(text: str, statement: str, wrong: str) -> None:
    support = check(statement, text)
    assert support.level == "unsupported"
    assert support.contradicted == (wrong,)
    assert find_source(statement, text) is None


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        (
            "It earned $10 million in 2020 and $12 million in 2021.",
            "It earned $12 million in 2020.",
        ),
        ("2020年营收为10亿元，2021年营收为12亿元。", "2020年营收为12亿元。"),
        (
            "The firm was founded in 1990 and in 2005 moved to Lund with a staff of 300.",
            "The firm moved to Lund in 1990.",
        ),
        ("Founded 1850, the yard employs 2000 people.", "The yard employs 1850 people."),
        ("The club won 2-1 against Orlo.", "The club won 1-2 against Orlo."),
        ("球队以2比1获胜。", "球队以1比2获胜。"),
        ("John Brook won the race in Lund.", "Jane Brook won the race in Lund."),
    ],
)
def test_number_or_name_beside_other_words_is_partial_at_best(text: str, statement: str) -> None:
    assert check(statement, text).level != "supported"
    assert find_source(statement, text) is None


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        (
            "The ferry runs 45 minutes from Lund to Orlo.",
            "The ferry runs 45 minutes from Orlo to Lund.",
        ),
        (
            "Kestrel bought Heron in 2014 for $3 billion.",
            "Heron bought Kestrel in 2014 for $3 billion.",
        ),
        (
            "Brook was born on 5 March 1970 in Lund and died on 7 May 2001 in Orlo.",
            "Brook was born on 7 May 2001 in Orlo and died on 5 March 1970 in Lund.",
        ),
        ("张三打败了李四，获得冠军。", "李四打败了张三，获得冠军。"),
        (
            "The northern ferry line carries trains and cars.",
            "Electric ferry line carries trains and cars.",
        ),
    ],
)
def test_no_citation_is_added_where_words_or_their_order_differ(text: str, statement: str) -> None:
    assert find_source(text, text) == 1
    assert find_source(statement, text) is None


def test_number_that_the_question_asks_about_is_no_occasion() -> None:
    support = check(
        "The mast is 500 metres tall.",
        "The mast is 330 metres tall.",
        "Is the mast 500 metres tall?",
    )
    assert support.level == "unsupported"
    assert support.contradicted == ("500 metres",)


def test_page_about_something_else_contradicts_nothing() -> None:
    text = "The blue tower was built in 1801 by Ann Lee."
    support = check("The red bridge was opened in 1932 by the mayor.", text)
    assert support.level == "unsupported"
    assert support.contradicted == ()


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        (
            "The museum is not open on Mondays, but it is open on Sundays.",
            "The museum is open on Sundays.",
        ),
        ("The lift was not only fast but cheap.", "The lift was fast."),
        ("The pact was signed by Orlo and not by Lund.", "The pact was signed by Orlo, not Lund."),
        ("首都是玉泉，而不是白沙。", "首都是玉泉。"),
        ("Sales rose 12% in 2023 after they fell in 2022.", "Sales rose 12% in 2023."),
        (
            "It earned $10 million in 2020 and $12 million in 2021.",
            "It earned $12 million in 2021.",
        ),
        (
            "The firm was founded in 1990 and in 2005 moved to Lund.",
            "The firm moved to Lund in 2005.",
        ),
        (
            "The QX-4 model followed the QX-3 model in March.",
            "The QX-3 model was followed by the QX-4 model.",
        ),
        ("Dr. Brook won the race in Lund.", "Jane Brook won the race in Lund."),
    ],
)
def test_what_only_looks_otherwise_contradicts_nothing(text: str, statement: str) -> None:
    assert check(statement, text).contradicted == ()


SAME_VALUE = [
    ("Kestrel raised $5m in Lund.", "Kestrel raised $5 million in Lund."),
    ("The app has 20M users.", "The app has 20 million users."),
    ("The town has 12 000 people.", "The town has 12,000 people."),
    ("It spread in the twenty-first century.", "It spread in the 21st century."),
    ("The boat costs 25.000 euros.", "The boat costs 25,000 euros."),
    ("The show begins at 5 pm on Friday.", "The show begins at 17:00 on Friday."),
    ("The bell weighs 1,500 kg.", "The bell weighs 1.5 tonnes."),
    ("The pier is 1.2 km long.", "The pier is 1200 metres long."),
    ("It was sold on 05.03.2021 in Lund.", "It was sold on 5 March 2021 in Lund."),
    ("渡轮于3月5日晚8点出发。", "渡轮于3月5日20:00出发。"),
    ("该书于上世纪九十年代出版。", "该书于20世纪90年代出版。"),
]


@pytest.mark.parametrize(("text", "statement"), SAME_VALUE)
def test_same_value_in_another_form_is_supported(text: str, statement: str) -> None:
    support = check(statement, text)
    assert support.level == "supported"
    assert support.contradicted == ()


@pytest.mark.parametrize(
    ("statement", "level"),
    [
        ("The sources do not say who drew the mast, but it was built in 1975 [1].", "unsupported"),
        ("The sources do not say who drew the mast, but it was built in 1932 [1].", "supported"),
        ("The mast was built in 1975, but the sources do not say who drew it.", "unsupported"),
        ("The sources do not say who drew the mast.", "not_checkable"),
        ("资料中没有说明桅杆由谁设计，但它建于1975年。", "unsupported"),
    ],
)
def test_what_a_refusal_states_besides_is_checked(statement: str, level: str) -> None:
    text = (
        "The mast was built in 1932 by the harbour." if "mast" in statement else "桅杆建于1932年。"
    )
    assert check(statement, text).level == level


def test_plain_fact_that_sounds_like_a_refusal_is_checked() -> None:
    support = check("The ferry is not available in winter.", "The ferry is available in winter.")
    assert support.level == "unsupported"
    assert support.contradicted == ("not",)
