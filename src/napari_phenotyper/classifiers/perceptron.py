"""Small networks on features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _perceptrons as networks
from napari_phenotyper.classifiers import _powers as bending
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

KIND = "perceptron"


@dataclass(frozen=True)
class Perceptron:
    """Perceptrons (networks on features).

    Several networks of two hidden layers on columns that are bent until they look normal (Yeo & Johnson 2000), with
    dropout (Srivastava et al. 2014), noise, label smoothing and logit adjustment for rare classes (Menon et al. 2021);
    their scores are averaged. Probabilities at a temperature that is fitted on held-out cells (Guo et al. 2017).
    """

    version: ClassVar[int] = 1

    networks: int = field(default=3, metadata={"help": "How many are trained", "min": 1, "max": 50})
    lift: float = field(
        default=0.2, metadata={"help": "How far rare classes are favoured, beyond what training does", "min": 0.0,
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
        return bending.Powered(powers, networks.perceptrons(powers(scores), labels, self.networks, seed))


def _read(state: ModelState, classes: int, columns: int) -> bending.Powered:
    """Return the networks of a state. Raises ModelError."""
    return bending.Powered(bending.read(state, columns), networks.read(state, classes, columns))
