"""Gradient boosting on features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.classifiers import _trees as trees
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

KIND = "boosting"


@dataclass(frozen=True)
class GradientBoosting:
    """Gradient boosting.

    In each round one small tree per class, on histograms of the columns (Friedman 2001; Ke et al. 2017), each split
    chosen among a random share of them; classes weighted inversely to their frequency. Probabilities at a temperature
    that is fitted on held-out cells (Guo et al. 2017). Takes longer to train than the others.
    """

    version: ClassVar[int] = 1

    rounds: int = field(default=60, metadata={"help": "Trees per class", "min": 1, "max": 2000})
    rate: float = field(default=0.15, metadata={"help": "Share of each tree that counts", "min": 1e-3, "max": 1.0})
    leaves: int = field(default=6, metadata={"help": "Leaves of a tree", "min": 2, "max": 256})
    columns: float = field(
        default=0.1, metadata={"help": "Share of the columns that a split chooses from", "min": 0.01, "max": 1.0}
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
        return models.restore(KIND, state, _read)

    def _train(self, scores: Float32, labels: tables.Indices, seed: int) -> Boosted:
        from sklearn.ensemble import HistGradientBoostingClassifier

        machine = HistGradientBoostingClassifier(
            max_iter=self.rounds,
            learning_rate=self.rate,
            max_leaf_nodes=self.leaves,
            max_features=self.columns,
            max_bins=63,
            min_samples_leaf=min(10, max(1, len(labels) // 20)),
            l2_regularization=5.0,
            class_weight="balanced" if self.balance else None,
            early_stopping=False,
            random_state=seed,
        )
        return _flat(machine.fit(scores, labels))


@dataclass(frozen=True, eq=False)
class Boosted:
    """Trees, and what their leaves add to the score of one class.

    Attributes
    ----------
    trees
        Round after round, a tree per class; of two classes, only one for the second.
    value
        (M,) what a node adds.
    start
        (k,) scores before the first round; of two classes, (1,).
    """

    trees: trees.Trees
    value: Float32
    start: Float32

    serial = False

    def log_scores(self, scores: Float32) -> NDArray[np.float64]:
        """Return (n, k) raw scores of (n, D) standard scores."""
        total = np.tile(self.start.astype(np.float64), (len(scores), 1))
        for number, leaf in enumerate(self.trees.leaves(scores)):
            total[:, number % len(self.start)] += self.value[leaf]
        return total if len(self.start) > 1 else np.hstack([-total / 2, total / 2])

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return trees, values and starting scores."""
        return {**self.trees.arrays(), "value": self.value, "start": self.start}

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return nothing: the arrays are all there is."""
        return {}


def _read(state: ModelState, classes: int, columns: int) -> Boosted:
    """Return the trees of a state. Raises ModelError."""
    found = trees.read(state, columns)
    start = tables.floats(state, "start", classes if classes > 2 else 1)
    if len(found) % len(start):
        raise ModelError("The model's last round of trees is not whole.", "The file is damaged; train again.")
    return Boosted(found, tables.floats(state, "value", len(found.children)), start)


def _flat(machine: HistGradientBoostingClassifier) -> Boosted:
    """Return trained trees as plain arrays; scikit-learn keeps them, node for node, in `_predictors`."""
    grown = [tree.nodes for per_round in machine._predictors for tree in per_round]
    nodes = np.concatenate(grown)
    leaf = nodes["is_leaf"].astype(bool)
    children = np.stack([nodes["left"], nodes["right"]], axis=1).astype(np.int32)
    children[leaf] = trees.LEAF
    flat = trees.Trees(
        np.concatenate([[0], np.cumsum([len(tree) for tree in grown])]).astype(np.int64),
        children,
        np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
        np.where(leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
    )
    start = np.asarray(machine._baseline_prediction, np.float32).ravel()
    return Boosted(flat, nodes["value"].astype(np.float32), start)
