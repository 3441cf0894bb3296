"""What classifiers learn whose log scores are linear in the standard scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import ModelState


@dataclass(frozen=True, eq=False)
class Linear:
    """A weight per column and class.

    Attributes
    ----------
    weights, bias
        (D, k) and (k,).
    """

    weights: Float32
    bias: Float32

    serial = False

    def log_scores(self, scores: Float32) -> Float32:
        """Return (n, k) scores of (n, D) standard scores."""
        return np.asarray(scores @ self.weights + self.bias)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return weights and bias."""
        return {"weights": self.weights, "bias": self.bias}

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return nothing: the arrays are all there is."""
        return {}


def linear(coefficients: NDArray[np.floating], intercepts: NDArray[np.floating]) -> Linear:
    """Return what scikit-learn's (k, D) or, for two classes, (1, D) coefficients and intercepts mean.

    Of two classes, scikit-learn gives the scores of the second against the first.
    """
    if len(coefficients) == 1:
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
        intercepts = np.concatenate([-intercepts / 2, intercepts / 2])
    weights = np.ascontiguousarray(coefficients.T.astype(np.float32))
    return Linear(weights, np.asarray(intercepts, np.float32))


def read(state: ModelState, classes: int, columns: int) -> Linear:
    """Return the weights of a state. Raises ModelError."""
    return Linear(tables.floats(state, "weights", columns, classes), tables.floats(state, "bias", classes))


def regression(scores: Float32, labels: tables.Indices, cost: float, balance: bool) -> Linear:
    """Return multinomial logistic regression with a ridge penalty (scikit-learn's, L-BFGS).

    Parameters
    ----------
    scores, labels
        (N, D) standard scores and (N,) classes.
    cost
        C: inverse of the penalty.
    balance
        Whether classes weigh inversely to their number of cells.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    weights = "balanced" if balance else None
    with warnings.catch_warnings():
        # weights that still creep after 300 steps change no probability that could be seen
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = LogisticRegression(C=cost, class_weight=weights, max_iter=300, tol=1e-3).fit(scores, labels)
    return linear(found.coef_, found.intercept_)
