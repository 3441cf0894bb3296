"""Share of each phenotype per well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Float64, Profile, Sums, add
from napari_phenotyper.profilers._wells import Z95, check_rows, in_plate_order, sums_of


@dataclass(frozen=True)
class ClassFractions:
    """Share of each phenotype in a well.

    Every cell counts for the class that it is predicted to be. Objects that are predicted to be no cell at all count
    neither above nor below the line. The interval is Wilson's (Wilson 1927, J. Am. Stat. Assoc. 22:209): it keeps its
    coverage for rare classes and small wells, where p ± 1.96 SE leaves 0 … 1. It tells how far chance in *counting*
    reaches; wells of one treatment differ by more than that.
    """

    version: ClassVar[int] = 1

    def partial(self, cells: Cells, prediction: Prediction | None) -> Sums:
        """Return (1, K) cells of each class in one field.

        Raises
        ------
        ModelError
            Without a prediction, or with one that belongs to other cells.
        """
        if prediction is None:
            raise ModelError(
                f"There is no prediction of {cells.field}, so its classes cannot be counted.",
                "Train a classifier and predict the plate first.",
            )
        check_rows(cells, prediction)
        counts = np.bincount(prediction.labels, minlength=len(prediction.classes))
        kept = [i for i, name in enumerate(prediction.classes) if name != NOT_A_CELL]
        columns = tuple(prediction.classes[i] for i in kept)
        return sums_of(cells, columns, counts[kept].astype(np.float64)[None, :])

    def combine(self, a: Sums, b: Sums) -> Sums:
        """Return the counts of both parts together."""
        return add(a, b)

    def finish(self, sums: Sums, layout: Layout) -> Profile:
        """Return the shares (0 … 1), which add up to 1 in every well, with Wilson's 95 % interval.

        A well without cells has NaN in every column.
        """
        wells = in_plate_order(sums)
        counts = np.array([sums.wells[well][0] for well in wells]).reshape(len(wells), len(sums.columns))
        n = counts.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = counts / n[:, None]
        low, high = wilson(counts, n[:, None])
        return Profile(wells, sums.columns, shares, n.astype(np.int64), low, high, "class_fractions")


def wilson(hits: Float64, n: Float64) -> tuple[Float64, Float64]:
    """Return low and high of Wilson's 95 % interval for `hits` of `n` cells, NaN where n is 0. Arrays broadcast."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p = hits / n
        centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
        half = Z95 / (1 + Z95**2 / n) * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    # 0 of n and n of n touch the ends exactly; rounding must not carry the bounds past the share itself
    return np.minimum(np.maximum(centre - half, 0.0), p), np.maximum(np.minimum(centre + half, 1.0), p)
