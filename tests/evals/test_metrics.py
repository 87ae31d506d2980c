import pytest

from websearch_agent.evals.metrics import (
    accuracy,
    auc,
    auc_interval,
    bootstrap_interval,
    precision_recall_f1,
    quantile,
    ratio_interval,
    share_interval,
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
    # One row of 100 citations and one of one: with the first alone 0, with the other alone 1.
    assert ratio_interval([(0, 100), (1, 1)]) == [0.0, 1.0]
    assert ratio_interval([]) == ratio_interval([(0, 0)]) == [0.0, 1.0]


def test_rows_that_all_say_the_same_leave_their_ratio_uncertain() -> None:
    assert ratio_interval([(1, 1)] * 3) == ratio_interval([(4, 4)] * 3) == share_interval(3, 3)
    assert ratio_interval([(1, 2)] * 4) == share_interval(2, 4)
    assert bootstrap_interval([1.0] * 3) == share_interval(3, 3)
    assert share_interval(3, 3) == [0.4385, 1.0]


def test_interval_of_an_area() -> None:
    # Hanley and McNeil 1982, table of the worked example: area .893, 51 against 58, error .032.
    low, high = auc_interval(0.893, 51, 58)
    assert (high - low) / 2 == pytest.approx(1.96 * 0.032, abs=0.002)
    assert low < 0.893 < high


def test_perfect_area_of_few_rows_is_uncertain() -> None:
    low, high = auc_interval(1.0, 20, 20)
    assert (low, high) == (pytest.approx(0.899, abs=0.001), 1.0)
    assert auc_interval(0.0, 20, 20) == [0.0, pytest.approx(1 - low)]
    assert auc_interval(1.0, 200, 200)[0] > low


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
