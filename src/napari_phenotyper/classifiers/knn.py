"""The nearest annotated cells."""

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

KIND = "knn"
CELLS = 512
"""Cells whose distances are held at a time."""


@dataclass(frozen=True)
class NearestCells:
    """Nearest annotated cells.

    A cell is what most of the nearest training cells are, by distance in standard scores; each neighbour's vote counts
    inversely to the frequency of its class (Cover & Hart 1967; Dudani 1976). Probabilities at a temperature that is
    fitted on held-out cells (Guo et al. 2017).
    """

    version: ClassVar[int] = 1

    neighbours: int = field(default=10, metadata={"help": "How many neighbours vote", "min": 1, "max": 1000})
    balance: bool = field(default=True, metadata={"help": "Votes of rare classes count more"})
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

    def _train(self, scores: Float32, labels: tables.Indices, seed: int) -> Neighbours:
        count = np.bincount(labels)
        # the square root keeps one cell of a rare class from outvoting all others
        vote = np.sqrt(count.mean() / count) if self.balance else np.ones(len(count))
        return Neighbours(scores, labels.astype(np.int32), vote.astype(np.float32), min(self.neighbours, len(labels)))


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Training cells.

    Attributes
    ----------
    vectors, labels
        (N, D) standard scores and (N,) classes.
    vote
        (k,) what a neighbour of each class counts.
    nearest
        How many vote.
    """

    vectors: Float32
    labels: NDArray[np.int32]
    vote: Float32
    nearest: int

    serial = False

    def log_scores(self, scores: Float32) -> Float32:
        """Return (n, k) logs of the votes, to each of which half a neighbour is added; (n, D) standard scores."""
        classes = len(self.vote)
        out = np.empty((len(scores), classes), np.float32)
        for start in range(0, len(scores), CELLS):
            square = square_distances(scores[start : start + CELLS], self.vectors)
            near = np.argpartition(square, self.nearest - 1, axis=1)[:, : self.nearest]
            distance = np.sqrt(np.take_along_axis(square, near, axis=1))
            # a neighbour counts by its nearness as against the farthest of them
            farthest = np.maximum(distance.max(axis=1, keepdims=True), np.float32(1e-12))
            counts = self.vote[self.labels[near]] * (1.1 - distance / farthest)
            place = np.arange(len(near))[:, None] * classes + self.labels[near]
            votes = np.bincount(place.ravel(), counts.ravel(), len(near) * classes)
            out[start : start + CELLS] = np.log(votes.reshape(-1, classes) + 0.5 * self.vote / classes)
        return out

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the training cells and the weights of their votes."""
        return {"vectors": self.vectors, "labels": self.labels, "vote": self.vote}

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return how many vote."""
        return {"nearest": self.nearest}


def _read(state: ModelState, classes: int, columns: int) -> Neighbours:
    """Return the training cells of a state. Raises ModelError."""
    vectors = tables.floats(state, "vectors", None, columns)
    labels = np.asarray(tables.array(state, "labels", np.int32, len(vectors)), np.int32)
    vote, nearest = tables.floats(state, "vote", classes), int(tables.number(state, "nearest"))
    if not ((labels >= 0) & (labels < classes)).all() or not 1 <= nearest <= len(vectors) or not (vote > 0).all():
        raise ModelError("The model's training cells are not all there.", "The file is damaged; train again.")
    return Neighbours(vectors, labels, vote, nearest)
