"""Cross-validation: every annotated cell is predicted by a classifier that never saw its well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Cells, Float32
from napari_phenotyper.core.contracts import Classifier
from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.training import Model, TrainingSet
from napari_phenotyper.evaluation import metrics
from napari_phenotyper.evaluation.folds import Indices, assign_folds, thin_classes

FEW_OF_A_CLASS = 3
"""A class in fewer groups than this is judged by one or two of them: label it in others, too."""
FEW_GROUPS = 5
"""With fewer groups than this, an interval drawn over groups says little."""


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What held-out cells were predicted to be. N cells and K classes, row for row as in the training set.

    Attributes
    ----------
    probabilities
        (N, K) float32; 0 for classes that the fold's training cells lacked, NaN in rows that were never tested.
    labels, groups
        (N,) indices of class and group.
    folds
        (N,) the fold in which each cell was tested; −1: never.
    classes
        K names.
    warnings
        Sentences on what was not or hardly tested.
    """

    probabilities: Float32
    labels: Indices
    groups: Indices
    folds: Indices
    classes: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def tested(self) -> NDArray[np.bool_]:
        """(N,) whether the cell was tested."""
        return self.folds >= 0


def cross_validate(
    classifier: Classifier,
    training: TrainingSet,
    fold: Indices,
    progress: Progress,
    learn: NDArray[np.bool_] | None = None,
) -> OutOfFold:
    """Train without each fold in turn and predict it.

    Parameters
    ----------
    classifier
        Any that keeps the contract; every fit is cold.
    training
        N cells.
    fold
        (N,) fold in which each cell is tested; −1: it is neither trained on nor tested.
    progress
        Called before and during every fit.
    learn
        (N,) whether a cell may be trained on; all are tested. None: all may.

    Raises
    ------
    TrainingError
        If there are fewer than two folds, or the classifier cannot learn from one.
    Cancelled
    """
    numbers = [int(n) for n in np.unique(fold) if n >= 0]
    if len(numbers) < 2:
        raise TrainingError("There are fewer than two folds to test on.", "Annotate cells in at least two wells.")
    cold = replace(training, before=None)
    probabilities = np.full((len(training), len(training.classes)), np.nan, np.float32)
    warnings = []
    for i, number in enumerate(numbers):
        name = f"Fold {i + 1} of {len(numbers)}"
        step = part(progress, i / len(numbers), (i + 1) / len(numbers))
        step(0.0, name)
        known = cold.take((fold >= 0) & (fold != number) & (True if learn is None else learn))
        model = classifier.fit(known, _named(step, name))
        tested = cold.take(fold == number)
        probabilities[fold == number] = _predict(model, tested, known.counts > 0)
        unknown = np.setdiff1d(tested.labels, known.labels)
        warnings += [f"{name} tests {training.classes[k]}, of which no cell was left to train on" for k in unknown]
    if (fold < 0).any():
        warnings.append(f"{int((fold < 0).sum())} cells were never tested and are left out")
    progress(1.0, "Tested")
    return OutOfFold(probabilities, training.labels, training.groups, fold, training.classes, tuple(warnings))


def _named(progress: Progress, name: str) -> Progress:
    """Return a progress that says which fold it reports on."""
    return lambda fraction, message: progress(0.95 * fraction, f"{name}: {message}")


def _predict(model: Model, training: TrainingSet, known: NDArray[np.bool_]) -> Float32:
    """Return (n, K) probabilities in the order of the training set's classes, 0 for classes without training cells."""
    out = np.zeros((len(training), len(training.classes)), np.float32)
    given = np.concatenate([_checked(model, chunk) for chunk in training.cells])
    for column, name in enumerate(model.classes):
        if name in training.classes:
            out[:, training.classes.index(name)] = given[:, column]
    out *= known
    total = out.sum(axis=1, keepdims=True)
    even = (known / max(int(known.sum()), 1)).astype(np.float32)
    return np.where(total > 0, out / np.where(total > 0, total, 1), even)


def _checked(model: Model, chunk: Cells) -> Float32:
    """Return a chunk's probabilities; a value that is no number, or a wrong shape, would spoil every score silently."""
    given = model.predict(chunk)
    if given.shape != (len(chunk), len(model.classes)) or not np.isfinite(given).all():
        raise TrainingError(
            f"The model's probabilities of {chunk.field} are not finite or of shape {given.shape}.",
            "The classifier is at fault; choose another.",
        )
    return given


