"""The cells of a plate as one float32 matrix that is mapped from disk: what training and predicting read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Cells, ColumnBlock, Float32
from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.store.cell_files import Entry, Outline, content, entries_of, record_of, union
from napari_phenotyper.store.files import Guard, discard, read_json, replacing, write_json

_ROW = np.dtype([("id", "<i4"), ("y", "<f4"), ("x", "<f4")])
_ENOUGH = 0.9
"""Share of the fields that a matrix must hold to be read further, the others coming from their files."""


@dataclass(frozen=True, eq=False)
class _Mapped:
    """A matrix that is open: which field lies where, the cells' places, and (N, D) values under D columns."""

    fields: dict[FieldRef, Entry]
    rows: NDArray[np.void]
    values: Float32
    columns: dict[str, int]

    def holds(self, outline: Outline) -> bool:
        """Tell whether the matrix has the very content of a field."""
        entry = self.fields.get(outline.field)
        return entry is not None and entry.outline.identity() == outline.identity()

    def chunk(self, outline: Outline) -> Cells:
        """Return a field's cells as views."""
        start = self.fields[outline.field].start
        where = slice(start, start + outline.rows)
        blocks = {n: ColumnBlock(b.columns, self._block(where, b.columns)) for n, b in outline.blocks.items()}
        rows = self.rows[where]
        return Cells(outline.field, rows["id"], rows["y"], rows["x"], blocks)

    def _block(self, rows: slice, columns: Sequence[str]) -> Float32:
        """Return (n, d) of some columns: a view where they lie side by side, as they do unless fields differ."""
        positions = [self.columns[name] for name in columns]
        first = positions[0] if positions else 0
        if positions == list(range(first, first + len(positions))):
            return self.values[rows, first : first + len(positions)]
        return self.values[rows, positions]


class CellMatrix:
    """Matrices of one plate: `matrix-<content>.npy`, the cells' places in `.rows.npy`, and what is where in `.json`.

    A mapped file is never replaced: other content has another name.

    Parameters
    ----------
    folder
        Of the plate's cells.
    guard
        Called before every write; where it raises, cells are read into memory instead.
    """

    def __init__(self, folder: Path, guard: Guard) -> None:
        self.folder = folder
        self._guard = guard

    def chunks(self, outlines: Sequence[Outline], load: Callable[[Outline], Cells]) -> tuple[Cells, ...]:
        """Return the cells of fields, in order, as views into a matrix that is written if need be.

        Parameters
        ----------
        outlines
            Of fields that are on disk.
        load
            Reads a field's cells from the tables.

        Raises
        ------
        ProjectError
            If the disk is full, or as `load` raises it.
        """
        if not outlines:
            return ()
        mapped = self._best(outlines)
        if mapped is None and self._may_write():
            mapped = self._write(outlines, load)
        return tuple(mapped.chunk(o) if mapped is not None and mapped.holds(o) else load(o) for o in outlines)

    def clean(self, needed: Collection[str]) -> int:
        """Remove matrices that hold more than is needed; return the bytes freed."""
        freed = 0
        for path in self.folder.glob("matrix-*.json"):
            try:
                outlines = [entry.outline for entry in entries_of(read_json(path), path)]
            except ProjectError:
                outlines = []  # damaged or not, it can be written again
            keys = {key for o in outlines for key in (o.mask, *(block.key for block in o.blocks.values()))}
            if not keys or not keys.issubset(needed):
                freed += self._drop(path.stem)
        return freed

    def _may_write(self) -> bool:
        try:
            self._guard()
        except ProjectError:
            return False
        return True

    def _best(self, outlines: Sequence[Outline]) -> _Mapped | None:
        """Return the matrix of exactly these fields, or one that holds enough of them."""
        exact = self.folder / f"matrix-{content(outlines)}.json"
        others = sorted(path for path in self.folder.glob("matrix-*.json") if path != exact)
        for path in (exact, *others):
            mapped = _open(path) if path.exists() else None
            if mapped is not None and sum(mapped.holds(o) for o in outlines) >= _ENOUGH * len(outlines):
                return mapped
        return None

    def _write(self, outlines: Sequence[Outline], load: Callable[[Outline], Cells]) -> _Mapped | None:
        """Write a matrix field by field, drop the plate's older ones, and return it mapped."""
        name = f"matrix-{content(outlines)}"
        columns = union(outlines)
        rows = np.zeros(sum(outline.rows for outline in outlines), _ROW)
        where = {column: i for i, column in enumerate(columns)}
        start = 0
        # Written as a plain file: a full disk is then an error, where writing to a map would end the process.
        with replacing(self.folder / f"{name}.npy") as scratch, scratch.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (len(rows), len(columns))}
            np.lib.format.write_array_header_1_0(file, header)
            for outline in outlines:
                cells = load(outline)
                values = np.full((len(cells), len(columns)), np.nan, "<f4")
                values[:, [where[column] for column in cells.columns]] = cells.matrix()
                file.write(values.tobytes())
                part = rows[start : start + len(cells)]
                part["id"], part["y"], part["x"] = cells.ids, cells.y, cells.x
                start += len(cells)
        with replacing(self.folder / f"{name}.rows.npy") as scratch, scratch.open("wb") as file:
            np.save(file, rows)
        write_json(self.folder / f"{name}.json", {"all_columns": list(columns), **record_of([outlines])})
        for path in self.folder.glob("matrix-*.json"):
            if path.stem != name:
                self._drop(path.stem)
        return _open(self.folder / f"{name}.json")

    def _drop(self, name: str) -> int:
        return sum(discard(self.folder / f"{name}{ending}") for ending in (".json", ".rows.npy", ".npy"))


def _open(path: Path) -> _Mapped | None:
    """Map the matrix that a JSON file describes; None if it is damaged or has just been removed."""
    try:
        record = read_json(path)
        entries = entries_of(record, path)
        names = [str(name) for name in _list(record["all_columns"])]
        rows = np.load(path.with_suffix(".rows.npy"))
        size = sum(entry.outline.rows for entry in entries)
        file = path.with_suffix(".npy")
        values = np.load(file, mmap_mode="r" if size * len(names) else None)
    except (OSError, ValueError, KeyError):
        return None
    if rows.shape != (size,) or values.shape != (size, len(names)) or rows.dtype != _ROW:
        return None
    fields = {entry.outline.field: entry for entry in entries}
    return _Mapped(fields, rows, values, {name: i for i, name in enumerate(names)})


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("not a list")
    return value
