"""Calibrators: values that turn scores into probabilities, fitted on held-out cells, and the choice among them.

All take (n, K) scores that are log probabilities but for a constant per row, −inf where a class was not known, and
give (n, K) probabilities. The label shown is the argmax of what is shown, whichever calibrator made it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear, minimize
from scipy.special import expit

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.evaluation.calibration import SLOPES, Floats, Indices, fit_slope, softmax
from napari_phenotyper.evaluation.folds import assign_folds
from napari_phenotyper.evaluation.metrics import cell_losses

Scores = NDArray[np.floating]

FEW, MANY = 200, 1000
"""Below the first number of cells only a temperature is fitted; isotonic steps and cubics need the second."""
STANDARD_ERRORS = 2.0
"""By how many standard errors of the difference another calibrator must beat the temperature."""
FARTHEST = 30.0
"""Log-odds are clipped here."""


class Calibrator(Protocol):
    """Turns scores into probabilities."""

    kind: ClassVar[str]

    @classmethod
    def fit(cls, scores: Scores, labels: Indices) -> Self:
        """Return the calibrator that suits (n, K) scores of held-out cells and their (n,) true classes."""

    def __call__(self, scores: Scores) -> NDArray[np.float32]:
        """Return (n, K) probabilities; rows sum to 1."""

    def state(self) -> Mapping[str, Json]:
        """Return all that `restore` needs, as JSON."""


@dataclass(frozen=True)
class Temperature:
    """All scores times one slope (Guo et al. 2017): the label stays. Slope 1 leaves the scores as they are."""

    kind: ClassVar[str] = "temperature"
    slope: float = 1.0

    @classmethod
    def fit(cls, scores: Scores, labels: Indices) -> Self:
        """Return the slope of lowest log loss; see `calibration.fit_slope`."""
        return cls(fit_slope(scores, labels))

    def __call__(self, scores: Scores) -> NDArray[np.float32]:
        """Return (n, K) probabilities."""
        return softmax(scores, self.slope)

    def state(self) -> Mapping[str, Json]:
        """Return kind and slope."""
        return {"kind": self.kind, "slope": self.slope}


@dataclass(frozen=True)
class _PerClass(ABC):
    """A curve per class on that class's probability, the results normalised. `curves`: K rows of numbers."""

    kind: ClassVar[str] = ""
    curves: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, scores: Scores, labels: Indices) -> Self:
        rows, labels = _usable(scores, labels)
        given = softmax(rows).astype(np.float64)
        return cls(tuple(cls._curve(column, labels == k) for k, column in enumerate(given.T)))

    def __call__(self, scores: Scores) -> NDArray[np.float32]:
        given = softmax(scores).astype(np.float64)
        if not given.size:
            return given.astype(np.float32)
        raw = np.stack([self._apply(curve, p) for curve, p in zip(self.curves, given.T, strict=True)], axis=1)
        raw = np.where(np.isfinite(scores), raw, 0.0)
        total = raw.sum(axis=1, keepdims=True)
        return np.where(total > 0, raw / np.where(total > 0, total, 1), given).astype(np.float32)

    def state(self) -> Mapping[str, Json]:
        return {"kind": self.kind, "curves": [list(curve) for curve in self.curves]}

    @staticmethod
    @abstractmethod
    def _curve(given: Floats, right: NDArray[np.bool_]) -> tuple[float, ...]:
        """Return the numbers of the curve from (n,) probabilities of a class to whether it is right."""

    @staticmethod
    @abstractmethod
    def _apply(curve: tuple[float, ...], given: Floats) -> Floats:
        """Return (n,) what a curve makes of probabilities."""


