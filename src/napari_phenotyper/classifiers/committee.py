"""A support vector machine, a logistic regression and small networks that decide together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _linear as linear
from napari_phenotyper.classifiers import _machines as pairwise
from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _perceptrons as networks
from napari_phenotyper.classifiers import _powers as bending
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

KIND = "committee"


@dataclass(frozen=True)
class Committee:
    """Committee (SVM, logistic regression, perceptrons).

    All learn from columns that are bent until they look normal (Yeo & Johnson 2000); a cell's probabilities are the
    means of theirs, with classes of few cells favoured, at a temperature that is fitted on held-out cells (Guo et al.
    2017). The most accurate without pixels: on the MitoCheck nuclei, on which defaults were chosen, folds by plate.
    """

    version: ClassVar[int] = 2

    cost: float = field(default=10.0, metadata={"help": "C of the support vector machine", "min": 1e-3, "max": 1e5})
    trust: float = field(default=0.1, metadata={"help": "C of the logistic regression", "min": 1e-6, "max": 1e6})
    networks: int = field(default=3, metadata={"help": "Perceptrons", "min": 1, "max": 50})
    balance: bool = field(default=True, metadata={"help": "Weight classes inversely to their number of cells"})
    lift: float = field(
        default=0.2, metadata={"help": "How far rare classes are favoured; 1: all taken to be as frequent", "min": 0.0,
                               "max": 1.0}
    )  # fmt: skip
    folds: int = field(default=3, metadata={"help": "Parts to calibrate on", "min": 2, "max": 20})
    calibration: models.Calibration = field(default="temperature", metadata=models.CALIBRATION)

    def fit(self, training: TrainingSet, progress: Progress) -> Model:
        """Train and calibrate.

        Raises
        ------
        TrainingError
            If there are no cells, no columns, or no column varies.
        Cancelled
        """
        return models.fit(KIND, training, self.folds, self.calibration, self._train, progress, self.lift)

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        return models.restore(KIND, state, _read)

    def _train(self, scores: Float32, labels: tables.Indices, seed: int) -> bending.Powered:
        powers = bending.fit_powers(scores)
        even = powers(scores)
        machines = pairwise.machines(even, labels, self.cost, None, self.balance, "float32")
        regression = linear.regression(even, labels, self.trust, self.balance)
        perceptrons = networks.perceptrons(even, labels, self.networks, seed)
        return bending.Powered(powers, Members(machines, regression, perceptrons))


@dataclass(frozen=True, eq=False)
class Members:
    """Three that learnt from the same cells."""

    machines: pairwise.PairwiseMachines
    regression: linear.Linear
    perceptrons: networks.Perceptrons

    @property
    def serial(self) -> bool:
        """Whether it shares its work out over threads itself."""
        return self.machines.serial

    def log_scores(self, scores: Float32) -> Float32:
        """Return (n, k) logs of the means of the members' probabilities of (n, D) scores."""
        from scipy.special import log_softmax

        members = (self.machines, self.regression, self.perceptrons)
        given = [log_softmax(member.log_scores(scores), axis=1) for member in members]
        return np.asarray(np.logaddexp.reduce(given), np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays of all."""
        return {**self.machines.arrays(), **self.regression.arrays(), **self.perceptrons.arrays()}

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return what else the machines and the perceptrons need."""
        return {**self.machines.meta(columns), **self.perceptrons.meta(columns)}


def _read(state: ModelState, classes: int, columns: int) -> bending.Powered:
    """Return the members of a state. Raises ModelError."""
    members = Members(
        pairwise.read(state, classes, columns),
        linear.read(state, classes, columns),
        networks.read(state, classes, columns),
    )
    return bending.Powered(bending.read(state, columns), members)
