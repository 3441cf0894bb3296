"""A support vector machine on features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet
from napari_phenotyper.kernels import rbf

KIND = "svm"
STEEPNESS = 3.0
"""A pair's probability is σ(3 · decision value), 0.95 at the margin: measured, it then needs hardly any temperature."""


@dataclass(frozen=True)
class SupportVectorMachine:
    """Support vector machine (RBF).

    Features as standard scores of the training cells, classes weighted inversely to their frequency, one machine per
    pair of classes (Neumann et al. 2010). Pairs are coupled after Price et al. (1995), and the coupled scores become
    probabilities at a temperature that is fitted on held-out cells (Guo et al. 2017), held out by group where there
    are groups enough. The temperature cannot change the label. Coupled scores lean to classes of many cells even when
    these weigh less; probabilities are therefore divided by a power of the class's share of the training cells.
    Defaults were chosen on the MitoCheck nuclei, folds by plate.
    """

    version: ClassVar[int] = 2

    cost: float = field(
        default=10.0, metadata={"help": "C: the price of a training cell on the wrong side", "min": 1e-3, "max": 1e5}
    )
    gamma: float | None = field(
        default=None,
        metadata={"help": "Kernel width; none: 1 / (2 · number of columns)", "min": 1e-8, "max": 1e3},
    )
    balance: bool = field(default=True, metadata={"help": "Weight classes inversely to their number of cells"})
    lift: float = field(
        default=0.4, metadata={"help": "How far rare classes are favoured; 1: all taken to be as frequent", "min": 0.0,
                               "max": 1.0}
    )  # fmt: skip
    folds: int = field(default=3, metadata={"help": "Parts to calibrate on", "min": 2, "max": 20})
    arithmetic: Literal["float32", "bfloat16"] = field(
        default="float32",
        metadata={"help": "Numbers to predict in; bfloat16 is quicker on processors with AMX only"},
    )

    def fit(self, training: TrainingSet, progress: Progress) -> Model:
        """Train and calibrate.

        Raises
        ------
        TrainingError
            If there are no cells, no columns, or no column varies.
        Cancelled
        """
        return models.fit(KIND, training, self.folds, self._train, progress, self.lift)

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        return models.restore(KIND, state, _read)

    def _train(self, scores: Float32, labels: tables.Indices, seed: int) -> PairwiseMachines:
        from sklearn.svm import SVC

        gamma = self.gamma or 0.5 / scores.shape[1]
        weights = "balanced" if self.balance else None
        machine = SVC(C=self.cost, gamma=gamma, class_weight=weights, cache_size=500).fit(scores, labels)
        found = rbf.Machines(
            gamma,
            machine.support_vectors_.astype(np.float32),
            machine.n_support_.astype(np.int64),
            machine.dual_coef_.astype(np.float32),
            machine.intercept_.astype(np.float32),
        )
        return PairwiseMachines(found, self.arithmetic)


@dataclass(frozen=True, eq=False)
class PairwiseMachines:
    """Machines of all pairs of classes, and the numbers that they are computed in."""

    machines: rbf.Machines
    arithmetic: rbf.Arithmetic

    @property
    def serial(self) -> bool:
        """Whether it shares its work out over threads itself."""
        return rbf.uses_torch(self.arithmetic)

    def log_scores(self, scores: Float32) -> Float32:
        """Return (n, k) coupled scores of (n, D) standard scores."""
        return rbf.coupled(self.machines, scores, STEEPNESS, self.arithmetic)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the machines in LIBSVM's layout."""
        found = self.machines
        return {"vectors": found.vectors, "counts": found.counts, "dual": found.dual, "intercept": found.intercept}

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return the width of the kernel and the arithmetic."""
        return {"gamma": self.machines.gamma, "arithmetic": self.arithmetic}


def _read(state: ModelState, classes: int, columns: int) -> PairwiseMachines:
    """Return the machines of a state. Raises ModelError."""
    vectors = tables.floats(state, "vectors", None, columns)
    counts = np.asarray(tables.array(state, "counts", np.int64, classes), np.int64)
    if (counts < 0).any() or int(np.sum(counts)) != len(vectors):
        raise ModelError("The model's support vectors are not all there.", "The file is damaged; train again.")
    arithmetic = state.meta.get("arithmetic")
    if arithmetic not in rbf.ERRORS:
        raise ModelError(f"The model's arithmetic is {arithmetic!r}.", "The file is damaged; train again.")
    found = rbf.Machines(
        tables.number(state, "gamma"),
        vectors,
        counts,
        tables.floats(state, "dual", classes - 1, len(vectors)),
        tables.floats(state, "intercept", classes * (classes - 1) // 2),
    )
    return PairwiseMachines(found, arithmetic)
