"""Suspected wrong labels: annotated cells that a classifier, which never saw them, is sure are something else.

Confident learning (Northcutt et al. 2021, J. Artif. Intell. Res. 70:1373): a class's threshold is the mean probability
that it is given by its own cells, so a class that is always said hesitantly needs less to be believed. A cell is
suspected where another class than the given one is the most probable and reaches its threshold. Thresholds stop at
`SURE`: where nearly all cells of a class are told with 0.99, one told with 0.95 is still told surely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_phenotyper.evaluation.crossval import OutOfFold
from napari_phenotyper.evaluation.metrics import Floats, Indices

SURE = 0.9
"""No class needs a higher probability than this to be believed."""


@dataclass(frozen=True, eq=False)
class Suspects:
    """S suspected labels, the most suspicious first.

    Attributes
    ----------
    rows
        (S,) rows of the training set.
    given, predicted
        (S,) index of the class that the label says, and of the one that the classifier does.
    probability
        (S,) held-out probability of the predicted class.
    given_probability
        (S,) that of the given one.
    """

    rows: Indices
    given: Indices
    predicted: Indices
    probability: Floats
    given_probability: Floats

    def __len__(self) -> int:
        """Count them."""
        return len(self.rows)


def thresholds(result: OutOfFold) -> Floats:
    """Return (K,) the mean held-out probability of each class over its own tested cells, at most `SURE`.

    Infinite for a class without tested cells.
    """
    rows = np.flatnonzero(result.tested)
    labels = result.labels[rows]
    own = result.probabilities[rows, labels].astype(np.float64)
    classes = len(result.classes)
    count = np.bincount(labels, minlength=classes)
    return np.where(count > 0, np.minimum(np.bincount(labels, own, classes) / np.maximum(count, 1), SURE), np.inf)


def suspects(result: OutOfFold) -> Suspects:
    """Return the cells whose label is suspected, by how far the predicted class is above the given one.

    A class that was unknown to the classifier when a cell of it was tested says nothing of that cell's label: such
    cells (their class has probability 0 throughout the fold) are left out.
    """
    rows = np.flatnonzero(result.tested & _known(result))
    given, probabilities = result.labels[rows], result.probabilities[rows].astype(np.float64)
    predicted = probabilities.argmax(axis=1) if len(rows) else np.zeros(0, np.intp)
    probability, own = (probabilities[np.arange(len(rows)), which] for which in (predicted, given))
    found = np.flatnonzero((predicted != given) & (probability >= thresholds(result)[predicted]))
    order = found[np.argsort(own[found] - probability[found], kind="stable")]
    return Suspects(rows[order], given[order], predicted[order], probability[order], own[order])


def _known(result: OutOfFold) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return (N,) whether the classifier that tested a cell had learnt the cell's class."""
    known = np.zeros(len(result.labels), bool)
    for number in np.unique(result.folds[result.tested]):
        mine = np.flatnonzero(result.folds == number)
        learnt = np.unique(result.labels[(result.folds >= 0) & (result.folds != number)])
        known[mine] = np.isin(result.labels[mine], learnt)
    return known
