"""Logistic regression on features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from napari_phenotyper.classifiers import _linear as linear
from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _powers as bending
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

KIND = "logistic"


@dataclass(frozen=True)
class LogisticRegression:
    """Logistic regression.

    Multinomial, with a ridge penalty, on columns that are bent until they look normal (Yeo & Johnson 2000); classes
    weighted inversely to their frequency, and those of few cells favoured once more, as in the machine with an RBF
    kernel. Probabilities at a temperature that is fitted on held-out cells (Guo et al. 2017).
    """

    version: ClassVar[int] = 1

    cost: float = field(
        default=0.1, metadata={"help": "C: trust in the cells; smaller: smaller weights", "min": 1e-6, "max": 1e6}
    )
    balance: bool = field(default=True, metadata={"help": "Weight classes inversely to their number of cells"})
    lift: float = field(
        default=0.4, metadata={"help": "How far rare classes are favoured; 1: all taken to be as frequent", "min": 0.0,
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
        return bending.Powered(powers, linear.regression(powers(scores), labels, self.cost, self.balance))


def _read(state: ModelState, classes: int, columns: int) -> bending.Powered:
    """Return powers and weights of a state. Raises ModelError."""
    return bending.Powered(bending.read(state, columns), linear.read(state, classes, columns))