def held_out(
    classifier: Classifier, training: TrainingSet, progress: Progress, folds: int = 5, fold: Indices | None = None
) -> OutOfFold:
    """Return what a classifier says of every cell that it was not trained on.

    Parameters
    ----------
    classifier, training, progress
        As in `cross_validate`.
    folds
        How many; never more than groups.
    fold
        (N,) folds that are given; None: `assign_folds` with the training set's seed.

    Raises
    ------
    TrainingError
        If the cells are of one class or of one group, or there are none.
    Cancelled
    """
    present = [name for name, count in zip(training.classes, training.counts, strict=True) if count]
    if len(present) < 2:
        raise TrainingError(
            f"The classifier cannot be tested: {'all cells are ' + present[0] if present else 'no cell is annotated'}.",
            "Annotate cells of at least two classes.",
        )
    if fold is None:
        fold = assign_folds(training.labels, training.groups, folds, training.seed)
    return cross_validate(classifier, training, fold, progress)


def evaluate(
    classifier: Classifier,
    training: TrainingSet,
    progress: Progress,
    folds: int = 5,
    group: str = "well",
    fold: Indices | None = None,
) -> Mapping[str, Json]:
    """Cross-validate a classifier and report on it; see `held_out`, whose parameters and errors it has, and `report`.

    `group` is what a group is called in the report.
    """
    return report(held_out(classifier, training, progress, folds, fold), group, training.group_names)


def report(result: OutOfFold, group: str = "well", group_names: tuple[str, ...] = ()) -> dict[str, Json]:
    """Return all scores of held-out predictions as JSON.

    Parameters
    ----------
    result
        Out-of-fold probabilities; scores are pooled over all folds.
    group
        What a group is called.
    group_names
        Names of the groups, for the report of each fold; may be empty.

    Returns
    -------
    `n`, `classes`; `accuracy`, `balanced_accuracy`, `macro_f1`, `log_loss` each {value, low, high};
    `per_class` (by class: precision, recall, tnr, npv, f1, mcc, each with `…_interval` as [low, high], support, and
    groups that have it); `confusion` (K × K counts, rows are the truth), `confusion_normalised`; `kappa`,
    `kappa_interval`; `calibration_error` and, as `calibration_error_expected`, what chance alone makes of it at this
    number of cells; `reliability` (confidence, right, n by bin);
    `folds` (list of {fold, n, groups, accuracy}, and their names where given); `group`, `groups`; `warnings`
    (sentences).
    """
    rows = result.tested
    probabilities, truth, groups = result.probabilities[rows], result.labels[rows], result.groups[rows]
    predicted = probabilities.argmax(axis=1) if len(truth) else np.zeros(0, np.intp)
    confusion = metrics.confusion_matrix(truth, predicted, len(result.classes))
    scores = metrics.bootstrap(probabilities, truth, groups)
    kappa = scores.pop("kappa")
    confidence, right, count = metrics.reliability(probabilities, truth)
    intervals = metrics.class_intervals(probabilities, truth, groups)
    per_class: dict[str, Json] = {}
    for k, (name, values) in enumerate(zip(result.classes, metrics.class_scores(confusion), strict=True)):
        own = {f"{n}_interval": rows[k].tolist() for n, rows in intervals.items()}
        per_class[name] = {**values.state(), **own, "groups": len(np.unique(groups[truth == k]))}
    return {
        "n": len(truth),
        "classes": list(result.classes),
        **{name: interval.state() for name, interval in scores.items()},
        "kappa": kappa.value,
        "kappa_interval": [kappa.low, kappa.high],
        "calibration_error": metrics.calibration_error(probabilities, truth),
        "calibration_error_expected": metrics.expected_error(probabilities),
        "reliability": {"confidence": confidence.tolist(), "right": right.tolist(), "n": count.tolist()},
        "per_class": per_class,
        "confusion": confusion.tolist(),
        "confusion_normalised": metrics.row_normalised(confusion).tolist(),
        "folds": _by_fold(result, group_names),
        "group": group,
        "groups": len(np.unique(groups)),
        "warnings": _warnings(result, group),
    }


def _by_fold(result: OutOfFold, group_names: tuple[str, ...]) -> list[Json]:
    """Return a line per fold: number from 1, cells, groups and accuracy."""
    lines: list[Json] = []
    for place, number in enumerate(np.unique(result.folds[result.tested]), start=1):
        rows = result.folds == number
        groups = np.unique(result.groups[rows])
        right = result.probabilities[rows].argmax(axis=1) == result.labels[rows]
        line: dict[str, Json] = {
            "fold": place,
            "n": int(rows.sum()),
            "groups": len(groups),
            "accuracy": float(right.mean()),
        }
        if group_names:
            line["names"] = [group_names[g] for g in groups]
        lines.append(line)
    return lines


def _warnings(result: OutOfFold, group: str) -> list[str]:
    """Return all sentences that a reader of the scores should know."""
    rows = result.tested
    count = len(np.unique(result.groups[rows]))
    found = [
        *thin_classes(result.labels[rows], result.groups[rows], result.classes, FEW_OF_A_CLASS, group),
        *result.warnings,
    ]
    if count < FEW_GROUPS:
        found.append(f"Only {count} {group}s: the intervals are rough; label cells in more {group}s")
    return found
