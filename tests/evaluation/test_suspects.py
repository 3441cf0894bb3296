"""Suspected wrong labels."""

from __future__ import annotations

import numpy as np

from napari_phenotyper.evaluation.crossval import OutOfFold
from napari_phenotyper.evaluation.suspects import suspects, thresholds


def predicted(n=600, k=3, wrong=20, seed=0):
    """Return held-out predictions of a good classifier, `wrong` of whose labels were changed, and which."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    scores = rng.normal(0, 1, (n, k)) + 4 * np.eye(k)[truth]
    probabilities = (np.exp(scores) / np.exp(scores).sum(1, keepdims=True)).astype(np.float32)
    rows = rng.choice(n, wrong, replace=False)
    labels = truth.copy()
    labels[rows] = (truth[rows] + 1) % k
    return OutOfFold(probabilities, labels, np.arange(n) % 10, np.arange(n) % 5, tuple("abcdef"[:k])), set(rows)


def test_labels_that_were_changed_come_first():
    result, changed = predicted()
    found = suspects(result)
    assert set(found.rows[:10].tolist()) <= changed and len(set(found.rows.tolist()) & changed) >= 12
    assert (np.diff(found.probability - found.given_probability) <= 1e-6).all()


def test_a_suspect_tells_what_is_given_and_what_is_predicted():
    result, _ = predicted()
    found = suspects(result)
    np.testing.assert_array_equal(found.given, result.labels[found.rows])
    np.testing.assert_array_equal(found.predicted, result.probabilities[found.rows].argmax(1))
    assert (found.probability >= thresholds(result)[found.predicted]).all()


def test_labels_that_the_classifier_agrees_with_are_not_suspected():
    probabilities = np.tile(np.eye(2, dtype=np.float32), (5, 1))
    result = OutOfFold(probabilities, np.arange(10) % 2, np.arange(10), np.arange(10) % 2, ("a", "b"))
    assert len(suspects(result)) == 0


def test_a_hesitant_disagreement_is_not_suspected():
    probabilities = np.array([[0.9, 0.1]] * 5 + [[0.1, 0.9]] * 5 + [[0.45, 0.55]], np.float32)
    labels = np.array([0] * 5 + [1] * 5 + [0])
    result = OutOfFold(probabilities, labels, np.arange(11), np.arange(11) % 2, ("a", "b"))
    assert len(suspects(result)) == 0


def test_a_cell_whose_class_was_not_learnt_is_not_blamed():
    probabilities = np.array([[0.9, 0.1, 0.0]] * 4 + [[0.1, 0.9, 0.0]] * 4 + [[0.95, 0.05, 0.0]], np.float32)
    labels = np.array([0] * 4 + [1] * 4 + [2])
    result = OutOfFold(probabilities, labels, np.arange(9), np.arange(9) % 2, ("a", "b", "c"))
    assert len(suspects(result)) == 0


def test_cells_that_were_never_tested_are_not_suspected():
    result, _ = predicted(60, wrong=0)
    folds = np.full(60, -1)
    nothing = OutOfFold(np.full((60, 3), np.nan, np.float32), result.labels, result.groups, folds, result.classes)
    assert len(suspects(nothing)) == 0
