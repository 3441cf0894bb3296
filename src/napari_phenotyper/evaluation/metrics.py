"""How good a classifier is: scores from counts and probabilities, with intervals over groups.

Cells of one well are alike, so an interval that draws single cells is too narrow; here whole groups are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.keys import Json

Indices = NDArray[np.intp]
Floats = NDArray[np.float64]
Counts = NDArray[np.integer] | NDArray[np.floating]

SMALLEST = 1e-7
"""Probabilities are clipped here before their logarithm is taken: one cell given 0 cannot make the loss infinite."""


@dataclass(frozen=True)
class Interval:
    """A score with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def state(self) -> Mapping[str, Json]:
        """Return the three numbers as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ClassScores:
    """One class against all others.

    Attributes
    ----------
    precision, recall, tnr, npv, f1
        Positive predictive value, true positive rate, true negative rate, negative predictive value and the harmonic
        mean of precision and recall; 0 where nothing is to be divided.
    mcc
        Matthews correlation coefficient (Matthews 1975).
    support
        Cells of the class in the truth.
    """

    precision: float
    recall: float
    tnr: float
    npv: float
    f1: float
    mcc: float
    support: int

    def state(self) -> Mapping[str, Json]:
        """Return the scores as JSON."""
        return asdict(self)


MEASURES = ("precision", "recall", "tnr", "npv", "f1", "mcc")
"""What is measured of a class."""


def confusion_matrix(truth: Indices, predicted: Indices, classes: int) -> Counts:
    """Return (K, K) counts: rows are the truth, columns what was predicted."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def row_normalised(confusion: Counts) -> Floats:
    """Return (…, K, K) shares of each true class; rows of classes without cells are 0."""
    return _ratio(confusion, confusion.sum(-1, keepdims=True))


def accuracy(confusion: Counts) -> Floats:
    """Return (…) the share of cells on the diagonal of (…, K, K) counts."""
    return _ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1)))


def balanced_accuracy(confusion: Counts) -> Floats:
    """Return (…) the mean recall over the classes that the truth has (Brodersen 2010)."""
    support = confusion.sum(-1)
    recall = _ratio(np.diagonal(confusion, axis1=-2, axis2=-1), support)
    return _ratio(recall.sum(-1), (support > 0).sum(-1))


def f1_by_class(confusion: Counts) -> Floats:
    """Return (…, K) F1 of each class from (…, K, K) counts; 0 where nothing is to be divided."""
    return _ratio(2 * np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-1) + confusion.sum(-2))


def macro_f1(confusion: Counts) -> Floats:
    """Return (…) the mean F1 over the classes that the truth has."""
    support = confusion.sum(-1)
    return _ratio((f1_by_class(confusion) * (support > 0)).sum(-1), (support > 0).sum(-1))


def kappa(confusion: Counts) -> Floats:
    """Return (…) Cohen's κ (Cohen 1960): agreement beyond what the margins give by chance; 0 where that is certain."""
    total = confusion.sum((-2, -1))
    expected = _ratio((confusion.sum(-2) * confusion.sum(-1)).sum(-1), total * total)
    return _ratio(accuracy(confusion) - expected, 1 - expected)


def class_scores(confusion: Counts) -> tuple[ClassScores, ...]:
    """Return the scores of each of the K classes from (K, K) counts."""
    found = []
    total = int(confusion.sum())
    for k in range(len(confusion)):
        tp = int(confusion[k, k])
        fn, fp = int(confusion[k].sum()) - tp, int(confusion[:, k].sum()) - tp
        tn = total - tp - fn - fp
        margin = float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        found.append(
            ClassScores(
                precision=_divide(tp, tp + fp),
                recall=_divide(tp, tp + fn),
                tnr=_divide(tn, tn + fp),
                npv=_divide(tn, tn + fn),
                f1=_divide(2 * tp, 2 * tp + fp + fn),
                mcc=_divide(tp * tn - fp * fn, margin**0.5),
                support=tp + fn,
            )
        )
    return tuple(found)


def cell_losses(probabilities: NDArray[np.floating], truth: Indices) -> Floats:
    """Return (N,) −log of the probability that each cell's true class was given, clipped at `SMALLEST`."""
    given = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return np.asarray(-np.log(np.clip(given, SMALLEST, 1.0)))


def log_loss(probabilities: NDArray[np.floating], truth: Indices) -> float:
    """Return the mean of `cell_losses`; 0 for no cells."""
    return float(cell_losses(probabilities, truth).mean()) if len(truth) else 0.0


def reliability(probabilities: NDArray[np.floating], truth: Indices, bins: int = 15) -> tuple[Floats, Floats, Counts]:
    """Return the reliability diagram: per bin of confidence, its mean, the share that was right, and the cells in it.

    Parameters
    ----------
    probabilities, truth
        (N, K), and (N,) index of the true class.
    bins
        Of equal width over 0 … 1.
    """
    confidence = probabilities.max(axis=1).astype(np.float64) if len(truth) else np.zeros(0)
    right = (probabilities.argmax(axis=1) == truth).astype(np.float64) if len(truth) else np.zeros(0)
    where = np.clip((confidence * bins).astype(np.intp), 0, bins - 1)
    count = np.bincount(where, minlength=bins)
    mean, share = (_ratio(np.bincount(where, values, bins), count) for values in (confidence, right))
    return mean, share, count


