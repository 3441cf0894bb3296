"""Gather the annotated cells of a project as a training set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from napari_phenotyper.core.annotations import Match
from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.crops import CachedCrops
from napari_phenotyper.core.errors import SettingError, TrainingError
from napari_phenotyper.core.keys import Json, digest
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.labelling import matches
from napari_phenotyper.session.measuring import wanted
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.tasks import Wanted, with_pixels


@dataclass(frozen=True, eq=False)
class Trainable:
    """A training set, its key, and what the user should know of it."""

    training: TrainingSet
    key: str
    warnings: tuple[str, ...]


def training_set(session: Session, group: str = "well", seed: int = 0) -> Trainable:
    """Gather the annotated cells of all plates.

    Parameters
    ----------
    session
        With annotations, masks and measurements.
    group
        What is never split between training and testing: "well", "plate", "field", "treatment", "annotator", or any
        other column of the layout.
    seed
        Goes into every fit.

    Raises
    ------
    TrainingError
        If no annotated cell is measured.
    SettingError
        If no layout has that column.
    """
    found = matches(session)
    items = {i.field.ref: i for plate in _annotated_plates(session, found) for i in wanted(session, plate)}
    chunks: list[Cells] = []
    names: list[str] = []
    groups: list[str] = []
    parts: list[Json] = []
    unmeasured = 0
    for ref, hit in sorted(found.items()):
        item = items.get(ref)
        cells = session.project.cells.get(ref, item.mask, item.blocks) if item else None
        if item is None or cells is None:
            unmeasured += len(hit.cells)
            continue
        rows = np.flatnonzero(np.isin(cells.ids, list(hit.cells)))
        if rows.size:
            chosen = _with_cached_crops(session, item, cells.take(rows))
            chunks.append(chosen)
            found_here = [hit.cells[int(i)] for i in chosen.ids]
            names += [a.phenotype for a in found_here]
            groups += [_group(session, ref, group, a.annotator) for a in found_here]
            parts.append([list(ref), dict(item.blocks), [[int(i), hit.cells[int(i)].phenotype] for i in chosen.ids]])
    if not chunks:
        raise TrainingError(
            "No annotated cell is measured.", "Annotate cells and measure the plate: phenotyper annotate, measure."
        )
    present = set(names)
    classes = tuple(c for c in session.annotations.classes if c in present)
    group_names = tuple(sorted(set(groups)))
    training = TrainingSet(
        tuple(chunks), classes, np.array([classes.index(n) for n in names], np.intp),
        np.array([group_names.index(g) for g in groups], np.intp), group_names, seed,
    )  # fmt: skip
    return Trainable(training, digest(parts, list(classes), seed), _warnings(found, unmeasured))


def _annotated_plates(session: Session, found: Mapping[FieldRef, Match]) -> list[Plate]:
    return [session.plates[name] for name in sorted({ref.plate for ref in found})]


def _with_cached_crops(session: Session, item: Wanted, cells: Cells) -> Cells:
    """Return cells whose crops are cut once, however often cross-validation asks for them."""
    live = with_pixels(session.folder, item, cells)
    assert live.pixels is not None
    return Cells(
        cells.field, cells.ids, cells.y, cells.x, cells.blocks, CachedCrops(live.pixels, cells.ids, cells.y, cells.x)
    )


def _group(session: Session, ref: FieldRef, group: str, annotator: str) -> str:
    """Return the name of the group that a cell belongs to."""
    simple = {"well": f"{ref.plate} {ref.well}", "plate": ref.plate, "field": str(ref), "annotator": annotator}
    if group in simple:
        return simple[group]
    value = session.plates[ref.plate].layout.of(ref.well_ref).value(group)
    if value is None:
        raise SettingError(
            f"The layout has no column {group!r}.",
            "Group by well, plate, field, treatment, replicate, batch, annotator or a column of layout.csv.",
        )
    return value or f"{ref.plate} {ref.well}"


def _warnings(found: Mapping[FieldRef, Match], unmeasured: int) -> tuple[str, ...]:
    lost = sum(len(m.lost) for m in found.values())
    contested = sum(len(m.contested) for m in found.values())
    said = []
    if lost:
        said.append(f"{lost} annotations hit no cell of today's masks and are not used.")
    if contested:
        said.append(f"{contested} annotations share a cell with another class and are not used.")
    if unmeasured:
        said.append(f"{unmeasured} annotated cells are not measured and not used; run: phenotyper measure PLATE.")
    return tuple(said)
