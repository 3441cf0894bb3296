"""What profilers share: the well that cells belong to, and wells in plate order."""

from __future__ import annotations

from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Float64, Sums
from napari_phenotyper.core.wells import WellRef, plate_order

Z95 = 1.959963984540054
"""Quantile of the normal distribution for a two-sided 95 % interval."""


def sums_of(cells: Cells, columns: tuple[str, ...], rows: Float64) -> Sums:
    """Return (m, C) sums as those of the well that the cells lie in."""
    return Sums(columns, {cells.field.well_ref: rows})


def in_plate_order(sums: Sums) -> tuple[WellRef, ...]:
    """Return the wells that were summed: plate after plate, row by row."""
    return tuple(sorted(sums.wells, key=lambda ref: (ref.plate, plate_order(ref.well))))


def check_rows(cells: Cells, prediction: Prediction) -> None:
    """Raise ModelError if a prediction is not that of the cells, row for row."""
    if len(prediction.ids) != len(cells) or (prediction.ids != cells.ids).any():
        raise ModelError(
            f"The prediction of {cells.field} belongs to {len(prediction.ids)} other cells, not to these {len(cells)}.",
            "Predict again: the field was segmented anew or corrected since.",
        )
