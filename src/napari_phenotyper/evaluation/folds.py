"""Folds: which cells are tested together, never splitting a group (well, plate, treatment) between train and test."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import TrainingError

if TYPE_CHECKING:
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold

Indices = NDArray[np.intp]


def assign_folds(labels: Indices, groups: Indices, folds: int = 5, seed: int = 0) -> Indices:
    """Assign every cell to the fold in which it is tested, stratified by class and grouped.

    Parameters
    ----------
    labels
        (N,) index of each cell's class; cells with a negative label are never tested.
    groups
        (N,) index of each cell's group.
    folds
        How many are wanted; there are never more than groups.
    seed
        For the order in which groups are dealt out.

    Returns
    -------
    (N,) intp, 0 … folds − 1; −1 for cells that are never tested.

    Raises
    ------
    TrainingError
        If there are no cells, or all are of one group.

    Notes
    -----
    Groups are dealt out by scikit-learn's StratifiedGroupKFold, groups of one cell each by StratifiedKFold; where no
    class has enough cells for it, by GroupKFold.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    known = np.flatnonzero(labels >= 0)
    count = len(np.unique(groups[known]))
    if count < 2:
        where = "all annotated cells come from one group" if count else "there are no annotated cells"
        raise TrainingError(
            f"The classifier cannot be tested: {where}.",
            "Annotate cells in at least two wells, or evaluate by another group.",
        )
    fold = np.full(len(labels), -1, np.intp)
    fold[known] = _split(labels[known], groups[known], max(2, min(folds, count)), seed)
    return fold


def _split(labels: Indices, groups: Indices, folds: int, seed: int) -> Indices:
    """Return the fold of each cell; folds are numbered without gaps, and there are at least two."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold

    if np.bincount(labels).max() >= folds:
        # it deals groups out one by one, which takes a minute for 50,000 of one cell each
        alone = len(np.unique(groups)) == len(groups)
        splitter = (StratifiedKFold if alone else StratifiedGroupKFold)(folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # classes rarer than folds are normal; `thin_classes` says so
            fold = _collect(splitter, labels, groups)
        if fold.max() > 0:
            return fold
    return _collect(GroupKFold(folds), labels, groups)


def _collect(
    splitter: StratifiedGroupKFold | StratifiedKFold | GroupKFold, labels: Indices, groups: Indices
) -> Indices:
    fold = np.zeros(len(labels), np.intp)
    for number, (_, tested) in enumerate(splitter.split(np.zeros((len(labels), 1)), labels, groups)):
        fold[tested] = number
    return np.asarray(np.unique(fold, return_inverse=True)[1], np.intp)


def thin_classes(
    labels: Indices, groups: Indices, classes: Sequence[str], minimum: int = 2, group: str = "well"
) -> tuple[str, ...]:
    """Name the classes that have cells in too few groups to be tested honestly.

    Parameters
    ----------
    labels, groups
        (N,) indices of class and group.
    classes
        K names.
    minimum
        Groups that a class needs: with fewer, no fold can both train on it and test it.
    group
        What a group is called ("well", "plate", "treatment").

    Returns
    -------
    A sentence per class; classes without any cell are not named.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    sentences = []
    for number, name in enumerate(classes):
        mine = groups[labels == number]
        found = len(np.unique(mine))
        if 0 < found < minimum:
            sentences.append(
                f"{name}: {_count(len(mine), 'cell')} from {_count(found, group)}; label more from other {group}s"
            )
    return tuple(sentences)


def _count(number: int, noun: str) -> str:
    """Return "1 cell" or "12 cells"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