class Sigmoid(_PerClass):
    """σ(a · log-odds + b) per class (Platt 1999, on log-odds: beta calibration of Kull et al. 2017 with a = b)."""

    kind: ClassVar[str] = "sigmoid"

    @staticmethod
    def _curve(given: Floats, right: NDArray[np.bool_]) -> tuple[float, ...]:
        if not right.any() or right.all():
            return (1.0, 0.0)
        odds, target = _odds(given), _smoothed(right)

        def loss(parameters: Floats) -> tuple[float, Floats]:
            a, b = parameters
            z = a * odds + b
            slack = expit(z) - target
            value = (np.logaddexp(0, z) - target * z).sum() + (a - 1) ** 2 / 2 + b**2 / 2
            return float(value), np.array([slack @ odds + a - 1, slack.sum() + b])

        found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(SLOPES[0], 1e2), (-50, 50)])
        return (float(found.x[0]), float(found.x[1]))

    @staticmethod
    def _apply(curve: tuple[float, ...], given: Floats) -> Floats:
        return np.asarray(expit(curve[0] * _odds(given) + curve[1]))


class Isotonic(_PerClass):
    """A rising step function per class, smoothed between steps (Zadrozny & Elkan 2002); knots, then heights."""

    kind: ClassVar[str] = "isotonic"

    @staticmethod
    def _curve(given: Floats, right: NDArray[np.bool_]) -> tuple[float, ...]:
        from sklearn.isotonic import IsotonicRegression

        if not right.any() or right.all():
            return (0.0, 1.0, 0.0, 1.0)
        fitted = IsotonicRegression(out_of_bounds="clip").fit(given, _smoothed(right))
        return tuple(float(v) for v in (*fitted.X_thresholds_, *fitted.y_thresholds_))

    @staticmethod
    def _apply(curve: tuple[float, ...], given: Floats) -> Floats:
        half = len(curve) // 2
        return np.asarray(np.interp(given, curve[:half], curve[half:]))


class Cubic(_PerClass):
    """A rising cubic polynomial per class (Ciresan et al. 2012), fitted by least squares.

    In Bernstein form: the first coefficient and the three increments are not negative, so the curve cannot fall.
    """

    kind: ClassVar[str] = "cubic"

    @staticmethod
    def _curve(given: Floats, right: NDArray[np.bool_]) -> tuple[float, ...]:
        if not right.any() or right.all():
            return (0.0, 1 / 3, 1 / 3, 1 / 3)
        return tuple(float(c) for c in lsq_linear(_bernstein(given), _smoothed(right), bounds=(0, 1)).x)

    @staticmethod
    def _apply(curve: tuple[float, ...], given: Floats) -> Floats:
        return np.asarray(np.clip(_bernstein(given) @ np.array(curve), 1e-6, 1.0))


KINDS: Mapping[str, type[Calibrator]] = {c.kind: c for c in (Temperature, Sigmoid, Isotonic, Cubic)}


def restore(state: object, classes: int) -> Calibrator:
    """Return the calibrator of so many classes that a state describes. Raises ModelError for a damaged one."""
    wrong = ModelError("The model's calibration cannot be read.", "The file is damaged; train again.")
    if not isinstance(state, Mapping):
        raise wrong
    if state.get("kind") == Temperature.kind:
        slope = state.get("slope")
        if isinstance(slope, bool) or not isinstance(slope, int | float) or not 0 < slope < np.inf:
            raise wrong
        return Temperature(float(slope))
    kinds: Mapping[str, type[_PerClass]] = {c.kind: c for c in (Sigmoid, Isotonic, Cubic)}
    kind = kinds.get(str(state.get("kind")))
    try:
        curves = tuple(tuple(float(v) for v in curve) for curve in state.get("curves", ()))
    except (TypeError, ValueError) as error:
        raise wrong from error
    if kind is None or len(curves) != classes or not all(_sound(kind, curve) for curve in curves):
        raise wrong
    return kind(curves)


def fit(kind: str, scores: Scores, labels: Indices, groups: Indices, seed: int = 0) -> Calibrator:
    """Return a calibrator of a kind, or with "auto" the one that `choose` takes; without cells, scores stay."""
    if not len(_known(scores, labels)):
        return Temperature()
    return choose(scores, labels, groups, seed) if kind == "auto" else KINDS[kind].fit(scores, labels)


