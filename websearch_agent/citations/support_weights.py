"""The weights of the measures in a statement's score, fitted on labelled statements."""

import math
from collections.abc import Mapping

from websearch_agent.citations.measures import Measures
from websearch_agent.types import SupportLevel

# Macro-F1 is highest at 0.58 for statements of answers, at 0.5 for bare answers to a question.
SUPPORTED_FROM = 0.55
# One in eight of the statements below is supported after all.
PARTIAL_FROM = 0.3

# Logistic regressions on 2,230 English and 786 Chinese statements with passages and labels by
# people or by construction (bench/fit_support.py, Nov 2026). Gradient-boosted trees on 45 measures
# reached the same AUC, unless they were told how long the passages are, which is a trait of
# collections, not of support: 0.82 on AttributionBench, cross-validated; 0.84 with the length.
WORDS: Mapping[str, float] = {
    "constant": -2.8,
    "together": 2.16,
    "anywhere": 0.15,
    "likeness": 1.47,
    "numbers_missing": -0.81,
    "numbers_differ": -1.7,
    "names_missing": -0.51,
    "near_question": 1.96,
    "new_share": 0.79,
    "speaks": -0.68,
}
# The Chinese statements are questions with right and wrong answers, or copied sentences: nobody
# says anything there in words of their own. A tenth of the weight of the English ones keeps such
# statements from being refused; it costs 0.03 AUC.
CHARACTERS: Mapping[str, float] = {
    "constant": -3.41,
    "together": 2.04,
    "likeness": 1.57,
    "numbers_missing": -0.57,
    "numbers_differ": -1.93,
    "answer_place": 3.07,
    "near_question": 1.51,
    "new_share": -0.69,
}


def score_of(measures: Measures, *, chinese: bool) -> float:
    """The likelihood that the sources say the statement, 0 to 1."""
    weights = CHARACTERS if chinese else WORDS
    values = measures._asdict()
    total = weights["constant"]
    total += sum(weight * values[name] for name, weight in weights.items() if name in values)
    return 1 / (1 + math.exp(-total))


def level_of(score: float) -> SupportLevel:
    """What a score is called, where nothing contradicts the statement."""
    if score >= SUPPORTED_FROM:
        return "supported"
    return "partial" if score >= PARTIAL_FROM else "unsupported"
