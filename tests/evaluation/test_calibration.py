"""Temperatures of held-out scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_phenotyper.evaluation.calibration import SLOPES, fit_slope, softmax
from napari_phenotyper.evaluation.metrics import log_loss


def drawn(slope: float, n: int = 4000, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return scores, and labels that are drawn with the probabilities at that slope."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1, (n, k))
    cumulated = softmax(scores, slope).cumsum(1)
    return scores, (rng.random(n)[:, None] > cumulated).sum(1).clip(0, k - 1)


@pytest.mark.parametrize("slope", [0.3, 1.0, 4.0])
def test_the_slope_that_made_the_labels_is_found(slope: float) -> None:
    assert fit_slope(*drawn(slope)) == pytest.approx(slope, rel=0.1)


def test_calibration_never_changes_the_label() -> None:
    scores, labels = drawn(0.2)
    np.testing.assert_array_equal(softmax(scores, fit_slope(scores, labels)).argmax(1), scores.argmax(1))


def test_calibrated_scores_lose_less_than_raw_ones_on_new_cells() -> None:
    scores, labels = drawn(0.3)
    new, truth = drawn(0.3, seed=1)
    assert log_loss(softmax(new, fit_slope(scores, labels)), truth) < log_loss(softmax(new), truth)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12), st.integers(1, 5), st.integers(0, 1000))
def test_a_handful_of_cells_gives_a_finite_slope(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.choice([-np.inf, -50.0, 0.0, 3.0, 1e6, np.nan], (n, k))
    slope = fit_slope(scores, rng.integers(0, k, n))
    assert SLOPES[0] * 0.99 <= slope <= SLOPES[1] * 1.01


def test_a_few_separable_cells_stay_unsure() -> None:
    probabilities = softmax(5 * np.eye(2), fit_slope(5 * np.eye(2), np.array([0, 1])))
    assert 0.6 < probabilities[0, 0] < 0.9999


def test_nothing_to_fit_gives_the_usual_slope() -> None:
    assert fit_slope(np.zeros((0, 3)), np.zeros(0, int), usual=2.5) == 2.5
    assert fit_slope(np.zeros((4, 1)), np.zeros(4, int), usual=2.5) == 2.5


def test_a_class_that_was_not_known_gets_nothing() -> None:
    given_ = softmax(np.array([[1.0, -np.inf, 2.0]]))
    assert given_[0, 1] == 0
    assert given_.sum() == pytest.approx(1)


def test_no_scores_give_no_probabilities() -> None:
    assert softmax(np.zeros((0, 3))).shape == (0, 3)
