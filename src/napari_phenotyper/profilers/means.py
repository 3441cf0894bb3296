"""Mean of each feature per well."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Profile, Sums, add
from napari_phenotyper.profilers._wells import Z95, check_rows, in_plate_order, sums_of


@dataclass(frozen=True)
class Means:
    """Mean of each feature in a well.

    The simplest profile, and nearly the best in the comparison of Ljosa et al. 2013 (J. Biomol. Screen. 18:1321).
    A value that is not defined for a cell (NaN, infinite) is left out of that feature's mean alone.
    """

    version: ClassVar[int] = 1
    cells_only: bool = field(
        default=True, metadata={"help": "Leave out objects predicted 'not a cell', where there is a prediction"}
    )

    def partial(self, cells: Cells, prediction: Prediction | None) -> Sums:
        """Return (4, D) of one field: cells, values that are defined, their sum, the sum of their squares.

        Raises
        ------
        ModelError
            With a prediction that belongs to other cells.
        """
        values = cells.matrix().astype(np.float64)
        if prediction is not None and self.cells_only:
            check_rows(cells, prediction)
            if NOT_A_CELL in prediction.classes:
                values = values[prediction.labels != prediction.classes.index(NOT_A_CELL)]
        defined = np.isfinite(values)
        known = np.where(defined, values, 0.0)
        number = np.full(values.shape[1], float(len(values)))
        rows = np.stack([number, defined.sum(axis=0), known.sum(axis=0), (known**2).sum(axis=0)])
        return sums_of(cells, cells.columns, rows)

    def combine(self, a: Sums, b: Sums) -> Sums:
        """Return the sums of both parts together."""
        return add(a, b)

    def finish(self, sums: Sums, layout: Layout) -> Profile:
        """Return the means and mean ± 1.96 standard errors (NaN for fewer than two values)."""
        wells = in_plate_order(sums)
        table = np.array([sums.wells[well] for well in wells]).reshape(len(wells), 4, len(sums.columns))
        cells, n, total, squares = (table[:, i] for i in range(4))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / n
            # rounding can leave a variance just below zero where all values are the same
            variance = np.where(n > 1, np.maximum(squares - total * mean, 0.0) / (n - 1), np.nan)
            half = Z95 * np.sqrt(variance / n)
        counts = cells.max(axis=1, initial=0).astype(np.int64)
        return Profile(wells, sums.columns, mean, counts, mean - half, mean + half, "means")
