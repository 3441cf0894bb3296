"""The cells of a plate as dots in its mosaic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.mosaic import MosaicPlan
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.tasks import Wanted
from napari_phenotyper.store.cell_files import CellKeys
from napari_phenotyper.store.cells import CellStore

_DOT = 40
"""Pixels of a thumbnail for each pixel along a dot."""


@dataclass(frozen=True, eq=False)
class CellDots:
    """The measured cells of a plate: N cells, those of a field side by side.

    Attributes
    ----------
    plan
        The mosaic they lie in.
    parts
        Field to its cells.
    ids, rows, columns
        (N,) ids of the masks, and the upper left pixel of each dot in the mosaic.
    side
        Of a dot, in pixels of the mosaic.
    """

    plan: MosaicPlan
    parts: Mapping[FieldRef, slice]
    ids: NDArray[np.int32]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    side: int


def read_dots(
    session: Reading,
    plan: MosaicPlan,
    measured: Mapping[FieldRef, Wanted],
    shapes: Mapping[FieldRef, tuple[int, int]],
    writable: bool,
    progress: Progress,
) -> CellDots:
    """Return where the measured cells of a plate lie in its mosaic.

    Parameters
    ----------
    session, plan
        The project, and the mosaic.
    measured
        Fields with the keys of their cells.
    shapes
        (y, x) of the fields that are in the mosaic, at full resolution.
    writable
        Whether a file that makes reading quicker may be written.
    progress
        Cancels.
    """
    progress(0.0, f"Looking through the cells of {plan.plate}")
    store = CellStore(session.folder / "cells") if writable else session.project.cells
    there = sorted((ref, item) for ref, item in measured.items() if ref.plate == plan.plate and ref in shapes)
    chunks = store.matrix(plan.plate, {ref: CellKeys(item.mask, item.blocks) for ref, item in there})
    side = max(1, round(max(plan.tile) / _DOT))
    parts: dict[FieldRef, slice] = {}
    ids, rows, columns, start = [np.zeros(0, np.int32)], [np.zeros(0, np.intp)], [np.zeros(0, np.intp)], 0
    for chunk in chunks:
        box, shape = plan.box(chunk.field), shapes[chunk.field]
        rows.append(_along(chunk.y, shape[0], box[0], side))
        columns.append(_along(chunk.x, shape[1], box[1], side))
        ids.append(chunk.ids)
        parts[chunk.field] = slice(start, start := start + len(chunk))
    return CellDots(plan, parts, np.concatenate(ids), np.concatenate(rows), np.concatenate(columns), side)


def _along(places: NDArray[np.float32], length: int, box: slice, side: int) -> NDArray[np.intp]:
    """Return the first pixel of each dot along an axis; dots stay inside their field."""
    extent = box.stop - box.start
    found = np.nan_to_num((places + 0.5) * (extent / length)) - (side - 1) / 2
    first: NDArray[np.intp] = box.start + np.clip(found.astype(np.intp), 0, max(extent - side, 0))
    return first


def dot_image(
    dots: CellDots, predictions: Mapping[FieldRef, Prediction], codes: Mapping[str, int], progress: Progress
) -> NDArray[np.uint8]:
    """Return (y, x) as large as the mosaic: a dot at each cell with the code of its predicted class, else 0.

    Parameters
    ----------
    dots, predictions
        The cells, and what they are predicted to be.
    codes
        Class to code; cells of other classes have no dot.
    progress
        Cancels.
    """
    values = np.zeros(len(dots.ids), np.uint8)
    for ref, part in dots.parts.items():
        found = predictions.get(ref)
        if found is None or not len(found.ids):
            continue
        progress(0.0, str(ref))
        table = np.array([codes.get(name, 0) for name in found.classes], np.uint8)
        place = np.minimum(np.searchsorted(found.ids, dots.ids[part]), len(found.ids) - 1)
        same = found.ids[place] == dots.ids[part]
        values[part] = np.where(same, table[found.labels[place]], 0)
    picture = np.zeros(dots.plan.size, np.uint8)
    shown = values > 0
    rows, columns, values = dots.rows[shown], dots.columns[shown], values[shown]
    for down in range(dots.side):
        for across in range(dots.side):
            picture[rows + down, columns + across] = values
    return picture
