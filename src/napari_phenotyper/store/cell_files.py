"""A parquet file of cells: what it says it holds, how it is written and how a field is read from it.

Rows are cells: field, id, y, x, then float32 columns. The record in the footer tells, field by field, the key of the
masks, the rows, and per extractor the key and the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.errors import ProjectError, TableError
from napari_phenotyper.core.keys import Json, digest
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.store.tables import RowGroups, table_record, table_writer

_BASE = (("field", "int32"), ("id", "int32"), ("y", "float32"), ("x", "float32"))


class CellKeys(NamedTuple):
    """Under what a field's cells lie: the key of its masks, and extractor id to key of its columns."""

    mask: str
    blocks: Mapping[str, str]


class BlockOutline(NamedTuple):
    """The key and the columns of one extractor."""

    key: str
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Outline:
    """What is known of a field's cells before a row is read.

    Attributes
    ----------
    field
        The field.
    mask
        Key of its masks.
    rows
        How many cells.
    blocks
        Extractor id to key and columns.
    """

    field: FieldRef
    mask: str
    rows: int
    blocks: Mapping[str, BlockOutline]

    def identity(self) -> Json:
        """Return what makes the content: equal for equal content, in any file."""
        return [list(self.field), self.mask, sorted([name, block.key] for name, block in self.blocks.items())]


@dataclass(frozen=True, eq=False)
class Entry:
    """A field in a file: where its rows are."""

    outline: Outline
    path: Path
    group: int
    start: int

    def has(self, keys: CellKeys, extractor: str) -> bool:
        """Tell whether the file holds the columns of an extractor under the wanted key."""
        block = self.outline.blocks.get(extractor)
        return block is not None and block.key == keys.blocks[extractor]


@dataclass(frozen=True, eq=False)
class MeasuredField:
    """Cells as they were measured, all extractors or some, and their keys.

    Attributes
    ----------
    cells
        A field's cells.
    mask_key
        Key of the masks that were measured.
    block_keys
        A key for each block of the cells, by extractor id.
    """

    cells: Cells
    mask_key: str
    block_keys: Mapping[str, str] = field(default_factory=dict)

    def outline(self) -> Outline:
        """Return what is to be known of it.

        Raises
        ------
        TableError
            If two extractors gave the same column, or one is named as the columns that every table has.
        """
        blocks = {name: BlockOutline(self.block_keys[name], b.columns) for name, b in self.cells.blocks.items()}
        taken = [name for name, _ in _BASE]
        taken.extend(name for block in blocks.values() for name in block.columns)
        twice = sorted({name for name in taken if taken.count(name) > 1}) if len(set(taken)) < len(taken) else []
        if twice:
            raise TableError(
                f"{self.cells.field}: the column {twice[0]!r} was measured twice.",
                "Leave out one of the extractors " + ", ".join(blocks) + ", or rename its columns.",
            )
        return Outline(self.cells.field, self.mask_key, len(self.cells), blocks)


def content(outlines: Iterable[Outline]) -> str:
    """Return the key of some fields' content."""
    return digest([outline.identity() for outline in outlines])


def union(outlines: Iterable[Outline]) -> tuple[str, ...]:
    """Return the columns of all fields, in the order in which they appear."""
    blocks: dict[tuple[str, ...], None] = {}
    for outline in outlines:
        blocks.update((block.columns, None) for block in outline.blocks.values())
    return tuple(dict.fromkeys(name for columns in blocks for name in columns))


