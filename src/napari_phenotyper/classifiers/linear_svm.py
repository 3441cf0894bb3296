"""A linear support vector machine on features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from napari_phenotyper.classifiers import _linear as linear
from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

KIND = "linear_svm"


@dataclass(frozen=True)
class LinearSupportVectorMachine:
    """Support vector machine (linear).

    One machine per class against all others (LIBLINEAR, Fan et al. 2008) on standard scores of the training cells,
    classes weighted inversely to their frequency. Decision values become probabilities by a softmax at a temperature
    that is fitted on held-out cells (Guo et al. 2017). The quickest to predict, and of use where there are very many
    cells.
    """

    version: ClassVar[int] = 1

    cost: float = field(
        default=0.01, metadata={"help": "C: the price of a training cell on the wrong side", "min": 1e-6, "max": 1e6}
    )
    balance: bool = field(default=True, metadata={"help": "Weight classes inversely to their number of cells"})
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
        return models.fit(KIND, training, self.folds, self.calibration, self._train, progress)

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        return models.restore(KIND, state, linear.read)

    def _train(self, scores: Float32, labels: tables.Indices, seed: int) -> linear.Linear:
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC

        weights = "balanced" if self.balance else None
        with warnings.catch_warnings():
            # weights that still creep after 2,000 rounds change no label that could be seen
            warnings.simplefilter("ignore", ConvergenceWarning)
            machine = LinearSVC(C=self.cost, class_weight=weights, dual=True, max_iter=2000, random_state=seed)
            machine.fit(scores, labels)
        return linear.linear(machine.coef_, machine.intercept_)
