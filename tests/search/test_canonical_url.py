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
        "https://www.example.org/a",
        "https://example.org/%61",
        "https://example.org/a/index.html",
        "https://example.org/a?spm=1.2.3&scm=x",
        "https://example.org/a?amp=1",
        "https://example.org/a;jsessionid=0A1B",
        "https://www.google.com/amp/s/example.org/a",
        "https://example-org.cdn.ampproject.org/c/s/example.org/a",
    ],
)
def test_spellings_of_one_page_have_one_key(spelling: str) -> None:
    assert canonical_url(spelling) == "https://example.org/a"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://en.m.wikipedia.org/wiki/Quokka", "https://en.wikipedia.org/wiki/Quokka"),
        ("https://zh.wikipedia.org/zh-tw/上海", "https://zh.m.wikipedia.org/wiki/%e4%b8%8a%E6%B5%B7"),
        ("https://mobile.twitter.com/a/status/1?s=20", "https://x.com/a/status/1"),
        ("https://old.reddit.com/r/a/comments/1/", "https://www.reddit.com/r/a/comments/1"),
        ("https://news.org/2024/a-long-title/amp/", "https://news.org/2024/a-long-title"),
        ("https://news.org/a/1234567/amp", "https://news.org/a/1234567"),
        ("https://e.org/?b=2&a=1", "https://e.org/?a=1&b=2"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://www.bilibili.com/video/BV1?spm_id_from=333&vd_source=a",
         "https://m.bilibili.com/video/BV1"),
        ("https://mp.weixin.qq.com/s?__biz=M&mid=1&idx=1&sn=a&chksm=b&scene=27",
         "https://mp.weixin.qq.com/s?__biz=M&mid=1&idx=1&sn=a"),
        ("https://baike.baidu.com/item/a/1?fr=aladdin", "https://baike.baidu.com/item/a/1"),
        ("https://blog.csdn.net/a/article/details/1?spm=1001&ops_request_misc=%7B",
         "https://blog.csdn.net/a/article/details/1"),
        ("https://www.youtube.com/watch?v=1&si=x&feature=share", "https://m.youtube.com/watch?v=1"),
    ],
)  # fmt: skip
def test_forms_of_one_page_have_one_key(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/a?id=1", "https://example.org/a?id=2"),
        ("https://example.org/a", "https://example.org/A"),
        ("https://example.org:8080/a", "https://example.org/a"),
        ("file:///a", "https://example.org/a"),
        ("file:///a/index.html", "file:///a"),
        ("https://m.example.org/a", "https://example.org/a"),
        ("https://amp.example.org/a", "https://example.org/a"),
        ("https://pypi.org/project/amp", "https://pypi.org/project"),
        ("https://en.wikipedia.org/wiki/AMP", "https://en.wikipedia.org/wiki"),
        ("https://en.wikipedia.org/wiki/A", "https://zh.wikipedia.org/wiki/A"),
        ("https://en.wikipedia.org/zh-tw/A", "https://en.wikipedia.org/wiki/A"),
        ("https://e.org/?from=1", "https://e.org/?from=2"),
        ("https://e.org/list?source=a", "https://e.org/list?source=b"),
        ("https://e.org/?t=1", "https://e.org/?t=2"),
        ("https://e.org/?ref=main", "https://e.org/?ref=dev"),
        ("https://github.com/a/b?tab=readme", "https://github.com/a/b"),
        ("https://www.youtube.com/watch?v=1", "https://www.youtube.com/watch?v=2"),
        (
            "https://mp.weixin.qq.com/s?__biz=M&mid=1&idx=1",
            "https://mp.weixin.qq.com/s?__biz=M&mid=1&idx=2",
        ),
        ("https://notx.com/?s=a", "https://notx.com/?s=b"),
        ("https://e.org/a%2Fb", "https://e.org/a/b"),
        ("https://e.org/?a=1&a=2", "https://e.org/?a=2&a=1"),
        ("https://e.org/?q=a%26b", "https://e.org/?q=a&b"),
        ("https://e.org/index.php?p=1", "https://e.org/?p=1"),
        ("https://www.com/", "https://com/"),
        ("https://evil.example/amp/s/example.org/a", "https://example.org/a"),
    ],
)
def test_different_pages_have_different_keys(one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)


@pytest.mark.parametrize(
    "url",
    [
        "https://e.org/\ud83d", "https://e.org/%zz?%", "https://" + "ü" * 300 + ".org/",
        "https:///",
        "https://www.google.com" + "/amp/s/google.com" * 5000,
        "https://e.org/" + "%" * 10_000,
    ],
)  # fmt: skip
def test_hostile_address_has_a_key_too(url: str) -> None:
    assert canonical_url(url) == canonical_url(url + "#part")


@pytest.mark.parametrize("url", ["http://[broken", "https://www.google.com/amp/s/[broken"])
def test_broken_address_is_its_own_key(url: str) -> None:
    assert canonical_url(url) == url


def test_site_is_host_without_www() -> None:
    assert site_of("https://www.Example.org:8080/a") == "example.org"


def test_only_http_addresses_with_a_host_are_web_addresses() -> None:
    urls = ["https://a.org", "http://a.org", "javascript:alert(1)", "https:///x", "file:///a"]

    assert [is_web_url(url) for url in urls] == [True, True, False, False, False]
