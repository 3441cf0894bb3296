"""Machines of all pairs of classes, as classifiers keep them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import ModelState
from napari_phenotyper.kernels import rbf, rbf_axes

Arithmetic = Literal["float32", "bfloat16", "quick"]
"""Numbers to predict in, or `quick`: in principal axes, nearly (`kernels/rbf_axes.py`)."""
STEEPNESS = 3.0
"""A pair's probability is σ(3 · decision value), 0.95 at the margin: measured, it then needs hardly any temperature."""


@dataclass(frozen=True, eq=False)
class PairwiseMachines:
    """Machines of all pairs of classes, the numbers that they are computed in, and the axes where these are quick.

    Without axes, because none would do or because a GPU is quicker still, `quick` is float32.
    """

    machines: rbf.Machines
    arithmetic: Arithmetic
    axes: rbf_axes.Axes | None = None

    @property
    def numbers(self) -> rbf.Arithmetic:
        """Numbers that kernel values are computed in, where they are computed in full."""
        return "bfloat16" if self.arithmetic == "bfloat16" else "float32"

    @property
    def serial(self) -> bool:
        """Whether it shares its work out over threads itself."""
        return rbf.uses_torch(self.numbers)

    def log_scores(self, scores: Float32) -> Float32:
        """Return (n, k) coupled scores of (n, D) standard scores."""
        if self.axes is not None and not self.serial:
            return rbf_axes.coupled(self.machines, self.axes, scores, STEEPNESS)
        return rbf.coupled(self.machines, scores, STEEPNESS, self.numbers)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the machines in LIBSVM's layout."""
        found = self.machines
        return {"vectors": found.vectors, "counts": found.counts, "dual": found.dual, "intercept": found.intercept}

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return the width of the kernel and the arithmetic."""
        return {"gamma": self.machines.gamma, "arithmetic": self.arithmetic}


def read(state: ModelState, classes: int, columns: int) -> PairwiseMachines:
    """Return the machines of a state. Raises ModelError."""
    vectors = tables.floats(state, "vectors", None, columns)
    counts = np.asarray(tables.array(state, "counts", np.int64, classes), np.int64)
    if (counts < 0).any() or int(np.sum(counts)) != len(vectors):
        raise ModelError("The model's support vectors are not all there.", "The file is damaged; train again.")
    told = state.meta.get("arithmetic")
    arithmetic = next((name for name in get_args(Arithmetic) if name == told), None)
    if arithmetic is None:
        raise ModelError(f"The model's arithmetic is {told!r}.", "The file is damaged; train again.")
    found = rbf.Machines(
        tables.number(state, "gamma"),
        vectors,
        counts,
        tables.floats(state, "dual", classes - 1, len(vectors)),
        tables.floats(state, "intercept", classes * (classes - 1) // 2),
    )
    return ready(found, arithmetic)


def machines(
    scores: Float32, labels: tables.Indices, cost: float, gamma: float | None, balance: bool, arithmetic: Arithmetic
) -> PairwiseMachines:
    """Return trained machines of all pairs (LIBSVM's, Chang & Lin 2011).

    Parameters
    ----------
    scores, labels
        (N, D) standard scores and (N,) classes.
    cost, gamma
        C and γ of the kernel exp(−γ‖x − v‖²); None: 1 / 2D, half of what is usual, as 200 columns repeat each other.
    balance
        Whether classes weigh inversely to their number of cells.
    arithmetic
        Numbers to predict in.
    """
    from sklearn.svm import SVC

    gamma = gamma or 0.5 / scores.shape[1]
    weights = "balanced" if balance else None
    machine = SVC(C=cost, gamma=gamma, class_weight=weights, cache_size=500).fit(scores, labels)
    found = rbf.Machines(
        gamma,
        machine.support_vectors_.astype(np.float32),
        machine.n_support_.astype(np.int64),
        machine.dual_coef_.astype(np.float32),
        machine.intercept_.astype(np.float32),
    )
    return ready(found, arithmetic)


def ready(found: rbf.Machines, arithmetic: Arithmetic) -> PairwiseMachines:
    """Return machines with all that they need to predict in an arithmetic."""
    return PairwiseMachines(found, arithmetic, rbf_axes.found(found, STEEPNESS) if arithmetic == "quick" else None)
