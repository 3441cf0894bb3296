"""What `class_fractions` adds up where it corrects: counts, and a sample of the cells' probabilities per well.

Counts alone do not tell how sure the classifier was. A sample of bounded size does, and two samples make one: every
cell draws a number from its field and id, and the cells with the lowest numbers stay, in whatever order parts come.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Float64, Sums

MOST = 1000
"""Cells of a well whose probabilities are kept: what more would tell is less than the doubt about the errors."""
DRAWN = "drawn number"
"""The column after the classes: the number a cell drew; −1 in the first row, which holds the counts."""


def sampled(prediction: Prediction) -> Float64:
    """Return (1 + n, K + 1): counts of the predicted classes, then the sample's probabilities, with their numbers."""
    classes = len(prediction.classes)
    counts = np.bincount(prediction.labels, minlength=classes)
    number = _drawn(str(prediction.field), prediction.ids)
    cells = np.column_stack([prediction.probabilities.reshape(-1, classes), number])
    return _lowest(np.vstack([np.append(counts, -1.0), cells]))


def merged(a: Sums, b: Sums) -> Sums:
    """Return the counts of both parts, and the sample of both; columns must be the same unless a part is empty."""
    if not (a.wells and b.wells):
        return a if a.wells else b
    wells = dict(a.wells)
    for well, rows in b.wells.items():
        mine = wells.get(well)
        if mine is not None:
            counts = np.append(mine[0, :-1] + rows[0, :-1], -1.0)
            rows = _lowest(np.vstack([counts, mine[1:], rows[1:]]))
        wells[well] = rows
    return Sums(a.columns, wells)


def _lowest(rows: Float64) -> Float64:
    """Return the first row, and those of the others that drew the lowest numbers, in order."""
    return rows[np.concatenate([[0], 1 + np.argsort(rows[1:, -1], kind="stable")[:MOST]]).astype(np.intp)]


def _drawn(field: str, ids: NDArray[np.int32]) -> Float64:
    """Return (n,) numbers in 0 … 1, the same for the same field and id wherever they are drawn (splitmix64)."""
    x = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(crc32(field.encode()) << 20)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((x ^ (x >> np.uint64(31))) / 2.0**64)
