"""Choose cells out of a screen: by class, well, treatment; sorted by probability, doubt, a feature or by chance."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.plate import Condition
from napari_phenotyper.core.wells import FieldRef, WellRef

Sort = Literal["position", "random", "probability", "uncertainty", "feature"]
CellId = tuple[FieldRef, int]
"""A cell: its field, and its id in the field's current masks."""


@dataclass(frozen=True)
class CellQuery:
    """Which cells, and in which order. What is empty restricts nothing.

    Attributes
    ----------
    predicted, annotated_as
        Class that is predicted; class that somebody gave.
    annotated
        True: only annotated cells; False: only others.
    wells
        Names ("B03", on every plate) or WellRefs.
    treatments, roles, plates
        Of the wells: treatments of the layout; "negative", "positive", "sample", "empty"; names of plates.
    model
        Id of a kept model; "" for what the window shows.
    cells
        Only these.
    said
        The class that another classifier than the window's predicts for each of `cells`; none if it does not matter.
    sort
        "position": plate by plate, field by field, or as `cells` names them; "random"; "probability": of the class
        `by`, of the one predicted if it is empty; "uncertainty": 1 − the highest probability; "feature": the column
        `by`. Cells without the value come last.
    by
        As said.
    descending
        The highest value first.
    limit
        So many cells at most; None for all.
    title
        What a person calls these cells.
    """

    predicted: str = ""
    annotated_as: str = ""
    annotated: bool | None = None
    wells: tuple[str | WellRef, ...] = ()
    treatments: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    plates: tuple[str, ...] = ()
    model: str = ""
    cells: tuple[CellId, ...] | None = None
    said: tuple[str, ...] = ()
    sort: Sort = "position"
    by: str = ""
    descending: bool = False
    limit: int | None = None
    title: str = ""


@dataclass(frozen=True, eq=False)
class CellTable:
    """All measured cells of a screen: N cells in F fields, cells of a field side by side.

    Attributes
    ----------
    fields, conditions
        F fields and what was done to their wells.
    field
        (N,) int32, number of the field, ascending.
    ids, y, x
        (N,) int32 ids of the mask; (N,) float32 centres in pixels.
    classes
        K names that the codes below point into.
    predicted, annotated
        (N,) int16 codes, −1 for none.
    probability
        (N,) float32, of the class predicted; NaN where there is none.
    """

    fields: tuple[FieldRef, ...]
    conditions: tuple[Condition, ...]
    field: NDArray[np.int32]
    ids: NDArray[np.int32]
    y: Float32
    x: Float32
    classes: tuple[str, ...]
    predicted: NDArray[np.int16]
    annotated: NDArray[np.int16]
    probability: Float32

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.ids)

    @cached_property
    def parts(self) -> Mapping[FieldRef, slice]:
        """The rows of each field."""
        # numbers of the same type, else numpy copies the whole column
        ends = np.searchsorted(self.field, np.arange(len(self.fields) + 1, dtype=np.int32)).tolist()
        return {ref: slice(ends[i], ends[i + 1]) for i, ref in enumerate(self.fields)}


@dataclass(frozen=True, eq=False)
class CellRows:
    """Cells that were chosen, in order: n cells.

    Attributes
    ----------
    fields
        The fields of the table that they were chosen from.
    field, ids, y, x
        (n,) number of the field, id, centre in pixels.
    classes, predicted, probability
        As in the table, when the cells were chosen.
    total
        How many there were before the limit.
    """

    fields: tuple[FieldRef, ...]
    field: NDArray[np.int32]
    ids: NDArray[np.int32]
    y: Float32
    x: Float32
    classes: tuple[str, ...]
    predicted: NDArray[np.int16]
    probability: Float32
    total: int

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.ids)

    def cell(self, row: int) -> CellId:
        """Return the field and the id of a row's cell."""
        return self.fields[self.field[row]], int(self.ids[row])


Values = Callable[[], Float32]
"""Gives (N,) values to sort by."""


def choose(table: CellTable, query: CellQuery, values: Values | None = None) -> CellRows:
    """Return the cells that a query wants.

    Parameters
    ----------
    table
        N cells; of 10⁶ a query takes about a tenth of a second.
    query
        What is wanted. Its `model` is the table's business.
    values
        Gives what "feature", and "probability" of a named class, sort by; asked only for these.
    """
    rows = _named(table, query.cells) if query.cells is not None else None
    wanted = _wanted(table, query)
    if rows is None:
        rows = np.flatnonzero(wanted)
    else:
        rows = rows[wanted[rows]]
    found = len(rows)
    rows = _sorted(table, query, rows, values)[: query.limit]
    return CellRows(
        table.fields, table.field[rows], table.ids[rows], table.y[rows], table.x[rows], table.classes,
        table.predicted[rows], table.probability[rows], found,
    )  # fmt: skip


