import pytest
from search_fakes import FakeEngine

from websearch_agent.errors import (
    EngineBlocked,
    EngineRateLimited,
    EngineUnavailable,
    InvalidRequest,
)
from websearch_agent.search.fan_out import search_all
from websearch_agent.search.resting import RestTable
from websearch_agent.types import SearchQuery

pytestmark = pytest.mark.anyio


async def test_results_follow_the_order_of_the_engines_not_of_their_answers() -> None:
    slow = FakeEngine("slow", ["https://slow.org/"], turns_to_wait=5)
    fast = FakeEngine("fast", ["https://fast.org/"])

    outcome = await search_all([slow, fast], [SearchQuery("q")], deadline_s=5)

    assert [result.url for result in outcome.results] == ["https://slow.org/", "https://fast.org/"]


async def test_every_engine_is_asked_every_query() -> None:
    one, two = FakeEngine("one"), FakeEngine("two")

    await search_all([one, two], [SearchQuery("a"), SearchQuery("b")], deadline_s=5)

    assert (one.asked, two.asked) == (["a", "b"], ["a", "b"])


async def test_slow_engine_becomes_a_failure_and_is_cancelled() -> None:
    hanging, good = FakeEngine("hanging", hangs=True), FakeEngine("good", ["https://a.org/"])

    outcome = await search_all([hanging, good], [SearchQuery("q")], deadline_s=0.01)

    (failure,) = outcome.failures
    assert (failure.engine, failure.query, failure.code, failure.reason) == (
        "hanging", "q", "engine_unavailable", "no answer within 0.01 s",
    )  # fmt: skip
    assert hanging.was_cancelled
    assert [result.url for result in outcome.results] == ["https://a.org/"]


async def test_nothing_found_is_not_a_failure() -> None:
    outcome = await search_all([FakeEngine("empty")], [SearchQuery("q")], deadline_s=5)

    assert (outcome.results, outcome.failures) == ([], ())
    assert outcome.answered_by == {"empty"}


async def test_all_engines_failing_names_each_with_its_reason() -> None:
    engines = [
        FakeEngine("one", error=EngineUnavailable("could not reach one.org: no route")),
        FakeEngine("two", error=EngineBlocked("captcha")),
    ]

    outcome = await search_all(engines, [SearchQuery("q")], deadline_s=5)

    assert outcome.answered_by == frozenset()
    assert [(failure.engine, failure.reason) for failure in outcome.failures] == [
        ("one", "could not reach one.org: no route"),
        ("two", "captcha"),
    ]


async def test_no_engine_at_all_answers_nothing() -> None:
    outcome = await search_all([], [SearchQuery("q")], deadline_s=5)

    assert (outcome.results, outcome.failures, outcome.answered_by) == ([], (), frozenset())


async def test_rate_limited_engine_rests_for_its_waiting_time() -> None:
    now_s = 100.0
    rests = RestTable(clock=lambda: now_s)
    limited = FakeEngine("limited", error=EngineRateLimited("HTTP 429", retry_after_s=30))
    good = FakeEngine("good", ["https://a.org/"])
    await search_all([limited, good], [SearchQuery("first")], deadline_s=5, rests=rests)

    now_s = 110.0
    outcome = await search_all([limited, good], [SearchQuery("second")], deadline_s=5, rests=rests)
    now_s = 131.0
    await search_all([limited, good], [SearchQuery("third")], deadline_s=5, rests=rests)

    (failure,) = outcome.failures
    assert (failure.code, failure.retry_after_s) == ("engine_rate_limited", 20.0)
    assert limited.asked == ["first", "third"]


async def test_broken_parser_of_one_engine_does_not_end_the_search() -> None:
    broken = FakeEngine("broken", error=IndexError("list index"))
    good = FakeEngine("good", ["https://a.org/"])

    outcome = await search_all([broken, good], [SearchQuery("q")], deadline_s=5)

    assert [failure.engine for failure in outcome.failures] == ["broken"]
    assert len(outcome.results) == 1


async def test_pages_outside_the_wanted_domains_are_dropped() -> None:
    engine = FakeEngine(
        "e", ["https://docs.a.org/1", "https://b.org/2", "https://bad.a.org/3", "https://aa.org/"]
    )
    query = SearchQuery("q", include_domains=("a.org",), exclude_domains=("bad.a.org",))

    outcome = await search_all([engine], [query], deadline_s=5)

    assert [result.url for result in outcome.results] == ["https://docs.a.org/1"]


@pytest.mark.parametrize("wanted", ["https://docs.a.org/guide", "*.a.org", "A.org.", ".a.org"])
async def test_domain_written_otherwise_keeps_and_drops_the_same_pages(wanted: str) -> None:
    engine = FakeEngine("e", ["https://docs.a.org/1", "https://b.org/2"])
    include = SearchQuery("q", include_domains=(wanted,))
    exclude = SearchQuery("q", exclude_domains=(wanted,))

    included = await search_all([engine], [include], deadline_s=5)
    excluded = await search_all([engine], [exclude], deadline_s=5)

    assert [result.url for result in included.results] == ["https://docs.a.org/1"]
    assert [result.url for result in excluded.results] == ["https://b.org/2"]


async def test_what_is_no_domain_is_refused_before_any_engine_is_asked() -> None:
    engine = FakeEngine("e", ["https://a.org/"])

    with pytest.raises(InvalidRequest, match="'no domain' is no domain"):
        await search_all([engine], [SearchQuery("q", exclude_domains=("no domain",))], deadline_s=5)

    assert engine.asked == []
