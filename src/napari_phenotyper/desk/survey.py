"""What there is of a plate: segmented and measured fields, cells; and what its wells can be coloured by."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from napari_phenotyper.core.annotations import NOT_A_CELL, Annotations
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.predictions import FieldSums
from napari_phenotyper.evaluation.field_quality import FieldQuality, counted, flags
from napari_phenotyper.session.failures import failures_of
from napari_phenotyper.session.measuring import cells_of, is_measured, wanted
from napari_phenotyper.session.quality import noted_quality
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.tasks import Wanted


@dataclass(frozen=True, eq=False)
class Survey:
    """What there is of a plate.

    Attributes
    ----------
    cells
        Segmented fields, and how many cells each has.
    measured
        Fields whose columns are current, with their keys.
    columns
        Names of the columns.
    failed
        Fields and wells that failed, and why.
    flagged
        Fields that are doubtful, and why.
    """

    cells: Mapping[FieldRef, int] = field(default_factory=dict)
    measured: Mapping[FieldRef, Wanted] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    flagged: Mapping[FieldRef, tuple[str, ...]] = field(default_factory=dict)


def survey(session: Reading, name: str, progress: Progress) -> Survey:
    """Look up what there is of a plate."""
    plate = session.plates[name]
    failed = failures_of(session, plate)
    if name not in session.setting("segmenters"):
        return Survey(failed=failed)
    cells: dict[FieldRef, int] = {}
    measured: dict[FieldRef, Wanted] = {}
    qualities: dict[FieldRef, FieldQuality] = {}
    columns: tuple[str, ...] = ()
    for item in wanted(session, plate):
        progress(0.0, str(item.field.ref))
        cells[item.field.ref], record = session.project.masks.look(item.field.ref, item.mask)
        noted = noted_quality(record)
        if noted is not None:
            qualities[item.field.ref] = noted
        if is_measured(session, item):
            measured[item.field.ref] = item
    for item in measured.values():
        first = session.project.cells.get(item.field.ref, item.mask, item.blocks)
        columns = first.columns if first is not None else ()
        break
    return Survey(cells, measured, columns, failed, flags(qualities))


def per_well(plate: Plate, values: Mapping[FieldRef, float]) -> dict[str, float]:
    """Return the sum over each well's fields, NaN for wells of which no field is known."""
    found = {well.name: math.nan for well in plate.wells}
    for ref, value in values.items():
        if ref.plate == plate.name and ref.well in found:
            before = found[ref.well]
            found[ref.well] = value if math.isnan(before) else before + value
    return found


def cell_counts(plate: Plate, known: Survey) -> dict[str, float]:
    """Return the cells per well."""
    return per_well(plate, known.cells)


def flag_counts(plate: Plate, known: Survey) -> dict[str, float]:
    """Return the doubtful fields per well, NaN for wells of which no field is segmented."""
    return per_well(plate, {ref: float(ref in known.flagged) for ref in known.cells})


def doubts(plate: Plate, known: Survey) -> dict[str, str]:
    """Return the wells that have doubtful fields, with these in words: "of 4 fields: 1 out of focus"."""
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for ref, given in known.flagged.items():
        found[ref.well].append(given)
    fields = {well.name: len(well.sources) for well in plate.wells}
    return {well: f"of {_fields(fields.get(well, 0))}: {counted(given)}" for well, given in found.items()}


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def annotation_counts(plate: Plate, annotations: Annotations) -> dict[str, float]:
    """Return the annotated cells per well."""
    counted = Counter(a.field.well for a in annotations.active.values() if a.field.plate == plate.name)
    return {well.name: float(counted.get(well.name, 0)) for well in plate.wells}


def class_shares(plate: Plate, sums: Mapping[FieldRef, FieldSums], name: str) -> dict[str, float]:
    """Return the share of a class among each well's cells, 0 to 1; what is no cell does not count.

    NaN where the model does not know the class: it was added, or renamed, since.
    """
    sums = {ref: s for ref, s in sums.items() if name in s.classes}
    hits = per_well(plate, {ref: _count(s, [name]) for ref, s in sums.items()})
    cells = per_well(plate, {ref: _count(s, [c for c in s.classes if c != NOT_A_CELL]) for ref, s in sums.items()})
    return _quotients(hits, cells)


def uncertainties(plate: Plate, sums: Mapping[FieldRef, FieldSums]) -> dict[str, float]:
    """Return the mean over each well's cells of 1 − the highest probability."""
    total = per_well(plate, {ref: s.uncertainty for ref, s in sums.items()})
    cells = per_well(plate, {ref: float(s.counts.sum()) for ref, s in sums.items()})
    return _quotients(total, cells)


def feature_means(session: Reading, name: str, column: str, progress: Progress) -> dict[str, float]:
    """Return the mean of a column over each well's cells. Raises TrainingError, ModelError."""
    plate = session.plates[name]
    values: dict[str, list[np.ndarray]] = defaultdict(list)
    for chunk in cells_of(session, plate):
        progress(0.0, str(chunk.field))
        values[chunk.field.well].append(chunk.matrix([column])[:, 0])
    return {well.name: _mean(values.get(well.name, ())) for well in plate.wells}


def _mean(parts: Iterable[np.ndarray]) -> float:
    found = np.concatenate([*parts, np.zeros(0, np.float32)])
    found = found[np.isfinite(found)]
    return float(found.mean()) if found.size else math.nan


def _count(sums: FieldSums, names: Iterable[str]) -> float:
    return float(sum(sums.counts[sums.classes.index(name)] for name in names if name in sums.classes))


def _quotients(above: Mapping[str, float], below: Mapping[str, float]) -> dict[str, float]:
    return {well: value / below[well] if below[well] else math.nan for well, value in above.items()}
