"""The model of a feature classifier: its scaling, what it has learnt, and what makes scores probabilities."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Cells, Float32
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.training import ModelState, TrainingSet
from napari_phenotyper.kernels.blocks import in_blocks

if TYPE_CHECKING:
    from napari_phenotyper.evaluation.calibrators import Calibrator

Calibration = Literal["temperature", "sigmoid", "isotonic", "cubic", "auto"]
CALIBRATION = {"help": "How scores become probabilities; auto: what does best on held-out groups, from 200 cells on"}
"""Of the parameter that every feature classifier has; a temperature was best wherever it was measured."""
BLOCK = 4096
"""Cells that are predicted together: what is computed between columns and probabilities stays small."""
LARGE_BLOCK = 32_768
"""The same where the work is shared out further down."""


class Learnt(Protocol):
    """What a classifier learns from standard scores of cells of k ≥ 2 classes."""

    @property
    def serial(self) -> bool:
        """Whether it shares its work out over threads itself."""

    def log_scores(self, scores: Float32) -> NDArray[np.floating]:
        """Return (n, k) log probabilities, but for their sum and a common factor, of (n, D) standard scores."""

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return its arrays."""

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return what else it needs, or tells about the columns, as JSON."""


Train = Callable[[Float32, tables.Indices, int], Learnt]
"""Turns (N, D) standard scores, (N,) classes 0 … k − 1, all of which occur, and a seed into what is learnt."""


@dataclass(frozen=True, eq=False)
class TableModel:
    """A model of the feature route.

    Attributes
    ----------
    kind
        Id of the classifier that made it.
    classes, known
        All K classes, and the k that had cells.
    scaling
        From columns to standard scores.
    calibrator
        Turns log scores into probabilities.
    learnt
        None where one class only is known.
    favour
        (k,) float32, added to the log probabilities of the known classes.
    """

    kind: str
    classes: tuple[str, ...]
    known: tuple[str, ...]
    scaling: tables.Scaling
    calibrator: Calibrator
    learnt: Learnt | None
    favour: Float32

    def predict(self, cells: Cells) -> Float32:
        """Return (n, K) calibrated probabilities; raises ModelError naming a column that is missing.

        Beside the result, memory does not grow with n.
        """
        matrix = cells.matrix(self.scaling.columns)
        out = np.zeros((len(cells), len(self.classes)), np.float32)
        # a slice where it will do: picking columns one by one takes as long as the product with the weights
        places = [self.classes.index(name) for name in self.known] if self.known != self.classes else slice(None)
        learnt = self.learnt
        if learnt is None:
            out[:, places] = 1
            return out

        def work(start: int, stop: int) -> None:
            given = _favoured(learnt.log_scores(self.scaling(matrix[start:stop])), self.favour)
            out[start:stop, places] = self.calibrator(given)

        if learnt.serial:
            in_blocks(len(out), LARGE_BLOCK, work, 1)
        else:
            in_blocks(len(out), BLOCK, work)
        return out

    def state(self) -> ModelState:
        """Return all that the classifier's `restore` needs."""
        common = tables.common_meta(self.kind, self.classes, self.known, self.scaling)
        meta = {**common, "calibration": dict(self.calibrator.state())}
        arrays: dict[str, NDArray[np.generic]] = {
            "mean": self.scaling.mean,
            "sd": self.scaling.sd,
            "favour": self.favour,
        }
        if self.learnt is None:
            return ModelState(arrays, meta)
        return ModelState({**arrays, **self.learnt.arrays()}, {**meta, **self.learnt.meta(self.scaling.columns)})


