"""Weighted neighbour distances, the classifier of WND-CHARM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet
from napari_phenotyper.kernels.distances import square_distances

KIND = "wnd5"
CELLS = 512
"""Cells whose distances are held at a time."""
NEAREST = 1e-6
"""Squared distances are no smaller than this share of the typical one: a twin of a training cell is not infinitely
like it."""


@dataclass(frozen=True)
class WeightedNeighbourDistances:
    """Weighted neighbour distances (WND-5).

    The similarity of a cell to a class is the mean over the class's training cells t of (Σ_f W_f² (x_f − t_f)²)^−5,
    with W_f the Fisher score of column f, columns of the least scores dropped; the most similar class wins (WND-CHARM:
    Orlov et al. 2008). Probabilities are similarities at a temperature that is fitted on held-out cells (Guo et al.
    2017).
    """

    version: ClassVar[int] = 1

    columns: float = field(
        default=0.65, metadata={"help": "Share of the columns, best first, that is used", "min": 0.01, "max": 1.0}
    )
    power: float = field(
        default=5.0, metadata={"help": "How fast similarity falls with distance", "min": 0.5, "max": 20}
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
        return models.restore(KIND, state, _read)

    def _train(self, scores: Float32, labels: tables.Indices, seed: int) -> WeightedDistances:
        weights = fisher_scores(scores, labels)
        kept = max(1, round(self.columns * len(weights)))
        weights[np.argsort(-weights, kind="stable")[kept:]] = 0
        order = np.argsort(labels, kind="stable")
        return WeightedDistances(
            scores[order] * weights.astype(np.float32),
            np.bincount(labels).astype(np.int64),
            weights.astype(np.float32),
            self.power,
        )


def fisher_scores(scores: Float32, labels: tables.Indices) -> NDArray[np.float64]:
    """Return (D,) the variance of the classes' means over the mean of the variances within classes, at most 1 on top.

    They are divided by the largest, which changes no similarity but by a factor common to all classes.
    """
    count = np.bincount(labels)
    groups = [scores[labels == k].astype(np.float64) for k in range(len(count))]
    between = np.var([g.mean(axis=0) for g in groups], axis=0)
    within = np.mean([g.var(axis=0) for g in groups], axis=0)
    # a column that does not vary within classes is the best there is, but not infinitely better than the next
    found = between / np.maximum(within, 1e-3 * max(float(within.max()), 1e-12))
    return np.asarray(found / found.max() if found.max() > 0 else np.ones_like(found))


@dataclass(frozen=True, eq=False)
class WeightedDistances:
    """Training cells times the weights of their columns.

    Attributes
    ----------
    vectors, counts
        (N, D), class after class, and (k,) how many of each class.
    weights
        (D,), 0 for columns that are not used.
    power
        Of the similarity.
    """

    vectors: Float32
    counts: NDArray[np.int64]
    weights: Float32
    power: float

    serial = False

    def log_scores(self, scores: Float32) -> Float32:
        """Return (n, k) log similarities of (n, D) standard scores."""
        used = self.weights > 0
        vectors = np.ascontiguousarray(self.vectors[:, used])
        floor = np.float32(NEAREST * max(2 * float(vectors.var(axis=0, dtype=np.float64).sum()), 1e-12))
        starts = np.append(0, np.cumsum(self.counts)[:-1])
        out = np.empty((len(scores), len(self.counts)), np.float32)
        for start in range(0, len(scores), CELLS):
            given = scores[start : start + CELLS, used] * self.weights[used]
            logs = np.log(np.maximum(square_distances(given, vectors), floor))
            logs *= -np.float32(self.power)
            highest = np.maximum.reduceat(logs, starts, axis=1)
            np.exp(logs - np.repeat(highest, self.counts, axis=1), out=logs)
            out[start : start + CELLS] = highest + np.log(np.add.reduceat(logs, starts, axis=1) / self.counts)
        return out

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the weighted training cells and the weights."""
        return {"vectors": self.vectors, "counts": self.counts, "weights": self.weights}

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return the power."""
        return {"power": self.power}


def _read(state: ModelState, classes: int, columns: int) -> WeightedDistances:
    """Return the training cells of a state. Raises ModelError."""
    vectors = tables.floats(state, "vectors", None, columns)
    counts = np.asarray(tables.array(state, "counts", np.int64, classes), np.int64)
    weights = tables.floats(state, "weights", columns)
    if (counts < 1).any() or int(counts.sum()) != len(vectors) or (weights < 0).any() or not weights.any():
        raise ModelError("The model's training cells are not all there.", "The file is damaged; train again.")
    return WeightedDistances(vectors, counts, weights, tables.number(state, "power"))
