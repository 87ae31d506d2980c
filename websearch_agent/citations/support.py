"""Checks statements against the words of the sources: deterministic, in milliseconds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from websearch_agent.citations.checkable import (
    has_something_to_check,
    is_yes,
    without_refusal,
)
from websearch_agent.citations.claims import Claim, parse_claim
from websearch_agent.citations.contradictions import check_numbers, is_about
from websearch_agent.citations.denials import denial_against, opposite_of
from websearch_agent.citations.measures import measure
from websearch_agent.citations.names import (
    differing_designations,
    differing_names,
    missing_names,
)
from websearch_agent.citations.nearest import Nearest, find_nearest
from websearch_agent.citations.quote_choice import choose_quote
from websearch_agent.citations.refusals import says_not_said
from websearch_agent.citations.same_words import says_every_word
from websearch_agent.citations.scripts import in_different_scripts, is_chinese, shared_share
from websearch_agent.citations.support_weights import (
    PARTIAL_FROM,
    SUPPORTED_FROM,
    level_of,
    score_of,
)
from websearch_agent.citations.windows import IndexedSource, index_source
from websearch_agent.types import Source, Support

# A statement of fewer words of content gets no citation added: too many sources hold them.
_ADDED_MIN_TERMS = 3
# A term that counts for more is no function word.
_CONTENT_WEIGHT = 0.2
_JUST_BELOW = 0.01


@dataclass(frozen=True, slots=True)
class _Finding:
    """What some sources together say of a statement; `surely`: all of it, with nothing missing."""

    score: float
    nearest: Nearest
    contradicted: tuple[str, ...] = ()
    surely: bool = False


class SupportChecker:
    """Counts the sources once; then each statement costs milliseconds."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = {source.number: index_source(source) for source in sources}

    def check(self, statement: str, *, cited: Collection[int] = (), question: str = "") -> Support:
        """How well the `cited` sources say the statement; if none is cited, each of all.

        Markers in the statement do not count. `question`: what the statement answers, for what it
        does not repeat ("It was in 1912.").
        """
        sources = [s for number, s in self._sources.items() if not cited or number in cited]
        affirms = bool(question) and is_yes(statement)
        claim = parse_claim(question, "") if affirms else parse_claim(statement, question)
        claim = without_refusal(claim)
        found = _find_best(claim, sources, joined=bool(cited))
        if not affirms and not has_something_to_check(claim):
            return replace(self._support(claim, found), level="not_checkable", contradicted=())
        if not sources or (found is None and in_different_scripts(claim, sources)):
            return Support("not_checkable", 0.0)
        if affirms and found:
            # A question's words may be there and its answer still be no.
            found = replace(found, score=min(found.score, SUPPORTED_FROM - _JUST_BELOW))
        return self._support(claim, found)

    def find_source(self, statement: str, *, question: str = "") -> int | None:
        """The source that says a statement which names none, None if none surely does."""
        claim = parse_claim(statement, question)
        if says_not_said(claim.text):
            return None
        content = sum(weight > _CONTENT_WEIGHT for weight in claim.terms.weights)
        if content < _ADDED_MIN_TERMS or not has_something_to_check(claim):
            return None
        best_score, best_number = 0.0, None
        for number, source in self._sources.items():
            found = _find(claim, [source])
            if found and found.surely and found.score > best_score:
                best_score, best_number = found.score, number
        return best_number

    def _support(self, claim: Claim, found: _Finding | None) -> Support:
        if found is None:
            return Support("unsupported", 0.0)
        quote = choose_quote(claim, found.nearest, self._sources)
        number = found.nearest.sentences[found.nearest.best].source_number
        score = round(found.score, 4)
        contradicted = found.contradicted if quote else ()
        return Support(level_of(score), score, number if quote else None, quote, contradicted)


def _find_best(claim: Claim, sources: Sequence[IndexedSource], *, joined: bool) -> _Finding | None:
    """Of each source alone and, if `joined`, of all together: a statement may join what two say."""
    groups = [[source] for source in sources]
    if joined and len(groups) > 1:
        groups.append(list(sources))
    found = [finding for group in groups if (finding := _find(claim, group))]
    return max(found, key=lambda finding: finding.score, default=None)


def _find(claim: Claim, sources: Sequence[IndexedSource]) -> _Finding | None:
    """What the sources together say; None if nothing of the statement stands in them."""
    nearest = find_nearest(claim, sources)
    if nearest is None:
        return None
    numbers = check_numbers(claim, nearest)
    differing = tuple(claim.text[q.start : q.end] for q in numbers.differing)
    if in_different_scripts(claim, sources):
        share = shared_share(claim, sources, numbers)
        if share is None:
            return None
        score = PARTIAL_FROM + (SUPPORTED_FROM - PARTIAL_FROM - _JUST_BELOW) * share
        return _Finding(score * (PARTIAL_FROM if differing else 1.0), nearest, differing)
    measures = measure(claim, nearest, numbers)
    denied = denial_against(claim, nearest) or opposite_of(claim, nearest)
    differing += differing_designations(claim, nearest)
    names = differing_names(claim, nearest)
    score = score_of(measures, chinese=is_chinese(claim))
    if differing or denied:
        score *= PARTIAL_FROM
    elif numbers.derived or numbers.elsewhere or names:
        score = min(score, SUPPORTED_FROM - _JUST_BELOW)
    told = (*differing, *names, *denied)
    contradicted = told if is_about(claim, nearest) else ()
    surely = (
        score >= SUPPORTED_FROM
        and not (told or numbers.elsewhere or numbers.derived)
        and not (measures.numbers_missing or measures.denial)
        and not _lacks_names(claim, nearest, sources)
        and says_every_word(claim, nearest)
    )
    return _Finding(score, nearest, contradicted, surely)


def _lacks_names(claim: Claim, nearest: Nearest, sources: Sequence[IndexedSource]) -> bool:
    """Whether a name of the statement stands neither near its words nor over the page."""
    over = frozenset().union(*(source.title_terms | source.address_terms for source in sources))
    return any(name.stem not in over for name in missing_names(claim, nearest))
