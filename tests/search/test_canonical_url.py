import pytest

from websearch_agent.search.canonical_url import canonical_url, is_web_url, site_of


@pytest.mark.parametrize(
    "spelling",
    [
        "http://example.org/a",
        "https://EXAMPLE.org/a/",
        "https://example.org:443/a#part",
        "http://example.org:80/a",
        "https://example.org/a?utm_source=x&gclid=1",
        " https://example.org./a ",
    ],
)
def test_spellings_of_one_page_have_one_key(spelling: str) -> None:
    assert canonical_url(spelling) == "https://example.org/a"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/a?id=1", "https://example.org/a?id=2"),
        ("https://example.org/a", "https://example.org/A"),
        ("https://example.org:8080/a", "https://example.org/a"),
        ("file:///a", "https://example.org/a"),
    ],
)
def test_different_pages_have_different_keys(one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)


def test_broken_address_is_its_own_key() -> None:
    assert canonical_url("http://[broken") == "http://[broken"


def test_site_is_host_without_www() -> None:
    assert site_of("https://www.Example.org:8080/a") == "example.org"


def test_only_http_addresses_with_a_host_are_web_addresses() -> None:
    urls = ["https://a.org", "http://a.org", "javascript:alert(1)", "https:///x", "file:///a"]

    assert [is_web_url(url) for url in urls] == [True, True, False, False, False]
