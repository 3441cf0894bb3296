"""A support vector machine on features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from napari_phenotyper.classifiers import _machines as pairwise
from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

KIND = "svm"


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
    calibration: models.Calibration = field(default="temperature", metadata=models.CALIBRATION)
    arithmetic: pairwise.Arithmetic = field(
        default="float32",
        metadata={
            "help": "How to predict; quick: probabilities nearly right, 999 of 1000 labels the same, for very many "
            "cells; bfloat16: on processors with AMX only"
        },
    )

    def fit(self, training: TrainingSet, progress: Progress) -> Model:
        """Train and calibrate.

        Raises
        ------
        TrainingError
            If there are no cells, no columns, or no column varies.
        Cancelled
        """
        return models.fit(KIND, training, self.folds, self.calibration, self._train, progress, self.lift, True)

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        return models.restore(KIND, state, pairwise.read)

    def _train(self, scores: Float32, labels: tables.Indices, seed: int) -> pairwise.PairwiseMachines:
        return pairwise.machines(scores, labels, self.cost, self.gamma, self.balance, self.arithmetic)
