"""Calibration: from scores of held-out cells to probabilities that mean what they say.

Temperature scaling (Guo et al. 2017, "On calibration of modern neural networks") divides all scores by one number, so
the label with the highest score stays the label with the highest probability: it cannot cost accuracy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

SLOPES = (1e-3, 1e3)
"""A slope is searched between these."""


def softmax(scores: NDArray[np.floating], slope: float = 1.0) -> NDArray[np.float32]:
    """Return (n, K) probabilities exp(slope · score), normalised; −inf gives exactly 0.

    Parameters
    ----------
    scores
        (n, K), at least one finite per row.
    slope
        1 / temperature.
    """
    if not scores.size:
        return np.zeros(scores.shape, np.float32)
    scaled = np.asarray(scores, np.float64) * slope
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True), np.float32)


def fit_slope(scores: NDArray[np.floating], labels: Indices, usual: float = 1.0, weight: float = 1.0) -> float:
    """Return the slope (1 / temperature) at which held-out cells have the lowest log loss.

    Parameters
    ----------
    scores
        (n, K) of cells that the classifier was not trained on; −inf where a class was not known. Rows with no finite
        score at the label, or with a NaN, are left out.
    labels
        (n,) index of the true class.
    usual
        The slope to lean to, and the one returned for no cells.
    weight
        Cells that the leaning is worth: with a handful of cells, all of them right, the best slope would be infinite.

    Notes
    -----
    Targets are smoothed as Platt (1999) does, by 1 / (cells of the class + 2), and log(slope / usual)² is added as a
    penalty, so that the slope is finite for separable cells, for one cell and for one class.
    """
    rows = np.flatnonzero(~np.isnan(scores).any(axis=1))
    rows = rows[np.isfinite(scores[rows, labels[rows]])]
    known, labels = np.asarray(scores[rows], np.float64), labels[rows]
    if not len(rows) or np.isfinite(known).sum(axis=1).max() < 2:
        return usual
    target = _targets(known, labels)

    def loss(log_slope: float) -> float:
        logs = log_softmax(known * np.exp(log_slope), axis=1)
        fit = -np.where(target > 0, target * np.where(np.isfinite(logs), logs, 0.0), 0.0).sum()
        return float(fit + weight * (log_slope - np.log(usual)) ** 2)

    found = minimize_scalar(loss, bounds=(np.log(SLOPES[0]), np.log(SLOPES[1])), method="bounded")
    return float(np.exp(found.x))


def _targets(scores: Floats, labels: Indices) -> Floats:
    """Return (n, K) smoothed targets over the classes that each row knows."""
    known = np.isfinite(scores)
    slack = 1 / (np.bincount(labels, minlength=scores.shape[1])[labels] + 2)
    others = np.maximum(known.sum(axis=1) - 1, 1)
    target = known * (slack / others)[:, None]
    target[np.arange(len(labels)), labels] = np.where(known.sum(axis=1) > 1, 1 - slack, 1.0)
    return np.asarray(target)
