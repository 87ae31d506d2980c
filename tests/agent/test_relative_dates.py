"""Relative dates of queries against today's date."""

import datetime as dt

import pytest
from agent_parts import ask, make_parts
from fakes import FakeEngine, FakeModel, make_results, search_call

from websearch_agent.agent.relative_dates import with_absolute_dates
from websearch_agent.events import DecisionMade
from websearch_agent.protocols import ConversationStore

MONDAY = dt.date(2026, 11, 23)


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("biggest earthquakes last week", "biggest earthquakes week of 16 November 2026"),
        ("news of Yesterday", "news of 22 November 2026"),
        ("films last month", "films October 2026"),
        ("inflation last year", "inflation 2025"),
        ("events this week in Rome", "events week of 23 November 2026 in Rome"),
        ("上周英超比赛结果", "2026年11月16日那一周英超比赛结果"),
        ("昨天的新闻", "2026年11月22日的新闻"),
        ("去年诺贝尔文学奖", "2025年诺贝尔文学奖"),
        ("上个月的票房", "2026年10月的票房"),
        ("上周三的比赛", "上周三的比赛"),
        ("USA Today circulation history", "USA Today circulation history"),
        ("git undo last commit", "git undo last commit"),
        ("The last weekend house", "The last weekend house"),
    ],
)
def test_relative_dates_are_written_out(query: str, meant: str) -> None:
    assert with_absolute_dates(query, today=MONDAY) == meant


def test_last_month_and_year_at_the_turn_of_the_year() -> None:
    new_year = dt.date(2024, 2, 29)
    assert with_absolute_dates("last month", today=dt.date(2026, 1, 31)) == "December 2025"
    assert with_absolute_dates("last year", today=new_year) == "2023"


@pytest.mark.anyio
async def test_engines_are_asked_with_the_date(store: ConversationStore) -> None:
    engine = FakeEngine(make_results("https://a.example/"))
    model = FakeModel([search_call("red bridge news last week"), "In 1932. [1]"])
    events = await ask(make_parts(store, model, engines=[engine]))
    asked = "red bridge news week of 16 November 2026"
    assert [query.query for query in engine.queries] == [asked]
    assert [e.queries for e in events if isinstance(e, DecisionMade)] == [(asked,)]
