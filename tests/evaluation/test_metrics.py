"""Scores against scikit-learn, by hand, and with nothing to score."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from napari_phenotyper.evaluation import metrics


def made(n: int = 400, k: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    scores = rng.normal(0, 1, (n, k)) + 1.5 * np.eye(k)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return probabilities, truth


def test_scores_agree_with_scikit_learn() -> None:
    probabilities, truth = made()
    predicted = probabilities.argmax(1)
    confusion = metrics.confusion_matrix(truth, predicted, 5)
    np.testing.assert_array_equal(confusion, reference.confusion_matrix(truth, predicted))
    assert metrics.accuracy(confusion) == pytest.approx(reference.accuracy_score(truth, predicted))
    assert metrics.balanced_accuracy(confusion) == pytest.approx(reference.balanced_accuracy_score(truth, predicted))
    assert metrics.macro_f1(confusion) == pytest.approx(reference.f1_score(truth, predicted, average="macro"))
    assert metrics.kappa(confusion) == pytest.approx(reference.cohen_kappa_score(truth, predicted))
    assert metrics.log_loss(probabilities, truth) == pytest.approx(reference.log_loss(truth, probabilities))


def test_scores_of_each_class_agree_with_scikit_learn() -> None:
    probabilities, truth = made()
    predicted = probabilities.argmax(1)
    found = metrics.class_scores(metrics.confusion_matrix(truth, predicted, 5))
    wanted = reference.precision_recall_fscore_support(truth, predicted)
    for k, scores in enumerate(found):
        assert (scores.precision, scores.recall, scores.f1, scores.support) == pytest.approx([w[k] for w in wanted])
        assert scores.mcc == pytest.approx(reference.matthews_corrcoef(truth == k, predicted == k))
        assert scores.tnr == pytest.approx(reference.recall_score(truth != k, predicted != k))
        assert scores.npv == pytest.approx(reference.precision_score(truth != k, predicted != k))


def test_means_over_classes_leave_out_those_the_truth_lacks() -> None:
    confusion = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    assert metrics.balanced_accuracy(confusion) == pytest.approx((0.75 + 1) / 2)
    assert metrics.macro_f1(confusion) == pytest.approx((6 / 7 + 8 / 9) / 2)


def test_rows_of_the_confusion_sum_to_one_or_are_empty() -> None:
    shares = metrics.row_normalised(np.array([[3, 1], [0, 0]]))
    np.testing.assert_allclose(shares, [[0.75, 0.25], [0, 0]])


def test_a_probability_of_zero_costs_much_but_not_everything() -> None:
    assert metrics.log_loss(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(-np.log(metrics.SMALLEST))


def test_what_is_as_right_as_it_is_sure_is_calibrated() -> None:
    probabilities = np.tile([0.75, 0.25], (400, 1))
    truth = np.tile([0, 0, 0, 1], 100)
    assert metrics.calibration_error(probabilities, truth) == pytest.approx(0, abs=1e-9)


def test_what_is_sure_and_wrong_is_not_calibrated() -> None:
    assert metrics.calibration_error(np.tile([1.0, 0.0], (10, 1)), np.ones(10, int)) == pytest.approx(1)


def test_nothing_to_score_gives_zeros() -> None:
    empty = np.zeros((0, 3))
    assert metrics.log_loss(empty, np.zeros(0, int)) == 0
    assert metrics.calibration_error(empty, np.zeros(0, int)) == 0
    assert metrics.kappa(np.zeros((3, 3), int)) == 0
    assert metrics.bootstrap(empty, np.zeros(0, int), np.zeros(0, int))["accuracy"].value == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 6), st.integers(1, 8), st.integers(0, 100))
def test_intervals_hold_finite_numbers_in_order(n: int, k: int, wells: int, seed: int) -> None:
    probabilities, truth = made(n, k, seed)
    groups = np.random.default_rng(seed).integers(0, wells, n)
    for interval in metrics.bootstrap(probabilities, truth, groups, draws=100).values():
        assert np.isfinite([interval.value, interval.low, interval.high]).all()
        assert interval.low <= interval.high


def test_an_interval_of_one_group_is_the_value() -> None:
    probabilities, truth = made()
    interval = metrics.bootstrap(probabilities, truth, np.zeros(400, int))["accuracy"]
    assert interval.low == interval.value == interval.high


def test_intervals_over_groups_that_differ_are_wider_than_over_single_cells() -> None:
    truth = np.zeros(400, int)
    groups = np.repeat(np.arange(8), 50)
    probabilities = np.where((groups % 2 == 0)[:, None], [0.9, 0.1], [0.1, 0.9])
    whole, single = (metrics.bootstrap(probabilities, truth, g)["accuracy"] for g in (groups, np.arange(400)))
    assert whole.high - whole.low > 2 * (single.high - single.low)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    groups = np.repeat(np.arange(30), 10)
    for seed in range(60):
        rate = np.clip(0.7 + rng.normal(0, 0.15, 30), 0, 1)[groups]
        right = rng.random(300) < rate
        probabilities = np.where(right[:, None], [0.8, 0.2], [0.2, 0.8])
        interval = metrics.bootstrap(probabilities, np.zeros(300, int), groups, seed=seed)["accuracy"]
        held += interval.low <= 0.7 <= interval.high
    assert 50 <= held <= 60


def test_results_are_json() -> None:
    probabilities, truth = made()
    scores = metrics.class_scores(metrics.confusion_matrix(truth, probabilities.argmax(1), 5))
    intervals = metrics.bootstrap(probabilities, truth, truth)
    assert json.loads(json.dumps([s.state() for s in scores]))[0]["support"] == int((truth == 0).sum())
    assert set(json.loads(json.dumps(intervals["log_loss"].state()))) == {"value", "low", "high"}


def test_class_intervals_hold_the_scores_and_are_wide_for_a_rare_class() -> None:
    rng = np.random.default_rng(0)
    truth = np.where(rng.random(400) < 0.05, 1, 0)
    probabilities = np.eye(2)[np.where(rng.random(400) < 0.2, 1 - truth, truth)]
    scores = metrics.class_scores(metrics.confusion_matrix(truth, probabilities.argmax(axis=1), 2))
    intervals = metrics.class_intervals(probabilities, truth, np.arange(400) % 20)
    for k, score in enumerate(scores):
        for name, rows in intervals.items():
            assert rows[k, 0] <= getattr(score, name) <= rows[k, 1]
    assert np.ptp(intervals["recall"][1]) > 2 * np.ptp(intervals["recall"][0])


def test_a_class_without_cells_has_no_interval() -> None:
    intervals = metrics.class_intervals(np.eye(3)[[0, 1, 0]], np.array([0, 1, 0]), np.arange(3))
    assert np.isnan(intervals["recall"][2]).all()


def test_every_measure_of_a_class_has_an_interval_that_holds_it() -> None:
    probabilities, truth = made()
    scores = metrics.class_scores(metrics.confusion_matrix(truth, probabilities.argmax(1), 5))
    intervals = metrics.class_intervals(probabilities, truth, np.arange(400) % 40)
    assert set(intervals) == set(metrics.MEASURES)
    for k, score in enumerate(scores):
        for name, rows in intervals.items():
            assert rows[k, 0] < getattr(score, name) < rows[k, 1], name


def test_kappa_has_an_interval_that_holds_it() -> None:
    probabilities, truth = made()
    found = metrics.bootstrap(probabilities, truth, np.arange(400) % 40)["kappa"]
    assert found.low < reference.cohen_kappa_score(truth, probabilities.argmax(1)) < found.high
    assert found.value == pytest.approx(reference.cohen_kappa_score(truth, probabilities.argmax(1)))


def test_the_error_expected_of_right_probabilities_is_the_one_they_have_and_shrinks_with_cells() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 20_000)
    probabilities = np.stack([sure, 1 - sure], axis=1)
    truth = (rng.random(20_000) > sure).astype(int)
    few = [metrics.calibration_error(probabilities[i : i + 200], truth[i : i + 200]) for i in range(0, 20_000, 200)]
    assert metrics.expected_error(probabilities[:200]) == pytest.approx(np.mean(few), rel=0.15)
    assert metrics.expected_error(probabilities) < metrics.expected_error(probabilities[:200]) / 5
    assert metrics.expected_error(np.zeros((0, 2))) == 0
