"""Does a text give the gold answer, however it writes it? Pure functions."""

import re
from collections import Counter
from collections.abc import Sequence

from websearch_agent.citations.refusals import says_not_said
from websearch_agent.citations.windows import sentence_spans
from websearch_agent.evals.answer_words import MONTHS, answer_words
from websearch_agent.pages.words import query_words, words_of

Golds = tuple[tuple[str, ...], ...]
"""Alternatives; all answers of one of them must be there."""

MAX_GOLD_WORDS = 12
# A word so short stands in many a text by chance.
BRIEF_CHARS = 2
# A word of a question that counts for less says nothing of what it is about.
_CONTENT_WEIGHT = 0.5

_DENIALS = frozenset({"not", "never", "nor", "neither"})
_DENYING_PAIRS = frozenset(
    {
        *(("rather", "than"), ("instead", "of"), ("other", "than")),
        *(("并", "非"), ("而", "非"), ("绝", "非")),
    }
)
# May stand between a denial and what is denied: "not in 1932", 不是1932年.
_LINKS = frozenset(
    {
        *("in", "on", "at", "by", "to", "for", "from", "of", "with", "as"),
        *("be", "been", "called", "named", "是", "在", "由", "叫", "为", "于"),
    }
)
# A digit in a name or code, GPT-4 or H2O, is no number that anybody states.
_CODE = re.compile(r"\b[^\W\d_]+-?\d[\w.-]*", re.ASCII)


def has_answer(text: str, golds: Golds) -> bool:
    """Whether all answers of one alternative stand in the text, each as whole words, and somewhere
    not as what is denied: "not in 1932 but in 1975" holds 1975 alone.
    """
    plain: list[str] | None = None
    for gold in golds:
        for part in gold:
            wanted = answer_words(part)
            if _is_lone_number(wanted):
                words = answer_words(_CODE.sub(" ", text), only_counting=True)
            else:
                plain = words = answer_words(text) if plain is None else plain
            if not _holds(words, wanted):
                break
        else:
            return True
    return False


def gives_answer(text: str, golds: Golds) -> bool:
    """Whether an answer gives a gold one: what says that the sources do not say gives none."""
    spans = sentence_spans(text)
    sentences = [text[start:end] for start, end in spans]
    return has_answer("\n".join(s for s in sentences if not says_not_said(s)), golds)


def page_has_answer(text: str, gold: str, *, question: str) -> bool:
    """Whether a text of a page gives a gold answer; a brief one only where it speaks of what was
    asked: a "2" stands on many a page.
    """
    if not has_answer(text, ((gold,),)):
        return False
    return not _is_brief(answer_words(gold)) or _shares_content(text, question)


def _shares_content(text: str, question: str) -> bool:
    asked = query_words(question)
    content = {word for word, weight in asked.items() if weight >= _CONTENT_WEIGHT}
    return not content.isdisjoint(words_of(text))


def _is_brief(words: Sequence[str]) -> bool:
    return len(words) == 1 and len(words[0]) <= BRIEF_CHARS


def _is_lone_number(words: Sequence[str]) -> bool:
    return _is_brief(words) and words[0].isdecimal()


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    size = len(wanted)
    if not size:
        return False
    lone = _is_lone_number(wanted)
    return any(
        words[start : start + size] == wanted
        and not _is_denied(words, start)
        and not (lone and _is_day(words, start))
        for start in range(len(words) - size + 1)
    )


def _is_day(words: Sequence[str], place: int) -> bool:
    return place > 0 and words[place - 1] in MONTHS


def _is_denied(words: Sequence[str], start: int) -> bool:
    place = start
    while place and start - place <= 2:
        before = words[place - 1]
        if before in _DENIALS or tuple(words[max(0, place - 2) : place]) in _DENYING_PAIRS:
            return True
        if before == "不" and place < start:
            return True
        if before not in _LINKS:
            return False
        place -= 1
    return False


def is_long(gold: Sequence[str]) -> bool:
    """Whether an answer has too many words to stand in another text as it is.

    Two Chinese characters are a word.
    """
    words = answer_words(" ".join(gold))
    return sum(0.5 if word >= "\u3040" else 1 for word in words) > MAX_GOLD_WORDS


def best_recall(text: str, golds: Golds) -> float:
    """Share of the words of an answer that stand anywhere in the text; of the best alternative."""
    found = Counter(answer_words(text))
    shares = [0.0]
    for gold in golds:
        wanted = Counter(answer_words(" ".join(gold)))
        if wanted:
            shares.append((found & wanted).total() / wanted.total())
    return max(shares)
