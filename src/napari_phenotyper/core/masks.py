"""Masks: label images of one field, by compartment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NUCLEI, CELLS, CYTOPLASM = "nuclei", "cells", "cytoplasm"

Labels = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Masks:
    """Label images with the same ids in every compartment.

    Attributes
    ----------
    labels
        Compartment to int32 (y, x); 0 is background. Automatic labels are 1 … n without gaps.
    revision
        Counts corrections by hand; 0 is what the segmenter made.
    """

    labels: Mapping[str, Labels]
    revision: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) in pixels."""
        height, width = next(iter(self.labels.values())).shape
        return height, width

    def ids(self, compartment: str = NUCLEI) -> NDArray[np.int32]:
        """Return the ids that are present, ascending."""
        labels = self.labels[compartment]
        present = np.bincount(labels.ravel(), minlength=1) > 0
        present[0] = False
        return np.flatnonzero(present).astype(np.int32)

    def at(self, y: float, x: float, compartment: str = NUCLEI, within: float = 5.0) -> int:
        """Return the id under a point, else the nearest within some pixels, else 0.

        Parameters
        ----------
        y, x
            In pixels; the pixel (i, j) covers i − 0.5 … i + 0.5.
        within
            How far, in pixels, a click may miss the cell.
        """
        labels = self.labels[compartment]
        row, column = round(y), round(x)
        height, width = labels.shape
        if 0 <= row < height and 0 <= column < width and labels[row, column]:
            return int(labels[row, column])
        reach = int(np.ceil(within))
        top, left = max(row - reach, 0), max(column - reach, 0)
        window = labels[top : max(row + reach + 1, 0), left : max(column + reach + 1, 0)]
        rows, columns = np.nonzero(window)
        if rows.size == 0:
            return 0
        distance = np.hypot(rows + top - y, columns + left - x)
        nearest = int(np.argmin(distance))
        return int(window[rows[nearest], columns[nearest]]) if distance[nearest] <= within else 0


def pixels_near(
    labels: Labels, cell: int, y: float, x: float, reach: int = 32
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of a cell that lies at a point, looking only around it.

    Parameters
    ----------
    labels
        (y, x); may be far larger than the cell.
    cell
        Its id.
    y, x
        In the cell or within `reach` of it, in pixels.
    reach
        Pixels around the point that are looked at first; as many more as it takes until the cell touches no edge.
    """
    height, width = labels.shape
    while True:
        top, left = max(round(y) - reach, 0), max(round(x) - reach, 0)
        bottom, right = min(round(y) + reach + 1, height), min(round(x) + reach + 1, width)
        own = labels[top:bottom, left:right] == cell
        cut = (
            (top > 0 and own[0].any())
            or (left > 0 and own[:, 0].any())
            or (bottom < height and own[-1].any())
            or (right < width and own[:, -1].any())
        )
        if not cut:
            rows, columns = np.nonzero(own)
            return rows + top, columns + left
        reach *= 2


def inner_point(rows: NDArray[np.integer], columns: NDArray[np.integer]) -> tuple[int, int]:
    """Return the pixel of a cell that is nearest to its centroid: a point that lies inside, also of a ring.

    Parameters
    ----------
    rows, columns
        Coordinates of the cell's pixels, at least one.
    """
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return int(rows[nearest]), int(columns[nearest])
