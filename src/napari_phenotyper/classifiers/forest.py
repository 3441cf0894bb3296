"""A random forest on features."""

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
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

KIND = "forest"


@dataclass(frozen=True)
class RandomForest:
    """Random forest.

    Trees on bootstrap samples whose classes are weighted inversely to their frequency (Breiman 2001). Probabilities
    are the trees' mean shares, sharpened or softened by a temperature that is fitted on held-out cells (Guo et al.
    2017), held out by group where there are groups enough. Importances are mean decreases in impurity (Louppe 2013).
    """

    version: ClassVar[int] = 1

    trees: int = field(default=200, metadata={"help": "How many", "min": 1, "max": 5000})
    smallest_leaf: int = field(default=2, metadata={"help": "Fewest training cells in a leaf", "min": 1, "max": 1000})
    balance: bool = field(default=True, metadata={"help": "Weight classes inversely to their number of cells"})
    folds: int = field(default=3, metadata={"help": "Parts to calibrate on", "min": 2, "max": 20})
    calibration: models.Calibration = field(default="temperature", metadata=models.CALIBRATION)
    jobs: int = field(default=1, metadata={"help": "Trees that are grown at the same time", "min": 1, "max": 256})

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

    def _train(self, scores: Float32, labels: tables.Indices, seed: int) -> Forest:
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(
            self.trees,
            min_samples_leaf=self.smallest_leaf,
            class_weight="balanced_subsample" if self.balance else None,
            n_jobs=self.jobs,
            random_state=seed,
        )
        return _flat(forest.fit(scores, labels))


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees, and what their nodes say.

    Attributes
    ----------
    trees
        T trees of M nodes.
    share
        (M, k) of the training cells at the node.
    importances
        (D,) mean decreases in impurity.
    """

    trees: trees.Trees
    share: Float32
    importances: NDArray[np.float64]

    serial = False

    def shares(self, scores: Float32) -> NDArray[np.float64]:
        """Return (n, k) the mean over trees of the share of each class in the leaf, of (n, D) standard scores."""
        total = np.zeros((len(scores), self.share.shape[1]))
        for leaf in self.trees.leaves(scores):
            total += self.share[leaf]
        return total / len(self.trees)

    def log_scores(self, scores: Float32) -> NDArray[np.float64]:
        """Return (n, k) log shares; a share of 0 counts as half a tree's vote, as no forest can rule a class out."""
        return np.asarray(np.log(np.maximum(self.shares(scores), 0.5 / len(self.trees))))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return trees, shares and importances."""
        return {**self.trees.arrays(), "share": self.share, "importances": self.importances}

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return the importances by column, for people to read."""
        return {"importances": dict(zip(columns, self.importances.tolist(), strict=True))}


def _read(state: ModelState, classes: int, columns: int) -> Forest:
    """Return the forest of a state. Raises ModelError."""
    found = trees.read(state, columns)
    share = tables.floats(state, "share", len(found.children), classes)
    return Forest(found, share, np.asarray(tables.array(state, "importances", np.float64, columns), np.float64))


def _flat(forest: RandomForestClassifier) -> Forest:
    """Return a trained forest as plain arrays."""
    grown = [tree.tree_ for tree in forest.estimators_]
    children = np.concatenate([np.stack([t.children_left, t.children_right], axis=1) for t in grown])
    share = np.concatenate([t.value[:, 0, :] for t in grown])
    flat = trees.Trees(
        np.concatenate([[0], np.cumsum([t.node_count for t in grown])]).astype(np.int64),
        children.astype(np.int32),
        np.maximum(np.concatenate([t.feature for t in grown]), 0).astype(np.int32),
        np.concatenate([t.threshold for t in grown]).astype(np.float64),
    )
    share = (share / share.sum(axis=1, keepdims=True)).astype(np.float32)
    return Forest(flat, share, np.asarray(forest.feature_importances_, np.float64))