def _wanted(table: CellTable, query: CellQuery) -> NDArray[np.bool_]:
    """Return (N,) whether a cell is wanted."""
    wanted = np.ones(len(table), bool)
    if query.predicted:
        wanted &= table.predicted == _code(table, query.predicted)
    if query.annotated_as:
        wanted &= table.annotated == _code(table, query.annotated_as)
    if query.annotated is not None:
        wanted &= (table.annotated >= 0) == query.annotated
    places = _places(table, query)
    if not places.all():
        wanted &= places[table.field]
    return wanted


def _code(table: CellTable, name: str) -> int:
    return table.classes.index(name) if name in table.classes else -2


def _places(table: CellTable, query: CellQuery) -> NDArray[np.bool_]:
    """Return (F,) whether a field is wanted."""
    names = {well for well in query.wells if isinstance(well, str)}
    refs = {well for well in query.wells if not isinstance(well, str)}

    def among(value: str, wanted: Collection[str]) -> bool:
        return not wanted or value in wanted

    return np.array(
        [
            (not query.wells or ref.well in names or ref.well_ref in refs)
            and among(ref.plate, query.plates)
            and among(condition.treatment, query.treatments)
            and among(condition.role, query.roles)
            for ref, condition in zip(table.fields, table.conditions, strict=True)
        ],
        bool,
    )


def _named(table: CellTable, cells: Sequence[CellId]) -> NDArray[np.intp]:
    """Return the rows of cells, in their order, without those that are not there."""
    found = []
    for ref, cell in cells:
        if ref in table.parts:
            part = table.parts[ref]
            found += (part.start + np.flatnonzero(table.ids[part] == cell)).tolist()
    return np.array(found, np.intp)


def _sorted(table: CellTable, query: CellQuery, rows: NDArray[np.intp], values: Values | None) -> NDArray[np.intp]:
    if query.sort == "position":
        return rows[::-1] if query.descending else rows
    if query.sort == "random":
        return np.random.default_rng(0).permutation(rows)
    if query.sort == "uncertainty":
        keys = 1 - table.probability[rows]
    elif query.sort == "probability" and not query.by:
        keys = table.probability[rows]
    elif values is not None:
        keys = values()[rows]
    else:
        keys = np.full(len(rows), np.nan, np.float32)
    return rows[order(-keys if query.descending else keys)]


def with_predictions(
    table: CellTable, predicted: Mapping[FieldRef, tuple[NDArray[np.int16], Float32]], classes: Sequence[str]
) -> CellTable:
    """Return the same cells with other predictions, and without annotations.

    Parameters
    ----------
    table
        The cells.
    predicted
        Field to codes and probabilities of its cells, row by row.
    classes
        What the codes point into.
    """
    codes, sure = np.full(len(table), -1, np.int16), np.full(len(table), np.nan, np.float32)
    for ref, part in table.parts.items():
        found = predicted.get(ref)
        if found is not None and len(found[0]) == part.stop - part.start:
            codes[part], sure[part] = found
    given = np.full(len(table), -1, np.int16)
    return replace(table, classes=tuple(classes), predicted=codes, probability=sure, annotated=given)


def with_annotations(table: CellTable, annotated: Mapping[FieldRef, Mapping[int, str]]) -> CellTable:
    """Return the same cells with other annotations: field to cell id to class."""
    given = np.full(len(table), -1, np.int16)
    number = {name: i for i, name in enumerate(table.classes)}
    for ref, cells in annotated.items():
        part = table.parts.get(ref, slice(0, 0))
        for cell, name in cells.items():
            given[part][table.ids[part] == cell] = number.get(name, -1)
    return replace(table, annotated=given)


def order(keys: Float32) -> NDArray[np.intp]:
    """Return the places of values from the lowest to the highest, equal ones as they stand, NaN last.

    Each value and its place become one integer, which numpy sorts several times faster than it argsorts floats.
    """
    bits = (keys + np.float32(0)).view(np.uint32)  # + 0 makes one zero of two
    rank = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    rank[np.isnan(keys)] = 0xFFFFFFFF
    together = rank << np.uint64(32) | np.arange(len(keys), dtype=np.uint64)
    together.sort()
    return (together & np.uint64(0xFFFFFFFF)).astype(np.intp)
