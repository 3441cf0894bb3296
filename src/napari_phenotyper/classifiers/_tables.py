"""What classifiers of the feature route share: scaling by the training cells, held-out scores, checks of states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.errors import ModelError, TrainingError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import ModelState, TrainingSet

Indices = NDArray[np.intp]

FARTHEST = 20.0
"""Standard scores are clipped here, so that one absurd value does not outweigh all other columns."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Which columns are used, and how they become standard scores of the training cells (Boland & Murphy 2001).

    Attributes
    ----------
    columns
        D names; columns that do not vary are not among them.
    mean, sd
        (D,) float32.
    """

    columns: tuple[str, ...]
    mean: Float32
    sd: Float32

    def __call__(self, matrix: Float32) -> Float32:
        """Return (n, D) standard scores of (n, D) values; what is not finite takes the training mean."""
        with np.errstate(over="ignore", invalid="ignore"):
            scores = np.subtract(matrix, self.mean, dtype=np.float32)
            scores /= self.sd
            # one sum tells in most blocks of cells that no value needs a second look
            if not np.isfinite(scores.sum()):
                scores[~np.isfinite(matrix)] = 0.0
        return np.asarray(np.clip(scores, -FARTHEST, FARTHEST, out=scores), np.float32)


@dataclass(frozen=True, eq=False)
class Table:
    """A training set as classifiers of features need it.

    Attributes
    ----------
    scores
        (N, D) float32 standard scores.
    labels
        (N,) index into `known`.
    known
        Names of the classes that have cells.
    scaling
        Turns other cells into the same scores.
    """

    scores: Float32
    labels: Indices
    known: tuple[str, ...]
    scaling: Scaling


def table(training: TrainingSet) -> Table:
    """Return the table of a training set.

    Raises
    ------
    TrainingError
        If there are no cells or no columns, or there are classes to tell apart but no column varies.
    """
    if not len(training):
        raise TrainingError("No cell is annotated.", "Annotate a few cells of each class.")
    if not training.columns:
        raise TrainingError("The annotated cells have no columns in common.", "Measure features before training.")
    matrix = training.matrix(training.columns).astype(np.float64)
    present, labels = np.unique(training.labels, return_inverse=True)
    scaling = _scaling(matrix, training.columns)
    if len(present) > 1 and not scaling.columns:
        raise TrainingError(
            f"None of {len(training.columns)} columns varies over the annotated cells.",
            "Measure other features, or check that the plate's pixels are not blank.",
        )
    kept = np.isin(training.columns, scaling.columns) if scaling.columns else np.zeros(matrix.shape[1], bool)
    known = tuple(training.classes[k] for k in present)
    return Table(scaling(matrix[:, kept].astype(np.float32)), np.asarray(labels, np.intp), known, scaling)


def _scaling(matrix: NDArray[np.float64], columns: tuple[str, ...]) -> Scaling:
    """Return the scaling of (N, D) values; constant columns, and columns without any finite value, are dropped."""
    finite = np.isfinite(matrix)
    count = np.maximum(finite.sum(axis=0), 1)
    mean = np.where(finite, matrix, 0).sum(axis=0) / count
    sd = np.sqrt(np.where(finite, (matrix - mean) ** 2, 0).sum(axis=0) / count)
    kept = sd > 1e-6 * np.maximum(np.abs(mean), 1e-12)
    names = tuple(name for name, keep in zip(columns, kept, strict=True) if keep)
    return Scaling(names, mean[kept].astype(np.float32), np.maximum(sd[kept], 1e-30).astype(np.float32))


def inner_folds(labels: Indices, groups: Indices, folds: int, seed: int) -> Indices | None:
    """Return (N,) folds to calibrate on: grouped where there are groups enough, else stratified by class.

    None where there are too few cells of every class to hold any out.
    """
    from sklearn.model_selection import StratifiedKFold

    from napari_phenotyper.evaluation.folds import assign_folds

    if len(np.unique(groups)) >= folds:
        return assign_folds(labels, groups, folds, seed)
    count = min(folds, int(np.sort(np.bincount(labels))[-2:].min()))
    if count < 2:
        return None
    # Classes rarer than `count` cannot be spread evenly: their cells are dealt out as though they were one class.
    rare = np.bincount(labels)[labels] < count
    strata = np.where(rare, labels.max() + 1, labels)
    if 0 < rare.sum() < count:
        strata = np.where(rare, np.bincount(labels).argmax(), labels)
    fold = np.zeros(len(labels), np.intp)
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    for number, (_, tested) in enumerate(splitter.split(np.zeros((len(labels), 1)), strata)):
        fold[tested] = number
    return fold


def array(state: ModelState, name: str, dtype: type[np.generic], *shape: int | None) -> NDArray[np.generic]:
    """Return a state's array after checking type, shape (None: any length) and that it is finite. Raises ModelError."""
    value = state.arrays.get(name)
    if value is None or value.dtype != dtype or value.ndim != len(shape):
        raise ModelError(f"The model lacks {name!r}, or it is of another type.", "The file is damaged; train again.")
    if any(wanted not in (None, length) for wanted, length in zip(shape, value.shape, strict=True)):
        raise ModelError(f"The model's {name!r} has the shape {value.shape}.", "The file is damaged; train again.")
    if value.dtype.kind == "f" and not np.isfinite(value.astype(np.float64)).all():
        raise ModelError(f"The model's {name!r} is not finite.", "The file is damaged; train again.")
    return value


def floats(state: ModelState, name: str, *shape: int | None) -> Float32:
    """Return a state's float32 array, checked as `array` does. Raises ModelError."""
    return np.asarray(array(state, name, np.float32, *shape), np.float32)


def names(state: ModelState, key: str) -> tuple[str, ...]:
    """Return a state's list of differing names. Raises ModelError."""
    value = state.meta.get(key)
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
        raise ModelError(f"The model does not name its {key}.", "The file is damaged; train again.")
    found = tuple(str(v) for v in value)
    if len(set(found)) != len(found):
        raise ModelError(f"The model names some of its {key} twice.", "The file is damaged; train again.")
    return found


def number(state: ModelState, key: str) -> float:
    """Return a state's positive finite number. Raises ModelError."""
    value = state.meta.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < np.inf:
        raise ModelError(f"The model's {key} is {value!r}.", "The file is damaged; train again.")
    return float(value)


def check_kind(state: ModelState, kind: str) -> None:
    """Raise ModelError for another classifier's state."""
    found = state.meta.get("classifier")
    if found != kind:
        raise ModelError(f"This is a model of {found!r}, not of {kind!r}.", "Open it with the classifier that made it.")


def common(state: ModelState, kind: str) -> tuple[tuple[str, ...], tuple[str, ...], Scaling]:
    """Return what every state of the feature route has: classes, known classes, scaling. Raises ModelError."""
    check_kind(state, kind)
    classes, known, columns = (names(state, key) for key in ("classes", "known", "columns"))
    if not known or not set(known) <= set(classes):
        raise ModelError("The model knows classes that it does not name.", "The file is damaged; train again.")
    mean, sd = (floats(state, key, len(columns)) for key in ("mean", "sd"))
    if not (sd > 0).all():
        raise ModelError("The model's 'sd' is not positive.", "The file is damaged; train again.")
    return classes, known, Scaling(columns, mean, sd)


def common_meta(kind: str, classes: tuple[str, ...], known: tuple[str, ...], scaling: Scaling) -> Mapping[str, Json]:
    """Return the meta that `common` reads."""
    return {
        "classifier": kind,
        "classes": list(classes),
        "known": list(known),
        "columns": list(scaling.columns),
    }
