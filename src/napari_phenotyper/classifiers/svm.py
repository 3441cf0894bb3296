"""A support vector machine on features."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Cells, Float32
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

if TYPE_CHECKING:
    from sklearn.svm import SVC

KIND = "svm"
AT_ONCE = 2048
"""Cells whose kernel is computed together."""
STEEPNESS = 3.0
"""A pair's probability is σ(3 · decision value), 0.95 at the margin: measured, it then needs hardly any temperature."""


@dataclass(frozen=True)
class SupportVectorMachine:
    """Support vector machine (RBF).

    Features as standard scores of the training cells, classes weighted inversely to their frequency, one machine per
    pair of classes (Neumann et al. 2010). Pairs are coupled after Price et al. (1995), and the coupled scores become
    probabilities at a temperature that is fitted on held-out cells (Guo et al. 2017), held out by group where there
    are groups enough. The temperature cannot change the label.
    """

    version: ClassVar[int] = 1

    cost: float = field(
        default=10.0, metadata={"help": "C: the price of a training cell on the wrong side", "min": 1e-3, "max": 1e5}
    )
    gamma: float | None = field(
        default=None,
        metadata={"help": "Kernel width; none: 1 / number of columns", "min": 1e-8, "max": 1e3},
    )
    folds: int = field(default=3, metadata={"help": "Parts to calibrate on", "min": 2, "max": 20})

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
        if len(table.known) == 1:
            return _constant(training.classes, table)
        gamma = self.gamma or 1 / table.scores.shape[1]
        slope = self._slope(table, training, gamma, part(progress, 0.05, 0.65))
        progress(0.7, "training")
        machine = self._machine(table.scores, table.labels, gamma)
        progress(1.0, "trained")
        return _Machines(
            training.classes,
            table.known,
            table.scaling,
            slope,
            gamma,
            machine.support_vectors_.astype(np.float32),
            machine.n_support_.astype(np.int64),
            machine.dual_coef_.astype(np.float32),
            machine.intercept_.astype(np.float32),
        )

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        classes, known, scaling, slope = tables.common(state, KIND)
        k, width = len(known), len(scaling.columns)
        vectors = tables.array(state, "vectors", np.float32, None, width)
        counts = tables.array(state, "counts", np.int64, k)
        if (np.asarray(counts) < 0).any() or int(np.sum(counts)) != len(vectors):
            raise ModelError("The model's support vectors are not all there.", "The file is damaged; train again.")
        return _Machines(
            classes,
            known,
            scaling,
            slope,
            tables.number(state, "gamma"),
            np.asarray(vectors, np.float32),
            np.asarray(counts, np.int64),
            np.asarray(tables.array(state, "dual", np.float32, k - 1, len(vectors)), np.float32),
            np.asarray(tables.array(state, "intercept", np.float32, k * (k - 1) // 2), np.float32),
        )

    def _machine(self, scores: Float32, labels: tables.Indices, gamma: float) -> SVC:
        from sklearn.svm import SVC

        machine = SVC(C=self.cost, gamma=gamma, class_weight="balanced", decision_function_shape="ovo", cache_size=500)
        return machine.fit(scores, labels)

    def _slope(self, table: tables.Table, training: TrainingSet, gamma: float, progress: Progress) -> float:
        """Return the slope that suits cells which were held out."""
        from napari_phenotyper.evaluation.calibration import fit_slope

        fold = tables.inner_folds(table.labels, training.groups, self.folds, training.seed)
        if fold is None:
            return 1.0

        def score(known: tables.Indices, tested: tables.Indices) -> tuple[tables.Indices, NDArray[np.floating]]:
            machine = self._machine(table.scores[known], table.labels[known], gamma)
            pairs = np.asarray(machine.decision_function(table.scores[tested]))
            return machine.classes_, _scores(pairs if pairs.ndim == 2 else -pairs[:, None], len(machine.classes_))

        found = tables.held_out_scores(table.labels, fold, len(table.known), score, progress)
        return fit_slope(found, table.labels)


@dataclass(frozen=True, eq=False)
class _Machines:
    """Machines for all pairs of K classes, as plain arrays; S support vectors, D columns, P = K (K − 1) / 2 pairs.

    Attributes
    ----------
    vectors, counts
        (S, D), class after class, and (K,) how many of each class.
    dual, intercept
        (K − 1, S) and (P,), in the layout of LIBSVM (Chang & Lin 2011).
    """

    classes: tuple[str, ...]
    known: tuple[str, ...]
    scaling: tables.Scaling
    slope: float
    gamma: float
    vectors: Float32
    counts: NDArray[np.int64]
    dual: Float32
    intercept: Float32

    def predict(self, cells: Cells) -> Float32:
        """Return (n, K) calibrated probabilities. Raises ModelError naming a column that is missing."""
        from napari_phenotyper.evaluation.calibration import softmax

        matrix = cells.matrix(self.scaling.columns)
        if len(self.known) == 1:
            return tables.spread(np.ones((len(cells), 1), np.float32), self.known, self.classes)
        given = _scores(self.decisions(self.scaling(matrix)), len(self.known))
        return tables.spread(softmax(given, self.slope), self.known, self.classes)

    def decisions(self, scores: Float32) -> Float32:
        """Return (n, P) decision values of (n, D) standard scores; positive speaks for the first class of the pair."""
        weights = self._pair_weights()
        square = np.einsum("ij,ij->i", self.vectors, self.vectors)
        out = np.empty((len(scores), weights.shape[1]), np.float32)
        for start in range(0, len(scores), AT_ONCE):
            block = scores[start : start + AT_ONCE]
            distance = np.einsum("ij,ij->i", block, block)[:, None] + square - 2 * (block @ self.vectors.T)
            kernel = np.exp(-np.float32(self.gamma) * np.maximum(distance, 0))
            out[start : start + AT_ONCE] = kernel @ weights + self.intercept
        # scikit-learn turns the signs of a single pair round
        return -out if len(self.known) == 2 else out

    def _pair_weights(self) -> Float32:
        """Return (S, P): the weight of each support vector in each pair's machine."""
        ends = np.cumsum(self.counts)
        weights = np.zeros((len(self.vectors), len(self.intercept)), np.float32)
        for pair, (i, j) in enumerate(combinations(range(len(self.known)), 2)):
            first, second = slice(ends[i] - self.counts[i], ends[i]), slice(ends[j] - self.counts[j], ends[j])
            weights[first, pair] = self.dual[j - 1, first]
            weights[second, pair] = self.dual[i, second]
        return weights

    def state(self) -> ModelState:
        """Return all that `SupportVectorMachine.restore` needs."""
        meta = tables.common_meta(KIND, self.classes, self.known, self.scaling, self.slope)
        arrays: dict[str, NDArray[np.generic]] = {
            "mean": self.scaling.mean,
            "sd": self.scaling.sd,
            "vectors": self.vectors,
            "counts": self.counts,
            "dual": self.dual,
            "intercept": self.intercept,
        }
        return ModelState(arrays, {**meta, "gamma": self.gamma})


def _constant(classes: tuple[str, ...], table: tables.Table) -> _Machines:
    """Return the model of a training set of one class: no machine, no column."""
    none = np.zeros(0, np.float32)
    vectors, dual = np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32)
    scaling = tables.Scaling((), none, none)
    return _Machines(classes, table.known, scaling, 1.0, 1.0, vectors, np.zeros(1, np.int64), dual, none)


def _scores(decisions: NDArray[np.floating], classes: int) -> NDArray[np.float64]:
    """Return (n, K) log probabilities, but for their sum, that (n, P) decision values add up to.

    With r the probability of class i in its pair with class j, p_i = 1 / (Σ_j 1/r_ij − (K − 2)) (Price et al. 1995).
    With r = σ(z) this is 1 / (1 + Σ_j exp(−z_ij)), which is added up in logarithms.
    """
    out = np.zeros((len(decisions), classes))
    for pair, (i, j) in enumerate(combinations(range(classes), 2)):
        steep = STEEPNESS * decisions[:, pair].astype(np.float64)
        out[:, i] = np.logaddexp(out[:, i], -steep)
        out[:, j] = np.logaddexp(out[:, j], steep)
    return -out
