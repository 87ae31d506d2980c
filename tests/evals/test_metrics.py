import pytest

from websearch_agent.evals.metrics import (
    accuracy,
    auc,
    precision_recall_f1,
    quantile,
    ratio_interval,
    wilson_interval,
)


def test_accuracy_is_the_share_that_is_right() -> None:
    assert accuracy([True, True, False, True]) == 0.75
    assert accuracy([]) == 0.0


def test_wilson_interval_of_a_known_case() -> None:
    # 8 of 10: 0.490 to 0.943 (Wilson 1927, the worked value of many textbooks).
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(0, 10)[0] == 0.0


def test_interval_of_a_ratio_is_drawn_row_by_row() -> None:
    assert ratio_interval([(1, 2)] * 5) == [0.5, 0.5]
    # One row of 100 citations and one of one: with the first alone 0, with the other alone 1.
    assert ratio_interval([(0, 100), (1, 1)]) == [0.0, 1.0]
    assert ratio_interval([]) == ratio_interval([(0, 0)]) == [0.0, 1.0]


def test_precision_recall_and_f1() -> None:
    wanted, got = [True, True, False, False], [True, False, True, False]
    assert precision_recall_f1(wanted, got) == (0.5, 0.5, 0.5)
    assert precision_recall_f1([False], [False]) == (0.0, 0.0, 0.0)


def test_auc_counts_ties_half() -> None:
    assert auc([False, True], [0.1, 0.9]) == 1.0
    assert auc([True, False], [0.1, 0.9]) == 0.0
    assert auc([True, False, True, False], [0.5, 0.5, 0.9, 0.1]) == 0.875
    assert auc([True, True], [0.1, 0.2]) is None


def test_quantile_is_a_value_that_was_there() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.95) == 3.0
    assert quantile([], 0.5) == 0.0
