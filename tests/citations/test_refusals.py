"""What says that the sources do not say."""

import pytest

from websearch_agent.citations.refusals import says_not_said, stated_beside

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
    "The sources say nothing about it.",
    "The answer is not in the sources.",
    "No source mentions the date.",
    "I don't know.",
    "The sources do not say who owns the lake. They only tell its depth [1].",
    "资料里没提到。",
    "抱歉，提供的资料无法回答这个问题。",
    "根据现有资料无法确定。",
    "资料中没有说明湖归谁所有，只介绍了湖的深度 [1]。",
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
    "The feature is not available in the north.",
    "The balm is not included in the official list.",
    "The context manager does not provide rollback.",
    "Articles of the plan do not cover dental care.",
    "I found no bugs.",
    "材料不包含石棉。",
    "该信息没有提供给公众。",
    "警方没有找到与案件相关的信息。",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusal_is_recognised(text: str) -> None:
    assert says_not_said(text)


@pytest.mark.parametrize("text", STATEMENTS)
def test_statement_about_the_world_is_none(text: str) -> None:
    assert not says_not_said(text)


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        ("The sources do not say who drew it, but it opened in 1975.", "it opened in 1975."),
        ("It opened in 1975, but the sources do not say who drew it.", "It opened in 1975"),
        ("资料中没有说明湖归谁所有，只介绍了湖的深度。", "只介绍了湖的深度。"),
        ("The sources do not say when, where and by whom it was built.", ""),
        ("As for Lake Orvan, the sources do not say who owns it.", ""),
        ("Lake Orvan is deep.", "Lake Orvan is deep."),
    ],
)
def test_what_is_stated_beside_a_refusal_is_told(text: str, beside: str) -> None:
    assert stated_beside(text) == beside


@pytest.mark.parametrize("text", ["sources " * 20_000, "资料" * 40_000, "no other " * 20_000])
def test_long_text_without_an_end_is_read_through(text: str) -> None:
    assert not says_not_said(text)
