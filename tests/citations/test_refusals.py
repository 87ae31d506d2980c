"""What says that the sources do not say."""

import pytest

from websearch_agent.citations.refusals import says_not_said

REFUSALS = [
    "The sources do not say who owns the lake.",
    "The provided passages don't mention the price.",
    "The text does not explicitly state when it was built.",
    "There is no information about its depth in the given sources.",
    "Its depth is not mentioned in the sources.",
    "None of the sources answers this.",
    "The question cannot be answered from the information given.",
    "The search found nothing that could be read, so this question is not answered.",
    "资料中没有说明奥尔湖归谁所有。",
    "来源未提及票价。",
    "提供的资料没有给出具体的日期。",
    "无法从资料中得知湖的深度。",
    "没有找到与该问题相关的信息。",
    "搜索没有找到任何可读的资料，因此这个问题没有得到回答。",
]
STATEMENTS = [
    "Lake Orvan is 212 metres deep.",
    "The minister did not say when he would resign.",
    "The company does not provide refunds.",
    "The museum has no entrance fee.",
    "I found the book in the library.",
    "奥尔湖水深 212 米。",
    "他没有说明辞职的原因。",
    "公司不提供退款。",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusal_is_recognised(text: str) -> None:
    assert says_not_said(text)


@pytest.mark.parametrize("text", STATEMENTS)
def test_statement_about_the_world_is_none(text: str) -> None:
    assert not says_not_said(text)


@pytest.mark.parametrize("text", ["sources " * 20_000, "资料" * 40_000, "no other " * 20_000])
def test_long_text_without_an_end_is_read_through(text: str) -> None:
    assert not says_not_said(text)
