"""Linear discriminant analysis on principal components of features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _linear as linear
from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

KIND = "lda"


@dataclass(frozen=True)
class DiscriminantAnalysis:
    """Linear discriminant analysis after PCA.

    Standard scores are projected on the principal components that hold a share of their variance; on these, classes
    are normal with one covariance, shrunk towards a multiple of the identity (Ledoit & Wolf 2004) (CP-CHARM: Uhlmann
    et al. 2016). Probabilities at a temperature that is fitted on held-out cells (Guo et al. 2017).
    """

    version: ClassVar[int] = 1

    variance: float = field(
        default=0.99, metadata={"help": "Share of the variance that components hold", "min": 0.1, "max": 1.0}
    )
    prior: Literal["even", "counted"] = field(
        default="even", metadata={"help": "Whether classes are taken to be as frequent as each other or as annotated"}
    )
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
        from sklearn.covariance import ledoit_wolf

        exact = scores.astype(np.float64)
        axes = self._axes(exact)
        projected = exact @ axes
        count = np.bincount(labels)
        mean = np.stack([projected[labels == k].mean(axis=0) for k in range(len(count))])
        within = ledoit_wolf(projected - mean[labels], assume_centered=True)[0]
        # a cell per class, or cells that are alike, leave no variance within classes
        within = within + 1e-6 * max(float(projected.var(axis=0).mean()), 1e-12) * np.eye(len(within))
        weights = np.linalg.solve(within, mean.T)
        prior = np.log(count / count.sum()) if self.prior == "counted" else np.zeros(len(count))
        return linear.linear((axes @ weights).T, prior - 0.5 * np.einsum("kd,dk->k", mean, weights))

    def _axes(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (D, d) principal axes of (N, D) scores, whose mean is 0."""
        _, size, axes = np.linalg.svd(scores - scores.mean(axis=0), full_matrices=False)
        share = np.cumsum(size**2) / max(float((size**2).sum()), 1e-30)
        return np.asarray(axes[: int(np.searchsorted(share, self.variance - 1e-12)) + 1].T)