def fit(
    kind: str,
    training: TrainingSet,
    folds: int,
    calibration: str,
    train: Train,
    progress: Progress,
    lift: float = 0.0,
    side_by_side: bool = False,
) -> TableModel:
    """Train and calibrate.

    Parameters
    ----------
    kind
        Id of the classifier.
    training
        Cells, columns and classes.
    folds
        Parts to calibrate on.
    calibration
        Kind of calibrator, or "auto".
    train
        Learns from standard scores.
    progress
        Called before every fit, in any thread, but never twice at once.
    lift
        How far classes of few cells are favoured: probabilities are divided by the class's share of the training cells
        to this power (Saerens et al. 2002). At 1 all classes are taken to be equally frequent.
    side_by_side
        Whether `train` may be called in several threads at once, and pays to be: it runs on one core, without the
        interpreter's lock.

    Raises
    ------
    TrainingError
        If there are no cells, no columns, or no column varies.
    Cancelled
    """
    from napari_phenotyper.evaluation import calibrators

    progress(0.0, "reading columns")
    table = tables.table(training)
    if len(table.known) == 1:
        progress(0.5, f"all cells are {table.known[0]}")
        progress(0.9, "there is nothing to tell apart")
        progress(1.0, "trained")
        none = np.zeros(0, np.float32)
        return TableModel(
            kind,
            training.classes,
            table.known,
            tables.Scaling((), none, none),
            calibrators.Temperature(),
            None,
            np.zeros(1, np.float32),
        )
    share = np.bincount(table.labels) / len(table.labels)
    favour = (-lift * np.log(share)).astype(np.float32)
    fold = tables.inner_folds(table.labels, training.groups, folds, training.seed)
    held = [] if fold is None else [fold == number for number in np.unique(fold)]
    fits = _Fits(table, held, favour, train, training.seed % 2**32, part(progress, 0.05, 0.95))
    learnt = fits.run(None if side_by_side else 1)
    calibrator = calibrators.fit(calibration, fits.scores, table.labels, training.groups, training.seed)
    progress(1.0, "trained")
    return TableModel(kind, training.classes, table.known, table.scaling, calibrator, learnt, favour)


class _Fits:
    """What is learnt from all cells, and how what is learnt without each fold scores the cells of that fold.

    Parameters
    ----------
    table, favour, train, seed, progress
        As in `fit`.
    held
        (N,) the cells of each fold.

    Attributes
    ----------
    scores
        (N, k) log scores: −inf for classes that a fold did not know; NaN where too few cells are left to learn from.
    """

    def __init__(
        self,
        table: tables.Table,
        held: Sequence[NDArray[np.bool_]],
        favour: Float32,
        train: Train,
        seed: int,
        progress: Progress,
    ) -> None:
        self.scores = np.full((len(table.labels), len(table.known)), np.nan)
        self._table, self._held, self._favour, self._train, self._seed = table, held, favour, train, seed
        self._progress, self._lock, self._begun = progress, threading.Lock(), 0
        self._whole: list[Learnt] = []

    def run(self, threads: int | None) -> Learnt:
        """Fit in so many threads, None: as many as matrix products may use; return what all cells taught."""
        in_blocks(len(self._held) + 1, 1, self._fit, threads)
        return self._whole[0]

    def _fit(self, number: int, _: int) -> None:
        """Fit without a fold; after all of these, with all cells."""
        table, last = self._table, number == len(self._held)
        with self._lock:
            self._progress(self._begun / (len(self._held) + 1), "training" if last else "calibrating")
            self._begun += 1
        if last:
            self._whole.append(self._train(table.scores, table.labels, self._seed))
            return
        tested = self._held[number]
        known = ~tested
        present, labels = np.unique(table.labels[known], return_inverse=True)
        if len(present) < 2:
            return
        learnt = self._train(table.scores[known], labels, self._seed)
        found = np.full((np.count_nonzero(tested), len(table.known)), -np.inf)
        found[:, present] = _favoured(learnt.log_scores(table.scores[tested]), self._favour[present])
        self.scores[tested] = found


def _favoured(scores: NDArray[np.floating], favour: Float32) -> NDArray[np.floating]:
    """Return (n, k) log scores, normalised, with what favours each class added; as they are where nothing does."""
    from scipy.special import log_softmax

    return np.asarray(log_softmax(scores, axis=1) + favour) if favour.any() else scores


def restore(kind: str, state: ModelState, read: Callable[[ModelState, int, int], Learnt]) -> TableModel:
    """Return the model that a state describes.

    Parameters
    ----------
    kind
        Id of the classifier.
    state
        Of its model.
    read
        Turns a state, the number of known classes and of columns into what was learnt; raises ModelError.

    Raises
    ------
    ModelError
        If the state is foreign or damaged.
    """
    from napari_phenotyper.evaluation import calibrators

    classes, known, scaling = tables.common(state, kind)
    calibrator = calibrators.restore(state.meta.get("calibration"), len(known))
    learnt = read(state, len(known), len(scaling.columns)) if len(known) > 1 else None
    return TableModel(kind, classes, known, scaling, calibrator, learnt, tables.floats(state, "favour", len(known)))
