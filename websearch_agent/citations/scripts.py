"""Judges a statement in one script over sources in another: only numbers and names compare."""

from collections.abc import Sequence

from websearch_agent.citations.claims import Claim
from websearch_agent.citations.contradictions import NumberCheck
from websearch_agent.citations.terms import chinese_share
from websearch_agent.citations.windows import IndexedSource

# Shares of Chinese characters among the words: a Chinese statement holds Latin names too, an
# English page some Chinese ones.
_MOSTLY = 0.5
_HARDLY = 0.1
_MIN_LATIN_CHARS = 2


def in_different_scripts(claim: Claim, sources: Sequence[IndexedSource]) -> bool:
    """Whether one side is written in Chinese and none of the other is."""
    share = chinese_share(claim.tokens)
    if share >= _MOSTLY:
        return all(source.chinese_share < _HARDLY for source in sources)
    return share < _HARDLY and all(source.chinese_share >= _MOSTLY for source in sources)


def shared_share(
    claim: Claim, sources: Sequence[IndexedSource], numbers: NumberCheck
) -> float | None:
    """Share of the statement's numbers and Latin words that the sources hold; None if unknown.

    A name that the sources do not hold says nothing: they write it in their own script.
    """
    chinese = is_chinese(claim)
    said = frozenset().union(*(s.terms for source in sources for s in source.sentences))
    words = claim.tokens if chinese else claim.names
    latin = {
        token.stem
        for token in words
        if not token.is_cjk and token.stem.isalpha() and len(token.stem) >= _MIN_LATIN_CHARS
    }
    found = len(latin & said) + len(claim.quantities) - len(numbers.missing)
    known = len(claim.quantities) + (len(latin) if chinese else len(latin & said))
    return found / known if known else None


def is_chinese(claim: Claim) -> bool:
    """Whether at least half of the statement's words are Chinese characters."""
    return chinese_share(claim.tokens) >= _MOSTLY