def choose(scores: Scores, labels: Indices, groups: Indices, seed: int = 0) -> Calibrator:
    """Return the calibrator that does best on groups it was not fitted on, fitted on all cells.

    Parameters
    ----------
    scores
        (n, K) of cells that the classifier was not trained on.
    labels, groups
        (n,) true class and group.
    seed
        For the folds.

    Notes
    -----
    With fewer than `FEW` cells or two groups, a temperature. Another takes its place only where its held-out log loss
    is lower by more than two standard errors of the paired difference over groups; and where the temperature's is not
    below that of the scores as they are, these stay.
    """
    rows = _known(scores, labels)
    scores, labels, groups = scores[rows], labels[rows], groups[rows]
    if len(labels) < FEW or len(np.unique(groups)) < 2:
        return Temperature.fit(scores, labels)
    wanted = [Temperature, Sigmoid] if len(labels) < MANY else [Temperature, Sigmoid, Isotonic, Cubic]
    losses = held_out_losses(scores, labels, groups, wanted, seed)
    usual = losses[Temperature.kind]
    best = min(losses, key=lambda kind: float(losses[kind].mean()))
    if best != Temperature.kind:
        gain, error = paired_gain(usual, losses[best], groups)
        if gain > STANDARD_ERRORS * error:
            return KINDS[best].fit(scores, labels)
    raw = cell_losses(softmax(scores), labels)
    return Temperature.fit(scores, labels) if usual.mean() < raw.mean() else Temperature()


def held_out_losses(
    scores: Scores, labels: Indices, groups: Indices, wanted: list[type[Calibrator]], seed: int = 0, folds: int = 5
) -> dict[str, Floats]:
    """Return by kind the (n,) losses of every cell under a calibrator fitted without the cell's group."""
    fold = assign_folds(labels, groups, folds, seed)
    losses = {kind.kind: np.zeros(len(labels)) for kind in wanted}
    for number in np.unique(fold):
        tested = fold == number
        for kind in wanted:
            made = kind.fit(scores[~tested], labels[~tested])
            losses[kind.kind][tested] = cell_losses(made(scores[tested]), labels[tested])
    return losses


def paired_gain(before: Floats, after: Floats, groups: Indices) -> tuple[float, float]:
    """Return by how much the mean of (n,) losses falls, and the standard error of that over groups."""
    difference = before - after
    gain = float(difference.mean())
    by_group = np.bincount(np.unique(groups, return_inverse=True)[1], difference - gain)
    count = len(by_group)
    return gain, float(np.sqrt((by_group**2).sum() * count / max(count - 1, 1)) / len(difference))


def _known(scores: Scores, labels: Indices) -> Indices:
    """Return the rows without NaN whose class has a finite score."""
    rows = np.flatnonzero(~np.isnan(scores).any(axis=1))
    return rows[np.isfinite(scores[rows, labels[rows]])]


def _usable(scores: Scores, labels: Indices) -> tuple[Scores, Indices]:
    rows = _known(scores, labels)
    return scores[rows], labels[rows]


def _odds(given: Floats) -> Floats:
    p = np.clip(given, 1e-12, 1 - 1e-12)
    return np.asarray(np.clip(np.log(p) - np.log1p(-p), -FARTHEST, FARTHEST))


def _smoothed(right: NDArray[np.bool_]) -> Floats:
    """Return (n,) targets that stay clear of 0 and 1, as Platt (1999) sets them."""
    positive = int(right.sum())
    return np.where(right, (positive + 1) / (positive + 2), 1 / (len(right) - positive + 2))


def _bernstein(given: Floats) -> Floats:
    """Return (n, 4): what each increment of the cubic's Bernstein coefficients adds at p."""
    p, q = given, 1 - given
    last = p**3
    third = last + 3 * p**2 * q
    return np.stack([np.ones_like(p), third + 3 * p * q**2, third, last], axis=1)


def _sound(kind: type[_PerClass], curve: tuple[float, ...]) -> bool:
    """Tell whether a restored curve has the numbers of its kind, finite and rising."""
    if not np.isfinite(curve).all():
        return False
    if kind is Isotonic:
        half = len(curve) // 2
        rising = bool((np.diff(curve[:half]) >= 0).all() and (np.diff(curve[half:]) >= 0).all())
        return len(curve) >= 2 and len(curve) % 2 == 0 and rising
    return len(curve) == (2 if kind is Sigmoid else 4)
