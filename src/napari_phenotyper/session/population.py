"""Read all measured cells of a screen, as one table of their places and a way to their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_phenotyper.core.cells import Cells, Float32
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.choosing import CellTable
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.tasks import Wanted
from napari_phenotyper.store.cell_files import CellKeys
from napari_phenotyper.store.cells import CellStore

AREA = "Nuclei_AreaShape_Area"
_SIDE = 48.0
"""Pixels along the side of a picture of a cell where no area is measured."""
_ROOM = 2.0
"""Side of a picture in widths of the larger cells, so that neighbours are seen too."""


@dataclass(frozen=True, eq=False)
class Population:
    """The measured cells of all plates, as they were read.

    Attributes
    ----------
    measured
        The fields with their keys.
    chunks
        Their cells, views into a file where there is one.
    table
        The same cells, without classes.
    side
        How much of a field a picture of one cell should show: µm, pixels where the pixel size is not known.
    """

    measured: Mapping[FieldRef, Wanted]
    chunks: tuple[Cells, ...]
    table: CellTable
    side: float

    @property
    def unit(self) -> str:
        """Of `side`."""
        sizes = (item.field.info.pixel_size for item in self.measured.values())
        return "µm" if next(sizes, None) else "pixels"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features."""
        return self.chunks[0].columns if self.chunks else ()


def read_population(
    session: Reading, measured: Mapping[FieldRef, Wanted], writable: bool, before: Population | None, progress: Progress
) -> Population:
    """Return all measured cells; raises what reading them raises.

    Parameters
    ----------
    session, measured
        The project, and the fields that are measured, with their keys.
    writable
        Whether a file that makes reading quicker may be written.
    before
        Cells that were read before: returned again if nothing was measured since.
    progress
        Cancels.
    """
    if before is not None and _keys(before.measured) == _keys(measured):
        return Population(measured, before.chunks, _with_conditions(session, before.table), before.side)
    store = CellStore(session.folder / "cells") if writable else session.project.cells
    chunks: list[Cells] = []
    for name in session.plates:
        progress(0.0, f"Looking through the cells of {name}")
        keys = {ref: CellKeys(i.mask, i.blocks) for ref, i in sorted(measured.items()) if ref.plate == name}
        chunks += [chunk for chunk in store.matrix(name, keys) if len(chunk)]
    counts = [len(chunk) for chunk in chunks]
    table = CellTable(
        tuple(chunk.field for chunk in chunks),
        (),
        np.repeat(np.arange(len(chunks), dtype=np.int32), counts),
        np.concatenate([np.zeros(0, np.int32), *(chunk.ids for chunk in chunks)]),
        joined(chunk.y for chunk in chunks),
        joined(chunk.x for chunk in chunks),
        (),
        np.full(sum(counts), -1, np.int16),
        np.full(sum(counts), -1, np.int16),
        np.full(sum(counts), np.nan, np.float32),
    )
    side = _side(measured, chunks)
    return Population(measured, tuple(chunks), _with_conditions(session, table), side)


def _keys(measured: Mapping[FieldRef, Wanted]) -> dict[FieldRef, tuple[str, Mapping[str, str]]]:
    return {ref: (item.mask, item.blocks) for ref, item in measured.items()}


def joined(parts: Iterable[Float32]) -> Float32:
    """Return values of many fields as one array."""
    return np.concatenate([np.zeros(0, np.float32), *parts])


def _with_conditions(session: Reading, table: CellTable) -> CellTable:
    layouts = {name: plate.layout for name, plate in session.plates.items()}
    return replace(table, conditions=tuple(layouts[ref.plate].of(ref.well_ref) for ref in table.fields))


def _side(measured: Mapping[FieldRef, Wanted], chunks: Sequence[Cells]) -> float:
    """Return the side of a picture in µm, or in pixels: one for all plates, so that sizes can be compared."""
    widths = []
    for chunk in chunks[:: max(len(chunks) // 200, 1)]:
        pixel = measured[chunk.field].field.info.pixel_size or 1.0
        widths.append(np.sqrt(column(chunk, AREA)) * pixel)
    known = np.concatenate(widths) if widths else np.zeros(0)
    known = known[np.isfinite(known)]
    if not len(known):
        return _SIDE
    return float(_ROOM * np.percentile(known, 90))


def column(chunk: Cells, name: str) -> Float32:
    """Return (n,) of a column, NaN where it is not measured."""
    for block in chunk.blocks.values():
        if name in block.columns:
            return np.asarray(block.values[:, block.columns.index(name)], np.float32)
    return np.full(len(chunk), np.nan, np.float32)
