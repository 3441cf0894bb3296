"""Annotate cells: by a click, by a file; undo; and find the annotated cells again in today's masks."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from napari_phenotyper.core.annotations import Annotation, Match, match, redoable, undoable
from napari_phenotyper.core.errors import PlateError, TableError, TrainingError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI, Masks, inner_point
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.scene import CellIndex, cell_index
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.keys import mask_key
from napari_phenotyper.session.segmenting import masks_of, segmenter_record
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.tables import read_table
from napari_phenotyper.store.crops import KeptCrop

REACH = 5.0
"""Pixels that a point may miss a cell."""
_MARGIN = 8
"""Pixels kept around an annotated cell."""


@dataclass(frozen=True)
class Click:
    """A point in a field and what somebody calls the cell there."""

    y: float
    x: float
    phenotype: str
    annotator: str = ""


@dataclass(frozen=True)
class Labelled:
    """What became of clicks.

    Attributes
    ----------
    rows
        Clicks.
    found
        Those that hit a cell.
    lost
        Those that did not; kept, and found again if another segmentation has a cell there.
    contested
        Cells that now have two classes; not trained on.
    outside
        Sentences about rows whose well or field the plate does not have.
    """

    rows: int
    found: int
    lost: int
    contested: int
    outside: tuple[str, ...] = ()


def label(session: Session, clicks: Mapping[FieldRef, Sequence[Click]], progress: Progress) -> Labelled:
    """Annotate cells, as one event that one undo takes back.

    An earlier annotation of the same cell is replaced. Two classes given to one cell by these clicks contest it.

    Raises
    ------
    TrainingError
        If a field has no masks.
    ProjectError
        If it cannot be saved.
    """
    needs_writing(session)
    earlier = session.annotations.by_field()
    made: list[Annotation] = []
    replaced: list[str] = []
    found = contested = 0
    for done, (ref, points) in enumerate(clicks.items()):
        progress(done / max(len(clicks), 1), str(ref))
        field = session.plates[ref.plate].field(ref.well, ref.field)
        masks = masks_of(session, field)
        if masks is None:
            raise TrainingError(f"{ref} is not segmented.", "Run: phenotyper segment PLATE.")
        index = cell_index(masks.labels[NUCLEI])
        new, hit = _annotations(session, field, masks, index, points)
        found += sum(1 for cell in hit if cell)
        contested += len({a.id for a in match(new, masks, REACH).contested})
        replaced += _replaced(earlier.get(ref, ()), masks, new, set(hit) - {0})
        session.project.crops.put_many(_crops(field, index, new, hit))
        made += new
    if made:
        payload: dict[str, Json] = {"annotations": [dict(a.state()) for a in made], "replaces": replaced}
        session.annotate("annotate", payload, made[0].annotator)
    return Labelled(len(made), found, len(made) - found, contested)


def _annotations(
    session: Session, field: Field, masks: Masks, index: CellIndex, points: Sequence[Click]
) -> tuple[list[Annotation], list[int]]:
    """Return an annotation per click, and the cell that each hits (0 for none)."""
    key = mask_key(field, segmenter_record(session, session.plates[field.ref.plate]))
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    hit = [masks.at(p.y, p.x, within=REACH) for p in points]
    inner = {cell: inner_point(*index.pixels(cell)) for cell in set(hit) - {0}}
    made = []
    for point, cell in zip(points, hit, strict=True):
        y, x = inner.get(cell, (point.y, point.x))
        made.append(
            Annotation(
                uuid.uuid4().hex,
                field.ref,
                float(y),
                float(x),
                point.y,
                point.x,
                key,
                point.phenotype,
                point.annotator,
                now,
            )
        )
    return made, hit


def _replaced(earlier: Iterable[Annotation], masks: Masks, new: Sequence[Annotation], cells: set[int]) -> list[str]:
    """Return ids of earlier annotations of the same cells or, where no cell was hit, of the same points."""
    points = {(a.y, a.x) for a in new}
    return [a.id for a in earlier if (a.y, a.x) in points or (cells and masks.at(a.y, a.x, within=REACH) in cells)]


def _crops(field: Field, index: CellIndex, made: Sequence[Annotation], hit: Sequence[int]) -> dict[str, KeptCrop]:
    """Return pixels and mask of each annotated cell with a margin: what is left of it should its plate be lost."""
    if not any(hit):
        return {}
    images = field.read()
    record: dict[str, Json] = {"channels": [c.label for c in field.channels], "pixel_size": field.info.pixel_size}
    crops = {}
    for annotation, cell in zip(made, hit, strict=True):
        if cell:
            rows, columns = index.pixels(cell)
            top, left = max(int(rows.min()) - _MARGIN, 0), max(int(columns.min()) - _MARGIN, 0)
            pixels = images[:, top : rows.max() + _MARGIN + 1, left : columns.max() + _MARGIN + 1]
            mask = np.zeros(pixels.shape[1:], bool)
            mask[rows - top, columns - left] = True
            crops[annotation.id] = KeptCrop(pixels, mask, record)
    return crops


def import_annotations(session: Session, plates: Sequence[Plate], path: Path, progress: Progress) -> Labelled:
    """Annotate cells from a CSV file with columns well, field, y, x, phenotype and, if wanted, annotator, plate.

    Parameters
    ----------
    session
        Where.
    plates
        The plates meant; with more than one, the file needs a column plate.
    path
        The file. Field numbers count from 1 in the order of `info`; y and x are in pixels.
    progress
        Reports and cancels.

    Raises
    ------
    TableError, TrainingError, ProjectError
    """
    rows = read_table(path, ("well", "field", "y", "x", "phenotype"))
    by_name = {p.name: p for p in plates}
    clicks: dict[FieldRef, list[Click]] = defaultdict(list)
    outside = []
    for line, row in rows:
        where = f"{path}, line {line}"
        ref, click = _row(row, where, list(by_name))
        try:
            field = by_name[ref.plate].field(ref.well, ref.field)
        except PlateError as error:
            outside.append(f"{where}: {error.what}")
            continue
        clicks[field.ref].append(click)
    done = label(session, clicks, progress)
    return Labelled(len(rows), done.found, done.lost, done.contested, tuple(outside))


def _row(row: Mapping[str, str], where: str, plates: Sequence[str]) -> tuple[FieldRef, Click]:
    plate = row.get("plate") or (plates[0] if len(plates) == 1 else "")
    if plate not in plates:
        raise TableError(
            f"{where}: plate {plate!r} is not open.", f"The column plate names one of {', '.join(plates)}."
        )
    try:
        number, y, x = int(float(row["field"])), float(row["y"]), float(row["x"])
    except ValueError as error:
        raise TableError(f"{where}: field, y and x must be numbers.", "Mend that line.") from error
    if not (np.isfinite([y, x]).all() and row["phenotype"]):
        raise TableError(f"{where}: y, x or phenotype is empty.", "Mend that line.")
    return FieldRef(plate, row["well"], number), Click(y, x, row["phenotype"], row.get("annotator", ""))


def undo(session: Session) -> bool:
    """Take back the last event that stands; tell whether there was one."""
    return _step(session, "undo", undoable(session.project.journal.events()))


def redo(session: Session) -> bool:
    """Bring back the last event that was undone; tell whether there was one."""
    return _step(session, "redo", redoable(session.project.journal.events()))


def _step(session: Session, kind: str, seq: int | None) -> bool:
    if seq is None:
        return False
    needs_writing(session)
    session.annotate(kind, {"of": seq})
    return True


def matches(session: Session) -> dict[FieldRef, Match]:
    """Return, per annotated field that has current masks, which cell each annotation hits."""
    found = {}
    for ref, standing in session.annotations.by_field().items():
        plate = session.plates.get(ref.plate)
        if plate is None or plate.name not in session.setting("segmenters"):
            continue
        try:
            field = plate.field(ref.well, ref.field)
        except PlateError:
            continue  # the well's images are gone; its annotations and their crops stay
        masks = masks_of(session, field)
        if masks is not None:
            found[ref] = match(standing, masks, REACH)
    return found


def counts(session: Session) -> dict[str, int]:
    """Return how many annotations each class has."""
    counted = Counter(a.phenotype for a in session.annotations.active.values())
    return {name: counted.get(name, 0) for name in session.annotations.classes}
