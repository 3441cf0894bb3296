"""Logistic regression on features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from napari_phenotyper.classifiers import _linear as linear
from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

KIND = "logistic"


@dataclass(frozen=True)
class LogisticRegression:
    """Logistic regression.

    Multinomial, with a ridge penalty, on standard scores of the training cells; classes weighted inversely to their
    frequency. Probabilities at a temperature that is fitted on held-out cells (Guo et al. 2017). Few labels per class
    suit it: it has one weight per column and class.
    """

    version: ClassVar[int] = 1

    cost: float = field(
        default=0.1, metadata={"help": "C: trust in the cells; smaller: smaller weights", "min": 1e-6, "max": 1e6}
    )
    balance: bool = field(default=True, metadata={"help": "Weight classes inversely to their number of cells"})
    folds: int = field(default=3, metadata={"help": "Parts to calibrate on", "min": 2, "max": 20})

    def fit(self, training: TrainingSet, progress: Progress) -> Model:
        """Train and calibrate.

        Raises
        ------
        TrainingError
            If there are no cells, no columns, or no column varies.
        Cancelled
        """
        return models.fit(KIND, training, self.folds, self._train, progress)

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        return models.restore(KIND, state, linear.read)

    def _train(self, scores: Float32, labels: tables.Indices, seed: int) -> linear.Linear:
        return linear.regression(scores, labels, self.cost, self.balance)
