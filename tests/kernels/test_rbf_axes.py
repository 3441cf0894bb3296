"""Decision values in a few principal axes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.svm import SVC

from napari_phenotyper.kernels import rbf, rbf_axes
from napari_phenotyper.kernels.exponentials import exponentiate

STEEPNESS = 3.0
COLUMNS = 40


def sample(classes: int, n: int, seed: int, spread: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Return cells whose columns repeat each other, as features do."""
    made = np.random.default_rng(99)
    centres, mixing = made.normal(0, 0.6, (classes, 6)), made.normal(0, 0.4, (6, COLUMNS))
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    hidden = centres[labels] + rng.normal(size=(n, 6))
    return (hidden @ mixing + spread * rng.normal(size=(n, COLUMNS))).astype(np.float32), labels


def trained(classes: int, spread: float = 0.15) -> rbf.Machines:
    scores, labels = sample(classes, 500, 0, spread)
    svc = SVC(C=1.0, gamma=0.5 / COLUMNS, class_weight="balanced").fit(scores, labels)
    return rbf.Machines(
        0.5 / COLUMNS,
        svc.support_vectors_.astype(np.float32),
        svc.n_support_.astype(np.int64),
        svc.dual_coef_.astype(np.float32),
        svc.intercept_.astype(np.float32),
    )


def probabilities(coupled: np.ndarray) -> np.ndarray:
    return np.exp(coupled) / np.exp(coupled).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_labels_are_those_computed_in_full(classes: int) -> None:
    machines = trained(classes)
    axes = rbf_axes.found(machines, STEEPNESS)
    assert axes is not None
    new = sample(classes, 4000, 1)[0]
    given, wanted = rbf_axes.coupled(machines, axes, new, STEEPNESS), rbf.coupled(machines, new, STEEPNESS)
    assert (given.argmax(axis=1) == wanted.argmax(axis=1)).mean() >= 0.999
    assert np.abs(probabilities(given) - probabilities(wanted)).max() < 0.1


def test_the_error_told_is_that_of_new_cells() -> None:
    machines = trained(7)
    axes = rbf_axes.found(machines, STEEPNESS)
    assert axes is not None
    new = sample(7, 1000, 1)[0]
    wide, across, _ = rbf_axes.turned(machines, axes, new)
    values = rbf.gathered(machines, rbf_axes.summed(axes, wide, across)[:, :, :-1])
    found = np.sqrt(np.mean((values - rbf.decisions(machines, new)) ** 2))
    assert found == pytest.approx(axes.error, rel=0.3)


def test_cells_unlike_all_support_vectors_are_computed_in_full() -> None:
    machines = trained(3)
    axes = rbf_axes.found(machines, STEEPNESS)
    assert axes is not None
    strange = sample(3, 50, 1, spread=3.0)[0]
    np.testing.assert_array_equal(
        rbf_axes.coupled(machines, axes, strange, STEEPNESS), rbf.coupled(machines, strange, STEEPNESS)
    )


def test_columns_that_do_not_repeat_each_other_have_no_few_axes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rbf_axes, "TOLERANCE", 1e-4)
    assert rbf_axes.found(trained(3, spread=2.0), STEEPNESS) is None


def test_machines_without_vectors_have_no_axes() -> None:
    none = np.zeros((0, 5), np.float32)
    machines = rbf.Machines(0.1, none, np.zeros(2, np.int64), np.zeros((1, 0), np.float32), np.zeros(1, np.float32))
    assert rbf_axes.found(machines, STEEPNESS) is None


def test_no_cells_give_no_rows() -> None:
    machines = trained(3)
    axes = rbf_axes.found(machines, STEEPNESS)
    assert axes is not None
    assert rbf_axes.coupled(machines, axes, np.zeros((0, COLUMNS), np.float32), STEEPNESS).shape == (0, 3)


def test_exponentials_are_right_to_seven_millionths() -> None:
    given = np.linspace(-80, 80, 10_001, dtype=np.float32).reshape(73, 137)
    values = given.copy()
    exponentiate(values)
    np.testing.assert_allclose(values, np.exp(given.astype(np.float64)), rtol=7e-6)


def test_exponentials_stay_finite() -> None:
    values = np.array([[-1e30, -100.0, 100.0, 1e30]], np.float32)
    exponentiate(values)
    assert np.isfinite(values).all()
    assert values[0, 0] < 1e-37
