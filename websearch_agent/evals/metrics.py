"""Figures from labels and decisions: pure functions."""

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence, Set

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
BOOTSTRAP_SAMPLES = 1000
Z_95 = 1.96
BISECTIONS = 40


def accuracy(right: Sequence[bool]) -> float:
    """Share that is right, 0 to 1; 0 for none at all."""
    return sum(right) / len(right) if right else 0.0


def wilson_interval(right: float, n: int, *, z: float = Z_95) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson, JASA 1927)."""
    if n == 0:
        return (0.0, 1.0)
    share = right / n
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    middle = share + z * z / (2 * n)
    return (max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def precision_recall_f1(wanted: Sequence[bool], got: Sequence[bool]) -> tuple[float, float, float]:
    """Of the positive class; 0 where there is nothing to divide by."""
    hits = sum(w and g for w, g in zip(wanted, got, strict=True))
    precision = hits / sum(got) if any(got) else 0.0
    recall = hits / sum(wanted) if any(wanted) else 0.0
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def auc(wanted: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Area under the ROC curve, ties counted half; None where one class is missing."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    ranks = [0.0] * len(scores)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and scores[order[end + 1]] == scores[order[start]]:
            end += 1
        for place in range(start, end + 1):
            ranks[order[place]] = (start + end) / 2 + 1
        start = end + 1
    positives = sum(wanted)
    negatives = len(wanted) - positives
    if not positives or not negatives:
        return None
    rank_sum = sum(rank for rank, is_wanted in zip(ranks, wanted, strict=True) if is_wanted)
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def quantile(values: Sequence[float], share: float) -> float:
    """Nearest-rank quantile; 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def mean(values: Sequence[float]) -> float:
    """0 for none."""
    return sum(values) / len(values) if values else 0.0


def bootstrap_interval(values: Sequence[float]) -> list[float]:
    """95 % confidence interval of the mean (percentile bootstrap), the same at every run.

    Of values from 0 to 1. Where all are the same, every draw is too: then Wilson's for their share.
    """
    if not values:
        return [0.0, 0.0]
    if min(values) == max(values):
        return share_interval(sum(values), len(values))
    chance = random.Random(0)  # noqa: S311 - resampling, no secret
    means = sorted(mean(chance.choices(values, k=len(values))) for _ in range(BOOTSTRAP_SAMPLES))
    return [round(quantile(means, share), 4) for share in (0.025, 0.975)]


def ndcg(order: Sequence[str], relevant: Set[str], *, depth: int) -> float:
    """Normalised discounted cumulative gain of a ranking, best first; a document gains 1 or 0."""
    found = sum(
        1 / math.log2(place + 2) for place, key in enumerate(order[:depth]) if key in relevant
    )
    best = sum(1 / math.log2(place + 2) for place in range(min(depth, len(relevant))))
    return found / best if best else 0.0


def recall_at(order: Sequence[str], relevant: Set[str], *, depth: int) -> float:
    """Share of the relevant documents among the first `depth`, of as many as can be there."""
    possible = min(depth, len(relevant))
    return len(relevant & set(order[:depth])) / possible if possible else 0.0


def rouge1_f(candidate: str, reference: str) -> float:
    """F of the shared words, case aside; a Chinese or Japanese character is a word of its own.

    ROUGE-1: Lin, ACL workshop 2004.
    """
    one, other = (Counter(_TOKEN.findall(text.lower())) for text in (candidate, reference))
    shared = sum((one & other).values())
    return 2 * shared / (one.total() + other.total()) if shared else 0.0


def auc_interval(area: float, positives: int, negatives: int) -> list[float]:
    """95 % confidence interval of an area under the ROC curve: the areas that `area` is no more
    than 1.96 of their own errors away from, so that a perfect one is not taken for certain.

    Newcombe, Statistics in Medicine 2006, method 5.
    """

    def is_within(other: float) -> bool:
        return (area - other) ** 2 <= Z_95**2 * _auc_variance(other, positives, negatives)

    return [round(_furthest(area, end, is_within), 4) for end in (0.0, 1.0)]


def _auc_variance(area: float, positives: int, negatives: int) -> float:
    rows = (positives + negatives) / 2 - 1
    spread = 1 + rows * (1 - area) / (2 - area) + rows * area / (1 + area)
    return area * (1 - area) * spread / (positives * negatives)


def _furthest(start: float, end: float, is_within: Callable[[float], bool]) -> float:
    """Between start, which is within, and end: the last value that is."""
    if is_within(end):
        return end
    for _ in range(BISECTIONS):
        middle = (start + end) / 2
        start, end = (middle, end) if is_within(middle) else (start, middle)
    return start


def macro_f1(wanted: Sequence[bool], got: Sequence[bool]) -> float:
    """Mean of the F1 of both classes: neither counts for more because it has more rows."""
    *_, positive = precision_recall_f1(wanted, got)
    *_, negative = precision_recall_f1([not w for w in wanted], [not g for g in got])
    return (positive + negative) / 2


def share_interval(right: float, n: int) -> list[float]:
    """`wilson_interval`, rounded as figures are shown."""
    return [round(bound, 4) for bound in wilson_interval(right, n)]


def ratio_interval(parts: Sequence[tuple[float, float]]) -> list[float]:
    """95 % interval of a share over several rows' (counted, total), drawn row by row.

    Citations of one answer stand or fall together: as single draws they would look surer than
    they are. Nowhere narrower than Wilson's for as many draws as rows: rows that all say the same
    leave a bootstrap nothing to draw.
    """
    known = [(counted, total) for counted, total in parts if total]
    if not known:
        return [0.0, 1.0]
    chance = random.Random(0)  # noqa: S311 - resampling, no secret
    shares = []
    for _ in range(BOOTSTRAP_SAMPLES):
        drawn = chance.choices(known, k=len(known))
        shares.append(sum(counted for counted, _ in drawn) / sum(total for _, total in drawn))
    low, high = (quantile(shares, share) for share in (0.025, 0.975))
    share = sum(counted for counted, _ in known) / sum(total for _, total in known)
    least, most = wilson_interval(share * len(known), len(known))
    return [round(min(low, least), 4), round(max(high, most), 4)]
