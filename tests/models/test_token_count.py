"""The estimate of tokens is an upper one."""

from websearch_agent.models.token_count import estimate_tokens


def test_each_digit_counts_as_a_token() -> None:
    table = "\n".join(f"| {n * 7919:07d} | {n * 104_729:07d} |" for n in range(100))
    digits = sum(character.isdigit() for character in table)

    assert estimate_tokens([table])[0] >= digits


def test_plain_words_are_counted_a_tenth_too_many() -> None:
    assert estimate_tokens(["the red bridge is long and old and very wide", ""]) == [11, 0]