def write_cells(
    path: Path, groups: Sequence[Sequence[Outline]], load: Callable[[Sequence[Outline]], Sequence[Cells]]
) -> None:
    """Write a file with a row group per group of fields; a column that a field lacks is NaN there.

    Parameters
    ----------
    path
        Written whole or not at all.
    groups
        What goes into each row group.
    load
        Returns the cells of one group, called group after group.

    Raises
    ------
    ProjectError
        If the disk is full, the folder may not be written …
    """
    columns = union(outline for group in groups for outline in group)
    where = {name: i for i, name in enumerate(columns)}
    kinds = [*_BASE, *((name, "float32") for name in columns)]
    with table_writer(path, kinds, record_of(groups)) as write:
        for group in groups:
            chunks = load(group)
            rows = sum(len(chunk) for chunk in chunks)
            values = np.full((len(columns), rows), np.nan, np.float32)
            start = 0
            for chunk in chunks:
                values[[where[name] for name in chunk.columns], start : start + len(chunk)] = chunk.matrix().T
                start += len(chunk)
            base = [
                np.repeat([chunk.field.field for chunk in chunks], [len(chunk) for chunk in chunks]),
                *(np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in ("ids", "y", "x")),
            ]
            write([*base, *values])


def record_of(groups: Sequence[Sequence[Outline]]) -> dict[str, Json]:
    """Return the record of a file; the lists of columns, which repeat in every field, are written once."""
    sets: dict[tuple[str, ...], int] = {}
    fields: list[Json] = []
    number = 0
    for group in groups:
        start = 0
        for outline in group:
            blocks: dict[str, Json] = {
                n: [b.key, sets.setdefault(b.columns, len(sets))] for n, b in outline.blocks.items()
            }
            stop = start + outline.rows
            fields.append([*outline.field, outline.mask, number, start, stop, blocks])
            start = stop
        number += start > 0  # a group without rows is not written
    return {"columns": [list(columns) for columns in sets], "fields": fields}


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Return what a file says it holds. Raises ProjectError for a foreign or damaged one."""
    return entries_of(table_record(path), path)


def entries_of(record: Mapping[str, Any], path: Path) -> tuple[Entry, ...]:
    """Return what a record tells of a file. Raises ProjectError for a foreign or damaged one."""
    try:
        sets = [tuple(str(name) for name in columns) for columns in record["columns"]]
        entries = []
        for plate, well, number, mask, group, start, stop, blocks in record["fields"]:
            outlines = {name: BlockOutline(key, sets[i]) for name, (key, i) in blocks.items()}
            outline = Outline(FieldRef(plate, well, number), mask, stop - start, outlines)
            entries.append(Entry(outline, path, group, start))
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ProjectError(f"{path} is not a table of cells.", "Remove it; the cells are measured again.") from error
    return tuple(entries)


def read_cells(reader: RowGroups, entry: Entry, extractors: Sequence[str]) -> Cells:
    """Return a field's cells with the blocks of some extractors. Raises ProjectError for a damaged file."""
    outline = entry.outline
    blocks = {name: outline.blocks[name].columns for name in extractors}
    if not outline.rows:
        none = np.zeros(0, np.float32)
        empty = {n: ColumnBlock(columns, np.zeros((0, len(columns)), np.float32)) for n, columns in blocks.items()}
        return Cells(outline.field, np.zeros(0, np.int32), none, none, empty)
    names = ["id", "y", "x", *(name for columns in blocks.values() for name in columns)]
    where = slice(entry.start, entry.start + outline.rows)
    found = {name: column[where] for name, column in reader.read(entry.path, entry.group, names).items()}
    if len(found["id"]) != outline.rows:
        raise ProjectError(f"The table {entry.path} is damaged: rows are missing.", "Measure the field again.")
    measured = {n: ColumnBlock(columns, _stacked(found, columns, outline.rows)) for n, columns in blocks.items()}
    ids, y, x = (np.asarray(found[name]) for name in ("id", "y", "x"))
    return Cells(outline.field, ids.astype(np.int32), y.astype(np.float32), x.astype(np.float32), measured)


def _stacked(found: Mapping[str, Any], columns: Sequence[str], rows: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    values = np.empty((rows, len(columns)), np.float32)
    for i, name in enumerate(columns):
        values[:, i] = found[name]
    return values
