"""Profiles and hits: what a plate adds up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.wells import WellRef

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sums:
    """What a profiler adds up over fields, wells and machines.

    Attributes
    ----------
    columns
        C names of what is summed.
    wells
        Well to (m, C) float64: m sums per column that add up when two parts are combined (counts, Σx, Σx² …).
    """

    columns: tuple[str, ...]
    wells: Mapping[WellRef, Float64]


def add(a: Sums, b: Sums) -> Sums:
    """Return the sums over both parts; a column that only one part has keeps that part's sums.

    An empty part adds nothing.
    """
    if not a.wells:
        return b
    if not b.wells:
        return a
    columns = a.columns if a.columns == b.columns else tuple(dict.fromkeys((*a.columns, *b.columns)))
    wells: dict[WellRef, Float64] = {}
    for part in (a, b):
        where = [columns.index(name) for name in part.columns] if part.columns != columns else None
        for well, sums in part.wells.items():
            wide = sums
            if where is not None:
                wide = np.zeros((sums.shape[0], len(columns)))
                wide[:, where] = sums
            wells[well] = wells[well] + wide if well in wells else wide
    return Sums(columns, wells)


@dataclass(frozen=True, eq=False)
class Profile:
    """One row per well, W wells and C columns.

    Attributes
    ----------
    wells
        W wells.
    columns
        C names: classes or features.
    values
        (W, C) float64; NaN where a well has no cells.
    counts
        (W,) int64 cells per well.
    low, high
        (W, C) bounds of the 95 % interval, or None.
    kind
        Id of the profiler.
    note
        What a reader must know of how the values were made, as a sentence; mostly empty.
    """

    wells: tuple[WellRef, ...]
    columns: tuple[str, ...]
    values: Float64
    counts: NDArray[np.int64]
    low: Float64 | None = None
    high: Float64 | None = None
    kind: str = ""
    note: str = ""

    def column(self, name: str) -> Float64:
        """Return (W,) the values of a column. Raises KeyError."""
        if name not in self.columns:
            raise KeyError(name)
        return np.asarray(self.values[:, self.columns.index(name)])


@dataclass(frozen=True)
class Hit:
    """A well that differs from the controls in one column.

    Attributes
    ----------
    well
        Which well.
    column
        Class or feature.
    score
        Signed; larger is more above the controls.
    evidence
        What the score rests on: "value", "control", "spread", "n", "p", "q" …
    """

    well: WellRef
    column: str
    score: float
    evidence: Mapping[str, Json] = field(default_factory=dict)
