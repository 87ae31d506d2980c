import pytest

from websearch_agent.agent.addresses import find_addresses, shorter_address, without_addresses


@pytest.mark.parametrize(
    ("question", "addresses"),
    [
        ("Summarise https://example.org/a?b=1#c, please.", ("https://example.org/a?b=1#c",)),
        ("看看https://example.org/新闻说了什么", ("https://example.org/新闻说了什么",)),
        ("https://zh.wikipedia.org/wiki/北京，讲了什么？", ("https://zh.wikipedia.org/wiki/北京",)),
        (
            "read https://en.example.org/wiki/O'Reilly_Media",
            ("https://en.example.org/wiki/O'Reilly_Media",),
        ),
        ("'https://example.org/a'", ("https://example.org/a",)),
        ("https://example.org/{id}?a={b}", ("https://example.org/{id}?a={b}",)),
        ("请总结（https://example.org/a）。", ("https://example.org/a",)),
        ("See (https://example.org/wiki/Go_(game)).", ("https://example.org/wiki/Go_(game)",)),
        ("<https://example.org/a>", ("https://example.org/a",)),
        ("www.example.org/x is what I mean", ("https://www.example.org/x",)),
        (
            "http://a.example http://b.example http://a.example",
            ("http://a.example", "http://b.example"),
        ),
        ("ftp://example.org and example.org and file:///etc/passwd", ()),
        ("http://localhost", ()),
        ("https://", ()),
        ("What is http?", ()),
    ],
)
def test_addresses_of_a_question(question: str, addresses: tuple[str, ...]) -> None:
    assert find_addresses(question) == addresses


@pytest.mark.parametrize(
    ("address", "shorter"),
    [
        ("https://example.org/新闻说了什么", "https://example.org/"),
        ("https://example.org/a,东京", "https://example.org/a"),
        ("https://example.org/a", None),
        ("https://东京.example/", None),
    ],
)
def test_sentence_without_blanks_may_be_cut_off(address: str, shorter: str | None) -> None:
    assert shorter_address(address) == shorter


def test_at_most_three_addresses_are_taken() -> None:
    assert len(find_addresses(" ".join(f"https://{n}.example" for n in range(9)))) == 3


def test_the_rest_of_the_question_is_left_without_its_addresses() -> None:
    assert without_addresses("Summarise https://example.org/a for me") == "Summarise for me"
