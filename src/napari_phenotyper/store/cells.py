"""Measured cells on disk: parquet files that never change, found by the keys in their footers.

While a plate is measured each well has files of its own; `compact` makes one of them, with a row group per well. An
extractor that was changed writes a file with its own columns only, a field that was corrected one with its own rows
only, and a field's cells are put together from whichever files hold the wanted keys: changing back finds the old ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.store.cell_files import (
    CellKeys,
    Entry,
    MeasuredField,
    Outline,
    content,
    read_cells,
    read_entries,
    write_cells,
)
from napari_phenotyper.store.files import Guard, discard, is_damage, safe_name, well_file, writable
from napari_phenotyper.store.matrix import CellMatrix
from napari_phenotyper.store.tables import RowGroups

_REMEDY = "Measure the field again."


@dataclass(frozen=True, eq=False)
class _Index:
    """What the files of one plate hold: by file name, and by field and mask key."""

    files: Mapping[str, tuple[Entry, ...]]
    fields: Mapping[tuple[FieldRef, str], tuple[Entry, ...]]


class CellStore:
    """Cells by field and keys, for any number of processes at once.

    Parameters
    ----------
    folder
        `cells` in the project folder; made at the first write.
    guard
        Called before every write; raises where writing is not allowed.
    """

    def __init__(self, folder: Path, guard: Guard = writable) -> None:
        self.folder = folder
        self._guard = guard
        self._indices: dict[str, _Index] = {}
        self._reader = RowGroups()

    def put(self, ref: WellRef, chunks: Sequence[MeasuredField]) -> None:
        """Keep what was measured in a well: some or all of its fields, some or all extractors.

        Parameters
        ----------
        ref
            The well.
        chunks
            A field each, in order.

        Raises
        ------
        ProjectError
            If the disk is full or the project read-only.
        TableError
            If two extractors gave the same column.
        """
        self._guard()
        outlines = [chunk.outline() for chunk in chunks]
        if not outlines:
            return
        path = self._plate(ref.plate) / f"{well_file(ref.well)}-{content(outlines)}.parquet"
        write_cells(path, [outlines], lambda _: [chunk.cells for chunk in chunks])

    def missing(self, ref: FieldRef, mask_key: str, block_keys: Mapping[str, str]) -> tuple[str, ...] | None:
        """Return the extractors whose columns are not on disk under the wanted keys; None if no cells of the masks are.

        Reads footers only: what is missing is what has to be measured.
        """
        keys = CellKeys(mask_key, block_keys)
        entries = self._entries(ref, keys)
        return tuple(n for n in block_keys if not any(e.has(keys, n) for e in entries)) if entries else None

    def has(self, ref: FieldRef, mask_key: str, block_keys: Mapping[str, str]) -> bool:
        """Tell, by footers only, whether `get` would find the cells."""
        return self.missing(ref, mask_key, block_keys) == ()

    def get(self, ref: FieldRef, mask_key: str, block_keys: Mapping[str, str]) -> Cells | None:
        """Return a field's cells, with a block per extractor in the order of `block_keys`.

        Parameters
        ----------
        ref
            The field.
        mask_key
            Key of its masks.
        block_keys
            Extractor id to the key of its columns; none for the cells' places alone.

        Returns
        -------
        None if not all of it is on disk.

        Raises
        ------
        ProjectError
            If a file is damaged: it is dropped, so that its cells count as missing from then on.
        """
        keys = CellKeys(mask_key, block_keys)
        while (parts := self._parts(ref, keys)) is not None:
            chunks = [self._read(entry, names) for entry, names in parts.items()]
            whole = [chunk for chunk in chunks if chunk is not None]
            if len(whole) == len(chunks):  # else compacting has moved a file's rows to another one: look again
                return _put_together(whole, keys)
        return None

    def compact(self, plate: str, wanted: Mapping[FieldRef, CellKeys]) -> Path | None:
        """Gather the wanted fields of a plate in one file, a row group per well, and remove files that hold no more.

        Parameters
        ----------
        plate
            Its name.
        wanted
            Keys of the fields; fields that are not on disk are left out.

        Returns
        -------
        The file, None if there is nothing to gather.

        Raises
        ------
        ProjectError
            If the disk is full or the project read-only, or a file is damaged.
        """
        self._guard()
        outlines = self._outlines(wanted)
        if not outlines:
            return None
        wells: dict[str, list[Outline]] = defaultdict(list)
        for outline in outlines:
            wells[outline.field.well].append(outline)
        path = self._plate(plate) / f"plate-{content(outlines)}.parquet"
        if not path.exists():
            write_cells(path, list(wells.values()), lambda group: [self._wanted(wanted, o.field) for o in group])
        self._drop_contained(plate, path)
        return path

    def matrix(self, plate: str, wanted: Mapping[FieldRef, CellKeys]) -> tuple[Cells, ...]:
        """Return the wanted fields of a plate as views into a float32 matrix that is mapped from disk.

        The matrix is written at the first call, and again once more than a tenth of its fields have changed; until
        then the changed ones are read from their files.

        Parameters
        ----------
        plate
            Its name.
        wanted
            Keys of the fields, in the order of the result; fields that are not on disk are left out.

        Raises
        ------
        ProjectError
            If the disk is full, or a file is damaged.
        """
        outlines = self._outlines(wanted)
        matrix = CellMatrix(self._plate(plate), self._guard)
        return matrix.chunks(outlines, lambda outline: self._wanted(wanted, outline.field))

    def clean(self, needed: Collection[str]) -> int:
        """Remove files of which nothing is needed, masks and columns alike; return the bytes freed."""
        self._guard()
        freed = 0
        for folder in [path for path in self.folder.glob("*") if path.is_dir()]:
            for path in folder.glob("*.parquet"):
                try:
                    keep = any(_is_needed(entry.outline, needed) for entry in read_entries(path))
                except ProjectError as error:
                    keep = not is_damage(error)
                freed += 0 if keep else discard(path)
            freed += CellMatrix(folder, self._guard).clean(needed)
        self._indices.clear()
        return freed

    def _plate(self, plate: str) -> Path:
        return self.folder / safe_name(plate)

    def _entries(self, ref: FieldRef, keys: CellKeys) -> tuple[Entry, ...]:
        """Return the places that hold a field's cells; looks for new files if those known do not hold all of it."""
        index = self._indices.get(ref.plate)
        found = index.fields.get((ref, keys.mask), ()) if index else ()
        if found and all(any(e.has(keys, name) for e in found) for name in keys.blocks):
            return found
        return self._refreshed(ref.plate).fields.get((ref, keys.mask), ())

    def _refreshed(self, plate: str) -> _Index:
        """Return the index of a plate, reading the footers of files that are new; files in place never change."""
        known = self._indices.get(plate) or _Index({}, {})
        folder = self._plate(plate)
        names = sorted(path.name for path in folder.glob("*.parquet"))
        if known.files.keys() == set(names):
            return known
        files: dict[str, tuple[Entry, ...]] = {}
        for name in names:
            if name in known.files:
                files[name] = known.files[name]
            else:
                with suppress(ProjectError):  # a damaged file counts as absent
                    files[name] = read_entries(folder / name)
        fields: dict[tuple[FieldRef, str], list[Entry]] = defaultdict(list)
        for entries in files.values():
            for entry in entries:
                fields[entry.outline.field, entry.outline.mask].append(entry)
        index = _Index(files, {key: tuple(found) for key, found in fields.items()})
        self._indices[plate] = index
        return index

    def _parts(self, ref: FieldRef, keys: CellKeys) -> dict[Entry, list[str]] | None:
        """Return which file gives which extractors, as few files as come; None if something is missing."""
        entries = self._entries(ref, keys)
        parts: dict[Entry, list[str]] = defaultdict(list)
        for name in keys.blocks:
            holders = [entry for entry in entries if entry.has(keys, name)]
            if not holders:
                return None
            best = next((entry for entry in holders if entry in parts), holders[0])
            parts[best].append(name)
        if not parts and entries:
            parts[entries[0]] = []
        return parts or None

    def _read(self, entry: Entry, extractors: Sequence[str]) -> Cells | None:
        """Return what one file holds of a field; None, and look anew, if the file is gone."""
        try:
            return read_cells(self._reader, entry, extractors)
        except ProjectError as error:
            self._indices.pop(entry.outline.field.plate, None)
            if not entry.path.exists():
                return None
            if is_damage(error):
                with suppress(ProjectError):
                    self._guard()
                    discard(entry.path)
            raise

    def _outlines(self, wanted: Mapping[FieldRef, CellKeys]) -> list[Outline]:
        """Return the outlines of the wanted fields that are on disk, with the wanted blocks."""
        found = []
        for ref, keys in wanted.items():
            parts = self._parts(ref, keys)
            if parts is not None:
                blocks = {n: entry.outline.blocks[n] for entry, names in parts.items() for n in names}
                rows = next(iter(parts)).outline.rows
                found.append(Outline(ref, keys.mask, rows, {n: blocks[n] for n in keys.blocks}))
        return found

    def _wanted(self, wanted: Mapping[FieldRef, CellKeys], ref: FieldRef) -> Cells:
        cells = self.get(ref, *wanted[ref])
        if cells is None:
            raise ProjectError(f"The cells of {ref} have just been removed.", _REMEDY)
        return cells

    def _drop_contained(self, plate: str, path: Path) -> None:
        """Remove the other files of a plate of which `path` holds every column of every field."""
        held = {_place(entry.outline, name) for entry in read_entries(path) for name in entry.outline.blocks}
        bare = {(entry.outline.field, entry.outline.mask) for entry in read_entries(path)}
        for name, entries in self._refreshed(plate).files.items():
            outlines = [entry.outline for entry in entries]
            inside = all((o.field, o.mask) in bare and all(_place(o, n) in held for n in o.blocks) for o in outlines)
            if name != path.name and inside:
                discard(path.with_name(name))


def _place(outline: Outline, extractor: str) -> tuple[FieldRef, str, str, str]:
    return outline.field, outline.mask, extractor, outline.blocks[extractor].key


def _put_together(chunks: Sequence[Cells], keys: CellKeys) -> Cells:
    """Return one chunk with the blocks of several, which were measured on the same masks."""
    first = chunks[0]
    if not all(np.array_equal(chunk.ids, first.ids) for chunk in chunks):
        raise ProjectError(f"The columns of {first.field} belong to different cells.", _REMEDY)
    blocks = {name: block for chunk in chunks for name, block in chunk.blocks.items()}
    return replace(first, blocks={name: blocks[name] for name in keys.blocks})


def _is_needed(outline: Outline, needed: Collection[str]) -> bool:
    keys = [block.key for block in outline.blocks.values()]
    return outline.mask in needed and (not keys or any(key in needed for key in keys))
