"""A gold answer is found however it is written, and nowhere else."""

import pytest

from websearch_agent.evals.gold_answers import answer_words, best_recall, has_answer, is_long


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        ("1900.0", "他生于1900年。"),
        ("1900年", "It was in 1900."),
        ("14,500", "about 14500 people"),
        ("7.50 million", "７.5 Million euros"),
        ("$2.4 billion", "US$2.4bn in all"),
        ("1.20亿", "共12000万元"),
        ("3.5万亿斤", "35000亿斤"),
        ("May 15, 2012", "on the 15th of May 2012"),
        ("2012-05-15", "2012年5月15日开业"),
        ("5月15日", "于2012-05-15开业"),
        ("June 2020", "It closed on 3 Jun. 2020 [1]."),
        ("5月12日", "在2020年5月12日举行"),
        ("12.5%", "12.5 per cent"),
        ("12.5%", "百分之12.5"),
        ("the Old Mill", "An old mill!"),
        ("林 晓雨", "由林晓雨设计"),
        ("21-19", "They won 21–19."),
        ("three", "3 ships"),
        ("O'Dell & Co.", "the firm o’dell & co was"),
    ],
)
def test_answer_is_found_in_another_form(gold: str, text: str) -> None:
    assert has_answer(text, ((gold,),))


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        ("90", "in 1990"),
        ("2.4 billion", "2.4 million"),
        ("15 May 2012", "on 16 May 2012"),
        ("art", "a party"),
        ("1900", "1,900.5"),
        ("1", "It is so [1]."),
        ("", "anything"),
        ("…", "anything"),
    ],
)
def test_other_words_and_numbers_are_not_the_answer(gold: str, text: str) -> None:
    assert not has_answer(text, ((gold,),))


def test_all_of_one_alternative_must_be_said() -> None:
    golds = (("red", "blue"), ("green",))
    assert has_answer("blue and red", golds)
    assert has_answer("green", golds)
    assert not has_answer("red", golds)


def test_no_date_and_endless_numbers_do_no_harm() -> None:
    assert answer_words("1984-82-12") == ["1984", "82", "12"]
    assert answer_words("1" + "亿" * 10_000)[0].startswith("1000")
    assert answer_words("7" * 2_000_000) == ["7" * 2_000_000]


def test_recall_is_of_the_best_alternative() -> None:
    assert best_recall("the red tower", (("a red bridge",), ("red tower of stone",))) == 0.5
    assert best_recall("nothing", ()) == 0.0


def test_long_answers_are_known() -> None:
    assert not is_long(("twelve words " * 6,))
    assert is_long(("thirteen words " * 7,))
    assert not is_long(("字" * 24,))
    assert is_long(("字" * 25,))
