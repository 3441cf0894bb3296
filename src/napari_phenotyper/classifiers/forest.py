"""A random forest on features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Cells, Float32
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

KIND = "forest"
LEAF = -1
"""What stands for a child where a node has none."""


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
    folds: int = field(default=3, metadata={"help": "Parts to calibrate on", "min": 2, "max": 20})
    jobs: int = field(default=1, metadata={"help": "Trees that are grown at the same time", "min": 1, "max": 256})

    def fit(self, training: TrainingSet, progress: Progress) -> Model:
        """Train and calibrate.

        Raises
        ------
        TrainingError
            If there are no cells, no columns, or no column varies.
        Cancelled
        """
        progress(0.0, "reading columns")
        table = tables.table(training)
        seed = training.seed % 2**32
        slope = self._slope(table, training, seed, part(progress, 0.05, 0.65))
        progress(0.7, "training")
        if len(table.known) == 1:
            return _constant(training.classes, table)
        forest = self._forest(table.scores, table.labels, seed)
        progress(1.0, "trained")
        return _flat(forest, training.classes, table, slope)

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        classes, known, scaling, slope = tables.common(state, KIND)
        offsets = np.asarray(tables.array(state, "offsets", np.int64, None), np.int64)
        children = np.asarray(tables.array(state, "children", np.int32, None, 2), np.int32)
        nodes = len(children)
        feature = np.asarray(tables.array(state, "feature", np.int32, nodes), np.int32)
        threshold = np.asarray(tables.array(state, "threshold", np.float64, nodes), np.float64)
        share = np.asarray(tables.array(state, "share", np.float32, nodes, len(known)), np.float32)
        importances = np.asarray(tables.array(state, "importances", np.float64, len(scaling.columns)), np.float64)
        _check_trees(offsets, children, feature, len(scaling.columns))
        return _Trees(classes, known, scaling, slope, offsets, children, feature, threshold, share, importances)

    def _forest(self, scores: Float32, labels: tables.Indices, seed: int) -> RandomForestClassifier:
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(
            self.trees,
            min_samples_leaf=self.smallest_leaf,
            class_weight="balanced_subsample",
            n_jobs=self.jobs,
            random_state=seed,
        )
        return forest.fit(scores, labels)

    def _slope(self, table: tables.Table, training: TrainingSet, seed: int, progress: Progress) -> float:
        """Return the slope that suits cells which were held out."""
        from napari_phenotyper.evaluation.calibration import fit_slope

        fold = tables.inner_folds(table.labels, training.groups, self.folds, training.seed)
        if fold is None or len(table.known) == 1:
            return 1.0

        def score(known: tables.Indices, tested: tables.Indices) -> tuple[tables.Indices, NDArray[np.floating]]:
            forest = self._forest(table.scores[known], table.labels[known], seed)
            return forest.classes_, _scores(forest.predict_proba(table.scores[tested]), self.trees)

        found = tables.held_out_scores(table.labels, fold, len(table.known), score, progress)
        return fit_slope(found, table.labels)


@dataclass(frozen=True, eq=False)
class _Trees:
    """All nodes of all trees, tree after tree; M nodes, T trees, K known classes.

    Attributes
    ----------
    offsets
        (T + 1,) where each tree begins.
    children
        (M, 2) nodes, counted from where the tree begins, for values up to the threshold and above; `LEAF` in leaves.
    feature, threshold
        (M,) column and value that are compared.
    share
        (M, K) of the training cells at the node.
    importances
        (D,) mean decreases in impurity.
    """

    classes: tuple[str, ...]
    known: tuple[str, ...]
    scaling: tables.Scaling
    slope: float
    offsets: NDArray[np.int64]
    children: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    share: Float32
    importances: NDArray[np.float64]

    def predict(self, cells: Cells) -> Float32:
        """Return (n, K) calibrated probabilities. Raises ModelError naming a column that is missing."""
        from napari_phenotyper.evaluation.calibration import softmax

        shares = self.shares(self.scaling(cells.matrix(self.scaling.columns)))
        given = _scores(shares, len(self.offsets) - 1)
        return tables.spread(softmax(given, self.slope), self.known, self.classes)

    def shares(self, scores: Float32) -> NDArray[np.float64]:
        """Return (n, K) the mean over trees of the share of each class in the leaf, of (n, D) standard scores."""
        total = np.zeros((len(scores), len(self.known)))
        for start, stop in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            children, feature = self.children[start:stop], self.feature[start:stop]
            threshold = self.threshold[start:stop]
            node = np.zeros(len(scores), np.intp)
            going = np.flatnonzero(children[node, 0] != LEAF)
            while len(going):
                here = node[going]
                above = scores[going, feature[here]] > threshold[here]
                node[going] = children[here, above.astype(np.intp)]
                going = going[children[node[going], 0] != LEAF]
            total += self.share[start:stop][node]
        return total / max(len(self.offsets) - 1, 1)

    def state(self) -> ModelState:
        """Return all that `RandomForest.restore` needs, and the importances by column."""
        meta = tables.common_meta(KIND, self.classes, self.known, self.scaling, self.slope)
        arrays: dict[str, NDArray[np.generic]] = {
            "mean": self.scaling.mean,
            "sd": self.scaling.sd,
            "offsets": self.offsets,
            "children": self.children,
            "feature": self.feature,
            "threshold": self.threshold,
            "share": self.share,
            "importances": self.importances,
        }
        by_column = dict(zip(self.scaling.columns, self.importances.tolist(), strict=True))
        return ModelState(arrays, {**meta, "importances": by_column})


def _flat(forest: RandomForestClassifier, classes: tuple[str, ...], table: tables.Table, slope: float) -> _Trees:
    """Return a trained forest as plain arrays."""
    trees = [tree.tree_ for tree in forest.estimators_]
    children = np.concatenate([np.stack([t.children_left, t.children_right], axis=1) for t in trees])
    share = np.concatenate([t.value[:, 0, :] for t in trees])
    return _Trees(
        classes,
        table.known,
        table.scaling,
        slope,
        np.concatenate([[0], np.cumsum([t.node_count for t in trees])]).astype(np.int64),
        children.astype(np.int32),
        np.maximum(np.concatenate([t.feature for t in trees]), 0).astype(np.int32),
        np.concatenate([t.threshold for t in trees]).astype(np.float64),
        (share / share.sum(axis=1, keepdims=True)).astype(np.float32),
        np.asarray(forest.feature_importances_, np.float64),
    )


def _constant(classes: tuple[str, ...], table: tables.Table) -> _Trees:
    """Return the model of a training set of one class: one tree of one leaf, no column."""
    none = np.zeros(0, np.float32)
    return _Trees(
        classes,
        table.known,
        tables.Scaling((), none, none),
        1.0,
        np.array([0, 1], np.int64),
        np.full((1, 2), LEAF, np.int32),
        np.zeros(1, np.int32),
        np.zeros(1),
        np.ones((1, 1), np.float32),
        np.zeros(0),
    )


def _check_trees(
    offsets: NDArray[np.int64], children: NDArray[np.int32], feature: NDArray[np.int32], columns: int
) -> None:
    """Raise ModelError unless every path ends in a leaf of its own tree.

    Children come after their parent, as scikit-learn numbers them: so a file cannot make a prediction run for ever.
    """
    whole = len(offsets) >= 2 and offsets[0] == 0 and offsets[-1] == len(children) and (np.diff(offsets) > 0).all()
    if whole:
        size = np.repeat(np.diff(offsets), np.diff(offsets))
        own = np.arange(len(children)) - np.repeat(offsets[:-1], np.diff(offsets))
        leaf = (children == LEAF).all(axis=1)
        inner = (children > own[:, None]).all(axis=1) & (children < size[:, None]).all(axis=1)
        whole = bool((leaf | inner).all()) and bool(((feature >= 0) & (feature < max(columns, 1))).all())
    if not whole:
        raise ModelError("The model's trees are damaged.", "Train again.")


def _scores(shares: NDArray[np.floating], trees: int) -> NDArray[np.float64]:
    """Return (n, K) log shares; a share of 0 counts as half a tree's vote, as no finite forest can rule a class out."""
    return np.asarray(np.log(np.maximum(shares, 0.5 / max(trees, 1))))