def calibration_error(probabilities: NDArray[np.floating], truth: Indices, bins: int = 15) -> float:
    """Return the expected calibration error (Guo 2017): mean |confidence − share right| over cells, by bins."""
    mean, share, count = reliability(probabilities, truth, bins)
    return float(_ratio((count * np.abs(mean - share)).sum(), count.sum()))


def expected_error(probabilities: NDArray[np.floating], bins: int = 15, draws: int = 200, seed: int = 0) -> float:
    """Return the calibration error that these probabilities would have, on average, if they were exactly right.

    It is not 0: chance alone sets the share that is right apart from the confidence, the more so the fewer the cells.
    """
    confidence = probabilities.max(axis=1).astype(np.float64) if len(probabilities) else np.zeros(0)
    where = np.clip((confidence * bins).astype(np.intp), 0, bins - 1)
    total, rng = np.bincount(where, confidence, bins), np.random.default_rng(seed)
    gaps = [
        np.abs(np.bincount(where, rng.random(len(confidence)) < confidence, bins) - total).sum() for _ in range(draws)
    ]
    return float(np.mean(gaps)) / max(len(confidence), 1)


def bootstrap(
    probabilities: NDArray[np.floating],
    truth: Indices,
    groups: Indices,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return accuracy, balanced_accuracy, macro_f1, kappa and log_loss with 95 % percentile intervals over groups.

    Parameters
    ----------
    probabilities
        (N, K); the label is their argmax.
    truth, groups
        (N,) indices of true class and group.
    draws
        How often as many groups as there are get drawn with replacement (Efron 1979; clusters: Field & Welsh 2007).
    seed
        For the draws.

    Notes
    -----
    A draw is a row of group counts; every score comes from sums over groups, so all draws are one matrix product.
    With one group the interval is the value alone.
    """
    if not len(truth):
        return dict.fromkeys((*_FROM_COUNTS, "log_loss"), Interval(0.0, 0.0, 0.0))
    tables, group = group_tables(probabilities, truth, groups)
    loss = np.bincount(group, cell_losses(probabilities, truth), len(tables))
    size = np.bincount(group, minlength=len(tables))
    drawn = group_draws(len(tables), draws, seed)
    whole, resampled = tables.sum(0, keepdims=True), np.tensordot(drawn, tables, 1)
    result = {name: _interval(float(score(whole)[0]), score(resampled)) for name, score in _FROM_COUNTS.items()}
    result["log_loss"] = _interval(float(loss.sum() / size.sum()), _ratio(drawn @ loss, drawn @ size))
    return result


def class_intervals(
    probabilities: NDArray[np.floating],
    truth: Indices,
    groups: Indices,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Floats]:
    """Return (K, 2) 95 % percentile intervals over groups of each measure of `ClassScores`, as `bootstrap`.

    Draws in which a measure is not defined (a class has no cell) say nothing of it; NaN where that is so in all.
    """
    classes = probabilities.shape[1]
    if not len(truth):
        return {name: np.full((classes, 2), np.nan) for name in MEASURES}
    tables, _ = group_tables(probabilities, truth, groups)
    counts = np.tensordot(group_draws(len(tables), draws, seed), tables, 1)
    tp, total = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum((-2, -1))[:, None]
    support, called = counts.sum(-1), counts.sum(-2)
    tn = total - support - called + tp
    margin = np.sqrt(support * called * (total - support) * (total - called))
    parts = {
        "precision": (tp, called),
        "recall": (tp, support),
        "tnr": (tn, total - support),
        "npv": (tn, total - called),
        "f1": (2 * tp, support + called),
    }
    found = {name: _column_intervals(_ratio(top, bottom), bottom > 0) for name, (top, bottom) in parts.items()}
    found["mcc"] = _column_intervals(_ratio(tp * total - support * called, margin), margin > 0)
    return found


def _column_intervals(drawn: Floats, defined: NDArray[np.bool_]) -> Floats:
    """Return (K, 2) percentiles over the draws in which a column is defined."""
    columns = [values[told] for values, told in zip(drawn.T, defined.T, strict=True)]
    return np.array([np.percentile(v, (2.5, 97.5)) if len(v) else (np.nan, np.nan) for v in columns])


def group_tables(probabilities: NDArray[np.floating], truth: Indices, groups: Indices) -> tuple[Floats, Indices]:
    """Return (G, K, K) confusion counts of each group, and (N,) which of these groups each cell is in."""
    classes = probabilities.shape[1]
    names, group = np.unique(groups, return_inverse=True)
    cell = (group * classes + truth) * classes + probabilities.argmax(axis=1)
    counts = np.bincount(cell, minlength=len(names) * classes**2)
    return counts.reshape(len(names), classes, classes).astype(np.float64), group


def group_draws(groups: int, draws: int, seed: int) -> Floats:
    """Return (draws, G) how often each group is drawn when as many as there are get drawn with replacement."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(groups, np.full(groups, 1 / groups), draws).astype(np.float64)


_FROM_COUNTS: Mapping[str, Callable[[Counts], Floats]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "kappa": kappa,
}


def _interval(value: float, drawn: Floats) -> Interval:
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Interval(value, float(low), float(high))


def _ratio(top: NDArray[np.generic], bottom: NDArray[np.generic]) -> Floats:
    """Divide, giving 0 where there is nothing to divide by."""
    above, below = np.broadcast_arrays(np.asarray(top, np.float64), np.asarray(bottom, np.float64))
    return np.asarray(np.divide(above, below, out=np.zeros(above.shape), where=below > 0), np.float64)


def _divide(top: float, bottom: float) -> float:
    return float(top / bottom) if bottom > 0 else 0.0
