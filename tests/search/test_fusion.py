from search_fakes import make_result

from websearch_agent.search.canonical_url import site_of
from websearch_agent.search.fusion import fuse_rankings, limit_per_site, rank_pages


def test_page_in_two_rankings_comes_first() -> None:
    a, b = make_result("https://a.org/"), make_result("https://b.org/")

    fused = fuse_rankings([[a, b], [b]])

    assert [result.url for result in fused] == ["https://b.org/", "https://a.org/"]
    assert [result.rank for result in fused] == [1, 2]


def test_ties_keep_first_seen_order() -> None:
    a, b, c = (make_result(f"https://{name}.org/") for name in "abc")

    assert [r.url for r in fuse_rankings([[b], [a], [c]])] == [b.url, a.url, c.url]


def test_page_named_twice_in_one_ranking_counts_once() -> None:
    a, again = make_result("https://a.org/x"), make_result("http://a.org/x/?utm_source=s")
    b = make_result("https://b.org/")

    fused = fuse_rankings([[b, a, again], [b]])

    assert [result.url for result in fused] == [b.url, a.url]


def test_merged_page_keeps_date_longer_snippet_and_https() -> None:
    first = make_result("http://a.org/x", snippet="short")
    other = make_result("https://a.org/x", snippet="longer words", date="2024-01-02")

    (fused,) = fuse_rankings([[first], [other]])

    assert (fused.url, fused.snippet, fused.date) == (
        "https://a.org/x", "longer words", "2024-01-02",
    )  # fmt: skip


def test_merged_page_is_read_in_its_plain_form() -> None:
    mobile = make_result("https://en.m.wikipedia.org/wiki/Quokka?utm_source=s", title="mobile")
    plain = make_result("https://en.wikipedia.org/wiki/Quokka", title="plain")

    (fused,) = fuse_rankings([[mobile], [plain]])

    assert (fused.url, fused.title) == (plain.url, "mobile")


def test_host_that_was_found_with_www_keeps_it() -> None:
    first, other = make_result("https://www.a.org/x"), make_result("https://a.org/x")

    (fused,) = fuse_rankings([[first], [other]])

    assert fused.url == "https://www.a.org/x"


def test_further_pages_of_one_site_come_behind_all_others() -> None:
    results = [make_result(f"https://www.a.org/{n}") for n in range(5)]
    results.append(make_result("https://b.org/"))

    kept = limit_per_site(results, max_per_site=3)

    assert [r.url for r in kept] == [
        "https://www.a.org/0", "https://www.a.org/1", "https://www.a.org/2", "https://b.org/",
        "https://www.a.org/3", "https://www.a.org/4",
    ]  # fmt: skip
    assert [r.rank for r in kept] == [1, 2, 3, 4, 5, 6]


def test_documents_of_the_local_index_are_not_limited() -> None:
    results = [make_result(f"https://a.org/{n}", document_id=f"local:{n}") for n in range(5)]

    assert len(limit_per_site(results, max_per_site=3)) == 5


def test_two_searches_of_one_answer_keep_the_limit_of_a_site() -> None:
    first = [make_result(f"https://a.org/{n}") for n in range(3)] + [make_result("https://b.org/")]
    second = [make_result(f"https://a.org/{n}") for n in range(3, 6)]

    ranked = rank_pages([first, second], max_per_site=3)

    assert [site_of(result.url) for result in ranked[:4]].count("a.org") == 3
    assert "https://b.org/" in [result.url for result in ranked[:4]]
    assert len(ranked) == 7
    assert [result.rank for result in ranked] == [1, 2, 3, 4, 5, 6, 7]
